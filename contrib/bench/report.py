"""The results as a table, as bars of text, as JSON and as a plot."""

import dataclasses
import json
import os
import statistics
import subprocess

from servers import UNPACKED

BAR = 40


def table(rows):
    out = []
    for row in rows:
        out += ["", row.title, "=" * len(row.title)]
        if row.name == "start":
            out += _start_table(row)
        elif any(line.runs for line in row.lines.values()):
            out += _rate_table(row)
        else:
            out += [f"{line.title}: " + "; ".join(
                [f"{key} {value:.3f}" for key, value in line.figures.items()] + line.notes)
                for line in row.lines.values()]
    goals = [goal for row in rows for goal in row.goals]
    if goals:
        out += ["", "Goals", "====="]
        out += [f"{'yes' if goal.reached else 'NO ':3}  {goal.what}: {goal.measured}, "
                f"goal {goal.reach}" for goal in goals]
    return "\n".join(out[1:]) + "\n"


def _rate_table(row):
    base = row.lines.get(row.base)
    yield (f"{'':24}{'queries/s':>10}{'min':>9}{'max':>9}{'us CPU/q':>10}{'busy':>6}"
           f"{'ratio':>8}{'by CPU':>8}")
    for line in row.lines.values():
        rates = [run.rate for run in line.runs]
        text = (f"{line.title:24}{line.rate():10,.0f}{min(rates):9,.0f}{max(rates):9,.0f}"
                f"{line.cost():10.2f}{line.busy():6.0%}")
        if base:
            by_rate = statistics.median(line.ratios(base, lambda run: run.rate))
            by_cost = statistics.median(line.ratios(base, lambda run: 1 / run.cost))
            text += f"{by_rate:8.3f}{by_cost:8.3f}"
        yield text + ("  " + "; ".join(line.notes) if line.notes else "")
    yield from _bars({line.title: line.rate() for line in row.lines.values()})


def _start_table(row):
    yield (f"{'':24}{'first answer':>13}{'CPU':>9}{'loading':>9}{'PSS':>9}{'peak RSS':>10}"
           f"{'bytes a name':>14}")
    for line in row.lines.values():
        f = line.figures
        yield (f"{line.title:24}{f['seconds']:11.2f} s{f['processor']:7.2f} s{f['loading']:7.2f} s"
               f"{f['memory'] / 1e6:6.0f} MB{f['peak'] / 1e6:7.0f} MB{f['bytes_a_name']:14.1f}")
    yield from _bars({line.title: max(0, line.figures["bytes_a_name"])
                      for line in row.lines.values()})


def _bars(values):
    most = max(values.values()) or 1
    yield ""
    for title, value in values.items():
        yield f"  {title:24}{'#' * round(BAR * value / most)}"


def write_json(path, rows, about):
    def plain(row):
        data = dataclasses.asdict(row)
        for line in data["lines"].values():
            for run in line["runs"]:
                run["latencies"] = []
        return data
    path.write_text(json.dumps({"about": about, "rows": [plain(row) for row in rows]}, indent=1))


def plot(path, rows, about):
    """One SVG, a panel a row; gnuplot draws it."""
    panels = []
    for row in rows:
        lines = list(row.lines.values())
        if row.name == "start":
            panels.append(("Memory, bytes a name", lines,
                           [max(0, line.figures["bytes_a_name"]) for line in lines]))
            panels.append(("Loading, seconds", lines,
                           [max(0, line.figures["loading"]) for line in lines]))
        elif any(line.runs for line in lines):
            panels.append((f"{row.title}, queries/s", lines, [line.rate() for line in lines]))
    if not panels:
        return
    height = -(-len(panels) // 2)
    script = [f"set terminal svg size 1100,{80 + 260 * height} font 'sans,11' background 'white'",
              f"set output '{path}'", "set style fill solid 0.8", "set boxwidth 0.7", "unset key",
              "set grid ytics lc rgb '#dddddd'", "set xtics scale 0",
              f"set multiplot layout {height},2 title '{about}'"]
    for number, (title, lines, values) in enumerate(panels):
        script.append(f"$data{number} << END")
        for at, (line, value) in enumerate(zip(lines, values)):
            colour = 0xD95F02 if line.kind == "nearmiss" else 0x7A8CA0
            figure = f"{value:,.{0 if value >= 100 else 2}f}"
            script.append(f'{at} {value} {colour} "{line.short}" "{figure}"')
        script += ["END", f"set title '{title}'",
                   f"set format y '{'%g' if max(values) < 100 else '%.1s %c'}'",
                   f"set xrange [-0.6:{len(lines) - 0.4}]",
                   f"set yrange [0:{1.15 * max(values) or 1}]",
                   f"plot $data{number} using 1:2:3:xtic(4) with boxes lc rgb variable, "
                   f"'' using 1:2:5 with labels offset 0,0.6"]
    subprocess.run(["gnuplot-nox"], input="\n".join(script) + "\n", text=True, check=True,
                   timeout=60, env={**os.environ, **UNPACKED, "GNUTERM": "svg"})
