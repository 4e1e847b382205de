"""A `get` that asks AWS, over TLS, in a lab that answers at once: connections and requests are counted, and time is mostly our own."""

import os
import pathlib
import socket
import ssl
import statistics
import time

from row import Bars, Row, mib, ms, thousands, timed
from stage import CA_BUNDLE, FORGET, GET_TOKEN, Command


def rows(stage):
    """With static keys, beside the Go helper and the AWS CLI."""
    ours, helpers, cli = stage.ours(), stage.go_helpers(), stage.aws_cli()
    commands = {"ecr-auth": ours, **helpers}
    counted = {name: count(stage, command) for name, command in {**commands, "AWS CLI": cli}.items()}
    connections, requests = counted.pop("ecr-auth")
    times = stage.times(commands, 20 if stage.quick else 100, FORGET)
    times |= stage.times({"AWS CLI": cli}, 2 if stage.quick else 20)
    instructions = {name: cold_instructions(stage, command) for name, command in commands.items()}
    own = instructions["ecr-auth"]
    stage.home()
    peak = stage.usage(ours).peak
    both = "{} and {}".format
    return [
        Row("cold `get`, static keys: connections and requests", both(connections, requests),
            ", ".join(f"{name}: {both(*of)}" for name, of in counted.items()), None, "1 and 1", (connections, requests) == (1, 1)),
        *(Row("cold `get`, static keys: instructions", thousands(own), f"{name}: {thousands(instructions[name])}", own / instructions[name]) for name in helpers),
        Row("cold `get`, static keys: peak memory", mib(peak)),
        *(row for name in helpers for row in timed("cold `get`, static keys", name, times["ecr-auth"], times[name], 0.5)),
        *timed("cold `get`, static keys", "AWS CLI's get-login-password", times["ecr-auth"], times["AWS CLI"]),
        Bars("Cold get, static keys", "ms", [[name, of.wall * 1000] for name, of in times.items()]),
    ]


def cold_instructions(stage, command):
    stage.home()
    return stage.instructions(command)


def count(stage, command):
    """Connections and requests of one cold run."""
    stage.home()
    stage.lab.reset()
    stage.run(command)
    report = stage.lab.calls()
    return report["connections"], sum(report["counts"].values())


def oidc(stage):
    """In a job of GitHub's, with a role that trusts it: issuer, STS, ECR."""
    command = oidc_job(stage)
    connections, requests = count(stage, command)
    asked = stage.lab.calls()["counts"]
    roots = readings_of_roots(stage, command)
    return [
        Row("cold `get`, OIDC: connections and requests", f"{connections} and {requests}", "", None, "3 and 3",
            (connections, list(asked.values())) == (3, [1, 1, 1])),
        Row("cold `get`, OIDC: readings of the system's root certificates", thousands(roots), "", None, "1", roots == 1),
        Row("cold `get`, OIDC: instructions", thousands(cold_instructions(stage, command))),
        *oidc_time(stage, command),
    ]


def readings_of_roots(stage, command):
    """How often a cold run opens the system's file of root certificates, and reads the folder of the same ones."""
    stage.home()
    touched = stage.trace(command, "open,openat,getdents64")
    return sum(f'"{CA_BUNDLE}"' in line or ("getdents64" in line and str(pathlib.Path(CA_BUNDLE).parent) in line) for line in touched)


def oidc_time(stage, command):
    """Wall time less what the lab took to answer (its half of three TLS handshakes is counted as ours), and the processor's alone."""
    own, processor = [], []
    for _ in range(5 if stage.quick else 50):
        stage.home()
        stage.lab.reset()
        used = stage.usage(command)
        own.append(used.wall - sum(call["microseconds"] for call in stage.lab.calls()["log"]) / 1e6)
        processor.append(used.processor)
    middle = statistics.median(own)
    return [
        Row("cold `get`, OIDC: time without the servers' answers", ms(middle), "", None, "at most 25 ms", middle <= 0.025, True),
        Row("cold `get`, OIDC: time of the processor", ms(statistics.median(processor)), timed=True),
    ]


def oidc_job(stage):
    """A `get` in a job of GitHub's: its environment has no keys."""
    job = stage.lab.ask("jobs", {"ci": "github"})
    audience = "sts.amazonaws.com"
    stage.lab.ask("oidc-providers", {"account": stage.account, "issuer": job["issuer"], "audiences": [audience]})
    conditions = [{"operator": "StringEquals", "claim": claim, "values": [value]} for claim, value in (("aud", audience), ("sub", job["subject"]))]
    trust = [{"kind": "web-identity", "provider": job["issuer"].removeprefix("https://"), "conditions": conditions}]
    role = stage.lab.ask("roles", {"account": stage.account, "name": "bench", "trust": trust})["arn"]
    env = {name: value for name, value in stage.env.items() if not name.startswith("AWS_ACCESS") and not name.startswith("AWS_SECRET")}
    env |= job["environment"]
    # GitHub's own address has TLS. The lab tells its plain one, which is rightly refused off the loopback addresses.
    path = job["environment"]["ACTIONS_ID_TOKEN_REQUEST_URL"].split("/", 3)[3]
    env |= {"ACTIONS_ID_TOKEN_REQUEST_URL": f"https://{os.environ['GITHUB_TOKENS']}/{path}", "AWS_ROLE_ARN": role}
    ours = stage.ours()
    return Command(ours.argv, env, ours.stdin)


def lab_speed(stage):
    """How long the lab itself takes, for it must be no bottleneck."""
    runs = 5 if stage.quick else 30
    stage.lab.reset()
    for _ in range(runs):
        stage.home()
        stage.run(stage.ours())
    answers = [call["microseconds"] / 1e6 for call in stage.lab.calls()["log"] if call["operation"] == GET_TOKEN]
    context = ssl.create_default_context(cafile=CA_BUNDLE)
    handshakes = [handshake(context, f"api.ecr.{stage.env['AWS_REGION']}.amazonaws.com") for _ in range(runs)]
    return [
        Row("the lab: answer to GetAuthorizationToken", ms(statistics.median(answers)), timed=True),
        Row("the lab: TLS handshake with an OpenSSL client, both sides", ms(statistics.median(handshakes)), timed=True),
    ]


def handshake(context, host):
    with socket.create_connection((host, 443)) as plain:
        began = time.monotonic()
        with context.wrap_socket(plain, server_hostname=host):
            return time.monotonic() - began
