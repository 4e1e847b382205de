#!/usr/bin/env python3
"""Checks the dependencies of crates and modules: which one uses which, and that there are no cycles.

Usage: house.py            check, and print the floors
       house.py --write    put the picture and the table into docs/architecture.md, as Cargo has them
       house.py --modules CRATE   print which module of a crate uses which

Cargo already refuses cycles of crates. This script adds three checks:
1. The picture and the table in docs/architecture.md have exactly the dependencies that `cargo metadata` reports, and each crate is on its
   floor: 1 for a crate that uses none of ours, else one more than the highest floor that it uses.
2. Inside a crate no module uses a module that uses it back, directly or through others.
3. No command uses another command: a command is a module in src/commands/ that the command line (src/cli.rs) uses.

A module "uses" another if its code names that module or one of its items. The script finds names in `use` declarations and in paths,
follows `pub use` to the module that defines the item, and leaves tests out. A module and the modules inside it count as one for the
modules beside it. What the modules inside share may be defined in the module around them.
"""

import json
import re
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs/architecture.md"

Module = tuple  # the path of a module inside its crate: () is lib.rs


@dataclass
class Source:
    """The names in one module's file, without its tests."""

    children: set = field(default_factory=set)
    items: set = field(default_factory=set)
    imports: dict = field(default_factory=dict)  # local name -> (path, whether it is `pub`)
    globs: list = field(default_factory=list)  # (path, whether it is `pub`)
    paths: list = field(default_factory=list)  # every other path in the code


# Reading Rust ---------------------------------------------------------------------------------------------------------------------------

NOISE = re.compile(
    r"""//[^\n]*|/\*.*?\*/|r(\#*)".*?"\1|b?"(?:\\.|[^"\\])*"|b?'(?:\\(?:u\{\w+\}|x\w\w|.)|[^'\\])'""",
    re.DOTALL,
)
TESTS = re.compile(r"#\[cfg\(\s*(?:all\(\s*)?test\b")
ITEM = re.compile(
    r"\b(?:pub(?:\([^)]*\))?\s+)?(?:(?:const|async|unsafe|default)\s+)*"
    r"(?:fn|struct|enum|trait|type|const|static|union|macro_rules!)\s+(?:mut\s+)?([A-Za-z_]\w*)"
)
CHILD = re.compile(r"\bmod\s+(\w+)\s*;")
INLINE = re.compile(r"\bmod\s+(\w+)\s*\{")
USE = re.compile(r"(\bpub(?:\([^)]*\))?\s+)?\buse\s+([^;]+);")
PATH = re.compile(r"(?<![\w:.])([a-z_]\w*(?:\s*::\s*[A-Za-z_]\w*)+)")


def strip(text):
    """Returns the code without comments, string contents and tests."""
    text = NOISE.sub(lambda it: " " if it[0].startswith("/") else '""', text)
    while found := TESTS.search(text):
        text = text[: found.start()] + text[end_of_item(text, found.start()) :]
    return text


def end_of_item(text, start):
    """Returns the end of the item behind the attributes at `start`: its `;`, or its closing brace."""
    depth = 0
    for place in range(start, len(text)):
        character = text[place]
        if character in "([{":
            depth += 1
        elif character in ")]}":
            depth -= 1
            if depth == 0 and character == "}":
                return place + 1
        elif character == ";" and depth == 0:
            return place + 1
    return len(text)


def tree(text):
    """Returns the (path, name) pairs of a `use` declaration such as `a::{b, c as d, self}`."""
    text = re.sub(r"\s+", " ", text.strip())
    if "{" in text:
        before, inside = text.split("{", 1)
        prefix = [it for it in before.replace(" ", "").split("::") if it]
        for part in split(inside.rsplit("}", 1)[0]):
            for path, name in tree(part):
                if path[-1:] == ["self"]:
                    yield prefix + path[:-1], name if name != "self" else prefix[-1]
                else:
                    yield prefix + path, name
        return
    path, _, name = text.partition(" as ")
    path = [it for it in path.replace(" ", "").split("::") if it]
    if path:
        yield path, name.strip() or path[-1]


def split(text):
    """Splits at commas, but not at those within braces."""
    parts, depth = [""], 0
    for character in text:
        depth += {"{": 1, "}": -1}.get(character, 0)
        if character == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += character
    return [part for part in parts if part.strip()]


