#!/usr/bin/python3
"""usage: sample.py [--write]

Makes contrib/siem/sample.jsonl: real events, one of each kind, from the module in a real Unbound.
Without --write it compares them with the file and says what differs.

Unbound listens for the PROXY protocol, version 2, so that the clients may have the addresses that
RFC 5737 and RFC 3849 set aside for documentation. Values that differ from run to run, or from one
machine to the next, are rewritten: time, id, host, versions and what is known of the policy's file.
"""

import contextlib
import ipaddress
import itertools
import json
import os
import re
import shutil
import socket
import struct
import sys
import tempfile
import time
import pathlib

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from processes import (MODULE, PACKAGES, ROOT, SAMPLE, UNBOUND, free_port, server,  # noqa: E402
                       wait_until)

TYPES = {"A": 1, "MX": 15, "AAAA": 28, "TXT": 16}

POLICY = """\
version: 1
clients:
  mail: [192.0.2.0/24, "2001:db8:25::/48"]
sinkhole: {ipv4: 203.0.113.53, ipv6: "2001:db8:53::53"}
defaults: {clients: [mail]}
rules:
  - id: mil-ml
    confusable: {intended: mil, mistyped: [ml]}
    except: [gouv.ml]
    category: tld-confusion
    reason: Mail for .mil mistyped to .ml
    reference: "https://example.net/policy/mil-ml"
    owner: soc@example.net
    ticket: SOC-117
  - id: lookalikes
    exact: [arrny.example]
    intended: army.mil
    action: sinkhole
  - id: parked
    mx_exchange: [mail.example]
  - id: parking-host
    answer_ip: [203.0.113.80]
  - id: watched
    exact: [mail.gouv.ml]
    action: observe
  - id: parked-names
    list: {file: feed.rpz, format: rpz}
protect:
  - id: ours
    domains: [navy.mil]
    category: lookalike
log: {file: log/events.jsonl, discover: true}
"""

FEED = """\
$ORIGIN feed.example.net.
@ 60 SOA localhost. hostmaster.example.net. 2026010501 3600 600 86400 60
*.parked.example CNAME .
"""

# client, port, name (\\DDD is an octet), type
QUERIES = [
    ("192.0.2.25", 40001, "army.ml", "MX"),
    ("192.0.2.25", 40002, "army.ml", "A"),
    ("192.0.2.25", 40003, "army.ml", "AAAA"),
    ("192.0.2.26", 40004, "us.army.ml", "MX"),
    ("2001:db8:25::7", 40005, "navy.ml", "MX"),
    ("2001:db8:25::7", 40006, "nayv.mil", "MX"),
    ("192.0.2.26", 40007, "arrny.example", "A"),
    ("192.0.2.26", 40008, "arrny.example", "AAAA"),
    ("192.0.2.26", 40009, "alias.example", "A"),
    ("192.0.2.27", 40010, "www.example", "MX"),
    ("192.0.2.27", 40011, "www.example", "A"),
    ("192.0.2.27", 40012, "mail.gouv.ml", "A"),
    ("192.0.2.27", 40013, r"x\034\,\034rule.id\034:\034\010<b>\195\164\092.ml", "A"),
    ("192.0.2.27", 40015, "mx.parked.example", "MX"),
    ("2001:db8:26::9", 40014, "army.mil", "MX"),  # in no group, so it is only told of
]


def labels(name):
    """A name's wire form; \\DDD is an octet, as RFC 1035 has it."""
    wire, label, at = b"", b"", 0
    while at < len(name):
        if name[at] == "\\" and name[at + 1].isdigit():
            label, at = label + bytes([int(name[at + 1:at + 4])]), at + 4
        elif name[at] == "\\":
            label, at = label + name[at + 1].encode(), at + 2
        elif name[at] == ".":
            wire, label, at = wire + bytes([len(label)]) + label, b"", at + 1
        else:
            label, at = label + name[at].encode(), at + 1
    return wire + bytes([len(label)]) + label + b"\0"


def proxied(client, client_port):
    """The PROXY protocol's header, version 2, for a datagram from that client."""
    source = ipaddress.ip_address(client)
    target = ipaddress.ip_address("192.0.2.53" if source.version == 4 else "2001:db8::53")
    body = source.packed + target.packed + struct.pack(">HH", client_port, 53)
    family = 0x12 if source.version == 4 else 0x22
    return b"\r\n\r\n\0\r\nQUIT\n" + struct.pack(">BBH", 0x21, family, len(body)) + body


