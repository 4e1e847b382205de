#!/usr/bin/env python3
"""load-commands.py FILE…: prints the load commands of programs for macOS, one line each: the processor, the oldest macOS, the libraries, and
whether the program has random addresses (PIE) and a signature, which ARM requires."""

import struct
import sys

PROCESSORS = {0x0100000C: "aarch64", 0x01000007: "x86_64"}
PIE = 0x200000
LIBRARIES = {0xC, 0x80000018, 0x8000001F}
SIGNATURE = 0x1D
MINIMUM, BUILD = 0x24, 0x32


def version(number: int) -> str:
    return f"{number >> 16}.{number >> 8 & 0xFF}"


def told(program: bytes) -> str:
    magic, processor, _, _, count, _, flags, _ = struct.unpack_from("<8I", program)
    if magic != 0xFEEDFACF:
        sys.exit("no 64-bit Mach-O file")
    at, oldest, libraries, signed = 32, "none", [], False
    for _ in range(count):
        command, size = struct.unpack_from("<2I", program, at)
        if command in LIBRARIES:
            start = at + struct.unpack_from("<I", program, at + 8)[0]
            libraries.append(program[start : at + size].split(b"\0")[0].decode())
        elif command == BUILD:
            oldest = version(struct.unpack_from("<I", program, at + 12)[0])
        elif command == MINIMUM:
            oldest = version(struct.unpack_from("<I", program, at + 8)[0])
        signed |= command == SIGNATURE
        at += size
    marks = [name for name, is_so in (("PIE", flags & PIE), ("signed", signed)) if is_so]
    return " ".join([PROCESSORS[processor], f"macOS {oldest}", *marks, *sorted(libraries)])


for name in sys.argv[1:]:
    with open(name, "rb") as file:
        print(told(file.read()))
