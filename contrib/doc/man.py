"""Manual pages (man(7)) from the Markdown that contrib/doc uses: headings, paragraphs, lists,
indented code, tables, `code`, **strong**, *emphasis* and links. Anything else is an error, so that
no page says less than its source."""

import re

WIDTH = 78  # of a line of roff: mandoc warns above 80


def escaped(text):
    """Text as roff shows it."""
    return (text.replace("\\", "\\e").replace("-", "\\-").replace("'", "\\(aq")
            .replace("`", "\\(ga").replace("~", "\\(ti").replace("^", "\\(ha"))


def prose(text):
    """Like escaped(), for words: a hyphen is a hyphen."""
    return text.replace("\\", "\\e")


def inline(text):
    """One paragraph's text, with fonts."""
    text = re.sub(r"\[([^\]]+)\]\([^)]+\)", r"\1", text) # of a link the text alone
    parts = re.split(r"(`[^`]+`|\*\*[^*]+\*\*|\*[^*\s][^*]*\*)", text)
    out = []
    for part in parts:
        if part.startswith("`") and len(part) > 2:
            out.append("\\fB" + escaped(part[1:-1]) + "\\fR")
        elif part.startswith("**") and len(part) > 4:
            out.append("\\fB" + prose(part[2:-2]) + "\\fR")
        elif part.startswith("*") and part.endswith("*") and len(part) > 2:
            out.append("\\fI" + prose(part[1:-1]) + "\\fR")
        else:
            out.append(prose(part))
    return "".join(out)


def filled(text):
    """Lines that are short enough; none begins with a control character."""
    lines, line = [], ""
    for word in text.split(" "):
        if not word:
            continue
        if line and len(line) + 1 + len(word) > WIDTH:
            lines.append(line)
            line = word
        else:
            line = f"{line} {word}" if line else word
    lines.append(line)
    return "\n".join("\\&" + one if one[:1] in ".'" else one for one in lines)


def literal(line):
    line = escaped(line)
    return "\\&" + line if line[:1] in ".'" or line.startswith("\\(aq") else line


def cells_of(row):
    row = row.strip().strip("|").replace("\\|", "\0")
    return [cell.strip().replace("\0", "|") for cell in row.split("|")]


def described(term, text):
    return [".TP", "\\&" + term if term[:1] in ".'" else term, filled(text)]


def table(rows):
    """A table as a list of described terms: a page is too narrow for columns of sentences."""
    head, body = cells_of(rows[0]), [cells_of(row) for row in rows[2:]]
    out = []
    if head[:4] == ["key", "type and limit", "default", "example"]:
        for name, kind, usual, example, meaning in body:
            out += described(inline(name), inline(f"{meaning}"))
            out += [".br", filled(inline(f"Type: {kind}. " + (
                usual.capitalize() + "." if usual.startswith("required") else f"Default: {usual}.") +
                f" Example: {example}"))]
        return out
    for row in body:
        if len(head) == 2:
            out += described(inline(row[0]), inline(row[1]))
        else:
            out += described(inline(row[0]), "; ".join(
                f"{prose(label)}: {inline(cell)}" for label, cell in zip(head[1:], row[1:]) if cell))
    return out


def blocks(text):
    """(kind, lines) of each block."""
    kind, held = None, []
    for line in text.splitlines() + [""]:
        if line.startswith("<!--"):
            continue
        if kind == "code" and (line.startswith("    ") or not line.strip()):
            held.append(line[4:])
            continue
        if not line.strip():
            if held:
                yield kind, held
            kind, held = None, []
            continue
        now = ("heading" if line.startswith("#") else
               "table" if line.startswith("|") else
               "item" if re.match(r"(- |\d+\. )", line) else
               "code" if line.startswith("    ") and kind is None else None)
        if now == "code":
            kind, held = "code", [line[4:]]
        elif now in ("heading", "item") or (now == "table" and kind != "table"):
            if held:
                yield kind, held
            kind, held = now, [line]
        elif kind == "code":
            yield kind, held
            kind, held = now or "paragraph", [line]
        else:
            kind = kind or "paragraph"
            held.append(line)
    if held: # code, which blank lines do not end
        yield kind, held


def body(text, section=".SS"):
    """The body of a page. `section`: the macro for a heading of the second level; those of the
    first are left out, those of the third are always subsections."""
    out, after_heading = [], True
    for kind, lines in blocks(text):
        if kind == "heading":
            level = len(lines[0]) - len(lines[0].lstrip("#"))
            title = lines[0].lstrip("# ")
            if level == 1:
                continue
            if level == 2 and section == ".SH":
                out.append(".SH " + prose(title).upper())
            else:
                out.append(".SS " + inline(title))
            after_heading = True
            continue
        if kind == "code":
            while lines and not lines[-1].strip():
                lines.pop()
            out += [".PP"] if not after_heading else []
            out += [".RS 4", ".nf"] + [literal(line) for line in lines] + [".fi", ".RE"]
        elif kind == "table":
            out += table(lines)
        elif kind == "item":
            mark = re.match(r"(- |\d+\. )", lines[0])[1]
            words = " ".join([lines[0][len(mark):]] + [line.strip() for line in lines[1:]])
            out += [".IP \\(bu 2" if mark == "- " else f".IP {mark.strip()} 4",
                    filled(inline(words))]
        else:
            out += ([] if after_heading else [".PP"]) + [filled(inline(" ".join(
                line.strip() for line in lines)))]
        after_heading = False
    return "\n".join(out) + "\n"


def section_of(text, title):
    """What stands below the heading `## title`, up to the next of its level."""
    found = re.search(rf"^## {re.escape(title)}\n(.*?)(?=^## |\Z)", text, re.DOTALL | re.MULTILINE)
    if not found:
        raise SystemExit(f"man.py: there is no section `{title}`")
    return found[1]


def page(name, number, title, release, parts):
    """A whole page of (heading, roff) pairs. `release`: version and date."""
    version, date = release
    out = ['.\\" Made by `cmake --build build --target documents`; its sources are in contrib/doc.',
           f'.TH {name.upper()} {number} "{date}" "nearmiss {version}" "{title}"',
           ".nh", ".ad l"]
    for heading, text in parts:
        out += [f".SH {heading}", text.strip("\n")]
    return "\n".join(out) + "\n"
