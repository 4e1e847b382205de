"""A `get` that calls AWS over TLS. The lab answers at once, so connections and requests are counted, and the time is mostly the client's own."""

import os
import pathlib
import socket
import ssl
import statistics
import time

from row import Bars, Row, mib, ms, thousands, timed
from stage import CA_BUNDLE, FORGET, GET_TOKEN, Command


def rows(stage):
    """Measures a `get` with static keys, compared with the Go helper and the AWS CLI."""
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
    """Returns connections and requests of one cold run."""
    stage.home()
    stage.lab.reset()
    stage.run(command)
    report = stage.lab.calls()
    return report["connections"], sum(report["counts"].values())


def oidc(stage):
    """Measures a `get` in a job of GitHub, with a role that trusts the job: issuer, STS, ECR."""
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
    """Returns how often a cold run opens the system's file of root certificates and reads the folder of the same certificates."""
    stage.home()
    touched = stage.trace(command, "open,openat,getdents64")
    return sum(f'"{CA_BUNDLE}"' in line or ("getdents64" in line and str(pathlib.Path(CA_BUNDLE).parent) in line) for line in touched)


def oidc_time(stage, command):
    """Returns the wall time minus the lab's response time, and the CPU time. The lab's half of three TLS handshakes counts as the client's."""
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
    """Returns a `get` in a job of GitHub. Its environment has no keys."""
    job = stage.lab.ask("jobs", {"ci": "github"})
    audience = "sts.amazonaws.com"
    stage.lab.ask("oidc-providers", {"account": stage.account, "issuer": job["issuer"], "audiences": [audience]})
    conditions = [{"operator": "StringEquals", "claim": claim, "values": [value]} for claim, value in (("aud", audience), ("sub", job["subject"]))]
    trust = [{"kind": "web-identity", "provider": job["issuer"].removeprefix("https://"), "conditions": conditions}]
    role = stage.lab.ask("roles", {"account": stage.account, "name": "bench", "trust": trust})["arn"]
    env = {name: value for name, value in stage.env.items() if not name.startswith("AWS_ACCESS") and not name.startswith("AWS_SECRET")}
    env |= job["environment"]
    # GitHub's URL uses TLS. The lab's default is plain HTTP, which ecr-auth refuses for other than loopback addresses.
    path = job["environment"]["ACTIONS_ID_TOKEN_REQUEST_URL"].split("/", 3)[3]
    env |= {"ACTIONS_ID_TOKEN_REQUEST_URL": f"https://{os.environ['GITHUB_TOKENS']}/{path}", "AWS_ROLE_ARN": role}
    ours = stage.ours()
    return Command(ours.argv, env, ours.stdin)


def lab_speed(stage):
    """Returns the lab's own response time, because the lab must not be the bottleneck."""
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
