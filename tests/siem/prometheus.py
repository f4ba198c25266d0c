#!/usr/bin/python3
"""usage: prometheus.py

The alert rules of contrib/siem/prometheus with promtool's unit tests, then the whole way: the
metrics file -> node_exporter's textfile collector -> a real Prometheus that reads scrape.yml and
alerts.yml -> its API. The module in a real Unbound writes the file. Every expression of the Grafana
dashboard that asks Prometheus is asked too.
"""

import contextlib
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.parse

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from processes import (COMMAND, PACKAGES, SIEM, fetch, free_port, run, server,  # noqa: E402
                       wait_until)
import sample  # noqa: E402

HERE = SIEM / "prometheus"
BIN = PACKAGES / "prometheus" / "usr" / "bin"
EXPORTER = PACKAGES / "prometheus-node-exporter" / "usr" / "bin" / "prometheus-node-exporter"
TYPES = {
    "nearmiss_queries_total": "counter", "nearmiss_busy_domain_queries": "gauge",
    "nearmiss_events_written_total": "counter", "nearmiss_events_lost_total": "counter",
    "nearmiss_rules": "gauge", "nearmiss_policy_generation": "gauge",
    "nearmiss_policy_last_reload_successful": "gauge",
    "nearmiss_policy_last_reload_timestamp_seconds": "gauge",
    "nearmiss_rule_hits_total": "counter", "nearmiss_policy_info": "gauge",
    "nearmiss_policy_enforcing": "gauge", "nearmiss_list_age_seconds": "gauge",
    "nearmiss_restart_needed": "gauge", "nearmiss_unbound_outdated": "gauge",
    "nearmiss_decision_seconds": "histogram", "nearmiss_build_info": "gauge",
}
HISTOGRAM = ("_bucket", "_sum", "_count")
CONTRACT = {name + suffix for name, kind in TYPES.items()
            for suffix in (HISTOGRAM if kind == "histogram" else ("",))}


class Module:
    """The metrics file, written by the module in a real Unbound."""

    def __init__(self, file, folder, stack):
        self.policy = self.policy_for(file)
        folder.mkdir()
        (folder / "feed.txt").write_text("typo.example\n")
        self.file, self.folder = file, folder
        self.stack = stack.enter_context(contextlib.ExitStack())
        self.resolver = sample.Resolver(folder, self.stack, self.policy)
        self.work()  # so that there is a count for each metric
        wait_until("the module writes its metrics",
                   lambda: file.exists() and "nearmiss_queries_total{" in file.read_text())

    @staticmethod
    def policy_for(file):
        feed = "  - {id: feed, list: {file: feed.txt, format: domains}}\nprotect:\n"
        rules = sample.POLICY.replace("protect:\n", feed)
        return f"{rules}metrics: {{file: {file}, interval: 1}}\n"

    def ask(self, *types):
        for number, qtype in enumerate(types):
            self.resolver.ask("192.0.2.25", 41000 + number, "army.ml", qtype)

    def work(self):
        self.ask("MX", "A", "AAAA", "MX", "A", "AAAA")

    def trouble(self):
        """Events lost, and a policy refused."""
        log, away = self.folder / "log", self.folder / "away"
        log.rename(away)
        for _ in range(sample.FLOOD):
            self.ask("MX")
        self.resolver.publish(self.policy.replace("192.0.2.0/24", "192.0.2.0/33"))
        away.rename(log)

    def mend(self):
        self.resolver.publish(self.policy)

    def end(self):
        self.stack.close()


class Prometheus:
    def __init__(self, port):
        self.url = f"http://127.0.0.1:{port}/api/v1/"

    def get(self, path, **arguments):
        text = fetch(f"{self.url}{path}?{urllib.parse.urlencode(arguments)}")
        return json.loads(text)["data"] if text else None

    def query(self, expression):
        """(labels without the scrape's own, value) for each series."""
        data = self.get("query", query=expression)
        result = data["result"] if data else []
        if data and data["resultType"] == "scalar":
            return [({}, float(result[1]))]
        return [({k: v for k, v in r["metric"].items() if k not in ("job", "instance")},
                 float(r["value"][1])) for r in result]

    def firing(self):
        data = self.get("alerts") or {"alerts": []}
        return {a["labels"]["alertname"] for a in data["alerts"] if a["state"] == "firing"}


def series_of(text):
    """{(name, labels): value} of a metrics file."""
    series = {}
    for line in text.splitlines():
        match = re.fullmatch(r"(\w+)(?:\{(.*)\})? (\S+)", line)
        if match:
            labels = re.findall(r'(\w+)="([^"]*)"', match[2] or "")
            # Prometheus writes a bucket's bound its own way.
            labels = [(k, repr(float(v)) if k == "le" else v) for k, v in labels]
            series[match[1], tuple(sorted(labels))] = float(match[3])
    return series


