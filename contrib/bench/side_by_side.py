"""Runs the rows of rows.py; see side_by_side.sh, which calls this with what it needs."""

import argparse
import os
import random
import shutil
import signal
import sys
import tempfile
from pathlib import Path

import names
import report
from load import Load
from rows import ROWS
from servers import KINDS, Authority


class Lists:
    """The listed names, in each form that a server reads."""

    def __init__(self, folder, listed):
        self.domains, self.rpz = folder / "names.txt", folder / "names.rpz"
        self.last = listed[-1]
        names.write_domains(self.domains, listed)
        names.write_rpz(self.rpz, listed)


class Bench:
    """What the rows share: names, servers (started when first asked for), the load."""

    def __init__(self, options, folder):
        server_cpu, load_cpu = sorted(os.sched_getaffinity(0))[:2]
        self.names, self.rounds, self.seconds = options.names, options.rounds, options.seconds
        self.folder, self.cpu = folder, server_cpu
        self.seed = options.seed
        self.progress(f"making {options.names:,} names")
        self.listed = names.Maker(options.seed).distinct(options.names)
        self._listed_set = set(self.listed)
        self._others = names.Maker(options.seed + 1)
        self.lists = Lists(folder, self.listed)
        self.load = Load(load_cpu, folder)
        self.authority = Authority(folder, load_cpu)
        self.servers = {}

    def unlisted(self, count):
        """Names that no rule lists and that were not asked for before."""
        fresh = self._others.distinct(count, self._listed_set)
        self._listed_set.update(fresh)
        return fresh

    def listed_sample(self, count, seed):
        draw = random.Random(self.seed * 1000 + seed)
        return draw.sample(self.listed, min(count, len(self.listed)))

    def kinds(self, *wanted):
        return [kind for kind in wanted
                if not kind.startswith("nearmiss") or os.path.exists(os.environ["NEARMISS_SO"])]

    def new_server(self, kind):
        return KINDS[kind](kind, self.folder, self.cpu, self.authority, self.lists)

    def server(self, kind):
        if kind not in self.servers:
            server = self.new_server(kind)
            self.progress(f"starting {server.title}")
            self.servers[kind] = server
            server.start()
        return self.servers[kind]

    def stop_servers(self):
        for server in self.servers.values():
            server.stop()
        self.servers.clear()

    def close(self):
        self.stop_servers()
        self.authority.stop()

    @staticmethod
    def progress(text):
        if sys.stderr.isatty():
            print(f"\r\033[K{text}", end="", file=sys.stderr, flush=True)
        else:
            print(text, file=sys.stderr, flush=True)


def options_from(arguments):
    parser = argparse.ArgumentParser(prog="side_by_side.sh", add_help=False,
                                     usage="see side_by_side.sh --help")
    parser.add_argument("--rounds", type=int)
    parser.add_argument("--seconds", type=float)
    parser.add_argument("--names", type=int)
    parser.add_argument("--only", default=",".join(ROWS))
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--out", type=Path, default=Path(os.environ["BENCH_OUT"]))
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--keep", action="store_true")
    options = parser.parse_args(arguments)
    for name, full, quick in (("rounds", 5, 2), ("seconds", 4, 1), ("names", 1_000_000, 20_000)):
        if getattr(options, name) is None:
            setattr(options, name, quick if options.quick else full)
        if getattr(options, name) <= 0:
            parser.error(f"--{name} must be over 0")
    options.rows = options.only.split(",")
    for name in options.rows:
        if name not in ROWS:
            parser.error(f"--only {name}: not a row; the rows are {', '.join(ROWS)}")
    if len(os.sched_getaffinity(0)) < 2:
        parser.error("two processors are needed: one for the server, one for the load")
    return options


def processor():
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return os.uname().machine


def main():
    options = options_from(sys.argv[1:])
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: sys.exit(1))
    about = (f"{options.names:,} listed names, {options.rounds} rounds of {options.seconds:g} s, "
             f"one server thread on one processor ({processor()})")
    options.out.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="nearmiss-bench."))
    results, bench = [], None
    try:
        bench = Bench(options, folder)
        bench.authority.start()
        results = [ROWS[name](bench) for name in ROWS if name in options.rows]
    finally:
        if bench:
            bench.close()
        if options.keep:
            print(f"\nscratch folder: {folder}", file=sys.stderr)
        else:
            shutil.rmtree(folder)
    bench.progress("")
    text = about + "\n\n" + report.table(results)
    print(text)
    (options.out / "table.txt").write_text(text)
    report.write_json(options.out / "results.json", results, about)
    report.plot(options.out / "side_by_side.svg", results, about)
    print(f"In {options.out}: table.txt, results.json, side_by_side.svg")


if __name__ == "__main__":
    try:
        main()
    except (RuntimeError, OSError, KeyboardInterrupt) as error:
        sys.exit(f"side_by_side.sh: error: {error or 'interrupted'}")
