"""The rows of the comparison: what is asked of which server, and what is reached.

Machines are noisy, so servers take turns in short runs (A B, B A, ...), and a ratio is the median
of the ratios within each round. Beside each rate stands the processor time a query took: where a
server did not have its processor to itself, or the load was the limit, the rate says little of the
server, and a goal is judged by processor time instead.
"""

import json
import os
import statistics
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path

import names
from servers import KINDS, POLICED, UNPOLICED

HOT_NAMES = 10_000
BLOCKED_SAMPLE = 100_000
UNCACHED_RATE = 60_000  # queries/s that no resolver here reaches: sizes the files of fresh names
FEW_LOOKUPS = 1_000  # under callgrind, which takes fifty times as long
RELOAD_RATE = 20_000  # queries/s while a list is reloaded
PROGRAMS = {  # of this folder, and the most that a name may take there
    "nearmiss_bench_decision": {"covers_miss/10000000": 150},
    "nearmiss_bench_lookalike": {f"find/{kind}": 2000 for kind in range(4)},
}
BUSY = 0.9  # part of its processor that a server must have used for its rate to be its own


@dataclass
class Line:
    """One server in one row."""
    kind: str
    title: str
    short: str
    runs: list = field(default_factory=list)
    notes: list = field(default_factory=list)
    figures: dict = field(default_factory=dict)  # of rows that are not about rates

    def rate(self):
        return statistics.median(run.rate for run in self.runs)

    def cost(self):
        return statistics.median(run.cost for run in self.runs)

    def busy(self):
        return statistics.median(run.busy for run in self.runs)

    def ratios(self, base, value):
        return [value(run) / value(other) for run, other in zip(self.runs, base.runs)]


@dataclass
class Goal:
    what: str
    reach: str
    measured: str
    reached: bool


@dataclass
class Row:
    name: str
    title: str
    base: str  # the kind that the ratios are against
    lines: dict = field(default_factory=dict)
    goals: list = field(default_factory=list)

    def rate_goal(self, kind, least, what):
        if kind not in self.lines or self.base not in self.lines:
            return
        line, base = self.lines[kind], self.lines[self.base]
        rates = line.ratios(base, lambda run: run.rate)
        costs = line.ratios(base, lambda run: 1 / run.cost)
        ways = [("by rate", rates), ("by processor time", costs)]
        if min(line.busy(), base.busy()) < BUSY:
            ways.reverse()
        measured = ", ".join(
            f"{way} {statistics.median(ratios):.3f} ({min(ratios):.3f} to {max(ratios):.3f})"
            for way, ratios in ways)
        self.goals.append(
            Goal(what, f">= {least}", measured, statistics.median(ways[0][1]) >= least))


def take_turns(bench, row, kinds, once_a_round):
    """Runs `once_a_round(server, round)` for each, in turns; keeps the runs in the row's lines."""
    for number in range(bench.rounds):
        order = kinds if number % 2 == 0 else kinds[::-1]
        for kind in order:
            server = bench.server(kind)
            line = row.lines.setdefault(kind, Line(kind, server.title, server.short))
            bench.progress(f"{row.name}: round {number + 1} of {bench.rounds}, {server.title}")
            line.runs.append(once_a_round(server, number))
    row.lines = {kind: row.lines[kind] for kind in kinds}


def expect(row, rcode):
    """A fast wrong answer is worth nothing: says so in the row."""
    for line in row.lines.values():
        least = min(run.share(rcode) for run in line.runs)
        lost = sum(run.lost for run in line.runs)
        if least < 1:
            line.notes.append(f"only {least:.2%} {rcode}")
        if lost:
            line.notes.append(f"{lost} queries lost")


TWO = ", two threads"


def cached(bench, two=""):
    row = Row(f"cached{two}", f"Cached names that no rule lists{two and TWO}", f"unbound{two}")
    others = () if two else ("unbound-rpz", "bind", "powerdns")
    kinds = bench.kinds(f"unbound{two}", f"nearmiss{two}", *others)
    queries = bench.folder / "hot.queries"
    names.write_queries(queries, bench.unlisted(HOT_NAMES), 1)
    for kind in kinds:
        bench.load.warm(bench.server(kind), queries, POLICED)
    take_turns(bench, row, kinds,
               lambda server, _: bench.load.run(server, queries, POLICED, bench.seconds))
    expect(row, "NOERROR")
    row.rate_goal(f"nearmiss{two}", 0.98,
                  f"cached names that no rule lists, against no module{two and TWO}")
    return row


def uncached(bench, two=""):
    row = Row(f"uncached{two}", f"Uncached names that no rule lists{two and TWO}", f"unbound{two}")
    kinds = bench.kinds(f"unbound{two}", f"nearmiss{two}")
    count = int(UNCACHED_RATE * bench.seconds)

    def fresh(number):
        queries = bench.folder / f"fresh{two}-{number}.queries"
        if not queries.exists():
            names.write_queries(queries, bench.unlisted(count), number)
        return queries

    take_turns(bench, row, kinds, lambda server, number: bench.load.run(
        server, fresh(number), POLICED, bench.seconds, once=True))
    expect(row, "NOERROR")
    row.rate_goal(f"nearmiss{two}", 0.98,
                  f"uncached names that no rule lists, against no module{two and TWO}")
    return row