def scraped(prometheus):
    series = {}
    for labels, value in prometheus.query('{__name__=~"nearmiss_.*"}'):
        name = labels.pop("__name__")
        if "le" in labels:
            labels["le"] = repr(float(labels["le"]))
        series[name, tuple(sorted(labels.items()))] = value
    return series


def settled(series):
    """Those that do not change from second to second."""
    return {key: value for key, value in series.items() if key[0] != "nearmiss_list_age_seconds"}


def dashboard_expressions():
    for file in ("dashboard.json", "fleet.json"):
        dashboard = json.loads((SIEM / "grafana" / file).read_text())
        for panel in dashboard["panels"]:
            for target in panel.get("targets", []):
                if target["datasource"]["type"] == "prometheus":
                    expression = target["expr"]
                    for variable, value in (("$instance", ".*"), ("$job", ".*"),
                                            ("$__rate_interval", "1m"), ("$__range", "1m")):
                        expression = expression.replace(variable, value)
                    yield panel["title"], expression


def promtool():
    for arguments in (["check", "rules", "alerts.yml"], ["test", "rules", "alerts.test.yml"],
                      ["check", "config", "scrape.yml"]):
        run([BIN / "promtool", *arguments], cwd=HERE)
        print("promtool", *arguments[:2], "fine")


def configure(folder, exporter_port):
    shutil.copy(HERE / "alerts.yml", folder)
    text = (HERE / "scrape.yml").read_text()
    for old, new in (("127.0.0.1:9100", f"127.0.0.1:{exporter_port}"),
                     ("scrape_interval: 15s", "scrape_interval: 1s\n    scrape_timeout: 1s")):
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    (folder / "prometheus.yml").write_text("global: {evaluation_interval: 1s}\n" + text)
    return folder / "prometheus.yml"


def whole_way(folder, stack):
    textfiles = folder / "textfiles"
    textfiles.mkdir()
    file = textfiles / "nearmiss.prom"
    module = Module(file, folder / "resolver", stack)
    exporter_port, port = free_port(), free_port()
    stack.enter_context(server(
        [EXPORTER, "--collector.disable-defaults", "--collector.textfile",
         f"--collector.textfile.directory={textfiles}",
         f"--web.listen-address=127.0.0.1:{exporter_port}"], folder / "exporter.log"))
    stack.enter_context(server(
        [BIN / "prometheus", f"--config.file={configure(folder, exporter_port)}",
         f"--storage.tsdb.path={folder}/data", f"--web.listen-address=127.0.0.1:{port}"],
        folder / "prometheus.log", cwd=folder))
    prometheus = Prometheus(port)
    wait_until("Prometheus has scraped the metrics", lambda: prometheus.query("nearmiss_rules"))
    wait_until("Prometheus shows what the file says",
               lambda: settled(scraped(prometheus)) == settled(series_of(file.read_text())))
    names = {name for name, _ in scraped(prometheus)}
    if names != CONTRACT:
        raise RuntimeError(f"missing metrics: {CONTRACT - names}; unknown ones: {names - CONTRACT}")
    types = {name: told[0]["type"] for name, told in prometheus.get("metadata").items()
             if name.startswith("nearmiss_")}
    if types != TYPES:
        raise RuntimeError(f"other types than these: {types}")
    print(f"{len(scraped(prometheus))} series of {len(names)} names from the module reach "
          "Prometheus as they are in the file")

    module.work()
    for title, expression in dashboard_expressions():
        wait_until(f"dashboard panel {title}: {expression}",
                   lambda expression=expression: prometheus.query(expression))
    acted = 'sum(increase(nearmiss_queries_total{action="nxdomain"}[1m])) > 0'
    wait_until("the lookups are counted", lambda: prometheus.query(acted))
    assert not prometheus.firing(), prometheus.firing()
    print("every Prometheus panel of the dashboard has data; no alert fires while all is well")

    module.trouble()
    wanted = {"NearmissEventsLost", "NearmissPolicyRefused"}
    wait_until(f"these alerts fire: {wanted}", lambda: prometheus.firing() >= wanted)
    assert prometheus.firing() == wanted, prometheus.firing()
    module.mend()
    wait_until("the refused policy is mended",
               lambda: "NearmissPolicyRefused" not in prometheus.firing())
    module.end()
    os.utime(file, (time.time() - 1000,) * 2)
    wait_until("the alert for a file that is no longer written",
               lambda: "NearmissMetricsStale" in prometheus.firing())
    print("firing:", *sorted(prometheus.firing()))


def main():
    promtool()
    with tempfile.TemporaryDirectory(prefix="nearmiss-prometheus.") as name:
        with contextlib.ExitStack() as stack:
            whole_way(pathlib.Path(name), stack)


if __name__ == "__main__":
    main()
