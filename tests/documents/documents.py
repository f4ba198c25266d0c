#!/usr/bin/python3
"""usage: documents.py [-v] [TEST...]

The documents against the code: schemas, tables, manual pages, completions, links, commands and
words. NEARMISS_CLI and NEARMISS_DOCUMENTS name the programs that are asked.
"""

import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import textwrap
import unittest

import jsonschema
import yaml

ROOT = pathlib.Path(__file__).resolve().parents[2]
CLI = os.environ["NEARMISS_CLI"]
PROGRAM = os.environ["NEARMISS_DOCUMENTS"]
PAGES = sorted((ROOT / "contrib/doc/man").iterdir())
TEXTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("contrib/**/*.md"), *ROOT.glob("tests/**/*.md")])


class PolicyLoader(yaml.SafeLoader):
    """YAML as a policy has it: a date is text."""


PolicyLoader.yaml_implicit_resolvers = {
    letter: [(tag, pattern) for tag, pattern in pairs if tag != "tag:yaml.org,2002:timestamp"]
    for letter, pairs in yaml.SafeLoader.yaml_implicit_resolvers.items()}


def run(*command, **options):
    return subprocess.run([str(part) for part in command], stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, encoding="utf-8", errors="replace", **options)


def schema(name):
    loaded = json.loads((ROOT / "contrib/schema" / f"nearmiss.{name}.schema.json").read_text())
    jsonschema.Draft7Validator.check_schema(loaded)
    return jsonschema.Draft7Validator(loaded)


def code_blocks(text):
    """The indented and the fenced blocks of a Markdown text, without indentation and fences."""
    for block in re.findall(r"^ *```\w*\n(.*?)^ *```$", text, re.MULTILINE | re.DOTALL):
        yield textwrap.dedent(block)
    text = re.sub(r"^ *```\w*\n.*?^ *```$", "", text, flags=re.MULTILINE | re.DOTALL)
    for block in re.findall(r"(?:^(?:    .*)?\n)+", text, re.MULTILINE):
        lines = [line[4:] for line in block.splitlines()]
        while lines and not lines[0].strip():
            lines.pop(0)
        if lines:
            yield "\n".join(lines) + "\n"


def commands():
    return {one["name"]: one for one in json.loads(run(CLI, "--describe").stdout)["commands"]}


class Made(unittest.TestCase):
    def test_is_what_the_code_says(self):
        result = run(sys.executable, ROOT / "contrib/doc/documents.py", "--program", PROGRAM,
                     "--command", CLI, "--check")
        self.assertEqual(result.returncode, 0, result.stdout)


