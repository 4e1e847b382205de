"""build_site.py [FOLDER]: builds the documentation as a site, by default in target/site. A broken link or anchor fails the build.

The pages themselves are the source: the README is the first page, and docs/README.md, the index, becomes the navigation. Links to files that are
not pages of the site lead to the repository.
"""

import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path, PurePosixPath
from posixpath import normpath, relpath
from urllib.parse import urlsplit

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
SETTINGS = Path(__file__).parent / "site"
REPOSITORY = tomllib.loads((ROOT / "Cargo.toml").read_text())["workspace"]["package"]["repository"]
LINK = re.compile(r"(!?\[[^\]]*\])\(([^)\s]+)\)")
NAMED = re.compile(r"^(\[[^\]]+\]: )(\S+)$", re.MULTILINE)
ADDRESS = re.compile(r'\b(href|src|srcset)="([^"]+)"')


def pages():
    """Returns each page's name on the site, by its path in the repository."""
    found = {path.relative_to(ROOT).as_posix(): path.relative_to(DOCS).as_posix() for path in DOCS.rglob("*.md")}
    return found | {"README.md": "index.md", "docs/README.md": "index.md"}


def target(address, of, names):
    """Returns the target on the site of a link in the page `of`."""
    parts = urlsplit(address)
    if parts.scheme or not parts.path:
        return address
    path = normpath((PurePosixPath(of).parent / parts.path).as_posix())
    fragment = f"#{parts.fragment}" if parts.fragment else ""
    if path == "docs/troubleshooting.md" and re.fullmatch(r"#ea\d+", fragment):
        return fragment
    if path in names:
        return relpath(names[path], PurePosixPath(names[of]).parent) + fragment
    if path.startswith("docs/") and path.endswith(".svg"):
        return relpath(f"_static/{PurePosixPath(path).name}", PurePosixPath(names[of]).parent)
    if not (ROOT / path).exists():
        return address  # which Sphinx refuses
    kind = "tree" if (ROOT / path).is_dir() else "blob"
    return f"{REPOSITORY}/{kind}/main/{path}{fragment}"


def page_of_site(of, names):
    """Returns a page's text with the site's links, a label instead of each `<a id>`, and a label above each error code."""
    text = (ROOT / of).read_text(encoding="utf-8")
    text = re.sub(r'<a id="([^"]+)"></a>', r"(\1)=", text)
    text = re.sub(r"(?m)^### (EA\d+)$", lambda heading: f"({heading[1].lower()})=\n{heading[0]}", text)
    text = LINK.sub(lambda link: f"{link[1]}({target(link[2], of, names)})", text)
    text = NAMED.sub(lambda link: link[1] + target(link[2], of, names), text)
    return ADDRESS.sub(lambda link: f'{link[1]}="{target(link[2], of, names)}"', text)


def navigation(names):
    """Returns the index as lists of pages under its headings."""
    index = (DOCS / "README.md").read_text(encoding="utf-8")
    lists = []
    for section in index.split("\n## ")[1:]:
        caption, text = section.split("\n", 1)
        places = {target(link[2], "docs/README.md", names): link[1].strip("[]") for link in LINK.finditer(text)}
        entries = [f"{title} <{place.removesuffix('.md') if '://' not in place else place}>" for place, title in places.items()]
        lists.append("\n".join(["```{toctree}", ":hidden:", f":caption: {caption}", "", *entries, "```"]))
    return "\n\n" + "\n\n".join(lists) + "\n"


def write_source(folder):
    """Writes the input of Sphinx."""
    shutil.rmtree(folder, ignore_errors=True)
    names = pages()
    for of, name in names.items():
        if of != "docs/README.md":
            place = folder / name
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(page_of_site(of, names) + (navigation(names) if of == "README.md" else ""), encoding="utf-8")
    shutil.copytree(SETTINGS, folder, dirs_exist_ok=True)
    for picture in DOCS.glob("*.svg"):
        shutil.copy(picture, folder / "_static")


def main(arguments):
    """Builds the site."""
    site = Path(arguments[0] if arguments else ROOT / "target" / "site").resolve()
    source = site.with_name(f"{site.name}-source")
    write_source(source)
    shutil.rmtree(site, ignore_errors=True)
    sphinx = [sys.executable, "-m", "sphinx", "-b", "html", "-q", "-W", "--keep-going", "-d", str(source / ".doctrees"), str(source), str(site)]
    sys.exit(subprocess.run(sphinx, check=False).returncode)


if __name__ == "__main__":
    main(sys.argv[1:])
