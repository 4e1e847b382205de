"""Prints the tables on a terminal, and writes them to docs/performance.md."""

import chart
from row import times

PAGE = "docs/performance.md"
CHART = "docs/performance.svg"
BEGIN = "<!-- The last run: make bench writes what follows -->"
END = "<!-- The end of the last run -->"
HEAD = ("what", "ours", "peer", "ratio", "to reach", "met")


def table(rows):
    """Prints one line a row with aligned columns."""
    lines = [HEAD, *map(cells, rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(HEAD))]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(line, widths)).rstrip() for line in lines)


def cells(row):
    ratio = "" if row["ratio"] is None else times(row["ratio"])
    met = {True: "yes", False: "no", None: ""}[row["met"]]
    return (row["what"], row["ours"], row["peer"], ratio, row["to_reach"], met)


def growth(found):
    """Prints a cost for each count, one line each."""
    return "\n".join(f"{one['what']} ({one['unit']}): {points(one)}" for one in found)


def points(one):
    return " · ".join(f"{count:,}: {cost(value, one['unit'])}" for count, value in one["points"])


def cost(value, unit):
    if unit == "instructions":
        return f"{value / 1e6:,.2f} M"
    return times(value) if unit == "times" else f"{value:,}"


def write(root, result):
    """Writes the page's part between its marks, and the chart. The text around it is written by hand."""
    file = root / PAGE
    before, rest = file.read_text().split(BEGIN)
    _, after = rest.split(END)
    file.write_text(f"{before}{BEGIN}\n{generated(result)}\n{END}{after}")
    (root / CHART).write_text(chart.svg(result["bars"], result["run"]))


def generated(result):
    run, rows = result["run"], result["rows"]
    counted = [row for row in rows if not row["timed"]]
    timed = [row for row in rows if row["timed"]]
    return "\n".join(
        [
            "",
            f"On {run['date']}, {run['architecture']}, {run['processors']} processors (load average at the start: {run['load']}), {run['binary']}, {', '.join(run['peers'])}:",
            "",
            "![Bars: ecr-auth beside the Go helper, the AWS CLI and an empty program](performance.svg)",
            "",
            "### Counted",
            "",
            *markdown(counted),
            "",
            "### Timed, on this run",
            "",
            *markdown(timed),
            "",
            "### How cost grows",
            "",
            "| what | how many: cost | largest by smallest |",
            "|---|---|---|",
            *(grown(one) for one in result["growth"]),
            "",
        ]
    )


def grown(one):
    costs = [value for _, value in one["points"]]
    ratio = times(max(costs) / min(costs)) if min(costs) else ""
    return f"| {one['what']} ({one['unit']}) | {points(one)} | {ratio} |"


def markdown(rows):
    yield f"| {' | '.join(HEAD)} |"
    yield "|---" * len(HEAD) + "|"
    for row in rows:
        yield f"| {' | '.join(cells(row))} |"