def unpoliced(bench):
    row = Row("unpoliced", "Listed names, asked by clients that are not policed, TTL running",
              "unbound")
    kinds = bench.kinds("unbound", "nearmiss")
    queries = bench.folder / "unpoliced.queries"
    names.write_queries(queries, bench.listed_sample(HOT_NAMES, 2), 2)
    asked = {kind: 0 for kind in kinds}
    for kind in kinds:
        bench.load.warm(bench.server(kind), queries, UNPOLICED)

    def counted(server, _):
        before = bench.authority.queries()
        run = bench.load.run(server, queries, UNPOLICED, bench.seconds)
        asked[server.name] += bench.authority.queries() - before
        return run

    take_turns(bench, row, kinds, counted)
    expect(row, "NOERROR")
    for kind, line in row.lines.items():
        line.notes.append(f"{asked[kind]} upstream queries")
    row.rate_goal("nearmiss", 0.5, "listed names, clients not policed, against the cached rate")
    if "nearmiss" in asked:
        row.goals.append(Goal("the same: upstream queries", "0", str(asked["nearmiss"]),
                              asked["nearmiss"] == 0))
    return row


def blocked(bench, two=""):
    row = Row(f"blocked{two}", f"Blocked names{two and TWO}", f"unbound-rpz-log{two}")
    others = () if two else ("unbound-rpz", "bind", "powerdns")
    kinds = bench.kinds(f"nearmiss{two}", f"unbound-rpz-log{two}", *others)
    queries = bench.folder / "blocked.queries"
    names.write_queries(queries, bench.listed_sample(BLOCKED_SAMPLE, 3), 3)
    written = {kind: 0 for kind in kinds}
    for kind in kinds:
        bench.server(kind).take_events()  # what starting wrote

    def counted(server, _):
        run = bench.load.run(server, queries, POLICED, bench.seconds)
        events = server.take_events()
        if events is not None:
            written[server.name] += events
        return run

    take_turns(bench, row, kinds, counted)
    expect(row, "NXDOMAIN")
    for kind, line in row.lines.items():
        if bench.server(kind).events is None:
            line.notes.append("writes no events")
        else:
            share = written[kind] / sum(run.completed for run in line.runs)
            line.notes.append(f"{share:.2%} of the events written")
            line.figures["events"] = share
    row.rate_goal(f"nearmiss{two}", 1.25,
                  f"blocked names, every event written, against rpz-log{two and TWO}")
    if f"nearmiss{two}" in row.lines:
        share = row.lines[f"nearmiss{two}"].figures["events"]
        row.goals.append(Goal("the same: events written", "100 %", f"{share:.2%}", share >= 1))
    return row


def instructions(bench):
    """What a lookup costs in instructions of the whole process, threads and all, under callgrind:
    the difference between a run of some lookups and one of more, one lookup at a time. Other work
    on the machine does not change it."""
    row = Row("instructions", "Names that no rule lists, instructions a lookup", "unbound")
    bench.stop_servers()

    def count(kind, what, lookups):
        server = bench.new_server(kind)
        bench.progress(f"instructions: {server.title}, {len(lookups)} {what} lookups")
        return server.count_instructions(lookups)

    many = bench.unlisted(4 * FEW_LOOKUPS)
    few = many[:FEW_LOOKUPS]
    for kind in bench.kinds("unbound", "unbound-2", "nearmiss", "nearmiss-2"):
        first = count(kind, "uncached", few)
        fresh, again = (first, count(kind, "uncached", many)), (first, count(kind, "cached", 4 * few))
        row.lines[kind] = Line(kind, KINDS[kind].title, KINDS[kind].short, figures={
            what: (more - less) / (3 * FEW_LOOKUPS)
            for what, (less, more) in (("uncached", fresh), ("cached", again))})
    for kind, base in (("nearmiss", "unbound"), ("nearmiss", "unbound-2"),
                       ("nearmiss-2", "unbound-2")):
        for what in ("uncached", "cached"):
            if kind in row.lines:
                ratio = row.lines[kind].figures[what] / row.lines[base].figures[what]
                row.goals.append(Goal(f"instructions of a lookup, {what}: {KINDS[kind].title}, "
                                      f"against {KINDS[base].title}", "<= 1.02", f"{ratio:.3f}",
                                      ratio <= 1.02))
    return row


