"""links.py: checks that no link of a page is broken, and that the index has every page.

A link within the repository names a file or folder that is there and, behind `#`, a part of it that is there. Nothing is asked of the network: an address
elsewhere is https, well-formed, and of a host in HOSTS.
"""

import re
import sys
from pathlib import Path
from urllib.parse import unquote, urlsplit

from pages import ROOT, anchors, pages, raw_html, tokens

# The hosts that our pages link to. Check a new host before you add it.
HOSTS = {
    "docs.aws.amazon.com",
    "github.com",
    "keepachangelog.com",
    "semver.org",
}
INDEX = ROOT / "docs" / "README.md"
# Pages that readers from outside use. Each such page needs a line in the index.
READ = ("docs", "kubernetes", "jenkins", "crates/lab")


def links(page):
    """Returns the targets of the page's links and pictures, each with its line."""
    for token in tokens(page):
        line = token.map[0] + 1 if token.map else 0
        for child in token.children or ():
            target = child.attrs.get("href") or child.attrs.get("src")
            if target:
                yield line, target
    for html in raw_html(page):
        yield from ((0, target) for target in re.findall(r'(?:href|src|srcset)="([^"]*)"', html))


def wrong(page, target):
    """Returns what is wrong with a link of the page, or None."""
    address = urlsplit(target)
    if address.scheme or address.netloc:
        return wrong_elsewhere(address)
    path = (page.parent / unquote(address.path)).resolve() if address.path else page
    if not path.is_relative_to(ROOT) or not path.exists():
        return "there is no such file"
    if address.fragment and path.suffix == ".md" and address.fragment not in anchors(path):
        return "that page has no such part"
    return None


def wrong_elsewhere(address):
    """Returns what is wrong with a URL of another site, or None."""
    if address.scheme != "https" or not address.hostname or re.search(r"\s", address.geturl()):
        return "not an https address"
    if address.hostname not in HOSTS:
        return f"{address.hostname} is not in HOSTS of scripts/docs/links.py"
    return None


def dead_links():
    """Returns the broken links, one line each."""
    for page in pages():
        for line, target in links(page):
            reason = wrong(page, target)
            if reason:
                yield f"{page.relative_to(ROOT)}:{line}: {target}: {reason}"


def not_in_the_index():
    """Returns the pages that are not in the index."""
    named = {(INDEX.parent / urlsplit(target).path).resolve() for _, target in links(INDEX)}
    for page in pages():
        relative = page.relative_to(ROOT)
        is_read = len(relative.parts) == 1 or (relative.parts[0] in READ and "tests" not in relative.parts)
        if is_read and page not in named | {INDEX}:
            yield f"docs/README.md: {relative} has no line in the index"


def main():
    """Fails with a list of all errors."""
    found = [*dead_links(), *not_in_the_index()]
    if found:
        sys.exit("\n".join(found))


if __name__ == "__main__":
    main()
