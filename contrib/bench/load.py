"""dnsperf as the load: one bounded run against one server."""

import os
import re
import subprocess
import tempfile
import time
from dataclasses import dataclass, field

from servers import ADDRESS, UNPACKED

OUTSTANDING = 64  # queries under way at a time


class LoadError(RuntimeError):
    pass


@dataclass
class Run:
    rate: float  # queries/s
    completed: int
    lost: int
    cost: float  # microseconds of the server's processor time a query
    busy: float  # part of its processor that the server used
    rcodes: dict
    latencies: list = field(default_factory=list)  # seconds, if asked for

    def share(self, rcode):
        return self.rcodes.get(rcode, 0) / max(1, self.completed)


class Load:
    def __init__(self, cpu, folder):
        self.cpu, self.folder = cpu, folder

    def warm(self, server, queries, source):
        """Asks every question once."""
        self._dnsperf(server, queries, source, 120, ["-n", "1", "-l", "120"])

    def run(self, server, queries, source, seconds, rate=None, latencies=False, once=False):
        """`once`: end early rather than ask a question again."""
        options = ["-l", str(seconds)]
        options += ["-n", "1"] if once else []
        options += ["-Q", str(rate)] if rate else []
        options += ["-v"] if latencies else []
        cpu, begun = server.cpu_seconds(), time.monotonic()
        text = self._dnsperf(server, queries, source, seconds, options)
        cpu, wall = server.cpu_seconds() - cpu, time.monotonic() - begun
        completed = int(_number(text, r"Queries completed: +(\d+)"))
        if completed == 0:
            raise LoadError(f"{server.name} answered nothing; {server.said()}")
        return Run(
            rate=_number(text, r"Queries per second: +([\d.]+)"),
            completed=completed,
            lost=int(_number(text, r"Queries lost: +(\d+)")),
            cost=cpu / completed * 1e6,
            busy=cpu / wall,
            rcodes={name: int(count) for name, count in re.findall(r"([A-Z]+) (\d+) \(", text)},
            latencies=[float(value) for value in re.findall(r"^> [A-Z]+ .* ([\d.]+)$", text, re.M)],
        )

    def _dnsperf(self, server, queries, source, seconds, options):
        command = ["setpriv", "--pdeathsig", "KILL", "taskset", "-c", str(self.cpu), "dnsperf",
                   "-s", ADDRESS, "-p", str(server.port), "-a", source, "-d", str(queries),
                   "-c", "4", "-T", "1", "-q", str(OUTSTANDING), "-t", "5", *options]
        # To a file: whoever read a pipe meanwhile would take the processors from what is measured.
        with tempfile.TemporaryFile("w+") as out:
            done = subprocess.run(command, stdout=out, stderr=subprocess.PIPE, text=True,
                                  timeout=seconds + 30, env={**os.environ, **UNPACKED},
                                  start_new_session=True)
            out.seek(0)
            text = out.read()
        if done.returncode != 0:
            raise LoadError(f"dnsperf failed: {done.stderr or text}")
        return text


def _number(text, pattern):
    found = re.search(pattern, text)
    if not found:
        raise LoadError(f"dnsperf said nothing that matches {pattern!r}:\n{text[-2000:]}")
    return float(found.group(1))
