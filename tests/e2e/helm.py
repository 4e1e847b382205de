"""helm.py COMMAND…: runs Helm's commands of docs/ci.md and docs/recipes.md with Helm's own library, because no package registry has the program."""

import argparse
import sys

from helm_python.registry import RegistryClient


def main():
    """Parses the options of Helm that the pages use."""
    parser = argparse.ArgumentParser(prog="helm")
    commands = parser.add_subparsers(dest="command", required=True)
    registry = commands.add_parser("registry").add_subparsers(dest="command", required=True)
    login = registry.add_parser("login")
    login.add_argument("--username", required=True)
    login.add_argument("--password-stdin", action="store_true", required=True)
    login.add_argument("host")
    for name in ("push", "pull"):
        command = commands.add_parser(name)
        command.add_argument("chart")
        command.add_argument(*(("remote",) if name == "push" else ("--version",)))
    given = parser.parse_args()
    with RegistryClient() as client:
        if given.command == "login":
            client.login(given.host, given.username, sys.stdin.read().strip())
        elif given.command == "push":
            client.push(given.chart, given.remote)
        else:
            client.pull(given.chart, version=given.version)


if __name__ == "__main__":
    main()