def parse(code):
    """Reads one module's code, without modules inside braces."""
    source = Source()
    source.children |= set(CHILD.findall(code))
    source.items |= set(ITEM.findall(code))
    for public, text in USE.findall(code):
        for path, name in tree(text):
            if path[-1] == "*":
                source.globs.append((path[:-1], bool(public)))
            else:
                source.imports[name] = (path, bool(public))
    for path in PATH.findall(USE.sub(";", code)):
        source.paths.append(re.sub(r"\s", "", path).split("::"))
    return source


def read(root_file):
    """Returns all modules of a crate: path -> Source."""
    modules = {}

    def visit(path, code, folder):
        # A module in braces is a separate module.
        inner = []
        while found := INLINE.search(code):
            end = end_of_item(code, found.start())
            inner.append((found[1], code[found.end() : end - 1]))
            code = f"{code[: found.start()]} {code[end:]}"
        source = parse(code)
        modules[path] = source
        for name, body in inner:
            source.children.add(name)
            visit((*path, name), body, folder / name)
        for name in source.children - {it for it, _ in inner}:
            places = [folder / f"{name}.rs", folder / name / "mod.rs"]
            file = next((it for it in places if it.is_file()), None)
            # #[path] selects a file for each system. All these files together are the module.
            files = [file] if file else sorted((folder / path[-1]).glob("*.rs"))
            visit((*path, name), "\n".join(strip(it.read_text()) for it in files), folder / name)

    visit((), strip(root_file.read_text()), root_file.parent)
    return modules


# Which module uses which -----------------------------------------------------------------------------------------------------------------


def resolve(modules, module, path, seen=frozenset()):
    """Returns the module that defines the meaning of `path` in `module`, or None if another crate defines it."""
    if (module, tuple(path)) in seen:
        return None
    seen = seen | {(module, tuple(path))}
    head, rest = path[0], path[1:]
    if head == "crate":
        return walk(modules, (), rest, seen)
    if head == "self":
        return walk(modules, module, rest, seen)
    if head == "super":
        return walk(modules, module[:-1], rest, seen) if module else None
    source = modules[module]
    if head in source.children or head in source.items:
        return walk(modules, module, path, seen)
    if head in source.imports:
        imported = source.imports[head][0]
        return resolve(modules, module, imported + rest, seen) if imported != path else None
    return None


def walk(modules, at, path, seen):
    """Returns the module that defines the item at `path`, which starts in module `at`."""
    if not path:
        return at
    head, rest = path[0], path[1:]
    if head == "super":
        return walk(modules, at[:-1], rest, seen)
    source = modules[at]
    if head in source.children:
        return walk(modules, (*at, head), rest, seen)
    if head in source.items:
        return at
    if head in source.imports:
        return resolve(modules, at, source.imports[head][0] + rest, seen)
    for glob, _ in source.globs:
        place = resolve(modules, at, glob, seen)
        if place is not None and head in modules[place].items | modules[place].children | set(modules[place].imports):
            return walk(modules, place, path, seen)
    return None  # the item comes from a derive, a macro or another crate


def uses(modules):
    """Returns module -> the modules of the same crate that it uses. A re-export (`pub use`) does not count as a use."""
    found = {}
    for module, source in modules.items():
        paths = [path for path, public in source.imports.values() if not public]
        paths += [path for path, public in source.globs if not public] + source.paths
        places = {resolve(modules, module, path) for path in paths}
        found[module] = places - {None, module}
    return found


def rooms(graph):
    """For each module with modules inside, returns which of those use each other, including everything inside them."""
    found = {module[:-1]: {} for module in graph if module}
    for module in graph:
        if module:
            found[module[:-1]][module] = {}
    for module, below in graph.items():
        for other in below:
            depth = next((at for at, (one, two) in enumerate(zip(module, other)) if one != two), None)
            if depth is not None:
                user, used = module[: depth + 1], other[: depth + 1]
                found[module[:depth]][user].setdefault(used, (module, other))
    return found


def neighbours(graph):
    """Returns the commands of the binary that use another command."""
    commands = {it for it in graph[("cli",)] if it[:1] == ("commands",)}
    inside = rooms(graph)[("commands",)]
    return [f"the command {user[1]} uses the command {used[1]}" for user in sorted(commands) for used in sorted(inside[user]) if used in commands]


