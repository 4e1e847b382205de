"""A `get` that is answered from the cache. Docker waits for it at almost every pull and push."""

from row import Bars, Growth, Row, mib, thousands, timed
from stage import CACHE, HOME

# The largest allowed ratio to the Go helper's time.
WARM = 0.2


def rows(stage):
    """Measures wall time, instructions and peak memory, compared with the Go helper with a warm cache, and with an empty program."""
    stage.home()
    ours, helpers = stage.ours(), stage.go_helpers()
    commands = {"ecr-auth": ours, **helpers, "empty program": stage.empty()}
    # Warms the caches. The Go helpers share one cache, so entries of the newer one also serve the older one.
    for command in commands.values():
        stage.run(command)
    stage.lab.reset()
    times = stage.times(commands, 50 if stage.quick else 500)
    counts = {name: stage.instructions(command) for name, command in commands.items()}
    peaks = {name: max(stage.usage(command).peak for _ in range(5)) for name, command in commands.items()}
    count, peak = counts["ecr-auth"], peaks["ecr-auth"]
    return [
        *(Row("warm `get`, instructions", thousands(count), f"{name}: {thousands(counts[name])}", count / counts[name]) for name in helpers),
        *(Row("warm `get`, peak memory", mib(peak), f"{name}: {mib(peaks[name])}", peak / peaks[name]) for name in helpers),
        calls(stage),
        *(row for name in helpers for row in timed("warm `get`, whole process", name, times["ecr-auth"], times[name], WARM)),
        *timed("warm `get`, whole process", "empty static program", times["ecr-auth"], times["empty program"], 3),
        Bars("Warm get, whole process", "ms", [[name, of.wall * 1000] for name, of in times.items()]),
        Bars("Warm get, instructions", "million", [[name, count / 1e6] for name, count in counts.items()]),
    ]


def calls(stage):
    count = touched(stage)
    return Row("warm `get`, calls to AWS and system calls about sockets", thousands(count), "", None, "0", count == 0)


def touched(stage):
    """Returns the lab's calls since its reset, plus the socket system calls of one more warm `get`."""
    sockets = stage.trace(stage.ours(), "%network")
    return sum(stage.lab.calls()["counts"].values()) + len(sockets)


def growth(stage):
    """Measures a `get` with other entries in the cache, and with rules for other registries."""
    by_people, by_setup = rules(stage), Growth("warm `get`, rules made by `setup`", "instructions", [[n, commands(stage, n)] for n in (1, 10, 100, 500)])
    (_, none), *_, (_, many) = by_people.points
    (_, one), *_, (_, made) = by_setup.points
    return [
        Row("warm `get`, 500 rules in ecr-auth.yml, instructions", thousands(many), f"without a file: {thousands(none)}", many / none, "at most 10",
            many <= 10 * none),
        Row("warm `get`, 500 rules made by `setup`, instructions", thousands(made), f"1 rule: {thousands(one)}", made / one, "at most 1.3", made <= 1.3 * one),
        entries(stage),
        by_people,
        by_setup,
    ]


def entries(stage):
    stage.home()
    stage.run(stage.ours())
    (entry,) = (path for path in CACHE.iterdir() if path.stat().st_size > 1000)
    content, points, there = entry.read_bytes(), [], 1
    for wanted in (1, 10, 100, 1_000) if stage.quick else (1, 10, 100, 1_000, 10_000):
        for number in range(there, wanted):
            copy = CACHE / f"{number:0{len(entry.stem)}x}{entry.suffix}"
            copy.write_bytes(content)
            copy.chmod(0o600)
        there = wanted
        points.append([wanted, stage.instructions(stage.ours())])
    return Growth("warm `get`, entries in the cache", "instructions", points)


def rules(stage):
    points = [[count, people(stage, count)] for count in (0, 1, 10, 100, 500)]
    return Growth("warm `get`, rules in ecr-auth.yml", "instructions", points)


def people(stage, count):
    """Counts the instructions of a warm `get` with this many rules in ecr-auth.yml. The last rule is the registry's."""
    stage.home()
    if count:
        file = HOME / ".config/ecr-auth/ecr-auth.yml"
        file.parent.mkdir(parents=True)
        lines = [f"  - match: {host}\n    profile: partner\n" for host in others(count - 1)]
        file.write_text("registries:\n" + "".join(lines) + f"  - match: {stage.registry}\n    source: chain\n")
    stage.run(stage.ours())
    return stage.instructions(stage.ours())


def commands(stage, count):
    """Counts the instructions of a warm `get` with this many rules from `setup`."""
    stage.home()
    identity = ("--client", "docker", "--source", "chain")
    stage.run(stage.command(stage.binary, "setup", *identity, *others(count - 1), stage.registry))
    stage.run(stage.ours())
    return stage.instructions(stage.ours())


def others(count):
    """Returns hosts of other registries."""
    return [f"{400_000_000_000 + number}.dkr.ecr.eu-west-1.amazonaws.com" for number in range(count)]
