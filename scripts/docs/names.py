"""names.py: checks that pages name what the code has, and that the code has what pages name.

1. Pages, the kubelet's configurations and `--help` name every CI system, every client and every form of ECR host: see `lists`.
2. The files and names in the recipes of CONTRIBUTING.md exist.
3. The changes in docs/mutants.md can be made: the file has this function, and the function this operator.
"""

import re
import sys

from pages import NOT_OURS, ROOT

CI = ROOT / "crates/ci/src"
CLIENTS = ROOT / "crates/client-config/src/client.rs"
FORMS = ROOT / "crates/ecr-registry/src/form.rs"
KUBELET = "kubernetes/kubelet/credential-provider-config"
RUST = ("crates", "fuzz", "src", "tests")  # the folders with Rust code
NOT_SYSTEMS = {"generic"}  # sources of tokens for every CI


def ci_systems(field="name"):
    """Returns the names of the CI systems whose descriptors set this field, as a page may write them, such as `GitLab` for `GitLab CI`."""
    (listed,) = re.findall(r"pub static ALL: [^=]*= \[(.*?)\];", (CI / "lib.rs").read_text(), re.DOTALL)
    for module, constant in re.findall(r"&(\w+)::(\w+)", listed):
        if module not in NOT_SYSTEMS:
            (text,) = re.findall(rf"static {constant}: CiSystem = CiSystem \{{\n(.*?)^\}};", (CI / f"{module}.rs").read_text(), re.DOTALL | re.MULTILINE)
            (name,) = re.findall(r'^    name: "(.*)",', text, re.MULTILINE)
            if re.search(rf"^    {field}: ", text, re.MULTILINE):
                yield re.sub(r" (Actions|CI|Pipelines)$", "", name)


def clients():
    """Returns the names of the clients with a file of their own."""
    return re.findall(r'^    name: "(.*)",', CLIENTS.read_text(), re.MULTILINE)


def forms():
    """Returns what is between account and region in each form of a private registry's host."""
    return [f".{service}." for service in re.findall(r'^    form\("(.*?)"', FORMS.read_text(), re.MULTILINE)]


def lists():
    """Returns the lists that must be complete: the file, a pattern of the part with the list, and the names."""
    yield "README.md", r"^- \*\*No stored keys.*?^- ", ci_systems("issuer")
    yield "README.md", r"^- \*\*No stored keys.*?^- |^### Everywhere else\n.*?^## ", ci_systems()
    yield "README.md", r"^- \*\*One tool for all clients.*?^- ", clients()
    yield "docs/ci.md", r".*", ci_systems()
    yield "docs/formats.md", r"^## Masks\n.*?^## ", ci_systems("masking")
    yield "docs/identity.md", r"^## The CI's token\n.*?^## ", ci_systems("issuer")
    yield "docs/registries.md", r"^## Private registries\n.*?^The region", forms()
    yield f"{KUBELET}.yaml", r".*", forms()
    yield f"{KUBELET}-service-account.yaml", r".*", forms()
    for command in ("login", "setup", "setup_plan"):
        yield f"src/commands/{command}.rs", r"^ *///[^\n]*docker[^\n]*podman[^\n]*$", clients()


def not_listed():
    """Returns the names that a list lacks, one line each."""
    for page, part, names in lists():
        found = [part.lower() for part in re.findall(part, (ROOT / page).read_text(), re.DOTALL | re.MULTILINE)]
        names = list(names)
        if not found or not names:
            yield f"{page}: the list, or what it must name, has another form: see lists() in scripts/docs/names.py"
        yield from (f"{page} doesn't name {name}" for name in names if not any(name.lower() in text for text in found))


def recipes(page="CONTRIBUTING.md"):
    """Returns the files, folders and names in the page's recipes that do not exist. A path with NAME in it is a new file."""
    _, text = (ROOT / page).read_text().split("\n## Recipes\n")
    files = (file for folder in RUST for file in (ROOT / folder).rglob("*.rs") if not NOT_OURS.intersection(file.relative_to(ROOT).parts))
    known = {name for file in files for name in re.findall(r"\b[A-Za-z]+(?:_[A-Za-z]+)+\b", file.read_text())}
    for quoted in re.findall(r"`([^`\n]+)`", text):
        if re.fullmatch(r"[\w.-]+(/[\w.*-]+)+/?", quoted) and "NAME" not in quoted and not list(ROOT.glob(quoted)):
            yield f"{page}: there is no {quoted}"
        if re.fullmatch(r"[A-Za-z]+(_[A-Za-z]+)+", quoted) and quoted not in known:
            yield f"{page}: no Rust file has {quoted}"


def body(text, function):
    """Returns the function's text, up to the brace under its first line, or None if there is no such function."""
    found = re.search(rf"^( *)(?:pub(?:\(.*?\))? )?(?:const )?fn {function}\b.*?^\1\}}", text, re.DOTALL | re.MULTILINE)
    return found and found[0]


def mutants(page="docs/mutants.md"):
    """Returns the changes of the page that cannot be made to today's code, one line each."""
    for file, change in re.findall(r"^(crates/[^ :]+): (.*)$", (ROOT / page).read_text(), re.MULTILINE):
        if not (ROOT / file).is_file():
            yield f"{page}: there is no {file}"
            continue
        text = (ROOT / file).read_text()
        found = re.search(r" in (\w+)$|^replace (?:.*::)?(\w+) -> ", change)
        inside = body(text, found[1] or found[2]) if found else text
        operator = re.match(r"replace (?!match)(\W+) with|replace match guard (.*) with|delete (\W)", change)
        types = re.findall(r"<impl [^>]*?(?:<[^>]*>)?[^>]*? for (\w+)", change)
        if inside is None or any(not re.search(rf"\b{name}\b", text) for name in types):
            yield f"{page}: {file} has no such function: {change}"
        elif operator and (f" {operator[1]} " if operator[1] else operator[2] or operator[3]) not in inside:
            yield f"{page}: {file} has no such code: {change}"


def main():
    """Fails with a list of all errors."""
    found = [*not_listed(), *recipes(), *mutants()]
    if found:
        sys.exit("\n".join(found))


if __name__ == "__main__":
    main()