def circles(graph):
    """Returns the sets of nodes that reach each other (Tarjan's algorithm)."""
    index, low, stack, result = {}, {}, [], []

    def visit(node):
        index[node] = low[node] = len(index)
        stack.append(node)
        for other in sorted(graph[node]):
            if other not in index:
                visit(other)
                low[node] = min(low[node], low[other])
            elif other in stack:
                low[node] = min(low[node], index[other])
        if low[node] == index[node]:
            circle = []
            while not circle or circle[-1] != node:
                circle.append(stack.pop())
            if len(circle) > 1:
                result.append(sorted(circle))

    for node in sorted(graph):
        if node not in index:
            visit(node)
    return result


def chain(graph, node, known):
    """Returns the longest path from a node of an acyclic graph."""
    if node not in known:
        below = [chain(graph, other, known) for other in sorted(graph[node])]
        known[node] = [node, *max(below, key=len, default=[])]
    return known[node]


def longest(graph):
    known = {}
    return max((chain(graph, node, known) for node in sorted(graph)), key=len)


# The crates ------------------------------------------------------------------------------------------------------------------------------


def crates():
    """Returns name -> (our crates that it depends on, the file of its root module). Dependencies of tests don't count."""
    command = ["cargo", "metadata", "--format-version", "1", "--no-deps", "--offline"]
    packages = json.loads(subprocess.run(command, cwd=ROOT, check=True, capture_output=True).stdout)["packages"]
    names = {it["name"] for it in packages}
    found = {}
    for package in packages:
        below = {it["name"] for it in package["dependencies"] if it["kind"] != "dev"} & names
        roots = [it["src_path"] for it in package["targets"] if "lib" in it["kind"]]
        found[package["name"]] = (below, Path(roots[0]))
    return found


def arrows(found):
    """Returns the lines of the page: the crates of each floor, then a row for each crate with the crates that it uses, highest floor first."""
    graph, known = {name: below for name, (below, _) in found.items()}, {}
    floor = {name: len(chain(graph, name, known)) for name in graph}
    order = sorted(graph, key=lambda name: (-floor[name], name))
    floors = [f"  {at}   {'  '.join(it for it in order if floor[it] == at)}" for at in range(max(floor.values()), 0, -1)]
    return floors + [f"| `{it}` | {floor[it]} | {', '.join(f'`{other}`' for other in sorted(graph[it])) or 'none'} |" for it in order]


def lines_of_the_page():
    """Returns the lines of docs/architecture.md that name a floor."""
    return re.findall(r"^(?:  \d+   \S.*|\| `[^|]*\| \d+ \|.*)$", PAGE.read_text(), re.MULTILINE)


def shown(crate, module):
    return "::".join([crate, *module])


def main(arguments):
    found = crates()
    if arguments[:1] == ["--write"]:
        floors, rows = ([line for line in arrows(found) if (line[0] == "|") is wanted] for wanted in (False, True))
        text = re.sub(r"(?:^  \d+   \S.*\n)+", "\n".join(floors) + "\n", PAGE.read_text(), flags=re.MULTILINE)
        PAGE.write_text(re.sub(r"(?:^\| `[^|]*\| \d+ \|.*\n)+", "\n".join(rows) + "\n", text, flags=re.MULTILINE))
        return 0
    if arguments[:1] == ["--modules"]:
        for module, below in sorted(uses(read(found[arguments[1]][1])).items()):
            print(shown(arguments[1], module), "->", ", ".join(shown("", it) for it in sorted(below)))
        return 0

    wrong, expected, actual = [], arrows(found), lines_of_the_page()
    wrong += [f"docs/architecture.md lacks: {row}" for row in expected if row not in actual]
    wrong += [f"docs/architecture.md has, and Cargo has not: {row}" for row in actual if row not in expected]
    highest = longest({name: below for name, (below, _) in found.items()})
    print(f"{len(found)} crates on {len(highest)} floors: {' > '.join(highest)}")
    for crate, (_, root) in sorted(found.items()):
        modules = read(root)
        graph = uses(modules)
        inside = rooms(graph)
        wrong += neighbours(graph) if crate == "ecr-auth" else []
        going_round = [(room, circle) for room in inside.values() for circle in circles(room)]
        for room, circle in going_round:
            wrong.append(f"{crate}: a circle of {len(circle)} modules:")
            for user in circle:
                for used in sorted(set(room[user]) & set(circle)):
                    wrong.append("    " + " uses ".join(shown(crate, it) for it in room[user][used]))
        way = [] if going_round or () not in inside else [it[-1] for it in longest(inside[()])]
        print(f"  {crate}: {len(modules)} modules" + (f", {len(way)} floors: {' > '.join(way)}" if way else ""))
    print("\n".join(wrong), file=sys.stderr, end="\n" if wrong else "")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
