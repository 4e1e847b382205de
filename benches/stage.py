"""The environment of the measurements: a home and variables of fixed lengths, the lab, and the tools."""

import json
import os
import pathlib
import re
import shlex
import shutil
import statistics
import subprocess
import sys
import tempfile
import urllib.request
from dataclasses import dataclass, field

# Fixed, so that paths have the same length on every machine. Copying, hashing and comparing paths takes instructions.
PLACE = pathlib.Path("/run/bench")
HOME = PLACE / "home"
BIN = PLACE / "bin"
CACHE = HOME / ".cache/ecr-auth"
CA_BUNDLE = "/etc/ssl/certs/ca-certificates.crt"
GET_TOKEN = "ecr:GetAuthorizationToken"


@dataclass(frozen=True)
class Command:
    """A program with its environment and the file on its standard input."""

    argv: tuple
    env: dict = field(default_factory=dict)
    stdin: str = os.devnull

    def with_env(self, **more):
        return Command(self.argv, {**self.env, **more}, self.stdin)


@dataclass(frozen=True)
class Usage:
    """The resources that a process used: seconds, CPU seconds, and peak memory in KiB."""

    wall: float
    processor: float
    peak: int


@dataclass(frozen=True)
class Times:
    """Times over many runs, in seconds. A busy machine makes `wall` longer but hardly changes `processor`."""

    wall: float
    processor: float


class Lab:
    """The lab's control endpoint (crates/lab/README.md)."""

    def __init__(self, address):
        self.address = address

    def ask(self, name, body=None, method=None):
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.address}/{name}", data=data, method=method)
        with urllib.request.urlopen(request) as answer:
            return json.loads(answer.read() or b"null")

    def reset(self):
        """Resets counts, log, faults and clock."""
        self.ask("reset", {})

    def calls(self):
        return self.ask("calls")

    def slow(self, milliseconds):
        """Delays ECR's answers from now on."""
        self.ask("faults", {"service": "ecr", "kind": "slow", "milliseconds": milliseconds})


