"""The servers under test, and the authoritative one behind them: configuration, start, end.

All of them: one thread, the same cache sizes and access, no DNSSEC validation, no IPv6, the same
authoritative server for every name.
"""

import os
import re
import signal
import socket
import struct
import subprocess
import time
from pathlib import Path

import names

ADDRESS = "127.0.0.1"
AUTHORITY = "127.0.0.3"
POLICED, UNPOLICED = "127.1.0.1", "127.2.0.1"
CACHE_MB = 96
START_LIMIT = 180  # seconds
# What was unpacked from Debian's packages finds its libraries beside it. Not for Unbound.
UNPACKED = {"LD_LIBRARY_PATH": os.environ["BENCH_LIBRARIES"]}


def free_port(address):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as tcp:
            udp.bind((address, 0))
            tcp.bind((address, udp.getsockname()[1]))
            return udp.getsockname()[1]


def ask(address, port, name, kind=1, timeout=0.5, source=POLICED):
    """The rcode, or None if there is no answer."""
    wire = b"".join(bytes([len(label)]) + label.encode() for label in name.split(".")) + b"\0"
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        udp.bind((source, 0))
        udp.settimeout(timeout)
        try:
            udp.connect((address, port))
            header = struct.pack("!6H", 4711, 0x100, 1, 0, 0, 0)
            udp.send(header + wire + struct.pack("!2H", kind, 1))
            return udp.recv(4096)[3] & 15
        except (TimeoutError, ConnectionRefusedError):
            return None


class Process:
    """A server: started on one processor, ended by its process id, with us if we die."""

    def __init__(self, name, folder, cpu):
        self.name, self.cpu = name, cpu
        self.folder = folder / name
        self.folder.mkdir(exist_ok=True)
        self.process = None

    def launch(self, command, environment=None):
        with open(self.folder / "output", "ab") as output:
            self.process = subprocess.Popen(
                ["setpriv", "--pdeathsig", "KILL", "taskset", "-c", self.processors(), *command],
                cwd=self.folder, stdin=subprocess.DEVNULL, stdout=output, stderr=output,
                env={**os.environ, **(environment or {})}, start_new_session=True)

    def processors(self):
        return str(self.cpu)

    def stop(self):
        if self.process is None:
            return
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process = None

    def said(self):
        text = "".join(path.read_text(errors="replace")[-2000:]
                       for path in (self.folder / "output", self.folder / "log") if path.exists())
        return f"what {self.name} said last:\n{text}"

    def wait_for(self, address, port, name, rcode):
        """Seconds until `name` gets `rcode` (any, if None)."""
        begun = time.monotonic()
        while time.monotonic() - begun < START_LIMIT:
            if self.process.poll() is not None:
                raise RuntimeError(f"{self.name} ended while it started; {self.said()}")
            answer = ask(address, port, name)
            if answer is not None and rcode in (None, answer):
                return
            time.sleep(0.002)
        raise RuntimeError(f"{self.name} gave no answer within {START_LIMIT} s; {self.said()}")


class Authority(Process):
    """NSD with a wildcard in each TLD, so that every name has an address and a mail exchange."""

    def __init__(self, folder, cpu):
        super().__init__("nsd", folder, cpu)
        self.port = free_port(AUTHORITY)
        zones = sorted({tld.split(".")[-1] for tld in names.TLDS})
        root = ("@ 86400 SOA ns. host. 1 3600 1200 604800 3600\n@ 86400 NS ns.\n"
                f"ns 86400 A {AUTHORITY}")
        for zone in zones:
            root += f"\n{zone} 86400 NS ns."
            (self.folder / zone).write_text(
                f"$ORIGIN {zone}.\n$TTL 86400\n@ SOA ns. host. 1 3600 1200 604800 3600\n@ NS ns.\n"
                "* A 192.0.2.25\n* MX 10 mx.example.\n")
        (self.folder / "root").write_text("$ORIGIN .\n" + root + "\n")
        config = f"""server:
  ip-address: {AUTHORITY}@{self.port}
  server-count: 1
  username: ""
  zonesdir: "{self.folder}"
  database: ""
  pidfile: "{self.folder}/pid"
  xfrdfile: "{self.folder}/xfrd"
  zonelistfile: "{self.folder}/zonelist"
  logfile: "{self.folder}/log"
  rrl-ratelimit: 0
  rrl-whitelist-ratelimit: 0
remote-control:
  control-enable: yes
  control-interface: "{self.folder}/control"
zone:
  name: "."
  zonefile: "{self.folder}/root"
"""
        config += "".join(f'zone:\n  name: "{z}"\n  zonefile: "{self.folder}/{z}"\n' for z in zones)
        (self.folder / "conf").write_text(config)
        self.zones = zones

    def start(self):
        self.launch(["nsd", "-d", "-c", str(self.folder / "conf")], UNPACKED)
        self.wait_for(AUTHORITY, self.port, "any.com", 0)

    def queries(self):
        """How many queries it has got so far."""
        text = subprocess.run(
            ["nsd-control", "-c", str(self.folder / "conf"), "stats_noreset"],
            check=True, capture_output=True, text=True, timeout=20,
            env={**os.environ, **UNPACKED}).stdout
        return sum(int(float(line.split("=")[1])) for line in text.splitlines()
                   if line.startswith("num.queries="))


