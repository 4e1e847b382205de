#!/usr/bin/env python3
"""Test vectors of Cognito's SRP as JSON lines, computed by PyPI's pycognito and by a separate implementation of the server's half.

    generate.py [--seed N] [--count N]

The same seed gives the same lines. Numbers are in hexadecimal without leading zeros, as in requests. `secret_block` and `signature` are base64. A
line is a whole sign-in. From `pool_id`, `user_id`, `password`, `a`, `salt`, `B`, `secret_block` and `timestamp`, a client must compute `A` and
`signature`. From `user_id`, `password`, `salt`, `b` and `A`, a server must compute `B`. `u`, `S` and `key` help to find a mistake. `kind` names the
special case: half of the cases have leading zeros in salt, A, B, u or S.
"""

import argparse
import base64
import hashlib
import hmac
import json
import random

from pycognito import aws_srp

POOL_ID = "eu-west-1_LabPool01"
CLIENT_ID = "1labpublicclient0000000000"
SEED = 6
KINDS = ["plain", "salt", "tiny salt", "A", "B", "u", "small a", "odd A", "large a", "plain"]

N = int(aws_srp.N_HEX, 16)
G = 2
# Python's own function takes a tenth of a second for each.
try:
    import gmpy2

    def power(base, exponent, modulus):
        return int(gmpy2.powmod(base, exponent, modulus))

    aws_srp.pow = power
except ImportError:
    power = pow


def padded(number):
    """Returns the bytes of a number, with a zero byte in front if the top bit is set. On purpose, the code differs from pycognito's."""
    return number.to_bytes(number.bit_length() // 8 + 1, "big") if number else b"\0"


def digest(data):
    return int.from_bytes(hashlib.sha256(data).digest(), "big")


K = digest(padded(N) + b"\2")


class Client(aws_srp.AWSSRP):
    """pycognito's client with a given private number."""

    def __init__(self, user_id, password, a):
        self.given = a
        super().__init__(user_id, password, POOL_ID, CLIENT_ID, client=object())

    def generate_random_small_a(self):
        return self.given


class Server:
    """The server's half of the handshake."""

    def __init__(self, user_id, password, salt):
        pool = POOL_ID.split("_")[1]
        inner = hashlib.sha256(f"{pool}{user_id}:{password}".encode()).digest()
        self.v = power(G, digest(padded(salt) + inner), N)

    def public(self, power_of_b):
        return (K * self.v + power_of_b) % N

    def u(self, big_a, big_b):
        return digest(padded(big_a) + padded(big_b))

    def shared(self, big_a, big_b, b):
        return power(big_a * power(self.v, self.u(big_a, big_b), N) % N, b, N)


def text(rng, alphabet, least, most):
    length = least + rng.getrandbits(16) % (most - least + 1)
    return "".join(alphabet[rng.getrandbits(16) % len(alphabet)] for _ in range(length))


def short(number, bits):
    """Whether the number's first byte is zero, at this width in bits."""
    return number >> (bits - 8) == 0


def case(rng, index):
    kind = "S" if index % 100 == 99 else KINDS[index % len(KINDS)]
    letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
    user_id = f"{index}-" + text(rng, letters + "._-+äßñ漢", 1, 40)
    password = text(rng, letters + " !\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~äßñ漢🔑", 8, 60)
    salt = rng.getrandbits({"salt": 120, "tiny salt": 12}.get(kind, 128)) | 1
    a = rng.getrandbits({"small a": 64, "large a": 1024}.get(kind, 256)) | 1
    b = rng.getrandbits(48 if kind == "S" else 256) | 1
    big_a = power(G, a, N)
    while (kind == "A" and not short(big_a, 3072)) or (kind == "odd A" and big_a >> 3064 not in range(1, 16)):
        a, big_a = a + 1, big_a * G % N
    server = Server(user_id, password, salt)
    power_of_b = power(G, b, N)
    big_b = server.public(power_of_b)
    while (
        (kind == "B" and not short(big_b, 3072))
        or (kind == "u" and not short(server.u(big_a, big_b), 256))
        or (kind == "S" and not short(server.shared(big_a, big_b, b), 3072))
    ):
        b, power_of_b = b + 1, power_of_b * G % N
        big_b = server.public(power_of_b)
    timestamp = f"{text(rng, ['Mon', 'Tue', 'Sun'], 1, 1)} Nov {1 + rng.getrandbits(8) % 30} 10:11:12 UTC 2026"
    secret_block = bytes(rng.getrandbits(8) for _ in range(64))
    client = Client(user_id, password, a)
    key = client.get_password_authentication_key(user_id, password, big_b, f"{salt:x}")
    message = POOL_ID.split("_")[1].encode() + user_id.encode() + secret_block + timestamp.encode()
    assert client.large_a_value == big_a
    return {
        "kind": kind,
        "pool_id": POOL_ID,
        "user_id": user_id,
        "password": password,
        "salt": f"{salt:x}",
        "a": f"{a:x}",
        "A": f"{big_a:x}",
        "b": f"{b:x}",
        "B": f"{big_b:x}",
        "u": f"{server.u(big_a, big_b):x}",
        "S": f"{server.shared(big_a, big_b, b):x}",
        "key": key.hex(),
        "secret_block": base64.b64encode(secret_block).decode(),
        "timestamp": timestamp,
        "signature": base64.b64encode(hmac.new(key, message, hashlib.sha256).digest()).decode(),
    }


def cases(seed=SEED, count=1000):
    rng = random.Random(seed)
    for index in range(count):
        yield case(rng, index)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--count", type=int, default=1000)
    arguments = parser.parse_args()
    for vector in cases(arguments.seed, arguments.count):
        print(json.dumps(vector))


if __name__ == "__main__":
    main()
