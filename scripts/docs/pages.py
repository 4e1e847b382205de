"""The Markdown pages of this repository, parsed as CommonMark.

pages.py PAGE HEADING [LANGUAGE [NUMBER]] prints a code block of docs/PAGE: the first one under that heading, or the first, second… of a
language. pages.py --all PAGE LANGUAGE prints all of a language, in their order. The end-to-end tests run them.
"""

import re
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from markdown_it import MarkdownIt

ROOT = Path(__file__).resolve().parents[2]
# Folders with build results, downloads or files of other programs.
NOT_OURS = {"target", "dist", "node_modules", ".git"}


@dataclass(frozen=True)
class Block:
    """A code block: its position, the heading above it, its language (may be empty), and its text."""

    page: Path
    line: int
    heading: str
    language: str
    text: str

    @property
    def place(self):
        """Returns page and line in the format of editors."""
        return f"{self.page.relative_to(ROOT)}:{self.line}"


@cache
def pages():
    """Returns all pages of the repository."""
    found = ROOT.rglob("*.md")
    return sorted(page for page in found if not NOT_OURS.intersection(page.relative_to(ROOT).parts))


@cache
def tokens(page):
    """Parses a page as CommonMark with GitHub's tables."""
    return MarkdownIt("commonmark").enable("table").parse(page.read_text(encoding="utf-8"))


def headings(page):
    """Returns the page's headings in order, as plain text."""
    found = tokens(page)
    return [plain(found[at + 1]) for at, token in enumerate(found) if token.type == "heading_open"]


def plain(inline):
    """Returns the plain text of a heading or paragraph."""
    return "".join(child.content for child in inline.children if child.type in ("text", "code_inline"))


def blocks(page):
    """Returns the page's code blocks: fenced ones, and indented ones, which have no language."""
    heading = ""
    for at, token in enumerate(tokens(page)):
        if token.type == "heading_open":
            heading = plain(tokens(page)[at + 1])
        elif token.type in ("fence", "code_block"):
            yield Block(page, token.map[0] + 1, heading, token.info.strip(), token.content)


def anchors(page):
    """Returns the valid fragments of links to the page: its headings in GitHub's form, and every `<a id>`."""
    found, seen = set(), {}
    for heading in headings(page):
        slug = re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")
        number = seen.get(slug, 0)
        seen[slug] = number + 1
        found.add(f"{slug}-{number}" if number else slug)
    return found.union(*(re.findall(r'<a id="([^"]+)"', html) for html in raw_html(page)), set())


def raw_html(page):
    """Returns the HTML in the page."""
    for token in tokens(page):
        if token.type == "html_block":
            yield token.content
        yield from (child.content for child in token.children or () if child.type == "html_inline")


def one(page, heading, language=None, number="1"):
    """Returns the text of one block."""
    found = [block.text for block in blocks(ROOT / "docs" / page) if block.heading == heading and language in (None, block.language)]
    if len(found) < int(number):
        sys.exit(f"error: docs/{page} has no such block under {heading!r}")
    return found[int(number) - 1]


def every(page, language):
    """Returns the text of all blocks of a language."""
    return "".join(block.text for block in blocks(ROOT / "docs" / page) if block.language == language)


if __name__ == "__main__":
    arguments = sys.argv[1:]
    sys.stdout.write(every(*arguments[1:]) if arguments[0] == "--all" else one(*arguments))