class Resolver(Process):
    """A server under test. `listed`: a name that its rules block, the last one loaded."""

    title = short = ""  # the short one for the plot
    has_rules = True
    events = None  # file with a line an event, in the folder

    def __init__(self, name, folder, cpu, authority, lists):
        super().__init__(name, folder, cpu)
        self.authority, self.lists = authority, lists
        self.port = free_port(ADDRESS)
        self.environment = {}
        self.configure()

    def configure(self):
        raise NotImplementedError

    def command(self):
        raise NotImplementedError

    def start(self):
        """Seconds until it works: it answers, and blocks if it has rules."""
        begun = time.monotonic()
        self.launch(self.command(), self.environment)
        self.wait_for(ADDRESS, self.port, self.lists.last, 3 if self.has_rules else 0)
        return time.monotonic() - begun

    def count_instructions(self, questions):
        """Of a run from its start to its end, in which it is asked for these names, one by one."""
        counts = self.folder / "callgrind"
        self.launch(["valgrind", "--quiet", "--tool=callgrind", f"--callgrind-out-file={counts}",
                     *self.command()], self.environment)
        try:
            self.wait_for(ADDRESS, self.port, self.lists.last, 3 if self.has_rules else 0)
            types = [names.type_of(name) for name in questions]
            for name, kind in zip(questions, types):
                if ask(ADDRESS, self.port, name, names.NUMBERS[kind], timeout=20) != 0:
                    raise RuntimeError(f"{self.name}: no answer for {name}; {self.said()}")
        finally:
            self.stop()
        return int(re.search(r"^(?:summary|totals): (\d+)", counts.read_text(), re.M)[1])

    def cpu_seconds(self):
        """Processor time of all its threads so far."""
        total = 0
        for task in Path(f"/proc/{self.process.pid}/task").iterdir():
            total += int((task / "schedstat").read_text().split()[0])
        return total / 1e9

    def memory(self):
        """(PSS now, peak RSS), in bytes."""
        found = {}
        for file in ("smaps_rollup", "status"):
            for line in Path(f"/proc/{self.process.pid}/{file}").read_text().splitlines():
                key, _, value = line.partition(":")
                if key in ("Pss", "VmHWM"):
                    found[key] = int(value.split()[0]) * 1024
        return found["Pss"], found["VmHWM"]

    def take_events(self):
        """How many events it has written since the last call; waits until it has done so."""
        if self.events is None:
            return None
        path = self.folder / self.events
        size = -1
        while size != (size := path.stat().st_size):
            time.sleep(0.3)
        with open(path, "rb") as log:
            count = sum(self.is_event(line) for line in log)
        os.truncate(path, 0)
        return count

    def is_event(self, line):
        return b"rpz" in line


class Unbound(Resolver):
    title, short = "Unbound, no rules", "no rules"
    has_rules = False
    modules = "iterator"
    extra = ""
    threads = 1

    def configure(self):
        (self.folder / "conf").write_text(f"""server:
  interface: {ADDRESS}
  port: {self.port}
  num-threads: {self.threads}
  module-config: "{self.modules}"
  do-daemonize: no
  use-syslog: no
  logfile: "{self.folder}/log"
  pidfile: ""
  username: ""
  chroot: ""
  directory: "{self.folder}"
  do-ip6: no
  do-not-query-localhost: no
  access-control: 127.0.0.0/8 allow
  msg-cache-size: {CACHE_MB // 3}m
  rrset-cache-size: {CACHE_MB // 3 * 2}m
  msg-cache-slabs: {self.threads}
  rrset-cache-slabs: {self.threads}
  infra-cache-slabs: {self.threads}
  key-cache-slabs: {self.threads}
remote-control:
  control-enable: no
{self.extra}
""" + "".join(f'stub-zone:\n  name: "{zone}"\n  stub-addr: {AUTHORITY}@{self.authority.port}\n'
              for zone in self.authority.zones))

    def processors(self):
        """Two threads get two processors: a third one where there is one, else the load's too."""
        if self.threads == 1:
            return str(self.cpu)
        usable = sorted(os.sched_getaffinity(0))
        return f"{self.cpu},{usable[2] if len(usable) > 2 else usable[1]}"

    def command(self):
        return [os.environ["UNBOUND_BIN"], "-d", "-c", str(self.folder / "conf")]