# More events than one place for them keeps (1 MiB), and what the sample says was lost of them.
FLOOD, FLOOD_PORT, LOST = 1500, 40020, 3
# Of the policy's file, which differs from machine to machine.
FILE = {"file.mtime": "2026-01-05T07:59:00.000000Z", "file.owner": "root", "file.uid": "0",
        "file.path": "/etc/unbound/nearmiss.yaml"}


class Resolver:
    """NSD with the lab's zones and Unbound with the module, in a folder of their own."""

    def __init__(self, folder, stack, policy=POLICY):
        self.folder, self.lab_port, self.port = folder, free_port(), free_port()
        (folder / "log").mkdir()
        (folder / "nearmiss.yaml").write_text(policy)
        (folder / "feed.rpz").write_text(FEED)
        self.events = folder / "log" / "events.jsonl"
        zones = ROOT / "contrib" / "lab" / "zones"
        names = {"root": ".", "mil": "mil", "ml": "ml", "example": "example"}
        (folder / "nsd.conf").write_text(
            f'server:\n ip-address: 127.0.0.1\n port: {self.lab_port}\n username: ""\n'
            f' server-count: 1\n zonesdir: "{zones}"\n pidfile: "{folder}/nsd.pid"\n'
            f' xfrdfile: "{folder}/xfrd"\n xfrdir: "{folder}"\n zonelistfile: "{folder}/zones"\n'
            ' database: ""\nremote-control:\n control-enable: no\n' +
            "".join(f'zone:\n name: "{z}"\n zonefile: "{f}.zone"\n' for f, z in names.items()))
        (folder / "unbound.conf").write_text(
            f'server:\n directory: "{folder}"\n chroot: ""\n username: ""\n pidfile: ""\n'
            f' use-syslog: no\n interface: 127.0.0.1@{self.port}\n num-threads: 1\n'
            f' proxy-protocol-port: {self.port}\n do-not-query-localhost: no\n'
            ' access-control: 192.0.2.0/24 allow\n access-control: 2001:db8::/32 allow\n'
            f' module-config: "dynlib iterator"\ndynlib:\n dynlib-file: "{MODULE}"\n'
            'remote-control:\n control-enable: no\n' +
            "".join(f'stub-zone:\n name: "{z}"\n stub-addr: 127.0.0.1@{self.lab_port}\n'
                    for z in names.values()))
        nsd = shutil.which("nsd", path=f"/usr/sbin:{PACKAGES}/nsd/usr/sbin")
        environment = {k: v for k, v in os.environ.items() if k != "NEARMISS_CONFIG"}
        stack.enter_context(server([nsd, "-d", "-c", folder / "nsd.conf"], folder / "nsd.log"))
        self.process = stack.enter_context(
            server([UNBOUND, "-d", "-c", folder / "unbound.conf"], folder / "unbound.log",
                   env=environment, cwd=folder))
        wait_until("Unbound starts", lambda: self.count("start of service") or self.ended())
        wait_until("NSD answers", lambda: self.ask("192.0.3.1", 40000, "army.mil", "A", 0.5,
                                                   must=False), 20)

    def ended(self):
        if self.process.poll() is not None:
            raise RuntimeError(f"Unbound does not start:\n{self.log()}")

    def log(self):
        return (self.folder / "unbound.log").read_text()

    def count(self, text):
        return self.log().count(text)

    def ask(self, client, client_port, name, qtype, seconds=5.0, must=True):
        """Asks once, as that client; True if an answer came."""
        packet = struct.pack(">HHHHHH", client_port - 30000, 0x100, 1, 0, 0, 0) + labels(name) + \
            struct.pack(">HH", TYPES[qtype], 1)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
            udp.settimeout(seconds)
            udp.sendto(proxied(client, client_port) + packet, ("127.0.0.1", self.port))
            try:
                udp.recv(4096)
                return True
            except socket.timeout:
                if must:
                    raise RuntimeError(f"no answer to {name} {qtype}:\n{self.log()}") from None
                return False

    def publish(self, policy):
        """Puts another policy in the place of the one in force; the module notices."""
        fresh = self.folder / "nearmiss.yaml.new"
        fresh.write_text(policy)
        fresh.rename(self.folder / "nearmiss.yaml")

    def lines(self):
        return self.events.read_text().splitlines() if self.events.exists() else []

    def expect_lines(self, number):
        wait_until(f"{number} events in {self.lines()}", lambda: len(self.lines()) >= number)


