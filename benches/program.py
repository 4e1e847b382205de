"""Measures the binary itself, and the GitHub Action that runs it."""

import os
import pathlib
import shutil
import subprocess

from row import Row, ms, thousands
from stage import HOME, PLACE


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
    """Measures the main step on node, in a job that needs no network: the registry is given, and nothing is verified."""
    stage.home()
    command = main_step(stage)
    # Each run is a new job, because a second step in the same job would find the first one's files.
    job = PLACE / "job"
    shutil.copytree(HOME, job)
    new_job = f"sh -c 'rm -rf {HOME} && cp -r {job} {HOME}'"
    stage.lab.reset()
    stage.run(command)
    asked = sum(stage.lab.calls()["counts"].values())
    nothing = PLACE / "empty.js"
    nothing.write_text("")
    node = stage.command(*command.argv[:1], nothing)
    times = stage.times({"action": command, "empty": node}, 5 if stage.quick else 50, new_job)
    (wall, processor), (empty_wall, empty_processor) = ((of.wall, of.processor) for of in (times["action"], times["empty"]))
    return [
        Row("GitHub Action, main step without verifying: calls to AWS", thousands(asked), "", None, "0", asked == 0),
        Row("GitHub Action, main step without the network", ms(wall), f"empty node program: {ms(empty_wall)}", wall / empty_wall,
            "at most 60 ms more", wall - empty_wall <= 0.060, True),
        Row("GitHub Action, main step without the network, of the processor", ms(processor), f"empty node program: {ms(empty_processor)}",
            processor / empty_processor, timed=True),
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
