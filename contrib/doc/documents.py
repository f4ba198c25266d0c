#!/usr/bin/env python3
"""usage: documents.py --program nearmiss_documents --command nearmiss [--check]

Makes what the documents have from the code: the tables between the marks in contrib/doc/*.md, the
JSON Schema of a policy, the manual pages and the shell completions. With --check nothing is
written; a file that would change is an error. `cmake --build build --target documents` runs it.
"""

import argparse
import json
import pathlib
import re
import subprocess
import sys

import completion
import man

ROOT = pathlib.Path(__file__).resolve().parents[2]
DOC = ROOT / "contrib" / "doc"
SITE = "the nearmiss documents (README.md, contrib/doc)"


def output_of(*command):
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, encoding="utf-8").stdout


def with_block(text, mark, block):
    """The text with what stands between `<!-- mark: ... -->` and `<!-- /mark -->` replaced."""
    pattern = re.compile(rf"(<!-- {mark}: [^>]*-->\n).*?(<!-- /{mark} -->)", re.DOTALL)
    if len(pattern.findall(text)) != 1:
        raise SystemExit(f"documents.py: there must be one block `{mark}`")
    return pattern.sub(lambda found: f"{found[1]}\n{block.strip()}\n\n{found[2]}", text)


def release():
    """Version and date of the newest release, which CMakeLists.txt must have too."""
    changes = (ROOT / "CHANGELOG.md").read_text()
    version, date = re.search(r"^## (\d+\.\d+\.\d+) - (\d{4}-\d\d-\d\d)$", changes,
                              re.MULTILINE).groups()
    if f"project(nearmiss VERSION {version} " not in (ROOT / "CMakeLists.txt").read_text():
        raise SystemExit("documents.py: CMakeLists.txt and CHANGELOG.md have different versions")
    return version, date


def see_also(*pages):
    return ",\n".join(f".BR {name} ({number})" for name, number in pages) + "\n"


FILES = [
    ("/etc/unbound/nearmiss.yaml", "The policy; `$NEARMISS_CONFIG` names another."),
    ("nearmiss.sock", "The control socket: beside the policy, or where `control` puts it."),
]


def files():
    return "\n".join(f".TP\n.I {path}\n{man.filled(man.inline(text))}" for path, text in FILES) + "\n"


def option_terms(option):
    words = completion.choices_of(option)
    shown = ("|".join(words) if words else "FILE" if completion.takes_file(option) else
             option["takes"].split(":")[0].split(" ")[0])
    names = ", ".join(f"\\fB{man.escaped(name)}\\fR" for name in option["names"])
    return names + (f" \\fI{man.escaped(shown)}\\fR" if option["takes"] else "")


def option_text(option):
    text = option["description"].rstrip(".")
    if not re.match(r"\w+[:,]", text): # else it begins with a word of the option's
        text = text[:1].upper() + text[1:]
    text += "."
    if option["default"].endswith("/nearmiss.so"): # where this build would be installed
        text += " Default: the installed one."
    elif option["default"] and option["takes"]:
        text += f" Default: `{option['default']}`."
    if option["environment"]:
        text += f" Environment: `{option['environment']}`."
    return man.filled(man.inline(text))


def usage(name, command):
    words = [f"\\fB{name}\\fR"]
    if command["options"]:
        words.append("[\\fIOPTION\\fR...]")
    for one in command["positionals"]:
        shown = f"\\fI{one['name']}\\fR" + ("..." if one["many"] else "")
        words.append(shown if one["required"] else f"[{shown}]")
    return " ".join(words)


def paragraphs(footer):
    """The sentences that stand below a command's options: lines that are wrapped in the help."""
    found = []
    for line in filter(None, footer.splitlines()):
        if found and not found[-1].startswith("Example:") and \
                not re.match(r"Exit codes:|Example:", line):
            found[-1] += " " + line
        else:
            found.append(line)
    return found


def command_page(command):
    out = []
    groups = []
    for one in command["commands"]:
        if one["group"] not in groups:
            groups.append(one["group"])
    for group in groups:
        for one in command["commands"]:
            if one["group"] != group:
                continue
            out.append(f".SS {one['name']}\n{usage('nearmiss ' + one['name'], one)}\n.PP")
            text = one["description"].rstrip(".") + "."
            out.append(man.filled(man.inline(text)))
            for option in one["positionals"]:
                out.append(f".TP\n\\fI{option['name']}\\fR\n{option_text(option)}")
            for option in one["options"]:
                if "--help" in option["names"] or "--version" in option["names"]:
                    continue
                out.append(f".TP\n{option_terms(option)}\n{option_text(option)}")
            out += [f".PP\n{man.filled(man.inline(text))}" for text in paragraphs(one["footer"])]
    footer = command["footer"].strip().removeprefix("Exit codes:").strip().rstrip(".")
    codes = [code.strip() for code in footer.split(",")]
    status = "\n".join(f".TP\n\\fB{code.split(' ', 1)[0]}\\fR\n{man.filled(code.split(' ', 1)[1])}"
                       for code in codes) + "\n"
    readme = (ROOT / "README.md").read_text()
    return man.page("nearmiss", 1, "nearmiss manual", release(), [
        ("NAME", "nearmiss \\- checks, explains and reports on the policy of unbound\\-nearmiss"),
        ("SYNOPSIS", "\\fBnearmiss\\fR \\fICOMMAND\\fR [\\fIOPTION\\fR...] [\\fIARGUMENT\\fR...]"),
        ("DESCRIPTION", man.filled(
            "The command that belongs to the module unbound-nearmiss(8): it checks a policy, says "
            "what the policy decides and why, reads the events and asks the running module. "
            "Every command takes --help and --version.".replace("--", "\\-\\-"))),
        ("COMMANDS", "\n".join(out)),
        ("EXIT STATUS", status),
        ("FILES", files()),
        ("EXAMPLES", man.body(man.section_of(readme, "Is it working?"))),
        ("SEE ALSO", see_also(("nearmiss.yaml", 5), ("unbound-nearmiss", 8), ("unbound", 8))),
    ])


