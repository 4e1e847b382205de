"""What the rows measure with: a home and an environment of fixed lengths, the lab, and the tools."""

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

# Fixed, so that paths are as long on every machine: they are copied, hashed and compared, and count as instructions.
PLACE = pathlib.Path("/run/bench")
HOME = PLACE / "home"
BIN = PLACE / "bin"
CACHE = HOME / ".cache/ecr-auth"
CA_BUNDLE = "/etc/ssl/certs/ca-certificates.crt"
GET_TOKEN = "ecr:GetAuthorizationToken"


@dataclass(frozen=True)
class Command:
    """A program, what it finds in its environment, and the file on its standard input."""

    argv: tuple
    env: dict = field(default_factory=dict)
    stdin: str = os.devnull

    def with_env(self, **more):
        return Command(self.argv, {**self.env, **more}, self.stdin)


@dataclass(frozen=True)
class Usage:
    """What a process took: seconds, seconds of the processor, KiB at its peak."""

    wall: float
    processor: float
    peak: int


@dataclass(frozen=True)
class Times:
    """Of many runs, in seconds. A busy machine makes `wall` longer and leaves `processor` about as it is."""

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
        """Counts, log, faults and clock as at the start."""
        self.ask("reset", {})

    def calls(self):
        return self.ask("calls")

    def slow(self, milliseconds):
        """From now on ECR answers so much later."""
        self.ask("faults", {"service": "ecr", "kind": "slow", "milliseconds": milliseconds})


class Stage:
    """Everything a row needs. `quick` is for development: few runs, small crowds."""

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
        """An empty one."""
        shutil.rmtree(HOME, ignore_errors=True)
        HOME.mkdir(parents=True)

    # The programs that are compared.

    def command(self, *argv, stdin=os.devnull):
        return Command(tuple(map(str, argv)), self.env, str(stdin))

    def ours(self):
        """A `get` of ours, called as docker calls it."""
        return self.command(BIN / "docker-credential-ecr-auth", "get", stdin=self.question)

    def ours_of(self, registry):
        """The same, of another registry."""
        question = PLACE / "another"
        question.write_text(registry)
        return self.command(BIN / "docker-credential-ecr-auth", "get", stdin=question)

    def go_helper(self):
        """The same of amazon-ecr-credential-helper, as this machine's Debian has it."""
        return self.command(shutil.which("docker-credential-ecr-login"), "get", stdin=self.question)

    def go_helpers(self):
        """By name: that one, and the newest one where there is one (scripts/install.sh)."""
        helpers, newest = {"Go helper": self.go_helper()}, self.target / "bench/go-helper"
        if (newest / "version").exists():
            name = f"Go helper {series((newest / 'version').read_text())}"
            helpers[name] = self.command(newest / "usr/bin/docker-credential-ecr-login", "get", stdin=self.question)
        return helpers

    def aws_cli(self):
        command = self.command(self.target / "python/bin/aws", "ecr", "get-login-password")
        # It brings authorities of its own.
        return command.with_env(AWS_CA_BUNDLE=CA_BUNDLE, AWS_DEFAULT_REGION=self.env["AWS_REGION"])

    def empty(self):
        """A static program that does nothing."""
        return self.command(BIN / "empty")

    # The tools.

    def run(self, command, **options):
        """Runs it once and returns its standard output; a failure ends the benchmark."""
        with open(command.stdin, "rb") as stdin:
            done = subprocess.run(command.argv, env=command.env, stdin=stdin, capture_output=True, text=True, cwd=PLACE, check=False, **options)
        if done.returncode != 0:
            sys.exit(f"error: {shlex.join(command.argv)}: exit status {done.returncode}\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
        return done.stdout

    def usage(self, command):
        """Runs it once: what it took."""
        read, write = os.pipe()
        with open(command.stdin, "rb") as stdin, os.fdopen(read) as said:
            # The descriptor 3 is usage.c's.
            shell = ["/bin/sh", "-c", f'exec "$@" 3>&{write}', "sh", str(BIN / "usage"), *command.argv]
            subprocess.run(shell, env=command.env, stdin=stdin, stdout=subprocess.DEVNULL, pass_fds=[write], cwd=PLACE, check=True)
            os.close(write)
            status, wall, processor, peak = map(int, said.read().split())
        if status != 0:
            sys.exit(f"error: {shlex.join(command.argv)}: exit status {status}")
        return Usage(wall / 1e6, processor / 1e6, peak)

    def times(self, commands, runs, before=None):
        """Of several commands in turn, `runs` of each, by hyperfine: the median wall time and the mean time of the processor, in seconds. `before` each
        run that command is run.

        In ten rounds, so that a busy moment of the machine meets all of them.
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
        """What it says of one command."""
        result = PLACE / "hyperfine.json"
        prepare = ["--prepare", before] if before else []
        argv = [tool("hyperfine"), "--shell=none", "--style=none", "--warmup=1", f"--runs={runs}", f"--input={command.stdin}"]
        argv += [*prepare, f"--export-json={result}", shlex.join(command.argv)]
        done = subprocess.run(argv, env=command.env, capture_output=True, text=True, cwd=PLACE, check=False)
        if done.returncode != 0:
            sys.exit(f"error: {shlex.join(argv)}\n{done.stderr[-2000:]}")
        return json.loads(result.read_text())["results"][0]

    def instructions(self, command):
        """How many it takes, by callgrind: the same number every time, but for what depends on random content."""
        # Go interrupts its threads with signals, which callgrind takes for its own; without them it runs, and counts as much.
        env = {**command.env, "GODEBUG": "asyncpreemptoff=1"}
        argv = (tool("valgrind"), "--tool=callgrind", "--callgrind-out-file=/dev/null", *command.argv)
        with open(command.stdin, "rb") as stdin:
            done = subprocess.run(argv, env=env, stdin=stdin, capture_output=True, text=True, cwd=PLACE, check=False)
        counted = re.search(r"Collected : (\d+)", done.stderr)
        if done.returncode != 0 or not counted:
            sys.exit(f"error: {shlex.join(argv)}: exit status {done.returncode}\n{done.stderr[-2000:]}")
        return int(counted[1])

    def trace(self, command, calls):
        """The system calls of these names that it makes, one a line, as strace writes them."""
        with tempfile.NamedTemporaryFile(dir=PLACE, mode="r") as log:
            argv = (tool("strace"), "-f", "-qq", "-y", "-e", f"trace={calls}", "-o", log.name, *command.argv)
            self.run(Command(argv, command.env, command.stdin))
            return log.read().splitlines()


def tool(name):
    """Its path: the environment of what is measured has a PATH of its own."""
    return shutil.which(name) or sys.exit(f"error: there is no {name}: scripts/install.sh installs it")


def series(version):
    """0.12.0 of Debian's 0.12.0-1."""
    return version.split("-")[0].strip()


FORGET = f"rm -rf {HOME}/.cache {HOME}/.ecr"


def say(text):
    """Progress, for people."""
    print(text, file=sys.stderr, flush=True)