def make(folder):
    with contextlib.ExitStack() as stack:
        resolver = Resolver(folder, stack)
        for number, query in enumerate(QUERIES):
            resolver.ask(*query)
            resolver.expect_lines(number + 2)
        # The log cannot be written for a while, and more events come than may wait.
        (folder / "log").rename(folder / "away")
        for _ in range(FLOOD):
            resolver.ask("192.0.2.25", FLOOD_PORT, "army.ml", "MX")
        (folder / "away").rename(folder / "log")
        wait_until("the log is written again", lambda: resolver.count("works again") > 0)
        wait_until("the loss is told", lambda: any('"events-lost"' in line for line in resolver.lines()))
        resolver.ask("192.0.2.25", 40022, "army.ml", "AAAA")
        expected = len(QUERIES) + 2 + 2 # the start's, the loss, the one after it

        def seen():
            return len([line for line in resolver.lines() if f'"source.port":{FLOOD_PORT}' not in line])

        wait_until("the log goes on", lambda: seen() == expected)
        # A policy that is wrong, then one that is right again.
        resolver.publish(POLICY.replace("192.0.2.0/24", "192.0.2.0/33"))
        wait_until("the refusal", lambda: seen() == expected + 1)
        resolver.publish(POLICY + "# mended\n")
        wait_until("the new policy", lambda: seen() == expected + 2)
    starts = []
    lost = False
    lines = []
    for line in resolver.lines():
        event = json.loads(line)
        if event.get("source.port") == FLOOD_PORT:
            continue
        # As if only LOST events had come meanwhile, and all of them had been lost.
        lost = lost or event["event.action"] == "events-lost"
        event["event.sequence"] = len(lines) + 1 + (LOST if lost else 0)
        lines.append(plain(event, len(lines), starts))
    return lines


def plain(event, number, starts):
    """The event with what differs from run to run rewritten; starts: the ids' prefixes so far."""
    prefix = event["event.id"].rpartition("-")[0]
    if prefix not in starts:
        starts.append(prefix)
    event["@timestamp"] = f"2026-01-05T08:{number // 4:02}:{number % 4 * 15:02}.{number:06}Z"
    event["event.id"] = (f"64b1d{starts.index(prefix):08x}-0011223344556677-"
                         f"{event['event.sequence']}")
    if event["event.action"] == "events-lost":
        event["message"] = event["message"].replace(str(event["nearmiss.events_lost"]), str(LOST))
        event["nearmiss.events_lost"] = LOST
    for name in ("file.mtime", "file.owner", "file.uid", "file.path"):
        if name in event:
            event[name] = FILE[name]
    if "destination.port" in event:
        event.update({"destination.ip": "192.0.2.53", "destination.port": 53})
    event["observer.hostname"] = "ns1.example.net"
    event["observer.version"] = "0.2.0"
    if event["event.action"] == "module-started":
        event["message"] = re.sub(r"^nearmiss \S+, built for Unbound [^, ]+",
                                  "nearmiss 0.2.0, built for Unbound 1.17.1", event["message"])
    return json.dumps(event, separators=(",", ":"), ensure_ascii=False)


def main():
    with tempfile.TemporaryDirectory(prefix="nearmiss-sample.") as name:
        lines = make(pathlib.Path(name))
    if sys.argv[1:] == ["--write"]:
        SAMPLE.write_text("\n".join(lines) + "\n")
        return
    stored = SAMPLE.read_text().splitlines()
    differences = []
    for number, (old, new) in enumerate(itertools.zip_longest(stored, lines, fillvalue="{}"), 1):
        was, now = json.loads(old), json.loads(new)
        differences += [f"line {number}, {key}: {was.get(key)!r} in the file, {now.get(key)!r} now"
                        for key in {**was, **now} if was.get(key) != now.get(key)]
        if old != new and was == now:
            differences.append(f"line {number}: other order or form")
    if differences:
        print(*differences, sep="\n")
        sys.exit("the module writes other events than contrib/siem/sample.jsonl shows: if that is "
                 "meant, run tests/siem/sample.py --write and look at what else must change")
    print(f"{len(lines)} events, as in {SAMPLE}")


if __name__ == "__main__":
    main()
