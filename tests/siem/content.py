#!/usr/bin/python3
"""usage: content.py [-v]

Everything in contrib/siem against contrib/siem/sample.jsonl, real events of the module: each field
that any file names exists, each condition is evaluated on every event of the sample and must hold
for those that it is meant for and for no other. No product is needed; the conditions are evaluated
here, after each product's documentation, so this finds misspelt fields, wrong values and conditions
that catch too much or nothing, not what only the product itself would refuse.
"""

import configparser
import csv
import datetime
import ipaddress
import json
import pathlib
import re
import sys
import unittest
import uuid
import xml.etree.ElementTree

import yaml

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from prometheus import CONTRACT, dashboard_expressions  # noqa: E402
from processes import SAMPLE, SIEM  # noqa: E402

EVENTS = [json.loads(line) for line in SAMPLE.read_text().splitlines()]
FIELDS = {key for event in EVENTS for key in event}
INDIRECT = ("cname", "mx-exchange", "answer-ip")  # the answer leads to what is listed
LABELS = {re.sub(r"[^a-z0-9]", "_", field): field for field in FIELDS}  # as Loki writes them


def kind_of(event):
    """What an event of the sample is an example of."""
    if event["event.kind"] == "event":
        return event["event.action"]
    if not event["nearmiss.enforced"]:
        return "observed"
    if event["nearmiss.matched_by"] != "qname":
        return event["nearmiss.matched_by"]
    return "blocked"


def numbers(*kinds):
    return [i for i, event in enumerate(EVENTS) if kind_of(event) in kinds]


def read(*path):
    return SIEM.joinpath(*path).read_text()


def content_files():
    return [f for f in sorted(SIEM.rglob("*")) if f.is_file() and f != SAMPLE]


class Sample(unittest.TestCase):
    def test_has_one_of_each_kind(self):
        alerts = [e for e in EVENTS if e["event.kind"] == "alert"]
        self.assertEqual({kind_of(e) for e in EVENTS},
                         {"blocked", "observed", *INDIRECT, "module-started", "policy-loaded",
                          "policy-refused", "events-lost", "mail-client-discovered",
                          "module-stopped"})
        self.assertLessEqual({"MX", "A", "AAAA"}, {e["dns.question.type"] for e in alerts})
        self.assertEqual({4, 6}, {ipaddress.ip_address(e["source.ip"]).version for e in alerts})
        self.assertLessEqual({"tld-swap", "transposition"},
                             {e.get("nearmiss.confusable_class") for e in alerts})
        hostile = [e["dns.question.name"] for e in alerts if '"' in e["dns.question.name"]]
        self.assertEqual(len(hostile), 1)
        self.assertIn(r"\010", hostile[0])

    def test_is_flat_and_without_arrays_of_objects(self):
        for event in EVENTS:
            for key, value in event.items():
                self.assertNotIsInstance(value, (dict, float, type(None)), key)
                if isinstance(value, list):
                    self.assertTrue(all(isinstance(v, str) for v in value), key)


class EveryFile(unittest.TestCase):
    NAME = re.compile(r"(?<![\w/.$@-])((?:dns|ecs|event|log|nearmiss|network|observer|related|rule|"
                      r"source)(?:\.[a-z_]+)+)(?![\w(])")
    NOT_FIELDS = re.compile(r"nearmiss\.(jsonl|prom|yaml|dns|invalid)$|dns\.(default)$")

    def test_names_only_fields_that_exist(self):
        used = 0
        for file in content_files():
            for name in self.NAME.findall(file.read_text()):
                if not self.NOT_FIELDS.search(name):
                    self.assertIn(name, FIELDS, file)
                    used += 1
        self.assertGreater(used, 100)

    def test_names_only_metrics_that_exist(self):
        texts = [file.read_text() for file in (SIEM / "prometheus").iterdir()]
        texts += [expression for _, expression in dashboard_expressions()]
        used = {name for text in texts for name in re.findall(r"\bnearmiss_\w+", text)}
        self.assertLessEqual(used - {"nearmiss_"}, CONTRACT)
        self.assertGreater(len(used), 5)

    def test_is_told_of_in_the_readme(self):
        text = read("README.md")
        for folder in SIEM.iterdir():
            if folder.is_dir():
                self.assertIn(f"`{folder.name}/`", text)