def policy_page(policy, lookalikes):
    intro = policy.split("\n## ", 1)[0]
    sections = re.findall(r"^## (.+)\n", policy, re.MULTILINE)
    parts = [("NAME", "nearmiss.yaml \\- the policy of unbound\\-nearmiss"),
             ("DESCRIPTION", man.body(intro))]
    for title in sections:
        parts.append((title.upper(), man.body(man.section_of(policy, title))))
    parts += [
        ("CLASSES OF LOOK-ALIKES", man.body(man.section_of(lookalikes, "Classes"))),
        ("FILES", files()),
        ("SEE ALSO", see_also(("nearmiss", 1), ("unbound-nearmiss", 8), ("unbound.conf", 5))),
    ]
    return man.page("nearmiss.yaml", 5, "nearmiss manual", release(), parts)


def module_page():
    readme = (ROOT / "README.md").read_text()
    text = {name: (DOC / f"{name}.md").read_text() for name in
            ("policy", "events", "limits", "design", "troubleshooting")}
    intro = readme.split("\n## ", 1)[0]
    configuration = man.section_of(readme, "Install")
    return man.page("unbound-nearmiss", 8, "nearmiss manual", release(), [
        ("NAME", "unbound\\-nearmiss \\- Unbound module that stops mail to look\\-alike domains"),
        ("SYNOPSIS", ".nf\nserver:\n  module\\-config: \"dynlib validator iterator\"\ndynlib:\n"
                     "  dynlib\\-file: /usr/lib/unbound/nearmiss.so\n.fi"),
        ("DESCRIPTION", man.body(intro)),
        ("CONFIGURATION", man.body("In `unbound.conf`" +
                                   configuration.split("\nIn `unbound.conf`", 1)[1])),
        ("FIRST STEPS", man.body(man.section_of(readme, "Observe, then enforce"))),
        ("CHANGING THE POLICY", man.body(man.section_of(text["policy"], "Changing it"))),
        ("EVENTS", man.body(man.section_of(text["events"], "Where events go"))),
        ("WHAT FAILS HOW", man.body(man.section_of(text["design"], "What fails how"))),
        ("SWITCH IT OFF", man.body(man.section_of(readme, "Switch it off"))),
        ("LIMITS", man.body(man.section_of(readme, "Five limits that bite"))),
        ("IF UNBOUND DOES NOT START",
         man.body(man.section_of(text["troubleshooting"], "Unbound does not start"))),
        ("FILES", files()),
        ("ENVIRONMENT", ".TP\n.B NEARMISS_CONFIG\nThe policy; else nearmiss.yaml in Unbound\\(aqs\n"
                        "directory."),
        ("SEE ALSO", see_also(("nearmiss", 1), ("nearmiss.yaml", 5), ("unbound", 8),
                              ("unbound.conf", 5))),
    ])


def event_table():
    """The fields of an event, from its schema, which is written by hand."""
    schema = json.loads((ROOT / "contrib/schema/nearmiss.event.schema.json").read_text())
    always, alerts = schema["required"], schema["then"]["required"]
    rows = []
    for name, field in schema["properties"].items():
        where = "every event" if name in always else "every alert" if name in alerts else "some"
        rows.append(f"| `{name}` | {where} | {field['description']} |")
    return "## Every field\n\n| field | in | what it holds |\n| --- | --- | --- |\n" + "\n".join(rows)


def documents(program, command):
    """The files by path, each with the content that it must have."""
    events = with_block((DOC / "events.md").read_text(), "fields", event_table())
    policy = with_block((DOC / "policy.md").read_text(), "keys", output_of(program, "keys"))
    lookalikes = with_block((DOC / "lookalikes.md").read_text(), "classes",
                            output_of(program, "classes"))
    described = json.loads(output_of(command, "--describe"))
    return {
        DOC / "policy.md": policy,
        DOC / "events.md": events,
        DOC / "lookalikes.md": lookalikes,
        ROOT / "contrib/schema/nearmiss.policy.schema.json": output_of(program, "schema"),
        DOC / "man/nearmiss.1": command_page(described),
        DOC / "man/nearmiss.yaml.5": policy_page(policy, lookalikes),
        DOC / "man/unbound-nearmiss.8": module_page(),
        ROOT / "contrib/completion/nearmiss.bash": completion.bash(described),
        ROOT / "contrib/completion/_nearmiss": completion.zsh(described),
        ROOT / "contrib/completion/nearmiss.fish": completion.fish(described),
    }


def main():
    options = argparse.ArgumentParser(description=__doc__.split("\n\n")[1])
    options.add_argument("--program", required=True, help="build/contrib/doc/nearmiss_documents")
    options.add_argument("--command", required=True, help="build/contrib/cli/nearmiss")
    options.add_argument("--check", action="store_true", help="write nothing, compare")
    asked = options.parse_args()
    stale = []
    for path, content in documents(asked.program, asked.command).items():
        if not path.exists() or path.read_text() != content:
            stale.append(str(path.relative_to(ROOT)))
            if not asked.check:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(content)
    if stale and asked.check:
        print("these are no longer what the code says: " + ", ".join(stale) +
              "\nmake them again: cmake --build build --target documents", file=sys.stderr)
        return 1
    print("\n".join(stale) or "nothing to change")
    return 0


if __name__ == "__main__":
    sys.exit(main())
