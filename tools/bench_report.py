"""bench_report - a table and a plot of what tests/bench has measured.

usage: bench_report.py [--page PAGE] RESULTS TABLE PLOT

RESULTS are the lines of JSON that the program printed; TABLE is written in Markdown, PLOT as an SVG that follows the reader's
light or dark.  The table is put into PAGE as well, between the two comments that say so.
"""
import json
import math
import sys
from xml.sax.saxutils import escape

BEGIN, END = "<!-- begin of the results: tools/bench -w -->", "<!-- end of the results -->"
WHERES = ["one core", "free"]
SIGNS = {"at most": "≤", "at least": "≥", "about": "="}
SLACK = 0.05  # of "about": as in bench.h
GROUPS = {
    "request": "One request on an open file",
    "shell": "Loops of bash",
    "handover": "Hand-over",
    "stream": "Many messages",
    "memory": "Shared memory",
    "pipe": "Pipes",
    "socket": "Connections",
    "table": "Tables of many objects",
    "process": "Tables of all processes",
    "parked": "Beside clients that wait",
    "rest": "A daemon at rest",
    "calls": "What an operation of a shell takes",
}


def read(path):
    """The machine; rows by id, each a list of records; and who was left out."""
    machine, rows, skipped = {}, {}, {}
    with open(path) as file:
        for line in file:
            record = json.loads(line)
            if record["type"] == "machine":
                machine = record
            elif record["type"] == "skip":
                skipped[record["id"]] = record["why"]
            else:
                rows.setdefault(record["id"], []).append(record)
    return machine, rows, skipped


def figure(value):
    """Three digits that count."""
    if value == 0:
        return "0"
    digits = max(0, 2 - math.floor(math.log10(abs(value))))
    return f"{value:,.{min(digits, 2)}f}"


def duration(microseconds):
    for unit, size in (("s", 1e6), ("ms", 1e3), ("µs", 1)):
        if microseconds >= size:
            return f"{microseconds / size:.3g} {unit}"
    return f"{microseconds * 1e3:.3g} ns"


def is_met(record):
    """None: there is no goal."""
    if record["type"] == "count":
        return None if record["goal"] < 0 else record["value"] <= record["goal"]
    if not record["goal"]:
        return None
    ratio, goal = record["ratio"], record["goal"]
    return {"at most": ratio <= goal, "at least": ratio >= goal, "about": abs(ratio / goal - 1) <= SLACK}[record["sense"]]


def goal_of(record):
    if is_met(record) is None:
        return ""
    if record["type"] == "count":
        return f"≤ {record['goal']:,.0f}"
    return f"{SIGNS[record['sense']]} {record['goal']:g}"


def cell(record):
    if not record:
        return ""
    mark = {None: "", True: " ✓", False: " ✗"}[is_met(record)]
    return (f"**{figure(record['ratio'])}**{mark} {figure(record['low'])}–{figure(record['high'])}"
            f"<br>{duration(record['our_us'])} : {duration(record['base_us'])}")


def pairs_table(rows):
    yield "| row | what | beside | goal | on one core | free |"
    yield "| --- | --- | --- | --- | --- | --- |"
    for name, records in rows:
        at = {record["where"]: record for record in records}
        first = records[0]
        yield (f"| `{name.partition('/')[2]}` | {first['what']}: `{first['ours']}` | {first['base']} | {goal_of(first)} "
               f"| {cell(at.get(WHERES[0]))} | {cell(at.get(WHERES[1]))} |")


def counts_table(rows):
    yield "| row | what | count | goal | |"
    yield "| --- | --- | --- | --- | --- |"
    for name, records in rows:
        record = records[0]
        mark = {None: "", True: " ✓", False: " ✗"}[is_met(record)]
        yield (f"| `{name.partition('/')[2]}` | {record['what']} | **{record['value']:,.6g}**{mark} {record['unit']} "
               f"| {goal_of(record)} | {record['detail']} |")


def table(machine, rows, skipped):
    yield (f"Measured on {machine['date']}: Linux {machine['system']}, {machine['processors']} processors "
           f"({machine['processor'] or 'unknown'}), at least {machine['runs']} pairs of runs for each ratio"
           + (", a short trial" if machine["divisor"] > 1 else "") + ".")
    records = [record for several in rows.values() for record in several]
    judged = [met for met in map(is_met, records) if met is not None]
    yield ""
    yield f"{sum(judged)} of {len(judged)} figures that have a goal meet it."
    for group, title in GROUPS.items():
        of_group = [(name, several) for name, several in rows.items() if name.partition("/")[0] == group]
        for kind, write in (("pair", pairs_table), ("count", counts_table)):
            some = [(name, several) for name, several in of_group if several[0]["type"] == kind]
            if some:
                yield ""
                yield f"**{title}** (`{group}`)"
                yield ""
                yield from write(some)
    if skipped:
        yield ""
        yield "Not measured: " + "; ".join(f"`{name}` ({why})" for name, why in skipped.items()) + "."


# ---- the plot ----

WIDTH, LEFT, RIGHT, LINE, HEAD, TITLE = 960, 390, 110, 15, 64, 30
NEAR, FAR = 1 / 16, 16  # times the goal; what is beyond is drawn at the edge