class Wazuh(unittest.TestCase):
    def setUp(self):
        root = xml.etree.ElementTree.parse(SIEM / "wazuh" / "nearmiss_rules.xml").getroot()
        self.assertEqual(root.tag, "group")
        self.rules = root.findall("rule")

    @staticmethod
    def decoded(event):
        """What Wazuh's JSON decoder makes of an event; arrays are left out on purpose."""
        words = {True: "true", False: "false"}
        return {k: words[v] if isinstance(v, bool) else str(v) for k, v in event.items()
                if not isinstance(v, list)}

    def holds(self, rule, fields):
        return all(re.search(f.text, fields[f.get("name")]) if f.get("name") in fields else False
                   for f in rule.findall("field"))

    def final(self, event):
        """The last rule in the tree that matches; of siblings, the highest level is tried first."""
        fields, at, found = self.decoded(event), None, None
        while True:
            children = [r for r in self.rules if r.get("frequency") is None and
                        at in (r.findtext("if_sid") or "").split(",")] if at else \
                       [r for r in self.rules if r.findtext("decoded_as") == "json"]
            children.sort(key=lambda r: -int(r.get("level")))
            hit = next((r for r in children if self.holds(r, fields)), None)
            if hit is None:
                return found
            found = at = hit.get("id")
            for name in re.findall(r"\$\(([^)]+)\)", hit.findtext("description")):
                self.assertIn(name, fields, f"description of rule {found}")

    def test_each_event_ends_at_its_rule(self):
        wanted = {"observed": "117003", **dict.fromkeys(INDIRECT, "117004"),
                  "module-started": "117010", "policy-loaded": "117010",
                  "module-stopped": "117010",
                  "policy-refused": "117011", "events-lost": "117012",
                  "mail-client-discovered": "117013"}
        for event in EVENTS:
            usual = "117002" if "nearmiss.intended_domain" in event else "117001"
            self.assertEqual(self.final(event), wanted.get(kind_of(event), usual), event)
        blocked = dict(next(e for e in EVENTS if kind_of(e) == "blocked"))
        del blocked["nearmiss.intended_domain"]
        self.assertEqual(self.final(blocked), "117001")
        self.assertIsNone(self.final({**EVENTS[0], "event.dataset": "other.dns"}))

    def test_ids_and_levels_are_a_local_rules_own(self):
        ids = [int(rule.get("id")) for rule in self.rules]
        self.assertEqual(len(ids), len(set(ids)))
        self.assertTrue(all(100000 <= i <= 120000 for i in ids))
        self.assertTrue(all(0 <= int(rule.get("level")) <= 15 for rule in self.rules))
        self.assertEqual({f.get("type") for r in self.rules for f in r.findall("field")}, {"pcre2"})

    def test_the_burst_counts_what_is_blocked_by_sender(self):
        burst = next(rule for rule in self.rules if rule.get("frequency"))
        group = burst.findtext("if_matched_group")
        in_group = {r.get("id") for r in self.rules
                    if r is not burst and group in (r.findtext("group") or "").split(",")}
        self.assertEqual(in_group, {"117001", "117002", "117004"})
        self.assertIn(burst.findtext("same_field"), FIELDS)


