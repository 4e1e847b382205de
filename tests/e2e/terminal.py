#!/usr/bin/env python3
"""A user at a terminal: runs a command on its own pty, and types.

    terminal.py COMMAND… <<<'Password: => s3cret'

stdin has the text to wait for and the answer to type, a line `TEXT => ANSWER` for each. With `TEXT` alone nothing is typed. The answer `MESSAGE
USER` is the code that was last sent to a user of the pool. The answer TOTP is the code of an authenticator app at the lab's time, with the secret
of the last otpauth URI on the terminal or in the file $AUTHENTICATOR. Prints the terminal's whole output and exits like the command, or with 124 if
a text does not appear within a minute.
"""

import base64
import hashlib
import hmac
import json
import os
import pty
import re
import select
import sys
import time
import urllib.request

PATIENCE = 60


class Terminal:
    def __init__(self, command):
        self.shown, self.seen = "", 0
        self.pid, self.keys = pty.fork()
        if self.pid == 0:
            os.execvp(command[0], command)

    def read(self, end):
        """Reads more output. Returns false at the end of the output, or after the time limit."""
        readable, _, _ = select.select([self.keys], [], [], max(0, end - time.monotonic()))
        try:
            more = os.read(self.keys, 4096) if readable else b""
        except OSError:  # EIO: no process has the other side open any more
            more = b""
        self.shown += more.decode(errors="replace")
        return bool(more)

    def expect(self, text):
        end = time.monotonic() + PATIENCE
        while text not in self.shown[self.seen :]:
            if not self.read(end):
                self.give_up(f"{text!r} was not shown")
        self.seen = self.shown.index(text, self.seen) + len(text)

    def answer(self, text):
        os.write(self.keys, f"{text}\r".encode())

    def end(self):
        end = time.monotonic() + PATIENCE
        while self.read(end):
            pass
        if time.monotonic() >= end:
            self.give_up("it does not end")
        _, status = os.waitpid(self.pid, 0)
        return os.waitstatus_to_exitcode(status)

    def give_up(self, why):
        print(f"{self.shown}\nterminal.py: {why}", flush=True)
        sys.exit(124)


def totp(shown):
    """Returns the current code by RFC 6238."""
    secrets = re.findall(r"otpauth://\S*[?&]secret=([A-Z2-7]+)", shown)
    with open(os.environ["AUTHENTICATOR"], "a+") as file:
        if secrets:
            file.truncate(0)
            file.write(secrets[-1])
        file.seek(0)
        secret = file.read()
    with urllib.request.urlopen(os.environ["LAB_CONTROL"] + "/clock") as answer:
        step = int(json.load(answer)["now"]) // 30
    key = base64.b32decode(secret + "=" * (-len(secret) % 8))
    digest = hmac.new(key, step.to_bytes(8, "big"), hashlib.sha1).digest()
    offset = digest[-1] & 15
    return f"{(int.from_bytes(digest[offset : offset + 4], 'big') & 0x7FFFFFFF) % 10**6:06}"


def message(user):
    """Returns the code that was last sent to a user."""
    body = json.dumps({"username": user}).encode()
    with urllib.request.urlopen(os.environ["LAB_CONTROL"] + "/cognito/messages", body) as answer:
        return json.load(answer)["messages"][-1]["code"]


def answer_to(answer, shown):
    """Returns the text to type."""
    if answer.startswith("MESSAGE "):
        return message(answer.removeprefix("MESSAGE "))
    return totp(shown) if answer == "TOTP" else answer


def main():
    terminal = Terminal(sys.argv[1:])
    for line in sys.stdin.read().splitlines():
        text, arrow, answer = line.partition(" => ")
        terminal.expect(text)
        if arrow:
            terminal.answer(answer_to(answer, terminal.shown))
    status = terminal.end()
    print(terminal.shown, end="")
    sys.exit(status)


main()