def start(bench):
    """Each server alone, fresh: seconds to the first answer, and memory before any load."""
    row = Row("start", "Start, and memory before any query", "unbound")
    bench.stop_servers()
    kinds = bench.kinds("unbound", "nearmiss", "unbound-rpz", "bind", "powerdns")
    rounds = min(bench.rounds, 3)
    seen = {kind: [] for kind in kinds}
    for number in range(rounds):
        for kind in kinds:
            server = bench.new_server(kind)
            bench.progress(f"start: round {number + 1} of {rounds}, {server.title}")
            try:
                seconds = server.start()
                processor = server.cpu_seconds()
                time.sleep(1)  # for what loading has left behind to be given back
                seen[kind].append((seconds, processor, *server.memory()))
            finally:
                server.stop()
    median = {kind: [statistics.median(column) for column in zip(*values)]
              for kind, values in seen.items()}
    bare = median["unbound"]
    for kind, (seconds, processor, memory, peak) in median.items():
        row.lines[kind] = Line(kind, KINDS[kind].title, KINDS[kind].short, figures={
            "seconds": seconds, "processor": processor, "memory": memory, "peak": peak,
            "loading": seconds - bare[0], "loading_processor": processor - bare[1],
            "bytes_a_name": (memory - bare[2]) / bench.names})
    if "nearmiss" in row.lines:
        figures = row.lines["nearmiss"].figures
        row.goals.append(Goal("memory over an Unbound without rules, bytes a name", "<= 32",
                              f"{figures['bytes_a_name']:.1f}", figures["bytes_a_name"] <= 32))
        ways = [("", figures["loading"]), ("of processor time ", figures["loading_processor"])]
        if ways[1][1] < BUSY * ways[0][1]:
            ways.reverse()
        row.goals.append(Goal(
            f"loading {bench.names:,} names, seconds", "<= 1",
            ", ".join(f"{way}{seconds:.2f}" for way, seconds in ways), ways[0][1] <= 1))
    return row


def reload(bench):
    """p99 of cached, unlisted names at a fixed rate, with and without a list being loaded anew."""
    row = Row("reload", "Other queries while the list is loaded anew", "")
    if not bench.kinds("nearmiss"):
        return row
    server = bench.server("nearmiss")
    line = row.lines["nearmiss"] = Line("nearmiss", server.title, server.short)
    queries = bench.folder / "reload.queries"
    names.write_queries(queries, bench.unlisted(HOT_NAMES), 4)
    bench.load.warm(server, queries, POLICED)
    server.reloads()  # what starting wrote
    # All lookups of all rounds together: a stall of the machine's takes as many as a reload does,
    # and the ratio of two short runs is one of their stalls.
    latencies, reloads = {False: [], True: []}, 0
    for number in range(bench.rounds):
        bench.progress(f"reload: round {number + 1} of {bench.rounds}")
        for change in (False, True) if number % 2 == 0 else (True, False):
            latencies[change] += _latencies(bench, server, queries, change)
            reloads += server.reloads() if change else 0
    if reloads != bench.rounds:
        line.notes.append(
            f"{reloads} reloads after {bench.rounds} changes of the list: not measured")
        return row
    quiet, busy = (statistics.quantiles(latencies[change], n=100)[98] for change in (False, True))
    line.figures = {"quiet_p99_ms": quiet * 1e3, "reload_p99_ms": busy * 1e3}
    row.goals.append(Goal("p99 latency of other queries during a reload, against none", "<= 1.2",
                          f"{busy / quiet:.2f}", busy / quiet <= 1.2))
    return row


def _latencies(bench, server, queries, change):
    """The same file is written either way, for what that costs the machine; but only one is read."""
    file = bench.lists.domains
    written = file if change else file.with_suffix(".unread")
    aside = file.with_suffix(".new")
    with open(file, "rb") as old, open(aside, "wb") as new:
        new.write(old.read())
        new.write(b"# changed\n")
    os.replace(aside, written)
    return bench.load.run(server, queries, POLICED, bench.seconds, rate=RELOAD_RATE,
                          latencies=True).latencies


def decision(bench):
    """What the module does with one name, without a resolver around it (Google Benchmark)."""
    row = Row("decision", "One name, nanoseconds of processor time", "")
    for program, goals in PROGRAMS.items():
        path = Path(os.environ["BENCH_PROGRAMS"]) / program
        line = row.lines[program] = Line("nearmiss", program, program)
        if not path.exists():
            line.notes.append(f"not built: cmake --build build --target {program}")
            continue
        bench.progress(f"decision: {program}")
        done = subprocess.run(
            ["taskset", "-c", str(bench.cpu), str(path), "--benchmark_format=json",
             "--benchmark_filter=covers|find", "--benchmark_repetitions=5"], check=True, capture_output=True, text=True, timeout=900)
        for result in json.loads(done.stdout)["benchmarks"]:
            if result.get("aggregate_name") == "median":
                line.figures[result["run_name"]] = result["cpu_time"]
                line.notes += [f"{result['run_name']} is {label}"
                               for label in (result.get("label"),) if label]
        for name, most in goals.items():
            row.goals.append(Goal(f"{name}, ns", f"<= {most}", f"{line.figures[name]:.0f}",
                                  line.figures[name] <= most))
    return row


ROWS = {"decision": decision, "instructions": instructions, "start": start, "cached": cached, "uncached": uncached,
        "unpoliced": unpoliced, "blocked": blocked, "reload": reload,
        "cached-2": lambda bench: cached(bench, "-2"),
        "uncached-2": lambda bench: uncached(bench, "-2"),
        "blocked-2": lambda bench: blocked(bench, "-2")}
