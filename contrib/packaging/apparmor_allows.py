#!/usr/bin/env python3
"""usage: apparmor_parser --preprocess ... | apparmor_allows.py

Reads an AppArmor profile as apparmor_parser prints it with everything included, and says whether it
lets Unbound's user do what the module does with the paths that this folder and the default policy
name, and nothing beyond. Knows file rules, `owner`, `deny` and variables; not ptrace, dbus or the
like. Exit status: 0 when it does, else 1, with a line for each path.
"""

import re
import sys

# What the module does: path, access, does it belong to Unbound's user.
NEEDED = [
    ("/usr/lib/nearmiss/nearmiss.so", "mr", False),
    ("/usr/lib/nearmiss/unbound", "mr", False),
    ("/run/nearmiss/unbound.conf", "r", False),
    ("/run/nearmiss/newer-unbound", "r", False),
    ("/etc/unbound/unbound.conf.d/root-auto-trust-anchor-file.conf", "r", False),
    ("/var/lib/unbound/root.key", "rw", True),
    ("/var/lib/unbound/nearmiss-trial.aB12cD/policy.yaml", "rw", True),
    ("/usr/lib/x86_64-linux-gnu/libicuuc.so.72", "mr", False),
    ("/etc/unbound/", "r", False),  # to be told of changes in it
    ("/etc/unbound/nearmiss.yaml", "r", False),
    ("/etc/unbound/lists/", "r", False),
    ("/etc/unbound/lists/typos.txt", "r", False),
    ("/var/log/unbound/nearmiss.jsonl", "rw", True),
    ("/run/unbound/nearmiss.sock", "rw", True),
    ("/run/unbound/nearmiss.sock.4711", "rw", True),  # before it takes the other's place
    ("/var/lib/unbound/nearmiss.jsonl", "rw", True),
    ("/var/lib/unbound/nearmiss.prom", "rw", True),
    ("/var/lib/unbound/nearmiss.prom.part", "rw", True),
    ("/var/lib/unbound/nearmiss.state.part", "rw", True),
    ("/dev/log", "w", False),  # syslog: local
    ("/run/systemd/journal/dev-log", "w", False),  # what that leads to
    ("/run/systemd/journal/socket", "w", False),  # journald: true
]
# Near misses: what nobody needs.
FORBIDDEN = [
    ("/etc/unbound/nearmiss.yaml", "w", True),
    ("/etc/unbound/lists/typos.txt", "w", True),
    ("/usr/lib/nearmiss/nearmiss.so", "w", True),
    ("/run/nearmiss/unbound.conf", "w", True),
    ("/run/nearmiss/newer-unbound", "w", True),
    ("/var/log/unbound/nearmiss.jsonl", "rw", False),  # another's
    ("/var/log/unbound/other.log", "w", True),
    ("/var/log/unbound/deeper/nearmiss.jsonl", "w", True),
    ("/var/log/syslog", "r", True),
    ("/run/unbound/other.sock", "rw", True),
    ("/run/unbound/nearmiss.sock", "rw", False),
    ("/etc/shadow", "r", False),
    ("/usr/bin/sh", "x", False),
]

RULE = re.compile(
    r"^(?P<words>(?:audit |deny |owner )*)(?P<path>(?:/|@\{)\S*)\s+(?P<access>[mrwaklixuUpPcC]+),"
)
VARIABLE = re.compile(r"^(@\{\w+\})\s*\+?=\s*(.*)$")


def alternatives(pattern, variables):
    """The pattern with its variables replaced, once for each of their values."""
    found = re.search(r"@\{\w+\}", pattern)
    if not found:
        return [pattern]
    result = []
    for value in variables.get(found.group(), []):
        result += alternatives(pattern[: found.start()] + value + pattern[found.end() :], variables)
    return result


def expression(pattern):
    """The pattern as apparmor.d(5) describes it, as a regular expression."""
    text, at = "", 0
    while at < len(pattern):
        if pattern.startswith("**", at):
            text, at = text + ".*", at + 2
            continue
        char = pattern[at]
        text += {"*": "[^/]*", "?": "[^/]", "{": "(?:", "}": ")", ",": "|"}.get(char) or (
            char if char in "[]^-" else re.escape(char)
        )
        at += 1
    # A slash twice, where a variable ends in one, is one.
    return re.compile(text.replace("//", "/"))


def read(lines):
    variables, rules = {}, []
    for line in (line.strip() for line in lines):
        if found := VARIABLE.match(line):
            variables.setdefault(found.group(1), []).extend(found.group(2).split())
        elif found := RULE.match(line):
            for path in alternatives(found["path"], variables):
                rules.append((found["words"].split(), expression(path), set(found["access"])))
    return rules


def allows(rules, path, access, own):
    granted, denied = set(), set()
    for words, pattern, letters in rules:
        if pattern.fullmatch(path) and (own or "owner" not in words):
            (denied if "deny" in words else granted).update(letters)
    return set(access) <= granted - denied


def main():
    rules = read(sys.stdin)
    wrong = [
        f"{path} {access}: {'not allowed, but needed' if needed else 'allowed, but not needed'}"
        for needed, table in ((True, NEEDED), (False, FORBIDDEN))
        for path, access, own in table
        if allows(rules, path, access, own) != needed
    ]
    print("\n".join(wrong) or f"{len(NEEDED)} paths allowed, {len(FORBIDDEN)} not, of {len(rules)} rules")
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