class Sigma(unittest.TestCase):
    WANTED = {
        "nearmiss_lookalike_blocked": [i for i in numbers("blocked", *INDIRECT)
                                       if "nearmiss.intended_domain" in EVENTS[i]],
        "nearmiss_observed_only": numbers("observed"),
        "nearmiss_leads_to_listed_name": numbers(*INDIRECT),
        "nearmiss_blocked": numbers("blocked", *INDIRECT),
        "nearmiss_events_lost": numbers("events-lost"),
        "nearmiss_policy_refused": numbers("policy-refused"),
        "nearmiss_unlisted_mail_server": numbers("mail-client-discovered"),
    }

    def setUp(self):
        self.rules = [rule for file in sorted((SIEM / "sigma").glob("*.yml"))
                      for rule in yaml.safe_load_all(file.read_text())]

    @staticmethod
    def holds(selection, event):
        for key, wanted in selection.items():
            field, _, modifier = key.partition("|")
            assert modifier in ("", "exists"), modifier
            if modifier == "exists":
                if (field in event) != wanted:
                    return False
            elif event.get(field) not in (wanted if isinstance(wanted, list) else [wanted]):
                return False
        return True

    def test_each_rule_matches_its_events_and_no_other(self):
        detections = {r["name"]: r for r in self.rules if "detection" in r}
        self.assertEqual(set(detections), set(self.WANTED))
        for name, rule in detections.items():
            self.assertEqual(rule["detection"]["condition"], "selection")
            got = [i for i, e in enumerate(EVENTS) if self.holds(rule["detection"]["selection"], e)]
            self.assertTrue(got, name)
            self.assertEqual(got, self.WANTED[name], name)

    def test_correlations_count_rules_and_fields_that_exist(self):
        correlations = [r["correlation"] for r in self.rules if "correlation" in r]
        self.assertEqual({c["type"] for c in correlations}, {"event_count", "value_count"})
        for correlation in correlations:
            self.assertLessEqual(set(correlation["rules"]), set(self.WANTED))
            self.assertLessEqual(set(correlation["group-by"]), FIELDS)
            self.assertRegex(correlation["timespan"], r"^\d+[smhd]$")
            self.assertIsInstance(correlation["condition"]["gte"], int)
            if correlation["type"] == "value_count":
                self.assertIn(correlation["condition"]["field"], FIELDS)

    def test_every_rule_has_what_the_specification_asks_for(self):
        ids = [uuid.UUID(rule["id"]) for rule in self.rules]
        self.assertEqual(len(ids), len(set(ids)))
        for rule in self.rules:
            self.assertLessEqual(len(rule["title"]), 256)
            self.assertIn(rule["level"], ("informational", "low", "medium", "high", "critical"))
            self.assertIn(rule["status"], ("stable", "test", "experimental"))
            self.assertTrue("logsource" in rule or "correlation" in rule)
            self.assertIsInstance(rule["date"], datetime.date)


class Splunk(unittest.TestCase):
    def setUp(self):
        self.stanza = self.conf("props.conf")["nearmiss:json"]

    @staticmethod
    def conf(name):
        parser = configparser.RawConfigParser(delimiters=("=",), comment_prefixes=("#",),
                                              strict=True, interpolation=None)
        parser.optionxform = str
        parser.read_string(read("splunk", "default", name))
        return parser

    def aliases(self):
        return {new: old for key, text in self.stanza.items() if key.startswith("FIELDALIAS-")
                for old, new in re.findall(r"(\S+) AS (\S+)", text)}

    def test_the_time_is_found(self):
        for line, event in zip(SAMPLE.read_text().splitlines(), EVENTS):
            after = re.search(self.stanza["TIME_PREFIX"], line)
            text = line[after.end():][:int(self.stanza["MAX_TIMESTAMP_LOOKAHEAD"])].split('"')[0]
            time = datetime.datetime.strptime(text, self.stanza["TIME_FORMAT"].replace("%6N", "%f"))
            self.assertEqual(time.isoformat() + ("Z" if time.microsecond else ".000000Z"),
                             event["@timestamp"])
            self.assertLess(len(line), int(self.stanza["TRUNCATE"]))

    def test_aliases_and_calculations_use_fields_that_exist(self):
        aliases = self.aliases()
        self.assertLessEqual(set(aliases.values()), FIELDS)
        self.assertLessEqual({"src", "query", "record_type", "reply_code", "transaction_id"},
                             set(aliases))
        calculated = " ".join(v for k, v in self.stanza.items() if k.startswith("EVAL-"))
        used = {name.removesuffix("{}") for name in re.findall("'([^']+)'", calculated)}
        self.assertLessEqual(used, FIELDS)

    def test_the_lookup_knows_every_response_code(self):
        files = self.conf("transforms.conf")["nearmiss_rcode"]["filename"]
        with open(SIEM / "splunk" / "lookups" / files, newline="", encoding="ascii") as file:
            codes = {row["reply_code"]: int(row["reply_code_id"]) for row in csv.DictReader(file)}
        self.assertLessEqual({e["dns.response_code"] for e in EVENTS if "dns.response_code" in e},
                             set(codes))
        self.assertEqual((codes["NXDOMAIN"], codes["SERVFAIL"], codes["REFUSED"]), (3, 2, 5))

    def test_each_event_type_matches_its_events_and_no_other(self):
        blocked = numbers("blocked", *INDIRECT)
        wanted = {"nearmiss_lookup": sorted(blocked + numbers("observed")),
                  "nearmiss_blocked": blocked, "nearmiss_observed": numbers("observed"),
                  "nearmiss_lost": numbers("events-lost"),
                  "nearmiss_policy_refused": numbers("policy-refused"),
                  "nearmiss_unlisted_mail_server": numbers("mail-client-discovered")}
        types = self.conf("eventtypes.conf")
        self.assertEqual(set(types.sections()), set(wanted))
        for name in types.sections():
            first, *terms = types[name]["search"].split(" ")
            self.assertEqual(first, "sourcetype=nearmiss:json")
            terms = [term.split("=") for term in terms]
            got = [i for i, e in enumerate(EVENTS)
                   if all(k in e and json.dumps(e[k]).strip('"') == v for k, v in terms)]
            self.assertEqual(got, wanted[name], name)
        self.assertEqual(self.conf("tags.conf").sections(), ["eventtype=nearmiss_lookup"])

    def test_searches_use_event_types_and_fields_that_exist(self):
        types, searches = self.conf("eventtypes.conf"), self.conf("savedsearches.conf")
        known = FIELDS | set(self.aliases()) | {"_time", "action"}
        for name in searches.sections():
            text = searches[name]["search"]
            for used in re.findall(r"eventtype=(\S+)", text):
                self.assertIn(used, types, name)
            made = set(re.findall(r"\bAS (\w+)", text)) | set(re.findall(r"eval (\w+)=", text)) | \
                set(re.findall(r"\?<(\w+)>", text))
            for listed in re.findall(r"(?:\bBY|\| table|\| sort -) ([\w. ]+)", text):
                self.assertLessEqual(set(listed.split()), known | made, name)
            for used in re.findall(r"(?:values|dc|min|max|sum|latest|earliest)\(([\w.]+)\)", text):
                self.assertIn(used, known | made, name)


