#!/usr/bin/env python3
"""A user with a real browser, a headless Chromium: opens a URL, and signs in at the managed login of the lab.

    browser.py FILE WAY EMAIL ADDRESS

WAY is Northwind or Google (the identity provider of that name), refuse (Google, but the user refuses consent), or passkey. The text of the last
page is written to FILE. Chromium is controlled through a pipe (--remote-debugging-pipe), without a port, a driver or a package.
"""

import itertools
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

PATIENCE = 60
FLAGS = [
    "--headless=new",
    "--no-sandbox",
    "--no-first-run",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    # The lab's CA is not in Chromium's own store.
    "--ignore-certificate-errors",
    "--remote-debugging-pipe",
]


class Chromium:
    def __init__(self, profile):
        (theirs_in, self.out), (self.heard, theirs_out) = os.pipe(), os.pipe()

        def hand_over():
            # Chromium reads descriptor 3 and writes descriptor 4.
            kept = os.dup(theirs_out)
            os.dup2(theirs_in, 3)
            os.dup2(kept, 4)
            # If the descriptor already had that number, dup2 does not make it inheritable.
            os.set_inheritable(3, True)
            os.set_inheritable(4, True)

        self.process = subprocess.Popen(
            ["chromium", *FLAGS, f"--user-data-dir={profile}", "about:blank"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            close_fds=False,
            preexec_fn=hand_over,
        )
        os.close(theirs_in)
        os.close(theirs_out)
        self.ids, self.session, self.rest = itertools.count(1), None, b""
        pages = self.wait_for(lambda: [it for it in self.call("Target.getTargets")["targetInfos"] if it["type"] == "page"])
        attached = self.call("Target.attachToTarget", targetId=pages[0]["targetId"], flatten=True)
        self.session = attached["sessionId"]

    def call(self, method, **params):
        message = {"id": next(self.ids), "method": method, "params": params}
        if self.session:
            message["sessionId"] = self.session
        os.write(self.out, json.dumps(message).encode() + b"\0")
        while True:
            while b"\0" not in self.rest:
                more = os.read(self.heard, 65536)
                if not more:
                    sys.exit("browser.py: Chromium has ended")
                self.rest += more
            line, self.rest = self.rest.split(b"\0", 1)
            answer = json.loads(line)
            if answer.get("id") == message["id"]:
                return answer.get("result", {})

    def evaluate(self, script):
        """Evaluates a script. Returns None while the page is changing to another one."""
        return self.call("Runtime.evaluate", expression=script, returnByValue=True).get("result", {}).get("value")

    def wait_for(self, found):
        end = time.monotonic() + PATIENCE
        while not (value := found()):
            if time.monotonic() > end:
                sys.exit("browser.py: the page never came")
            time.sleep(0.1)
        return value

    def click(self, element):
        self.wait_for(lambda: self.evaluate(f"document.readyState == 'complete' && !!document.getElementById({element!r})"))
        self.evaluate(f"document.getElementById({element!r}).click()")

    def fill(self, field, text):
        selector = json.dumps(f"input[name={field}]")
        self.wait_for(lambda: self.evaluate(f"document.readyState == 'complete' && !!document.querySelector({selector})"))
        self.evaluate(f"document.querySelector({selector}).value = {json.dumps(text)}")


def main():
    file, way, email, address = sys.argv[1:]
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        chromium = Chromium(profile)
        chromium.call("Page.navigate", url=address)
        if way == "passkey":
            chromium.fill("username", email)
            chromium.click("passkey")
        else:
            chromium.click("Google" if way == "refuse" else way)
            chromium.fill("email", email)
            chromium.click("refuse" if way == "refuse" else "allow")
        chromium.wait_for(lambda: chromium.evaluate("location.hostname == 'localhost' && document.readyState == 'complete'"))
        Path(file).write_text(chromium.evaluate("document.body.innerText"))
        chromium.process.terminate()
        chromium.process.wait()


main()
