"""inputs.py [--write]: docs/github.md has the inputs and outputs of action.yml. --write puts them there."""

import sys

import yaml
from pages import ROOT

PAGE = ROOT / "docs" / "github.md"
BEGIN = "<!-- The inputs, from action.yml: python3 scripts/docs/inputs.py --write -->\n"
END = "<!-- The end of the inputs. -->"


def tables():
    """The two tables. Inputs with a deprecation message are another action's names, which the pages about switching explain."""
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
    """A description as a table takes it."""
    return " ".join(it["description"].split()).replace("|", "\\|").replace("<", "&lt;")


def main(arguments):
    """Compares, or writes."""
    page = PAGE.read_text(encoding="utf-8")
    before, rest = page.split(BEGIN)
    _, after = rest.split(END)
    written = f"{before}{BEGIN}{tables()}{END}{after}"
    if "--write" in arguments:
        PAGE.write_text(written, encoding="utf-8")
    elif page != written:
        sys.exit("docs/github.md differs from action.yml: run: python3 scripts/docs/inputs.py --write")


if __name__ == "__main__":
    main(sys.argv[1:])