STYLE = """
svg { --ink: #1f2328; --faint: #6e7781; --rule: #d0d7de; --good: #1a7f64; --bad: #bc4c00; --within: #1a7f6414; }
@media (prefers-color-scheme: dark) {
  svg { --ink: #e6edf3; --faint: #8d96a0; --rule: #3d444d; --good: #3fb68b; --bad: #f0883e; --within: #3fb68b1f; }
}
text { font: 12px system-ui, sans-serif; fill: var(--ink); }
.title { font-size: 16px; font-weight: 600; } .group { font-weight: 600; }
.faint { fill: var(--faint); } .end { text-anchor: end; } .middle { text-anchor: middle; }
.rule { stroke: var(--rule); } .goal { stroke: var(--ink); stroke-width: 1.5; } .within { fill: var(--within); }
.good { stroke: var(--good); fill: var(--good); } .bad { stroke: var(--bad); fill: var(--bad); }
.whole { stroke-width: 1; } .half { stroke-width: 5; stroke-opacity: .45; } .free { fill: none; stroke-width: 1.5; }
"""


def across(times):
    """Where on the axis so many times the goal are."""
    times = min(max(times, NEAR), FAR)
    return LEFT + (WIDTH - LEFT - RIGHT) * math.log(times / NEAR) / math.log(FAR / NEAR)


def from_goal(record, key):
    """How many times the goal: more than 1 is worse."""
    ratio, goal = record[key], record["goal"]
    return goal / ratio if record["sense"] == "at least" else ratio / goal


def drawn(record, y):
    if record["type"] == "count":
        return
    look = "good" if is_met(record) else "bad"
    free = " free" if record["where"] == WHERES[1] else ""
    at = {key: across(from_goal(record, key)) for key in ("ratio", "low", "high", "least", "most")}
    for kind, one, other in (("whole", "least", "most"), ("half", "low", "high")):
        yield f'<line class="{look} {kind}" x1="{at[one]:.1f}" x2="{at[other]:.1f}" y1="{y}" y2="{y}"/>'
    yield f'<circle class="{look}{free}" cx="{at["ratio"]:.1f}" cy="{y}" r="3.5"/>'
    yield (f'<text class="end" x="{WIDTH - 12}" y="{y + 4}">{figure(record["ratio"])} '
           f'<tspan class="faint">{goal_of(record)}</tspan></text>')


def plot(machine, rows):
    """A line for each figure with a goal, as many times the goal as it is."""
    lines, y, begin = [], HEAD, HEAD - 12
    for group, title in GROUPS.items():
        some = [several for name, several in rows.items()
                if name.partition("/")[0] == group and several[0]["type"] == "pair" and several[0]["goal"]]
        if not some:
            continue
        y += TITLE - LINE
        lines.append(f'<text class="group" x="12" y="{y + 4}">{escape(title)}</text>')
        y += LINE + 3
        for several in some:
            first = several[0]
            lines.append(f'<text x="24" y="{y + 4}">{escape(first["what"])} '
                         f'<tspan class="faint">{escape(first["ours"])}</tspan></text>')
            for record in several:
                lines.extend(drawn(record, y))
                y += LINE
            y += 3
    bottom = y
    axis = [f'<rect class="within" x="{LEFT}" y="{begin}" width="{across(1) - LEFT:.1f}" height="{bottom - begin}"/>']
    for power in range(-4, 5):
        times = 2.0 ** power
        x = across(times)
        axis.append(f'<line class="{"goal" if power == 0 else "rule"}" x1="{x:.1f}" x2="{x:.1f}" y1="{begin}" y2="{bottom}"/>')
        name = "goal" if power == 0 else f"{times:g} ×" if power > 0 else f"1/{2 ** -power}"
        axis.append(f'<text class="faint middle" x="{x:.1f}" y="{bottom + 16}">{name}</text>')
    head = [f'<text class="title" x="12" y="24">ipcfs beside what does the same without it</text>',
            f'<text class="faint" x="12" y="42">as many times the goal as it is: left is better. Medians, quartiles, extremes; '
            f'● all on one core, ○ free. Linux {escape(machine["system"])}, {machine["date"]}</text>']
    return "\n".join([
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {bottom + 28}" width="{WIDTH}" height="{bottom + 28}">',
        f"<style>{STYLE}</style>", *head, *axis, *lines, "</svg>", ""])


def put_into(page, text):
    with open(page) as file:
        before, found, rest = file.read().partition(BEGIN)
    old, found_end, after = rest.partition(END)
    if not found or not found_end:
        sys.exit(f"{page} has no place for the results")
    with open(page, "w") as file:
        file.write(f"{before}{BEGIN}\n\n{text}\n{END}{after}")


def main(arguments):
    page = None
    if arguments[:1] == ["--page"]:
        page, arguments = arguments[1], arguments[2:]
    if len(arguments) != 3:
        sys.exit(__doc__)
    results, table_path, plot_path = arguments
    machine, rows, skipped = read(results)
    text = "\n".join(table(machine, rows, skipped)) + "\n"
    with open(table_path, "w") as file:
        file.write(text)
    with open(plot_path, "w") as file:
        file.write(plot(machine, rows))
    if page:
        put_into(page, text)


if __name__ == "__main__":
    main(sys.argv[1:])
