"""A cold `get` with a distant server: the number of round trips, and the time without them.

A relay stands between every client and the lab. It delays data by half a round trip in each direction, and the first bytes by one more round trip,
the time of opening a connection. (The kernel's own delay, tc netem, is a module that not every machine has.)
"""

import asyncio
import contextlib
import pathlib
import statistics
import subprocess
import threading
import time

import cold
from row import Row, ms, thousands
from stage import FORGET

HOSTS = pathlib.Path("/etc/hosts")
# Documentation addresses (RFC 5737). The first one is the lab's.
LAB, RELAY, PORT = "192.0.2.1", "192.0.2.3", 443
# Round trips in seconds: across a continent, and across an ocean.
NEAR, FAR = 0.030, 0.150
REGIONS = ("eu-west-1", "eu-central-1", "us-east-1", "us-west-2")


class Relay:
    """Relays connections in this network namespace to the lab."""

    def __init__(self):
        self.round_trip = 0.0
        self.trips = 0
        subprocess.run(["busybox", "ip", "address", "add", f"{RELAY}/32", "dev", "lo"], check=True)
        started = threading.Event()
        threading.Thread(target=lambda: asyncio.run(self.serve(started)), daemon=True).start()
        started.wait()

    async def serve(self, started):
        server = await asyncio.start_server(self.connection, RELAY, PORT)
        started.set()
        await server.serve_forever()

    async def connection(self, reader, writer):
        """Relays a connection. Opening it is a round trip, and so is each answer that the client has waited for."""
        self.trips += 1
        opened = time.monotonic() + self.round_trip
        to_lab, from_lab = await asyncio.open_connection(LAB, PORT)
        side = {"asks": False, "has gone": False}

        def seen(of_client, data):
            if of_client:
                side["has gone"] = not data
                side["asks"] = True
            elif data and side["asks"] and not side["has gone"]:
                side["asks"] = False
                self.trips += 1

        await asyncio.gather(
            self.pass_on(reader, from_lab, opened, lambda data: seen(True, data)), self.pass_on(to_lab, writer, opened, lambda data: seen(False, data))
        )

    async def pass_on(self, reader, writer, opened, seen):
        """Sends each piece of data half a round trip after it came, independent of earlier pieces, and then the end of the connection."""
        pieces = asyncio.Queue()
        sending = asyncio.create_task(send(pieces, writer))
        data = b"-"
        while data:
            try:
                data = await reader.read(65_536)
            except ConnectionError:
                data = b""
            seen(data)
            pieces.put_nowait((max(time.monotonic(), opened) + self.round_trip / 2, data))
        await sending


async def send(pieces, writer):
    data = b"-"
    while data:
        due, data = await pieces.get()
        await asyncio.sleep(due - time.monotonic())
        try:
            writer.write(data)
            await writer.drain()
        except ConnectionError:
            pass
    writer.close()


def rows(stage):
    """Measures a `get` with static keys and its peers, a `get` in a job of GitHub, and a `login` to several registries."""
    clients = {"ecr-auth": stage.ours(), **stage.go_helpers(), "AWS CLI": stage.aws_cli()}
    with relayed(stage) as (relay, job):
        return compared(stage, relay, clients) + in_job(stage, relay, job) + several(stage, relay)


@contextlib.contextmanager
def relayed(stage):
    """Puts a relay at all names of the lab. Yields it with a `get` in a job of GitHub."""
    relay, job, there = Relay(), cold.oidc_job(stage), HOSTS.read_text()
    HOSTS.write_text(there.replace(LAB, RELAY) + "".join(f"{RELAY} api.ecr.{region}.amazonaws.com\n" for region in REGIONS))
    try:
        yield relay, job
    finally:
        HOSTS.write_text(there)


def compared(stage, relay, clients):
    found = {name: (trips(stage, relay, command), own_time(stage, relay, command)) for name, command in clients.items()}
    (count, own), peers = found["ecr-auth"], {name: of for name, of in found.items() if name != "ecr-auth"}
    rows = [
        Row("cold `get`, static keys: round trips", thousands(count), ", ".join(f"{name}: {of[0]}" for name, of in peers.items()), None, "3", count <= 3),
    ]
    for distance in (NEAR, FAR):
        what = f"cold `get`, static keys, a round trip of {distance * 1000:.0f} ms"
        for name, (_, theirs) in peers.items():
            rows.append(Row(what, ms(own[distance]), f"{name}: {ms(theirs[distance])}", own[distance] / theirs[distance], timed=True))
        rest = own[distance] - count * distance
        rows.append(Row(f"{what}: without its {count} round trips", ms(rest), timed=True))
    return rows


def in_job(stage, relay, job):
    count, wall = trips(stage, relay, job), own_time(stage, relay, job)[FAR]
    return [
        Row("cold `get`, OIDC: round trips", thousands(count), "", None, "9", count <= 9),
        Row("cold `get`, OIDC, a round trip of 150 ms: without its round trips", ms(wall - count * FAR), timed=True),
    ]


def several(stage, relay):
    """Checks that the round trips for several registries run in parallel."""
    one, four = (login(stage, count) for count in (1, 4))
    alone, together = (own_time(stage, relay, command)[FAR] for command in (one, four))
    return [
        Row("`login` to 4 registries in 4 regions, a round trip of 150 ms", ms(together), f"1 registry: {ms(alone)}", together / alone, "at most 1.5",
            together <= 1.5 * alone, True),
    ]


def login(stage, count):
    return stage.command(stage.binary, "-q", "login", "--client", "docker", *(f"{stage.account}/{region}" for region in REGIONS[:count]))


def trips(stage, relay, command):
    """Returns the round trips of one cold run, at a distance where the client waits for every answer."""
    relay.round_trip, relay.trips = NEAR, 0
    stage.home()
    stage.run(command)
    return relay.trips


def own_time(stage, relay, command):
    """Returns the median wall time of a few cold runs for each distance."""
    found = {}
    for distance in (NEAR, FAR):
        relay.round_trip = distance
        runs = []
        for _ in range(3 if stage.quick else 15):
            subprocess.run(FORGET, shell=True, check=True)
            runs.append(stage.usage(command).wall)
        found[distance] = statistics.median(runs)
    return found
