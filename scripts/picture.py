#!/usr/bin/env python3
"""Draws what a terminal shows while commands run in it.

    picture.py [--check] NAME <<<'docker push app'

stdin has the commands, one a line. bash runs each of them on a pty. The script writes NAME.svg and NAME-dark.svg. With --check it compares them
with the run instead, ignoring ids, sizes and times, and exits with 1 if they differ. A command may fail; the picture then shows the failure.
"""

import argparse
import difflib
import fcntl
import os
import pty
import re
import struct
import sys
import termios
from itertools import groupby
from pathlib import Path

import pyte
from rich.console import Console
from rich.style import Style
from rich.terminal_theme import TerminalTheme
from rich.text import Text

# The size of the screen in cells, small enough to be read at a glance.
COLUMNS, ROWS = 80, 16

# The text that differs in every run: a layer's id or digest, a manifest's size, the remaining lifetime of a token, the program's version.
VARIES = re.compile(r"\b(?:[0-9a-f]{64}|[0-9a-f]{12})\b|(?<=size:&#160;)\d+|(?<=&#160;)\d+(?=&#160;(?:hours|minutes|seconds)\b)|\b\d+\.\d+\.\d+\b")

# Letters with a contrast of 4.5 or more (WCAG 1.4.3): background, border, and rich's theme.
THEMES = {
    "": (
        "#ffffff",
        "#d0d7de",
        TerminalTheme(
            (255, 255, 255),
            (31, 35, 40),
            [(31, 35, 40), (179, 29, 40), (17, 99, 41), (125, 78, 0), (5, 80, 174), (130, 80, 223), (27, 124, 131), (89, 99, 110)],
        ),
    ),
    "-dark": (
        "#0d1117",
        "#3d444d",
        TerminalTheme(
            (13, 17, 23),
            (230, 237, 243),
            [(230, 237, 243), (255, 123, 114), (63, 185, 80), (210, 153, 34), (121, 192, 255), (210, 168, 255), (57, 197, 207), (145, 152, 161)],
        ),
    ),
}

# rich's own format without the download of a font.
FORMAT = """<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 24 {width} {height}" role="img" aria-label="A terminal">
<style>
.{unique_id}-matrix {{ font-family: ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace; font-size: {char_height}px; line-height: {line_height}px; }}
{styles}
</style>
<defs>
<clipPath id="{unique_id}-clip-terminal"><rect x="0" y="0" width="{terminal_width}" height="{terminal_height}"/></clipPath>
{lines}
</defs>
<rect fill="BACKGROUND" stroke="BORDER" stroke-width="3" x="0" y="24" width="100%" height="100%" rx="8"/>
<g transform="translate({terminal_x}, {terminal_y})" clip-path="url(#{unique_id}-clip-terminal)">
{backgrounds}
<g class="{unique_id}-matrix" xml:space="preserve">
{matrix}
</g>
</g>
</svg>
"""


def run(command, stream):
    """Runs a command on its own pty and feeds its output to the stream."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.environ["TERM"] = "xterm-256color"
        os.execvp("bash", ["bash", "-c", command])
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
    while True:
        try:
            stream.feed(os.read(terminal, 4096))
        except OSError:  # EIO: nobody has the other side open any more
            break
    os.close(terminal)
    os.waitpid(pid, 0)


def shown(commands):
    """Returns the screen after all commands, each behind a prompt."""
    screen = pyte.HistoryScreen(COLUMNS, ROWS)
    stream = pyte.ByteStream(screen)
    for command in commands:
        stream.feed(f"\x1b[34m$\x1b[0m \x1b[1m{command}\x1b[0m\r\n".encode())
        run(command, stream)
        stream.feed(b"\r\n")
    if screen.history.top:
        sys.exit(f"error: more than {ROWS - 1} lines")
    return screen


def style(cell):
    """Returns a cell's colour and weight as a style of rich. pyte calls dark yellow brown, as terminals once did."""
    colour = None if cell.fg == "default" else {"brown": "yellow"}.get(cell.fg, cell.fg)
    return Style(color=colour, bold=cell.bold)


def draw(screen, background, border, theme):
    """Returns the screen as an SVG."""
    console = Console(width=COLUMNS, record=True, force_terminal=True, file=open(os.devnull, "w"), color_system="standard", legacy_windows=False)
    used = "\n".join(screen.display).rstrip().count("\n") + 1
    for row in range(used):
        cells = [screen.buffer[row][column] for column in range(len(screen.display[row].rstrip()))]
        console.print(Text.assemble(*(("".join(cell.data for cell in run), look) for look, run in groupby(cells, style))), no_wrap=True, crop=False)
    form = FORMAT.replace("BACKGROUND", background).replace("BORDER", border)
    return console.export_svg(theme=theme, code_format=form, unique_id="t")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--check", action="store_true")
    parser.add_argument("name", type=Path)
    arguments = parser.parse_args()
    screen = shown(sys.stdin.read().splitlines())
    for suffix, look in THEMES.items():
        file, picture = arguments.name.with_name(f"{arguments.name.name}{suffix}.svg"), draw(screen, *look)
        if arguments.check:
            compare(file, picture)
        else:
            file.write_text(picture)


def compare(file, picture):
    """Exits with the differences between the picture and the one in the file."""
    drawn, wanted = (VARIES.sub("…", text).splitlines() for text in (file.read_text(), picture))
    difference = "\n".join(difflib.unified_diff(drawn, wanted, str(file), "this run", lineterm="", n=0))
    if difference:
        sys.exit(f"{difference}\nerror: {file} shows another run: scripts/picture.sh draws it anew")


main()