class Elastic(unittest.TestCase):
    def setUp(self):
        self.template = json.loads(read("elastic", "index-template.json"))
        self.types = {k: v["type"] for k, v in
                      self.template["template"]["mappings"]["properties"].items()}
        self.objects = [json.loads(line) for line in read("elastic", "kibana.ndjson").splitlines()]

    def test_every_field_is_mapped_to_a_type_that_takes_its_values(self):
        self.assertEqual(set(self.types), FIELDS)
        takes = {
            "keyword": lambda v: isinstance(v, str) and len(v) <= 1024,
            "match_only_text": lambda v: isinstance(v, str),
            "long": lambda v: type(v) is int,  # noqa: E721  (a bool is no long)
            "boolean": lambda v: isinstance(v, bool),
            "ip": ipaddress.ip_address,
            "date": lambda v: datetime.datetime.fromisoformat(v.replace("Z", "+00:00")),
        }
        for event in EVENTS:
            for key, value in event.items():
                for one in value if isinstance(value, list) else [value]:
                    self.assertTrue(takes[self.types[key]](one), key)

    @staticmethod
    def kql(query, event):
        for term in query.split(" and "):
            field, value = term.split(" : ")
            if json.dumps(event.get(field)).strip('"') != value:
                return False
        return True

    def test_queries_find_events_and_not_all_of_them(self):
        for item in self.objects:
            meta = item["attributes"].get("kibanaSavedObjectMeta", {})
            query = json.loads(meta.get("searchSourceJSON", "{}")).get("query", {}).get("query")
            if query:
                found = sum(self.kql(query, event) for event in EVENTS)
                self.assertTrue(0 < found < len(EVENTS), query)

    def test_references_lead_somewhere(self):
        ids = {(o["type"], o["id"]) for o in self.objects}
        self.assertEqual(len(ids), len(self.objects))
        for item in self.objects:
            for reference in item["references"]:
                self.assertIn((reference["type"], reference["id"]), ids)
        dashboard = next(o for o in self.objects if o["type"] == "dashboard")
        panels = json.loads(dashboard["attributes"]["panelsJSON"])
        self.assertEqual([f"{p['panelIndex']}:{p['panelRefName']}" for p in panels],
                         [r["name"] for r in dashboard["references"]])
        self.assertEqual(len(panels), len(self.objects) - 2)  # all but the data view and itself
        no_overlap(self, [p["gridData"] for p in panels], 48)

    def test_fields_can_be_aggregated_and_shown(self):
        for item in self.objects:
            state = json.loads(item["attributes"].get("visState", "{}"))
            for aggregation in state.get("aggs", []):
                field = aggregation["params"].get("field")
                if field:
                    self.assertIn(self.types.get(field), ("keyword", "ip", "date", "long"), field)
            self.assertLessEqual(set(item["attributes"].get("columns", [])), FIELDS)
        pattern = self.objects[0]["attributes"]["title"]
        self.assertEqual(self.template["index_patterns"], [pattern])