class UnboundRpz(Unbound):
    title, short = "Unbound RPZ", "RPZ"
    has_rules = True
    modules = "respip iterator"
    log = "no"

    def configure(self):
        self.extra = (f'rpz:\n  name: "rpz.bench"\n  zonefile: "{self.lists.rpz}"\n'
                      f'  rpz-log: {self.log}\n  rpz-log-name: "rpz"\n')
        super().configure()


class UnboundRpzLog(UnboundRpz):
    title, short = "Unbound RPZ, rpz-log", "RPZ, log"
    log = "yes"
    events = "log"


class Nearmiss(Unbound):
    title, short = "Unbound with nearmiss", "nearmiss"
    has_rules = True
    modules = "dynlib iterator"
    events = "events.jsonl"

    def configure(self):
        self.extra = f'dynlib:\n  dynlib-file: "{os.environ["NEARMISS_SO"]}"\n'
        policy = self.folder / "nearmiss.yaml"
        policy.write_text(f"""version: 1
mode: enforce
clients:
  mail: [127.1.0.0/16]
defaults: {{action: nxdomain, types: delivery, clients: [mail], ttl: 60}}
rules:
  - id: feed
    list: {{file: "{self.lists.domains}", format: domains}}
log: {{file: "{self.folder}/{self.events}", format: ecs}}
""")
        self.environment = {"NEARMISS_CONFIG": str(policy)}
        super().configure()

    def is_event(self, line):
        return b'"event.kind":"alert"' in line

    def reloads(self):
        """How often it has loaded a policy since the events were last taken."""
        path = self.folder / self.events
        count = path.read_bytes().count(b'"event.action":"policy-loaded"')
        os.truncate(path, 0)
        return count


class Bind(Resolver):
    title, short = "BIND RPZ, logged", "BIND"
    events = "events"

    def configure(self):
        self.environment = UNPACKED
        (self.folder / "conf").write_text(f"""options {{
  directory "{self.folder}";
  managed-keys-directory "{self.folder}";
  listen-on port {self.port} {{ {ADDRESS}; }};
  listen-on-v6 {{ none; }};
  pid-file none;
  session-keyfile none;
  lock-file none;
  recursion yes;
  allow-query {{ 127.0.0.0/8; }};
  allow-recursion {{ 127.0.0.0/8; }};
  dnssec-validation no;
  empty-zones-enable no;
  forward only;
  forwarders port {self.authority.port} {{ {AUTHORITY}; }};
  max-cache-size {CACHE_MB}m;
  response-policy {{ zone "rpz.bench"; }} qname-wait-recurse no nsip-enable no nsdname-enable no;
}};
controls {{ }};
logging {{
  channel events {{ file "{self.folder}/events"; severity info; print-time iso8601-utc; }};
  channel main {{ file "{self.folder}/log"; severity notice; }};
  category rpz {{ events; }};
  category default {{ main; }};
}};
zone "rpz.bench" {{ type primary; file "{self.lists.rpz}"; allow-query {{ none; }}; notify no; }};
""")

    def command(self):
        return ["named", "-f", "-n", "1", "-4", "-c", str(self.folder / "conf")]


class PowerDns(Resolver):
    title, short = "PowerDNS Recursor RPZ", "PowerDNS"

    def configure(self):
        self.environment = UNPACKED
        (self.folder / "lua").write_text(f'rpzFile("{self.lists.rpz}", {{policyName="bench"}})\n')
        forwarded = ",".join(
            f"{zone}={AUTHORITY}:{self.authority.port}" for zone in self.authority.zones)
        # The cache is set by entries; this many take about CACHE_MB.
        (self.folder / "recursor.conf").write_text(f"""local-address={ADDRESS}
local-port={self.port}
socket-dir={self.folder}
lua-config-file={self.folder}/lua
forward-zones={forwarded}
allow-from=127.0.0.0/8
dont-query=
dont-throttle-netmasks=127.0.0.0/8
threads=1
pdns-distributes-queries=no
dnssec=off
daemon=no
write-pid=no
disable-syslog=yes
quiet=yes
security-poll-suffix=
max-cache-entries=300000
max-packetcache-entries=100000
""")

    def command(self):
        return ["pdns_recursor", f"--config-dir={self.folder}"]


def two_threads(kind):
    """The same with two threads: the C library's shortcuts for a single one are lost to all."""
    return type(f"{kind.__name__}2", (kind,), {
        "threads": 2, "title": f"{kind.title}, two threads", "short": f"{kind.short} x2"})


KINDS = {
    "unbound": Unbound,
    "nearmiss": Nearmiss,
    "unbound-rpz": UnboundRpz,
    "unbound-rpz-log": UnboundRpzLog,
    "bind": Bind,
    "powerdns": PowerDns,
}
KINDS.update({f"{name}-2": two_threads(KINDS[name])
              for name in ("unbound", "nearmiss", "unbound-rpz-log")})
