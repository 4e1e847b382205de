"""Checks the command lines of the AWS CLI in the pages with the CLI's own parser. No call is made: the CLI only prints the call's parameters."""

import contextlib
import io
import os
import re
import shlex
import tempfile
from functools import cache

from awscli.clidriver import create_clidriver

# Commands of the CLI that are not calls of an API, and so have no skeleton.
CUSTOM = {"cloudformation deploy", "configure", "ecr get-login-password", "ecr-public get-login-password", "login", "s3", "sso login"}


@cache
def driver():
    """The CLI."""
    return create_clidriver()


def commands(script):
    """Returns the arguments of each call of aws in a script."""
    for line in re.sub(r"\\\n", " ", script).splitlines():
        try:
            words = shlex.split(line, comments=True)
        except ValueError:  # an open quote, which shellcheck reports
            continue
        while "|" in words:
            words = words[words.index("|") + 1 :] if words[0] != "aws" else words[: words.index("|")]
        if words[:1] == ["aws"] and not CUSTOM & {words[1], " ".join(words[1:3])}:
            yield words[1:]


def wrong(script):
    """Returns the CLI's errors about the lines that it refuses."""
    for arguments in commands(script):
        output, errors = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(output), contextlib.redirect_stderr(errors), in_a_folder_of_its_own():
            try:
                status = driver().main([*arguments, "--generate-cli-skeleton", "input"])
            except SystemExit as end:
                status = end.code
        if status:
            yield f"aws {' '.join(arguments)}: {errors.getvalue().strip()}"


@contextlib.contextmanager
def in_a_folder_of_its_own():
    """Enters a folder with the files that the pages ask the reader to create, with a region and without the user's settings."""
    before, environment = os.getcwd(), dict(os.environ)
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        os.environ.update(HOME=folder, AWS_DEFAULT_REGION="eu-west-1")
        try:
            for name in ("trust.json", "policy.json"):
                with open(name, "w", encoding="utf-8") as file:
                    file.write("{}")
            yield
        finally:
            os.chdir(before)
            os.environ.clear()
            os.environ.update(environment)
