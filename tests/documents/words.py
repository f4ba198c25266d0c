#!/usr/bin/env python3
"""usage: words.py [FILE...]

Looks in the texts that people read (documents, messages, help texts, headers, scripts) for words
that this project does not use, and prints each with its place and the word to write instead. The
rule is CONTRIBUTING.md's: plain words of the field. Without FILE: every such text of the clone.
"""

import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]

# What is not used, and what is; each a regular expression on lower-case text.
NOT_USED = [
    (r"\brules? (?:that )?lists?\b", "match"),
    (r"\bconcerns? (?:a|the|that) names?\b", "match"),
    (r"\b(?:is|are|was|were|be|been) told\b", "report, log"),
    (r"\btells? (?!(?:us|them|the (?:sender|client|reader)|apart|one)\b)", "report, log, say"),
    (r"\bbehind\b(?! (?:a|the) (?:proxy|nat|firewall|load))", "after"),
    (r"\bstands? for\b", "is, means"),
    (r"\brid of\b", "evict, remove"),
    (r"\bfolders?\b", "directory"),
    (r"(?<![\w-])exchanges?\b(?! \()", "MX host"),
    (r"\bwhoever\b", "an attacker, a user"),
    (r"\bsomebody\b|\bsome one\b", "a user, an admin"),
    (r"(?<!`)\bnobody\b(?!`)", "no user, no client"),
    (r"\bby and by\b", "gradually"),
    (r"\ba wish\b", "a request"),
    (r"\bmend(?:s|ed|ing)?\b", "fix"),
    (r"\blikewise\b", "say it"),
    (r"\b0 fine\b|\bthe answer is no\b", "0 success, 1 negative result, 2 error"),
]

# Code in Markdown is no prose; the word stays as the code has it.
CODE = re.compile(r"`[^`\n]*`")


def markdown(text):
    inside = False
    for number, line in enumerate(text.splitlines(), 1):
        if line.lstrip().startswith("```"):
            inside = not inside
        if not inside and not line.startswith("    "):
            yield number, CODE.sub("``", line)


def strings(text):
    """The string literals of C++ and the comments of headers."""
    for number, line in enumerate(text.splitlines(), 1):
        code = line.split("//", 1)[0] if not re.search(r'"[^"]*//', line) else line
        for found in re.findall(r'"((?:[^"\\]|\\.)*)"', code):
            if " " in found:
                yield number, CODE.sub("``", found)


def comments(text):
    for number, line in enumerate(text.splitlines(), 1):
        found = re.search(r"(?:^|\s)//+ (.*)|^ ?\*+ (.*)|/\* (.*)", line)
        if found:
            yield number, CODE.sub("``", next(filter(None, found.groups()), ""))


def script(text):
    """Comments, and quoted text of several words."""
    for number, line in enumerate(text.splitlines(), 1):
        found = re.search(r"(?:^|\s)# ?(.*)", line)
        quoted = re.findall(r'"([^"$]*\s[^"$]*)"|\'([^\'$]*\s[^\'$]*)\'', line)
        for words in [found[1] if found else ""] + ["".join(pair) for pair in quoted]:
            yield number, CODE.sub("``", words)


def readers(path):
    name = path.as_posix()
    if name.endswith(".md"):
        yield markdown
    elif re.match(r"(config|module|rules|contrib)/.*\.(cpp|c)$", name):
        yield strings
    elif re.match(r"(config|module|rules|contrib)/.*\.(hpp|h)$", name):
        yield strings
        yield comments
    elif re.match(r"(contrib|tests|\.ci)/.*\.sh$", name) or name == "config/nearmiss.yaml":
        yield script


def main():
    named = [pathlib.Path(one) for one in sys.argv[1:]]
    if not named:
        listed = subprocess.run(["git", "ls-files"], cwd=ROOT, check=True, stdout=subprocess.PIPE,
                                encoding="utf-8").stdout
        named = [pathlib.Path(one) for one in listed.splitlines()]
    found = 0
    for path in named:
        for reader in readers(path):
            for number, line in reader((ROOT / path).read_text(encoding="utf-8")):
                for pattern, instead in NOT_USED:
                    word = re.search(pattern, line, re.IGNORECASE)
                    if word:
                        found += 1
                        print(f"{path}:{number}: `{word[0].strip()}`: write {instead}")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
