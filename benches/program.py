"""Measures the binary itself, and the GitHub Action that runs it."""

import os
import pathlib
import re
import shutil
import subprocess

from row import Row, ms, thousands
from stage import HOME, PLACE, Command


def size(stage):
    ours = stage.binary.stat().st_size
    peers = {name: os.stat(command.argv[0]).st_size for name, command in stage.go_helpers().items()}
    compressed = download(stage)
    return [
        *(Row(f"{kind(stage.binary)}, bytes", thousands(ours), f"{name}: {thousands(peer)}", ours / peer, "at most 5,000,000", ours <= 5_000_000)
          for name, peer in peers.items()),
        Row("GitHub Action: bytes that it downloads", thousands(compressed), "", None, "at most 2,400,000", compressed <= 2_400_000),
    ]


def download(stage):
    """Returns the compressed size of the binary, as in a release for the action."""
    copy = PLACE / "compressed"
    shutil.copy(stage.binary, copy)
    subprocess.run([stage.target / "node/bin/node", stage.root / "scripts/compress.js", copy], check=True)
    return copy.with_name("compressed.br").stat().st_size


def kind(binary):
    """Returns the kind of the measured binary. A release has only static binaries."""
    said = subprocess.run(["file", "--brief", str(binary)], capture_output=True, text=True, check=True).stdout
    stripped = "" if ", stripped" in said else ", not stripped"
    return ("static binary" if "static" in said else "dynamic binary") + stripped


def action(stage):
    """Measures both steps on node, in a job that needs no network: the registry is given, and nothing is verified."""
    stage.home()
    main = main_step(stage)
    new_job = kept("new-job")
    stage.lab.reset()
    stage.run(main)
    post = post_step(stage, main)
    set_up_job = kept("set-up-job")
    stage.run(post)
    asked = sum(stage.lab.calls()["counts"].values())
    return [
        Row("GitHub Action, both steps without verifying: calls to AWS", thousands(asked), "", None, "0", asked == 0),
        *beside_node(stage, "main", main, new_job),
        *beside_node(stage, "post", post, set_up_job),
    ]


def kept(name):
    """Copies the home, and returns the command that restores it: a step run again would find its own files."""
    copy = PLACE / name
    subprocess.run(["cp", "-a", HOME, copy], check=True)
    return f"sh -c 'rm -rf {HOME} && cp -a {copy} {HOME}'"


def beside_node(stage, name, step, before):
    """Measures a step beside an empty node program."""
    nothing = PLACE / "empty.js"
    nothing.write_text("")
    node = stage.command(*step.argv[:1], nothing)
    # The Action refuses to run with its stderr in /dev/null, where no runner would see what to mask.
    # bash, as dash drops variables with a hyphen.
    commands = {name: Command(("/bin/bash", "-c", 'exec "$@" 2>&1', "bash", *of.argv), of.env) for name, of in (("step", step), ("node", node))}
    times = stage.times(commands, 5 if stage.quick else 50, before)
    (wall, processor), (node_wall, node_processor) = ((of.wall, of.processor) for of in (times["step"], times["node"]))
    what = f"GitHub Action, {name} step without the network"
    return [
        Row(what, ms(wall), f"empty node program: {ms(node_wall)}", wall / node_wall, "at most 15 ms more", wall - node_wall <= 0.015, True),
        Row(f"{what}, of the processor", ms(processor), f"empty node program: {ms(node_processor)}", processor / node_processor, timed=True),
    ]


def main_step(stage):
    """Runs the step like GitHub's runner."""
    runner = HOME / "runner"
    files = {name: runner / name.lower() for name in ("GITHUB_STATE", "GITHUB_OUTPUT", "GITHUB_ENV", "GITHUB_PATH", "GITHUB_STEP_SUMMARY")}
    runner.mkdir()
    for file in files.values():
        file.write_text("")
    (runner / "temp").mkdir()
    node = pathlib.Path(stage.target / "node/bin/node").resolve()
    given = {"BINARY-PATH": stage.binary, "REGISTRIES": stage.registry, "VERIFY": "false", "MODE": "helper", "DOCKER-CONFIG": "isolated"}
    env = {**stage.env, **{name: str(file) for name, file in files.items()}, **{f"INPUT_{name}": str(value) for name, value in given.items()}}
    env |= {"RUNNER_TEMP": str(runner / "temp"), "GITHUB_ACTIONS": "true", "GITHUB_WORKSPACE": str(runner), "GITHUB_RUN_ID": "1",
            "GITHUB_RUN_ATTEMPT": "1", "GITHUB_REPOSITORY": "octo/app", "GITHUB_JOB": "build", "RUNNER_ENVIRONMENT": "github-hosted"}
    command = stage.command(node, stage.root / "action/main.js")
    return command.with_env(**env)


def post_step(stage, main):
    """Returns the post step of this main step, with the state that it saved."""
    state = pathlib.Path(main.env["GITHUB_STATE"]).read_text()
    # NAME=VALUE, or NAME<<END with lines up to END.
    saved = re.findall(r"^(\w+)(?:=([^\n]*)|<<(\S+)\n(.*?)\n\3)$", state, re.MULTILINE | re.DOTALL)
    given = {f"STATE_{name}": value or lines for name, value, _, lines in saved}
    return stage.command(main.argv[0], stage.root / "action/post.js").with_env(**main.env, **given)
