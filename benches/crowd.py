"""Many concurrent `get`s with an empty cache, and a server with a delay of 150 ms."""

import os
import statistics
import time

from row import Bars, Growth, Row, ms, thousands
from stage import GET_TOKEN, PLACE, say

DISTANCE = 150  # milliseconds


def rows(stage):
    """Checks that one process calls ECR, and all processes use its answer."""
    many = 100 if stage.quick else 1_000
    found = {count: middle(stage, stage.ours(), count) for count in (1, 10, 100, 1_000) if count <= many}
    seconds, calls = found[many]
    single = found[1][0]
    starting, _ = middle(stage, stage.empty(), many)
    say("  … and as many of the Go helper")
    go_seconds, go_calls = middle(stage, stage.go_helper(), many)
    limit = 3 * single + starting
    name = f"{thousands(many)} cold `get`s at once"
    return [
        Row(f"{name}: calls to ECR", thousands(calls), f"Go helper: {thousands(go_calls)}", calls / go_calls, "1", calls == 1),
        Row(f"{name}: the last is answered", ms(seconds), f"3 single ones and the start of as many empty programs: {ms(limit)}",
            seconds / limit, "at most 1", seconds <= limit, True),
        Row(f"{name}: the last is answered", ms(seconds), f"Go helper: {ms(go_seconds)}", seconds / go_seconds, timed=True),
        Growth("cold `get`s at once: calls to ECR", "calls", [[count, calls] for count, (_, calls) in found.items()]),
        Growth("cold `get`s at once: wall time by that of one", "times", [[count, seconds / single] for count, (seconds, _) in found.items()]),
        Bars(f"Calls to ECR for {name.replace('`', '')}", "", [["ecr-auth", calls], ["Go helper", go_calls]]),
    ]


def middle(stage, command, count):
    """Runs three crowds. Returns the median time and the largest number of calls."""
    seconds, calls = zip(*(crowd(stage, command, count) for _ in range(3)))
    return statistics.median(seconds), max(calls)


def crowd(stage, command, count):
    """Starts `count` processes. Returns the seconds until the last one has ended, and the calls to ECR. All must succeed, and each `get` must
    answer."""
    stage.home()
    stage.lab.reset()
    stage.lab.slow(DISTANCE)
    answers = PLACE / "answers"
    answers.mkdir(exist_ok=True)
    env = {**command.env, "ECR_AUTH_TIMEOUT": "300"}
    began = time.monotonic()
    children = [start(command, env, answers / str(number)) for number in range(count)]
    failed = sum(os.waitpid(child, 0)[1] != 0 for child in children)
    seconds = time.monotonic() - began
    if failed:
        raise SystemExit(f"error: {failed} of {count} processes of {command.argv[0]} failed")
    if command.stdin != os.devnull and any(not (answers / str(number)).stat().st_size for number in range(count)):
        raise SystemExit(f"error: a process of {command.argv[0]} gave no answer")
    calls = stage.lab.calls()["counts"].get(GET_TOKEN, 0)
    stage.lab.reset()
    return seconds, calls


def start(command, env, answer):
    """Starts a process with its output in a file. posix_spawn, because subprocess takes several times as long."""
    files = [
        (os.POSIX_SPAWN_OPEN, 0, command.stdin, os.O_RDONLY, 0),
        (os.POSIX_SPAWN_OPEN, 1, str(answer), os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600),
        (os.POSIX_SPAWN_OPEN, 2, os.devnull, os.O_WRONLY, 0),
    ]
    return os.posix_spawn(command.argv[0], command.argv, env, file_actions=files)
