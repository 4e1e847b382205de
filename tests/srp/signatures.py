#!/usr/bin/env python3
"""Writes signatures.json: password signatures as PyPI's pycognito computes them, an implementation that is not ours.

    pip install pycognito==2024.5.1
    tests/srp/signatures.py >tests/srp/signatures.json

Every input is derived from the seed and the number of its case, so that the file holds signatures alone; src/cognito/srp/vectors.rs
derives them again. Each case is checked from the server's side, too: a verifier that knows g^x alone comes to the same key.
"""

import base64
import datetime
import hashlib
import hmac
import itertools
import json

from pycognito import aws_srp

SEED = "ecr-auth srp 1"
RANDOM_CASES = 1000
# More of what is rare: numbers whose first byte is zero, one in 256 each, and those whose first bit is set.
RARE_CASES = 2
N = aws_srp.hex_to_long(aws_srp.N_HEX)
K = aws_srp.hex_to_long(aws_srp.hex_hash("00" + aws_srp.N_HEX + "0" + aws_srp.G_HEX))
ALPHABET = "aZ0 :_\"\\'$é߀🔑"


def stream(case, label, length):
    blocks = (hashlib.sha256(f"{SEED}/{case}/{label}/{block}".encode()).digest() for block in itertools.count())
    return b"".join(itertools.islice(blocks, -(-length // 32)))[:length]


def number(case, label, length):
    return int.from_bytes(stream(case, label, length), "big")


class Case:
    def __init__(self, case):
        self.case = case
        self.pool_name = stream(case, "pool", 5).hex()[:9]
        self.user_id = stream(case, "user", 16).hex()
        self.password = "".join(ALPHABET[byte % len(ALPHABET)] for byte in stream(case, "password", 8 + case % 9))
        self.salt = number(case, "salt", 16)
        self.srp = object.__new__(aws_srp.AWSSRP)
        self.srp.pool_id = f"eu-west-1_{self.pool_name}"
        self.srp.big_n, self.srp.val_g, self.srp.val_k = N, 2, K
        self.srp.small_a_value = number(case, "a", 128)
        self.srp.large_a_value = self.srp.calculate_a()
        inner = aws_srp.hash_sha256(f"{self.pool_name}{self.user_id}:{self.password}".encode())
        self.x = aws_srp.hex_to_long(aws_srp.hex_hash(aws_srp.pad_hex(self.salt) + inner))
        self.verifier = pow(2, self.x, N)
        self.b = number(case, "b", 32)
        self.server_public = (K * self.verifier + pow(2, self.b, N)) % N
        self.u = aws_srp.calculate_u(self.srp.large_a_value, self.server_public)

    def shared(self):
        """The server's way to S."""
        return pow(self.srp.large_a_value * pow(self.verifier, self.u, N), self.b, N)

    def signature(self):
        salt = aws_srp.long_to_hex(self.salt)
        key = self.srp.get_password_authentication_key(self.user_id, self.password, self.server_public, salt)
        padded = [bytes.fromhex(aws_srp.pad_hex(value)) for value in (self.shared(), self.u)]
        assert key == aws_srp.compute_hkdf(*padded)
        seconds = 1_500_000_000 + number(self.case, "time", 4) % 500_000_000
        moment = datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc)
        timestamp = self.srp.get_cognito_formatted_timestamp(moment)
        block = stream(self.case, "block", 64 + self.case % 64)
        message = (self.pool_name + self.user_id).encode() + block + timestamp.encode()
        return base64.b64encode(hmac.new(key, message, hashlib.sha256).digest()).decode()


def is_short(value, length):
    return value.bit_length() <= 8 * (length - 1)


RARE = {
    "short salt": lambda case: is_short(case.salt, 16),
    "short x": lambda case: is_short(case.x, 32),
    "short u": lambda case: is_short(case.u, 32),
    "short A": lambda case: is_short(case.srp.large_a_value, 384),
    "short B": lambda case: is_short(case.server_public, 384),
    "short S": lambda case: is_short(case.shared(), 384),
}


def rare_cases():
    """Each kind as often as it is wanted, in one walk over the cases after the random ones."""
    wanted = {kind: RARE_CASES for kind in RARE}
    for case in map(Case, itertools.count(RANDOM_CASES)):
        for kind in [kind for kind in wanted if RARE[kind](case)]:
            yield kind, case
            wanted[kind] -= 1
            if not wanted[kind]:
                del wanted[kind]
        if not wanted:
            return


def main():
    cases = [("random", Case(case)) for case in range(RANDOM_CASES)]
    cases += rare_cases()
    print(json.dumps({"seed": SEED, "written_by": "tests/srp/signatures.py", "cases": [
        [kind, case.case, case.signature()] for kind, case in cases
    ]}).replace("[[", "[\n[").replace("], [", "],\n[").replace("]]", "]\n]"))


main()
