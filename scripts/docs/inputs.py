"""inputs.py [--write]: checks that docs/github.md has the inputs and outputs of action.yml. --write updates the page."""

import sys

import yaml
from pages import ROOT

PAGE = ROOT / "docs" / "github.md"
BEGIN = "<!-- The inputs, from action.yml: target/python/bin/python scripts/docs/inputs.py --write -->\n"
END = "<!-- The end of the inputs. -->"


def tables():
    """Returns the two tables, without inputs that have a deprecation message. Those belong to other actions, and the pages about switching explain
    them."""
    action = yaml.safe_load((ROOT / "action.yml").read_text(encoding="utf-8"))
    inputs = [(name, it) for name, it in action["inputs"].items() if "deprecationMessage" not in it]
    lines = ["", "| input | what it does | default |", "|---|---|---|"]
    for name, it in inputs:
        default = f"`{it['default']}`" if it["default"] else ""
        lines.append(f"| `{name}` | {cell(it)} | {default} |")
    lines += ["", "| output | what it is |", "|---|---|"]
    lines += [f"| `{name}` | {cell(it)} |" for name, it in action["outputs"].items()]
    return "\n".join([*lines, "", ""])


def cell(it):
    """Returns a description in the form of a table cell."""
    return " ".join(it["description"].split()).replace("|", "\\|").replace("<", "&lt;")


def main(arguments):
    """Compares or writes the tables."""
    page = PAGE.read_text(encoding="utf-8")
    before, rest = page.split(BEGIN)
    _, after = rest.split(END)
    written = f"{before}{BEGIN}{tables()}{END}{after}"
    if "--write" in arguments:
        PAGE.write_text(written, encoding="utf-8")
    elif page != written:
        sys.exit("docs/github.md differs from action.yml: run: target/python/bin/python scripts/docs/inputs.py --write")


if __name__ == "__main__":
    main(sys.argv[1:])
