"""The limits that `make test` checks, in limits.json beside this file. They are counts, never times.

Its parts: `rustc` and `architecture` of the figures; `figures`: what was measured; `headroom`: how many percent more pass, by unit; `at most`:
promises, which stand whatever is measured. A promise that becomes better is written there by hand.
"""

import json
import os
import pathlib

import cold
import crowd
import distance
import files
import warm
from stage import GET_TOKEN, say

FILE = pathlib.Path(__file__).with_name("limits.json")
UPDATE = "benches/bench.sh --gate --update"


def run(stage, rustc, update):
    """Prints one line for each limit that begins with PASS or FAIL. Returns 0 if all limits are met. `update` writes new figures instead."""
    limits = json.loads(FILE.read_text())
    made = {"rustc": rustc, "architecture": os.uname().machine}
    say("counting what the release binary costs")
    found = measure(stage)
    if update:
        limits |= made
        limits["figures"] = {name: found[name] for name in limits["figures"]}
        FILE.write_text(json.dumps(limits, indent=2) + "\n")
        print(f"{FILE.name} has the figures of this build: say in the commit why they changed")
        return 0
    failed = 0
    for name, limit in all_limits(limits).items():
        holds = found[name] <= limit
        failed += not holds
        print(f"{'PASS' if holds else 'FAIL'} {name}: {found[name]:,}, at most {limit:,}")
    for name in smaller(limits, found):
        say(f"note: {name}: much less than its figure; {UPDATE} keeps it there")
    if failed:
        say(advice(limits, made))
    return 1 if failed else 0


def all_limits(limits):
    """Returns all limits by name: figures with their headroom, and fixed limits."""
    figures = {name: figure * (100 + headroom(limits, name)) // 100 for name, figure in limits["figures"].items()}
    return figures | limits["at most"]


def headroom(limits, name):
    """Returns the headroom in percent. It depends on the unit at the end of the name."""
    return limits["headroom"][name.rpartition(": ")[2]]


def smaller(limits, found):
    """Returns figures that are so high that they would not notice a regression."""
    return [name for name, figure in limits["figures"].items() if found[name] * 100 < figure * (100 - headroom(limits, name))]


def advice(limits, made):
    """Returns what to do about a failure, which depends on whether the figures are from the same compiler."""
    theirs, ours = (f"rustc {of['rustc']} on {of['architecture']}" for of in (limits, made))
    other = "" if theirs == ours else f" They are of {theirs}, this build is of {ours}: if `main` fails here too, that is all it is."
    return (
        f"hint: benches/{FILE.name} has the figures, and how much more passes.{other}"
        f" Where the cost is worth it, run {UPDATE} and say why in the commit; a promise (`at most`) is never raised so."
    )


def measure(stage):
    """Measures everything with a reproducible count, by the names of limits.json."""
    found = {"release binary: bytes": stage.binary.stat().st_size}
    found |= warm_get(stage) | asked(stage) | round_trips(stage) | setup(stage)
    return found


def warm_get(stage):
    stage.home()
    stage.run(stage.ours())
    stage.lab.reset()
    found = {"warm get: instructions": stage.instructions(stage.ours()), "warm get: calls to AWS and system calls about sockets": warm.touched(stage)}
    none, many = (warm.people(stage, count) for count in (0, 500))
    one, made = (warm.commands(stage, count) for count in (1, 500))
    return found | {
        "warm get with 500 rules in ecr-auth.yml: times the instructions of none": -(-many // none),
        "warm get with 500 rules made by setup: percent of the instructions of 1 rule": -(-100 * made // one),
    }


def asked(stage):
    """Counts connections, requests, and how often the root certificates are read."""
    found = {}
    for name, command in (("cold get, static keys", stage.ours()), ("cold get, OIDC", cold.oidc_job(stage))):
        connections, requests = cold.count(stage, command)
        found |= {f"{name}: connections": connections, f"{name}: requests": requests}
        found[f"{name}: readings of the system's root certificates"] = cold.readings_of_roots(stage, command)
    stage.lab.reset()
    stage.home()
    stage.run(stage.ours())
    stage.run(stage.ours_of("444455556666.dkr.ecr.eu-west-1.amazonaws.com"))
    found["two registries of a region: calls to ECR"] = stage.lab.calls()["counts"][GET_TOKEN]
    found["1,000 cold gets at once: calls to ECR"] = crowd.crowd(stage, stage.ours(), 1_000)[1]
    return found


def round_trips(stage):
    """Counts the round trips."""
    with distance.relayed(stage) as (relay, job):
        return {
            "cold get, static keys: round trips": distance.trips(stage, relay, stage.ours()),
            "cold get, OIDC: round trips": distance.trips(stage, relay, job),
        }


def setup(stage):
    reads, writes = files.touched(stage, files.setup(stage, 500))
    few, many = (files.instructions(stage, files.setup(stage, count)) for count in (50, 500))
    return {
        "setup of 500 registries: readings of config.json": reads,
        "setup of 500 registries: writings of config.json": writes,
        "setup of 500 registries: instructions": many,
        "setup of 500 registries: times the instructions of 50": -(-many // few),
    }
