#!/usr/bin/python3
"""usage: clickhouse.py [EVENTS]

Loads contrib/siem/clickhouse/table.sql into a real ClickHouse on 127.0.0.1, then the sample and a
million events made from it (always the same), runs every query of queries.sql and compares the
answers with what Python counts in the same events. Prints how long each took.
"""

import collections
import datetime
import json
import os
import pathlib
import re
import sys
import tempfile
import time
import urllib.parse

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from processes import PACKAGES, SAMPLE, SIEM, fetch, free_port, server, wait_until  # noqa: E402

NOW = datetime.datetime(2026, 1, 12)  # what now() is in the queries
WEEK, DAY, HOUR = 604800, 86400, 3600
BEGIN = NOW - datetime.timedelta(seconds=WEEK)
INSERT = ("INSERT INTO nearmiss FORMAT JSONEachRow", {"input_format_skip_unknown_fields": 1,
                                                      "date_time_input_format": "best_effort"})
Row = collections.namedtuple("Row", "second sender domain type action intended class_ by enforced")
PLACES = ["@timestamp", "event.sequence", "event.id", "source.ip", "dns.question.name",
          "dns.question.registered_domain"]


def events(number):
    """(Row, line) for each of `number` events of one week, made from the sample's alerts.

    2000 domains and 300 senders; each hundred-thousandth sequence number is missing. Beside them:
    rise.ml is asked for eight times as often in the last hour as before, busy.ml four times;
    robot.ml in twelve different hours, nearly.ml in eleven; every thousandth event of the last day
    is for a domain that is new."""
    an_hour = number // 168
    templates = []
    for line in SAMPLE.read_text().splitlines():
        event = json.loads(line)
        if event["event.kind"] == "alert":
            for key in PLACES:
                value = json.dumps(event[key], ensure_ascii=False)
                assert line.count(f'"{key}":{value}') == 1, key
                line = line.replace(f'"{key}":{value}', f'"{key}":%s')
            templates.append((line, event))
    for at in range(number):
        second = at * WEEK // number
        line, event = templates[at % len(templates)]
        domain = f"d{at * at * 7919 % 2003}.ml"
        sender = f"192.0.2.{at * 31 % 199}" if at % 3 else f"2001:db8:25::{at * 17 % 97:x}"
        last_hour = second >= WEEK - HOUR
        if at % 10 == 0 and (last_hour or at % 80 == 0):
            domain, sender = "rise.ml", "192.0.2.201"
        elif at % 10 == 5 and (last_hour or at % 40 == 5):
            domain, sender = "busy.ml", "192.0.2.202"
        elif at % an_hour == an_hour // 2 and second < 12 * HOUR:
            domain, sender = "robot.ml", "192.0.2.203"
        elif at % an_hour == an_hour // 2 + 1 and second < 11 * HOUR:
            domain, sender = "nearly.ml", "192.0.2.203"
        elif second >= WEEK - DAY and at % 1000 == 1:
            domain = f"new{at}.ml"
        sequence = at + 1 + at // 100000
        when = BEGIN + datetime.timedelta(seconds=second)
        row = Row(second, sender, domain, event["dns.question.type"], event["event.action"],
                  event.get("nearmiss.intended_domain", ""),
                  event.get("nearmiss.confusable_class", ""), event["nearmiss.matched_by"],
                  event["nearmiss.enforced"])
        yield row, line % (f'"{when.isoformat()}.000001Z"', sequence, f'"5a-7b-{sequence}"',
                           f'"{sender}"', f'"{domain}"', f'"{domain}"')


class ClickHouse:
    def __init__(self, port):
        self.url = f"http://127.0.0.1:{port}/"

    def run(self, query, body=None, **settings):
        """The text that a query gives. With a body, the query is what reads the body."""
        if body is None:
            return fetch(self.url + "?" + urllib.parse.urlencode(settings), query.encode())
        parameters = urllib.parse.urlencode({"query": query, **settings})
        return fetch(f"{self.url}?{parameters}", body)

    def rows(self, query):
        text = self.run(query + " FORMAT JSON", output_format_json_quote_64bit_integers=0)
        return json.loads(text)["data"]