def no_overlap(test, grids, width):
    cells = [(x, y) for g in grids for x in range(g["x"], g["x"] + g["w"])
             for y in range(g["y"], g["y"] + g["h"])]
    test.assertEqual(len(cells), len(set(cells)), "panels overlap")
    test.assertTrue(all(x < width for x, _ in cells))


class Grafana(unittest.TestCase):
    def setUp(self):
        self.dashboard = json.loads(read("grafana", "dashboard.json"))
        self.targets = [(panel, target) for panel in self.dashboard["panels"]
                        for target in panel.get("targets", [])]

    def test_panels_have_ids_places_and_sources(self):
        panels = self.dashboard["panels"]
        self.assertEqual(len({p["id"] for p in panels}), len(panels))
        no_overlap(self, [p["gridPos"] for p in panels], 24)
        variables = {v["name"]: v for v in self.dashboard["templating"]["list"]}
        for panel, target in self.targets:
            source = target["datasource"]
            name = re.fullmatch(r"\$\{(\w+)\}", source["uid"])[1]
            self.assertEqual(variables[name]["query"], source["type"], panel["title"])

    def test_loki_expressions_name_fields_and_labels_that_exist(self):
        set_by_alloy = re.findall(r"^ +(\w+) += \"\",$", read("grafana", "alloy.config"), re.M)
        labels = {"job", *set_by_alloy}
        self.assertEqual(labels, {"job", "kind", "action", "host"})
        texts = [t["expr"] for _, t in self.targets if t["datasource"]["type"] == "loki"]
        texts += [a["expr"] for a in self.dashboard["annotations"]["list"]]
        self.assertGreater(len(texts), 5)
        for text in texts:
            for name in re.findall(r"\.([a-z_]+)", text) + \
                    re.findall(r"by \(([a-z_, ]+)\)", text) + \
                    re.findall(r"\| ([a-z_]+)\s*(?:=~|=|!=)", text):
                for one in name.split(", "):
                    self.assertTrue(one in LABELS or one in labels, f"{one} in {text}")
            for selector in re.findall(r"\{(job[^}]*)\}", text):
                for name, value in re.findall(r'(\w+)="([^"]*)"', selector):
                    self.assertIn(name, labels)
                    if name == "kind":
                        self.assertIn(value, {e["event.kind"] for e in EVENTS})

    def test_alloy_reads_fields_that_exist(self):
        named = re.findall(r'= "\\"([^"\\]+)\\""', read("grafana", "alloy.config"))
        self.assertEqual(len(named), 4)
        self.assertLessEqual(set(named), FIELDS)


class ClickHouse(unittest.TestCase):
    LEFT_OUT = {  # the same for every event, or not to be stored (the table says why)
        "ecs.version", "dns.header_flags", "event.dataset", "event.module", "observer.product", "observer.vendor",
        "observer.type", "network.protocol", "dns.type", "dns.question.class",
        "event.category", "event.type", "related.ip", "related.hosts",
        # of notices about policy files, whose message says it in words
        "file.path", "file.uid", "file.owner", "file.mtime", "nearmiss.rules", "nearmiss.names",
        "nearmiss.rules_added", "nearmiss.rules_added_count", "nearmiss.rules_removed",
        "nearmiss.rules_removed_count", "nearmiss.rules_changed", "nearmiss.rules_changed_count",
        "nearmiss.lost_by"}

    def test_the_table_has_a_column_for_every_field_but_these(self):
        columns = re.findall(r"^    `([^`]+)` \w", read("clickhouse", "table.sql"), re.M)
        self.assertEqual(len(columns), len(set(columns)))
        self.assertEqual(set(columns) | self.LEFT_OUT, FIELDS)
        self.assertFalse(set(columns) & self.LEFT_OUT)
        used = set(re.findall(r"`([^`\s]+\.[^`]+)`", read("clickhouse", "queries.sql")))
        self.assertLessEqual(used, set(columns))


if __name__ == "__main__":
    unittest.main()
