"""Draws the chart of docs/performance.md: bars, with one scale for each part that starts at zero, for light and dark pages."""

from html import escape

WIDTH, LABEL, SCALE = 760, 150, 470
BAR, GAP, PART = 18, 8, 46
STYLE = """
  text { font: 13px system-ui, sans-serif; fill: #1f2328 }
  .title { font-weight: 600 }
  .note { fill: #59636e }
  .peer { fill: #8c959f }
  .ours { fill: #0969da }
  @media (prefers-color-scheme: dark) {
    text { fill: #f0f6fc }
    .note { fill: #9198a1 }
    .peer { fill: #656c76 }
    .ours { fill: #4493f8 }
  }
"""


def svg(parts, run):
    """Returns the chart of `Bars` (row.py) and of the run that they are from."""
    drawn, top = [], 0
    for part in parts:
        drawn += one(part, top)
        top += PART + len(part["bars"]) * (BAR + GAP)
    note = f"One run, {run['date']}, {run['architecture']}, {run['processors']} processors. Shorter is better."
    drawn.append(f'<text class="note" x="0" y="{top + 20}">{escape(note)}</text>')
    size = f'width="{WIDTH}" height="{top + 32}" viewBox="0 0 {WIDTH} {top + 32}"'
    lines = [f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img">', "<title>What ecr-auth costs, beside its peers</title>"]
    return "\n".join([*lines, f"<style>{STYLE}</style>", *drawn, "</svg>", ""])


def one(part, top):
    """Draws a title and its bars."""
    title = part["title"] + (f", {part['unit']}" if part["unit"] else "")
    yield f'<text class="title" x="0" y="{top + 26}">{escape(title)}</text>'
    longest = max(value for _, value in part["bars"]) or 1
    for number, (name, value) in enumerate(part["bars"]):
        y = top + 38 + number * (BAR + GAP)
        # Even a tiny value stays visible.
        width = max(value / longest * SCALE, 1.5)
        kind = "ours" if name == "ecr-auth" else "peer"
        yield f'<text x="0" y="{y + 14}">{escape(name)}</text>'
        yield f'<rect class="{kind}" x="{LABEL}" y="{y}" width="{width:.1f}" height="{BAR}" rx="2"/>'
        yield f'<text x="{LABEL + width + 8:.1f}" y="{y + 14}">{figure(value)}</text>'


def figure(value):
    if isinstance(value, int) or value >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}"