def configuration(folder, port):
    (folder / "config.xml").write_text(
        "<yandex><logger><level>warning</level><console>1</console></logger>"
        f"<http_port>{port}</http_port><listen_host>127.0.0.1</listen_host>"
        f"<path>{folder}/data/</path><tmp_path>{folder}/tmp/</tmp_path>"
        "<users_config>users.xml</users_config><default_profile>default</default_profile>"
        "<default_database>default</default_database><timezone>UTC</timezone>"
        "<mark_cache_size>536870912</mark_cache_size></yandex>")
    (folder / "users.xml").write_text(
        "<yandex><profiles><default/></profiles><quotas><default/></quotas><users><default>"
        "<password></password><networks><ip>127.0.0.1</ip></networks><profile>default</profile>"
        "<quota>default</quota></default></users></yandex>")
    return folder / "config.xml"


def queries():
    """name -> text, with now() at the end of the events."""
    text = (SIEM / "clickhouse" / "queries.sql").read_text()
    found = re.findall(r"^-- name: (\w+)\n(.*?);$", text, re.M | re.S)
    assert len(found) == text.count("-- name: ")
    return {name: query.replace("now()", f"toDateTime('{NOW}')") for name, query in found}


def clock(second):
    return str(BEGIN + datetime.timedelta(seconds=second))