class PolicySchema(unittest.TestCase):
    SCHEMA = schema("policy")

    def folder(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        path = pathlib.Path(folder.name)
        (path / "lists").mkdir()
        (path / "lists/typos.txt").write_text("arrny.example\n")
        return path

    def check(self, text):
        """Does the command take the policy, and what does it say?"""
        file = self.folder() / "nearmiss.yaml"
        file.write_text(text)
        result = run(CLI, "check", file)
        return result.returncode == 0, result.stdout

    def problems(self, text):
        return [error.message for error in self.SCHEMA.iter_errors(yaml.load(text, PolicyLoader))]

    def policies(self):
        """The policies in the documents."""
        yield "config/nearmiss.yaml", (ROOT / "config/nearmiss.yaml").read_text()
        for path in TEXTS:
            for block in code_blocks(path.read_text()):
                if block.startswith("version: 1\n"):
                    yield path.name, block

    def test_takes_the_policies_of_the_documents_as_the_command_does(self):
        found = 0
        for name, text in self.policies():
            with self.subTest(name):
                taken, said = self.check(text)
                self.assertTrue(taken, said)
                self.assertEqual(self.problems(text), [])
                found += 1
        self.assertGreaterEqual(found, 3)

    def test_takes_what_the_command_takes(self):
        taken = 0
        for file in sorted((ROOT / "tests/fuzz/corpus/policy").iterdir()):
            text = file.read_bytes().decode("utf-8", "replace")
            if self.check(text)[0]:
                with self.subTest(file.name):
                    self.assertEqual(self.problems(text), [])
                    taken += 1
        self.assertGreater(taken, 5)

    def test_refuses_what_the_command_refuses(self):
        right = ("version: 1\nclients: {mail: [192.0.2.1]}\nsinkhole: {ipv4: 192.0.2.53}\n"
                 "rules: [{id: a, domains: [a.example], ttl: 60}]\n"
                 "protect: [{id: b, domains: [army.mil], classes: [omission]}]\n"
                 "log: [{file: n.jsonl}, {syslog: local}]\n")
        self.assertTrue(self.check(right)[0])
        self.assertEqual(self.problems(right), [])
        for old, new in [("version: 1", "version: 2"), ("version: 1\n", ""), ("clients:", "client:"),
                         ("{mail: [192.0.2.1]}", "[192.0.2.1]"), ("mail:", "any:"),
                         ("{ipv4: 192.0.2.53}", "{mx: a.example}"), ("ipv4: 192.0.2.53", "ipv4: '::1'"),
                         ("id: a, ", ""), ("domains: [a.example], ", ""), ("ttl: 60", "ttl: 86401"),
                         ("ttl: 60", "ttl: -1"), ("ttl: 60", "action: block"), ("ttl: 60", "speed: 2"),
                         ("ttl: 60", "public_suffix: 'yes'"), ("ttl: 60", "expires: tomorrow"),
                         ("[omission]", "[omision]"), ("[omission]", "omission"), ("[army.mil]", "[]"),
                         ("{file: n.jsonl}", "{file: n.jsonl, journald: true}"), ("local", "remote")]:
            with self.subTest(f"{old} -> {new}"):
                wrong = right.replace(old, new, 1)
                self.assertNotEqual(wrong, right)
                self.assertFalse(self.check(wrong)[0])
                self.assertNotEqual(self.problems(wrong), [])


class EventSchema(unittest.TestCase):
    """contrib/siem/sample.jsonl is real events; tests/siem/sample.py holds it against the module."""
    SCHEMA = schema("event")
    EVENTS = [json.loads(line) for line in
              (ROOT / "contrib/siem/sample.jsonl").read_text().splitlines()]
    NOT_IN_SAMPLE = {"nearmiss.allowed_name", "nearmiss.chain", "nearmiss.mode", "nearmiss.until",
                     "user.id"}

    def test_takes_every_event(self):
        for event in self.EVENTS:
            with self.subTest(event["event.sequence"]):
                self.assertEqual([error.message for error in self.SCHEMA.iter_errors(event)], [])

    def test_has_no_field_that_no_event_has(self):
        met = {field for event in self.EVENTS for field in event}
        self.assertLessEqual(set(self.SCHEMA.schema["properties"]) - met, self.NOT_IN_SAMPLE)

    def test_describes_each_field(self):
        for name, field in self.SCHEMA.schema["properties"].items():
            self.assertTrue(field.get("description", "").endswith("."), name)

    def test_refuses_another_field_another_value_and_a_missing_one(self):
        blocked = next(e for e in self.EVENTS if e["event.kind"] == "alert")
        for wrong in ({**blocked, "nearmiss.speed": 2}, {**blocked, "event.sequence": "1"},
                      {**blocked, "nearmiss.matched_by": "guess"},
                      {k: v for k, v in blocked.items() if k != "source.ip"}):
            self.assertFalse(self.SCHEMA.is_valid(wrong))


class ManualPages(unittest.TestCase):
    def test_are_three(self):
        self.assertEqual([page.name for page in PAGES],
                         ["nearmiss.1", "nearmiss.yaml.5", "unbound-nearmiss.8"])

    def test_mandoc_has_no_warning(self):
        for page in PAGES:
            with self.subTest(page.name):
                result = run("mandoc", "-T", "lint", "-W", "warning", page)
                self.assertEqual(result.stdout, "")

    def test_man_has_no_warning_and_shows_the_text(self):
        environment = {**os.environ, "MANWIDTH": "80", "LC_ALL": "C.UTF-8"}
        words = {"nearmiss.1": "explain", "nearmiss.yaml.5": "max_shrink",
                 "unbound-nearmiss.8": "module-config"}
        for page in PAGES:
            with self.subTest(page.name):
                result = subprocess.run(
                    ["man", "--warnings", "-l", str(page)], env=environment, encoding="utf-8",
                    stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=True)
                self.assertEqual(result.stderr, "")
                self.assertIn(words[page.name], re.sub(".\b", "", result.stdout))

    def test_name_every_command_and_every_key(self):
        command_page = (ROOT / "contrib/doc/man/nearmiss.1").read_text()
        for name in commands():
            self.assertIn(f"\n.SS {name}\n", command_page)
        policy_page = (ROOT / "contrib/doc/man/nearmiss.yaml.5").read_text()
        for section in schema("policy").schema["definitions"].values():
            for key in section["properties"]:
                self.assertIn(f".TP\n\\fB{key}\\fR\n", policy_page)


class Completion(unittest.TestCase):
    def bash(self, *words):
        """What bash offers after these words, the last of them begun."""
        script = (f". {ROOT}/contrib/completion/nearmiss.bash; COMP_WORDS=(\"$@\"); "
                  "COMP_CWORD=$(($# - 1)); _nearmiss; printf '%s\\n' \"${COMPREPLY[@]}\"")
        return run("bash", "-c", script, "bash", "nearmiss", *words, cwd=ROOT).stdout.split()

    def test_bash_knows_commands_options_words_and_files(self):
        self.assertEqual(self.bash("exp"), ["explain", "export"])
        self.assertIn("--client", self.bash("explain", "--c"))
        self.assertNotIn("--kept", self.bash("explain", "--"))
        self.assertIn("CHANGELOG.md", self.bash("check", "CHANGE"))
        self.assertIn("postfix", self.bash("generate", "--format", ""))
        self.assertEqual(self.bash("explain", "--type", ""), [])

    def test_bash_knows_every_option_of_every_command(self):
        for name, command in commands().items():
            offered = self.bash(name, "-")
            for option in command["options"]:
                for spelling in option["names"]:
                    self.assertIn(spelling, offered, name)

    def test_the_files_are_scripts(self):
        run("bash", "-n", ROOT / "contrib/completion/nearmiss.bash", check=True)
        for shell, file in (("zsh", "_nearmiss"), ("fish", "nearmiss.fish")):
            if shutil.which(shell):
                result = run(shell, "-n", ROOT / "contrib/completion" / file)
                self.assertEqual((result.returncode, result.stdout), (0, ""))

    @unittest.skipUnless(shutil.which("fish"), "no fish here")
    def test_fish_knows_commands_and_options(self):
        def offered(line):
            result = run("fish", "--no-config", "-c",
                         f"source {ROOT}/contrib/completion/nearmiss.fish; complete -C '{line}'")
            return [row.split("\t")[0] for row in result.stdout.splitlines()]
        self.assertEqual(offered("nearmiss exp"), ["explain", "export"])
        self.assertIn("--client", offered("nearmiss explain --c"))
        self.assertNotIn("--kept", offered("nearmiss explain --"))


class Texts(unittest.TestCase):
    def test_readme_is_for_an_admin_in_a_hurry(self):
        self.assertLessEqual(len((ROOT / "README.md").read_text().splitlines()), 150)

    def test_links_lead_somewhere(self):
        for path in TEXTS:
            for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", path.read_text()):
                if not re.match(r"[a-z]+:", target):
                    self.assertTrue((path.parent / target).exists(), f"{path}: {target}")

    def test_paths_exist(self):
        for path in TEXTS:
            for target in re.findall(r"`((?:contrib|tests|config|rules|module)/[\w./*-]+)", path.read_text()):
                target = target.rstrip(".")
                self.assertTrue(list(ROOT.glob(target)), f"{path}: {target}")

    def test_commands_and_options_exist(self):
        known = commands()
        met = set()
        for path in TEXTS:
            if path.name == "CHANGELOG.md":
                continue
            text = path.read_text()
            spans = [line for block in code_blocks(text) for line in block.splitlines()]
            spans += re.findall(r"`([^`\n]+)`", text)
            for span in spans:
                found = re.match(r"(?:\S*/)?nearmiss ([a-z]+)\b([^|#]*)", span.strip())
                if not found:
                    continue
                with self.subTest(f"{path.name}: {span.strip()}"):
                    self.assertIn(found[1], known)
                    met.add(found[1])
                    names = {name for o in known[found[1]]["options"] for name in o["names"]}
                    for option in re.findall(r"(?<=\s)--?[a-z][a-z-]*", found[2]):
                        self.assertIn(option, names)
        self.assertGreater(len(met), 5)

    def test_examples_of_classes_are_look_alikes(self):
        rows = re.findall(r"^\| `([a-z-]+)` \| `([^`]+)` \| `([^`]+)` \|",
                          (ROOT / "contrib/doc/lookalikes.md").read_text(), re.MULTILINE)
        self.assertGreater(len(rows), 10)
        with tempfile.TemporaryDirectory() as folder:
            for name, example, meant in rows:
                file = pathlib.Path(folder) / "nearmiss.yaml"
                file.write_text(f"version: 1\nprotect: [{{id: p, domains: [{meant}], "
                                f"classes: [{name}]}}]\n")
                result = run(CLI, "explain", "--config", file, "--json", example)
                with self.subTest(f"{example}: {name}"):
                    self.assertIn(f'"{name}"', result.stdout)
                    self.assertIn(f'"{meant}"', result.stdout)

    def test_words(self):
        result = run(sys.executable, ROOT / "tests/documents/words.py",
                     *(path.relative_to(ROOT) for path in TEXTS))
        self.assertEqual(result.returncode, 0, result.stdout)


if __name__ == "__main__":
    unittest.main(argv=sys.argv)
