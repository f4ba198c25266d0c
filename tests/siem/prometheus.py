#!/usr/bin/python3
"""usage: prometheus.py

The alert rules of contrib/siem/prometheus with promtool's unit tests, then the whole way: the
metrics file -> node_exporter's textfile collector -> a real Prometheus that reads scrape.yml and
alerts.yml -> its API. The file comes from the module if it can write one (`metrics:` in the
policy), else from tests/siem/metrics.prom. Every expression of the Grafana dashboard that asks
Prometheus is asked too.
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
CONTRACT = {
    "nearmiss_queries_total", "nearmiss_events_written_total", "nearmiss_events_lost_total",
    "nearmiss_rules", "nearmiss_policy_generation", "nearmiss_policy_last_reload_successful",
    "nearmiss_policy_last_reload_timestamp_seconds", "nearmiss_decision_seconds_bucket",
    "nearmiss_decision_seconds_sum", "nearmiss_decision_seconds_count", "nearmiss_build_info",
}


class Fixture:
    """The metrics file, written by this test."""

    what = "the fixture"

    def __init__(self, file):
        self.file, self.text = file, (pathlib.Path(__file__).parent / "metrics.prom").read_text()
        self.write()

    def write(self):
        fresh = self.file.with_suffix(".new")
        fresh.write_text(self.text)
        fresh.rename(self.file)

    def set(self, name, value):
        self.text, changed = re.subn(rf"^({re.escape(name)}) .*$", rf"\1 {value}", self.text,
                                     flags=re.M)
        assert changed == 1, name
        self.write()

    def work(self):
        self.set('nearmiss_queries_total{action="nxdomain",qtype="MX"}', 43)
        self.set("nearmiss_events_written_total", 64)

    def trouble(self):
        self.set("nearmiss_events_lost_total", 2)
        self.set("nearmiss_policy_last_reload_successful", 0)

    def end(self):
        pass


class Module:
    """The metrics file, written by the module in a real Unbound."""

    what = "the module"

    def __init__(self, file, folder, stack):
        self.policy = self.policy_for(file)
        folder.mkdir()
        self.file, self.folder = file, folder
        self.stack = stack.enter_context(contextlib.ExitStack())
        self.resolver = sample.Resolver(folder, self.stack, self.policy)
        self.work()  # so that there is a count for each metric
        wait_until("the module writes its metrics",
                   lambda: file.exists() and "nearmiss_queries_total{" in file.read_text())

    @staticmethod
    def policy_for(file):
        return f"{sample.POLICY}metrics: {{file: {file}, interval: 1}}\n"

    @staticmethod
    def is_there(folder):
        """Whether this nearmiss knows `metrics:`."""
        policy = folder / "probe.yaml"
        policy.write_text(Module.policy_for(folder / "probe.prom"))
        done = subprocess.run([COMMAND, "check", policy],
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
        if done.returncode == 0:
            return True
        if "unknown key `metrics`" not in done.stdout + done.stderr:
            raise RuntimeError(f"nearmiss check: {done.stdout}{done.stderr}")
        return False

    def ask(self, *types):
        for number, qtype in enumerate(types):
            self.resolver.ask("192.0.2.25", 41000 + number, "army.ml", qtype)

    def work(self):
        self.ask("MX", "A", "AAAA")

    def trouble(self):
        log, away = self.folder / "log", self.folder / "away"
        log.rename(away)
        self.ask("MX", "A")
        wait_until("the loss is noticed",
                   lambda: self.resolver.count("their events are lost") > 0)
        self.resolver.publish(self.policy.replace("192.0.2.0/24", "192.0.2.0/33"))
        away.rename(log)

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


def dashboard_expressions():
    dashboard = json.loads((SIEM / "grafana" / "dashboard.json").read_text())
    for panel in dashboard["panels"]:
        for target in panel.get("targets", []):
            if target["datasource"]["type"] == "prometheus":
                yield panel["title"], target["expr"].replace("$instance", ".*").replace(
                    "$__rate_interval", "1m").replace("$__range", "1m")


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
    source = Module(file, folder / "resolver", stack) if Module.is_there(folder) else Fixture(file)
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
               lambda: scraped(prometheus) == series_of(file.read_text()))
    names = {name for name, _ in scraped(prometheus)}
    if names != CONTRACT:
        raise RuntimeError(f"missing metrics: {CONTRACT - names}; unknown ones: {names - CONTRACT}")
    print(f"{len(scraped(prometheus))} series of {len(names)} names from {source.what} reach "
          "Prometheus as they are in the file")

    source.work()
    for title, expression in dashboard_expressions():
        wait_until(f"dashboard panel {title}: {expression}",
                   lambda expression=expression: prometheus.query(expression))
    acted = 'sum(increase(nearmiss_queries_total{action="nxdomain"}[1m])) > 0'
    wait_until("the lookups are counted", lambda: prometheus.query(acted))
    assert not prometheus.firing(), prometheus.firing()
    print("every Prometheus panel of the dashboard has data; no alert fires while all is well")

    source.trouble()
    wanted = {"NearmissEventsLost", "NearmissPolicyRefused"}
    wait_until(f"these alerts fire: {wanted}", lambda: prometheus.firing() >= wanted)
    assert prometheus.firing() == wanted, prometheus.firing()
    source.end()
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