class Stage:
    """The environment of a row. `quick` is for development: few runs, small crowds."""

    def __init__(self, quick):
        self.quick = quick
        self.lab = Lab(os.environ["LAB_CONTROL"])
        self.registry = os.environ["REGISTRY"]
        self.account = os.environ["ACCOUNT"]
        self.root = pathlib.Path(os.environ["ROOT"])
        self.target = pathlib.Path(os.environ["TARGET"])
        self.binary = BIN / "ecr-auth"
        self.home()
        BIN.mkdir(parents=True)
        shutil.copy(os.environ["ECR_AUTH"], self.binary)
        for name in ("empty", "usage"):
            shutil.copy(self.target / "bench" / name, BIN / name)
        (BIN / "docker-credential-ecr-auth").symlink_to("ecr-auth")
        self.question = PLACE / "registry"
        self.question.write_text(self.registry)
        self.env = {
            "HOME": str(HOME),
            "PATH": f"{BIN}:/usr/bin:/bin",
            "AWS_REGION": os.environ["AWS_REGION"],
            "AWS_ACCESS_KEY_ID": os.environ["AWS_ACCESS_KEY_ID"],
            "AWS_SECRET_ACCESS_KEY": os.environ["AWS_SECRET_ACCESS_KEY"],
        }

    def home(self):
        """Creates an empty home."""
        shutil.rmtree(HOME, ignore_errors=True)
        HOME.mkdir(parents=True)

    # The compared programs.

    def command(self, *argv, stdin=os.devnull):
        return Command(tuple(map(str, argv)), self.env, str(stdin))

    def ours(self):
        """Returns a `get` of ecr-auth, called like docker calls it."""
        return self.command(BIN / "docker-credential-ecr-auth", "get", stdin=self.question)

    def ours_of(self, registry):
        """Returns a `get` of ecr-auth for another registry."""
        question = PLACE / "another"
        question.write_text(registry)
        return self.command(BIN / "docker-credential-ecr-auth", "get", stdin=question)

    def go_helper(self):
        """Returns a `get` of amazon-ecr-credential-helper from this machine's Debian."""
        return self.command(shutil.which("docker-credential-ecr-login"), "get", stdin=self.question)

    def go_helpers(self):
        """Returns the Go helpers by name: Debian's, and the newest one if it is installed (scripts/install.sh)."""
        helpers, newest = {"Go helper": self.go_helper()}, self.target / "bench/go-helper"
        if (newest / "version").exists():
            name = f"Go helper {series((newest / 'version').read_text())}"
            helpers[name] = self.command(newest / "usr/bin/docker-credential-ecr-login", "get", stdin=self.question)
        return helpers

    def aws_cli(self):
        command = self.command(self.target / "python/bin/aws", "ecr", "get-login-password")
        # The AWS CLI has its own CA certificates.
        return command.with_env(AWS_CA_BUNDLE=CA_BUNDLE, AWS_DEFAULT_REGION=self.env["AWS_REGION"])

    def empty(self):
        """Returns a static program that does nothing."""
        return self.command(BIN / "empty")

    # The tools.

    def run(self, command, **options):
        """Runs a command once and returns its standard output. A failure ends the benchmark."""
        with open(command.stdin, "rb") as stdin:
            done = subprocess.run(command.argv, env=command.env, stdin=stdin, capture_output=True, text=True, cwd=PLACE, check=False, **options)
        if done.returncode != 0:
            sys.exit(f"error: {shlex.join(command.argv)}: exit status {done.returncode}\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
        return done.stdout

    def usage(self, command):
        """Runs a command once and returns the resources that it used."""
        read, write = os.pipe()
        with open(command.stdin, "rb") as stdin, os.fdopen(read) as said:
            # usage.c writes to descriptor 3.
            shell = ["/bin/sh", "-c", f'exec "$@" 3>&{write}', "sh", str(BIN / "usage"), *command.argv]
            subprocess.run(shell, env=command.env, stdin=stdin, stdout=subprocess.DEVNULL, pass_fds=[write], cwd=PLACE, check=True)
            os.close(write)
            status, wall, processor, peak = map(int, said.read().split())
        if status != 0:
            sys.exit(f"error: {shlex.join(command.argv)}: exit status {status}")
        return Usage(wall / 1e6, processor / 1e6, peak)

    def times(self, commands, runs, before=None):
        """Times several commands in turn with hyperfine, `runs` of each. Returns the median wall time and the mean CPU time, in seconds. The command
        `before` runs before each run.

        There are ten rounds, so that a busy moment of the machine affects all commands.
        """
        rounds = 1 if self.quick else 10
        found = {name: [] for name in commands}
        for _ in range(rounds):
            for name, command in commands.items():
                found[name].append(self.hyperfine(command, max(runs // rounds, 2), before))
        return {
            name: Times(
                statistics.median(time for round_ in of for time in round_["times"]),
                statistics.mean(round_["user"] + round_["system"] for round_ in of),
            )
            for name, of in found.items()
        }

    def hyperfine(self, command, runs, before):
        """Returns hyperfine's result for one command."""
        result = PLACE / "hyperfine.json"
        prepare = ["--prepare", before] if before else []
        argv = [tool("hyperfine"), "--shell=none", "--style=none", "--output=pipe", "--warmup=1", f"--runs={runs}", f"--input={command.stdin}"]
        argv += [*prepare, f"--export-json={result}", shlex.join(command.argv)]
        done = subprocess.run(argv, env=command.env, capture_output=True, text=True, cwd=PLACE, check=False)
        if done.returncode != 0:
            sys.exit(f"error: {shlex.join(argv)}\n{done.stderr[-2000:]}")
        return json.loads(result.read_text())["results"][0]

    def instructions(self, command):
        """Counts a command's instructions with callgrind. The number is the same in every run, except for random contents."""
        # Go interrupts its threads with signals, which callgrind mistakes for its own. Without them it runs and takes as many instructions.
        env = {**command.env, "GODEBUG": "asyncpreemptoff=1"}
        argv = (tool("valgrind"), "--tool=callgrind", "--callgrind-out-file=/dev/null", *command.argv)
        with open(command.stdin, "rb") as stdin:
            done = subprocess.run(argv, env=env, stdin=stdin, capture_output=True, text=True, cwd=PLACE, check=False)
        counted = re.search(r"Collected : (\d+)", done.stderr)
        if done.returncode != 0 or not counted:
            sys.exit(f"error: {shlex.join(argv)}: exit status {done.returncode}\n{done.stderr[-2000:]}")
        return int(counted[1])

    def trace(self, command, calls):
        """Returns the system calls of these names that a command makes, one a line, in strace's format."""
        with tempfile.NamedTemporaryFile(dir=PLACE, mode="r") as log:
            argv = (tool("strace"), "-f", "-qq", "-y", "-e", f"trace={calls}", "-o", log.name, *command.argv)
            self.run(Command(argv, command.env, command.stdin))
            return log.read().splitlines()


def tool(name):
    """Returns the path of a tool, because the measured environment has a PATH of its own."""
    return shutil.which(name) or sys.exit(f"error: there is no {name}: scripts/install.sh installs it")


def series(version):
    """Returns the upstream version of a Debian version: 0.12.0 of 0.12.0-1."""
    return version.split("-")[0].strip()


FORGET = f"rm -rf {HOME}/.cache {HOME}/.ecr"


def say(text):
    """Prints progress to stderr."""
    print(text, file=sys.stderr, flush=True)
