"""Docker's configuration: how often ecr-auth reads and writes it, and what its size costs."""

import json
import re

from row import Growth, Row, thousands
from stage import HOME

FILE = HOME / ".docker/config.json"


def rows(stage):
    """Measures a `setup` of 500 registries, compared with one of 50."""
    reads, writes = touched(stage, setup(stage, 500))
    counts = {count: instructions(stage, setup(stage, count)) for count in (1, 10, 50, 100, 500)}
    ratio = counts[500] / counts[50]
    return [
        Row("`setup` of 500 registries: readings and writings of config.json", f"{reads} and {writes}", "", None, "2 and 1", (reads, writes) == (2, 1)),
        Row("`setup` of 500 registries, instructions", thousands(counts[500]), f"of 50: {thousands(counts[50])}", ratio, "at most 10", ratio <= 10),
        Growth("`setup`, registries", "instructions", [[count, counted] for count, counted in counts.items()]),
    ]


def setup(stage, count):
    """Returns a `setup` of this many registries for docker alone, with the helper's link already in place."""
    hosts = [f"{400_000_000_000 + number}/eu-west-1" for number in range(count)]
    return stage.command(stage.binary, "setup", "--client", "docker", *hosts)


def fresh(stage, content="{}"):
    """Creates an empty home with this configuration."""
    stage.home()
    FILE.parent.mkdir(parents=True)
    FILE.write_text(content)


def instructions(stage, command):
    fresh(stage)
    return stage.instructions(command)


def touched(stage, command):
    """Returns how often a command opens the configuration to read it, and how often it replaces it or writes to it.

    A descriptor that was opened with `O_PATH` doesn't count, because it can't read.
    """
    fresh(stage)
    reads = writes = 0
    for line in stage.trace(command, "open,openat,rename,renameat,renameat2"):
        if re.search(r" = -\d", line) or "O_PATH" in line:
            continue
        if "rename" in line:
            writes += re.findall(r'"([^"]*)"', line)[-1] == str(FILE)
        elif f"<{FILE}>" in line:
            written = "O_WRONLY" in line or "O_RDWR" in line
            writes += written
            reads += not written
    return reads, writes


def growth(stage):
    """Measures the effect of other programs' entries in the file. `get` and `list` never open it."""
    sizes = (10_000, 100_000, 1_000_000) if stage.quick else (10_000, 100_000, 1_000_000, 10_000_000)
    points = {name: [] for name in ("get", "list", "setup", "logout")}
    for size in sizes:
        fresh(stage, filled(size))
        stage.run(stage.ours())
        points["get"].append([size, stage.instructions(stage.ours())])
        points["list"].append([size, stage.instructions(stage.command(stage.binary, "helper", "list"))])
        points["setup"].append([size, stage.instructions(setup(stage, 1))])
        points["logout"].append([size, stage.instructions(stage.command(stage.binary, "logout"))])
    return [Growth(f"{'warm ' if name == 'get' else ''}`{name}`, bytes of config.json", "instructions", of) for name, of in points.items()]


def filled(size):
    """Returns a configuration of about this many bytes, with logins at other registries."""
    entry = {"auth": "bmFtZTpub3QgYSBwYXNzd29yZCBvZiBhbnlib2R5"}
    count = size // 100
    return json.dumps({"auths": {f"registry-{number:06}.example.com": entry for number in range(count)}}, indent="\t")