def expected(rows, lifecycle):
    """What each query must answer; for those with a LIMIT, the first rows."""
    count = collections.Counter
    last_day = [r for r in rows if r.second >= WEEK - DAY]
    attempts, first_seen, hours = collections.defaultdict(list), {}, collections.defaultdict(set)
    for r in last_day:
        attempts[r.sender, r.domain, clock(r.second // 300 * 300)].append(r)
    for r in rows:
        first_seen.setdefault(r.domain, r.second)
        hours[r.sender, r.domain].add(r.second // HOUR)
    intended, classes = collections.defaultdict(list), collections.defaultdict(list)
    for r in rows:
        intended[r.intended].append(r)
        classes[r.class_, r.by].append(r)
    rise = count(r.domain for r in rows if r.second >= WEEK - HOUR)
    total = count(r.domain for r in rows)
    return {
        "attempts": [(s, d, w, clock(g[0].second), clock(g[-1].second), len(g),
                      sorted({r.type for r in g}))
                     for (s, d, w), g in sorted(attempts.items(),
                                                key=lambda item: (-len(item[1]), item[0]))][:100],
        "let_through": [(*key, n) for key, n in
                        sorted(count((r.sender, r.domain) for r in rows if not r.enforced).items(),
                               key=lambda item: (-item[1], item[0]))][:100],
        "intended": sorted(((k, len({r.domain for r in g}), len({r.sender for r in g}), len(g))
                            for k, g in intended.items() if k),
                           key=lambda row: (-row[3], row[0]))[:50],
        "new_domains": [(d, clock(s)) for d, s in
                        sorted(first_seen.items(), key=lambda item: (item[1], item[0]))
                        if s >= WEEK - DAY][:100],
        "person_or_robot": [(*key, len(h), "robot" if len(h) >= 12 else "person") for key, h in
                            sorted(hours.items(),
                                   key=lambda item: (-len(item[1]), item[0]))][:100],
        "timeline": [(clock(h * HOUR), a, n) for (h, a), n in
                     sorted(count((r.second // HOUR, r.action) for r in rows).items())],
        "classes": sorted(((c, b, len(g), len({r.domain for r in g}))
                           for (c, b), g in classes.items()),
                          key=lambda row: (-row[2], row[:2])),
        "sudden_rise": [(d, n) for d, n in sorted(rise.items(), key=lambda item: (-item[1], item))
                        if n >= 10 and n > 5 * (total[d] - n) / 167][:100],
        "missing": [("5a-7b", n, 0) for n in [(len(rows) - 1) // 100000] if n] +
                   [(e["event.id"].rpartition("-")[0], None, e["nearmiss.events_lost"])
                    for e in lifecycle if "nearmiss.events_lost" in e],
        "policy": [(e["event.action"], e["message"]) for e in lifecycle][::-1],
    }


SHOWN = {
    "attempts": "sender domain window first last lookups types",
    "let_through": "sender name lookups",
    "intended": "intended domains senders lookups",
    "new_domains": "domain first",
    "person_or_robot": "sender name hours guess",
    "timeline": "hour action lookups",
    "classes": "class matched_by lookups domains",
    "sudden_rise": "domain last_hour",
    "missing": "start missing told",
    "policy": "action message",
}


def check(name, got, wanted):
    got = [tuple(row[column] for column in SHOWN[name].split()) for row in got]
    if name == "missing":  # of the sample, the alerts are not loaded; its gaps are not the point
        wanted = [w if w[1] is not None else next((g for g in got if g[0] == w[0] and g[2] == w[2]),
                                                  w) for w in wanted]
        got = [g for g in got if g[0] == "5a-7b" or g[2]]
        got, wanted = sorted(got), sorted(wanted)
    if got != wanted:
        number = next((i for i, pair in enumerate(zip(got, wanted)) if pair[0] != pair[1]),
                      min(len(got), len(wanted)))
        sys.exit(f"query {name}: row {number} of {len(got)} is {got[number:number + 1]}, "
                 f"it should be {wanted[number:number + 1]} (of {len(wanted)})")


def main():
    number = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    library = PACKAGES / "clickhouse-common" / "usr" / "lib"
    environment = {**os.environ, "LD_LIBRARY_PATH": str(next(library.glob("*-linux-gnu")))}
    with tempfile.TemporaryDirectory(prefix="nearmiss-clickhouse.") as name:
        folder, port = pathlib.Path(name), free_port()
        program = PACKAGES / "clickhouse-server" / "usr" / "sbin" / "clickhouse-server"
        with server([program, f"--config-file={configuration(folder, port)}"], folder / "log",
                    env=environment, cwd=folder) as process:
            house = ClickHouse(port)

            def answers():
                if process.poll() is not None:
                    raise RuntimeError("ClickHouse has ended:\n" + (folder / "log").read_text())
                return house.run("SELECT version()")

            print("ClickHouse", wait_until("ClickHouse answers", answers).strip())
            table = (SIEM / "clickhouse" / "table.sql").read_text()
            house.run(table)
            sample = SAMPLE.read_text()
            house.run(INSERT[0], sample.encode(), **INSERT[1])
            stored = house.rows("SELECT * FROM nearmiss")
            compare_sample(stored, sample)
            house.run("DROP TABLE nearmiss")
            house.run(table)
            million(house, number, [e for e in map(json.loads, sample.splitlines())
                                    if e["event.kind"] == "event"])


def compare_sample(stored, sample):
    """Every value of the sample is in the table as it was in the event."""
    by_id = {row["event.id"]: row for row in stored}
    for event in map(json.loads, sample.splitlines()):
        row = by_id.pop(event["event.id"])
        for column, value in row.items():
            wanted = event.get(column, type(value)())
            if column == "@timestamp":
                wanted = wanted[:19].replace("T", " ")
            assert value == wanted, (column, value, wanted)
    assert not by_id
    print("the sample's events came back as they went in")


def million(house, number, lifecycle):
    rows, chunk, octets, spent = [], [], 0, 0.0

    def send():
        nonlocal chunk, octets, spent
        body = "\n".join(chunk).encode()
        begun = time.monotonic()
        house.run(INSERT[0], body, **INSERT[1])
        spent += time.monotonic() - begun
        octets, chunk = octets + len(body), []

    for row, line in events(number):
        rows.append(row)
        chunk.append(line)
        if len(chunk) == 50000:
            send()
    chunk += [json.dumps(event) for event in lifecycle]
    send()
    size = house.rows("SELECT sum(bytes) AS n FROM system.parts WHERE active AND table = "
                      "'nearmiss'")[0]["n"]
    print(f"{number} events, {octets / 1e6:.0f} MB of JSON, loaded in {spent:.1f} s, "
          f"{size / 1e6:.0f} MB in the table")
    wanted = expected(rows, lifecycle)
    found = queries()
    assert set(found) == set(wanted) == set(SHOWN), "a query without an expectation"
    for name, query in found.items():
        begun = time.monotonic()
        got = house.rows(query)
        took = time.monotonic() - begun
        check(name, got, wanted[name])
        print(f"  {name:16} {len(got):4} rows  {took * 1000:6.0f} ms")


if __name__ == "__main__":
    main()
