#!/usr/bin/env python3
"""usage: documents.py --program nearmiss_documents --command nearmiss [--check]

Makes what the documents have from the code: the tables between the marks in contrib/doc/*.md and
the JSON Schema of a policy. With --check nothing is written; a file that would change is an error.
`cmake --build build --target documents` runs it.
"""

import argparse
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
DOC = ROOT / "contrib" / "doc"


def output_of(*command):
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, encoding="utf-8").stdout


def with_block(text, mark, block):
    """The text with what stands between `<!-- mark: ... -->` and `<!-- /mark -->` replaced."""
    pattern = re.compile(rf"(<!-- {mark}: [^>]*-->\n).*?(<!-- /{mark} -->)", re.DOTALL)
    if len(pattern.findall(text)) != 1:
        raise SystemExit(f"documents.py: there must be one block `{mark}`")
    return pattern.sub(lambda found: f"{found[1]}\n{block.strip()}\n\n{found[2]}", text)


def documents(program):
    """The files by path, each with the content that it must have."""
    policy = DOC / "policy.md"
    lookalikes = DOC / "lookalikes.md"
    return {
        policy: with_block(policy.read_text(), "keys", output_of(program, "keys")),
        lookalikes: with_block(lookalikes.read_text(), "classes", output_of(program, "classes")),
        ROOT / "contrib/schema/nearmiss.policy.schema.json": output_of(program, "schema"),
    }


def main():
    options = argparse.ArgumentParser(description=__doc__.split("\n\n")[1])
    options.add_argument("--program", required=True, help="build/contrib/doc/nearmiss_documents")
    options.add_argument("--command", required=True, help="build/contrib/cli/nearmiss")
    options.add_argument("--check", action="store_true", help="write nothing, compare")
    asked = options.parse_args()
    stale = []
    for path, content in documents(asked.program).items():
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
