"""run.py RUSTC [--quick] [ROW…] | run.py RUSTC --gate [--update]: called by bench.sh while a lab runs.

Measures every row and prints the table on standard output. A full run of all rows also writes docs/performance.md and its chart.
"""

import argparse
import datetime
import json
import os
import subprocess
import sys

import cold
import crowd
import distance
import files
import gate
import page
import program
import warm
from row import as_json
from stage import Stage, say

# In the order of the table. A row is a function that takes the stage and returns a list of row.py's results.
ROWS = {
    "warm": warm.rows,
    "cold": cold.rows,
    "oidc": cold.oidc,
    "distance": distance.rows,
    "crowd": crowd.rows,
    "size": program.size,
    "action": program.action,
    "setup": files.rows,
    "warm-growth": warm.growth,
    "file-growth": files.growth,
    "lab": cold.lab_speed,
}


def main():
    arguments = argparse.ArgumentParser(prog="bench.sh")
    arguments.add_argument("rustc", help=argparse.SUPPRESS)
    arguments.add_argument("--quick", action="store_true", help="few runs, small crowds; writes no page")
    arguments.add_argument("--gate", action="store_true", help="hold benches/limits.json")
    arguments.add_argument("--update", action="store_true", help="with --gate: write what is measured there")
    arguments.add_argument("rows", nargs="*", metavar="ROW", help=", ".join(ROWS))
    given = arguments.parse_intermixed_args()
    if unknown := set(given.rows) - set(ROWS):
        arguments.error(f"no row {', '.join(unknown)}: there are {', '.join(ROWS)}")
    stage = Stage(given.quick)
    if given.gate:
        sys.exit(gate.run(stage, given.rustc, given.update))
    run, found = about(stage), []
    for name in given.rows or ROWS:
        say(f"measuring: {name}")
        found += ROWS[name](stage)
    result = {"run": run, **as_json(found)}
    (stage.target / "bench/result.json").write_text(json.dumps(result, indent=2))
    print(page.table(result["rows"]), page.growth(result["growth"]), sep="\n")
    if not given.quick and not given.rows:
        page.write(stage.root, result)
        say("docs/performance.md and docs/performance.svg are of this run")


def about(stage):
    """Describes the run for the page."""
    cli = stage.run(stage.command(stage.target / "python/bin/aws", "--version")).split()[0].replace("/", " ")
    return {
        "date": datetime.date.today().isoformat(),
        "architecture": os.uname().machine,
        "processors": os.cpu_count(),
        "load": round(os.getloadavg()[0], 1),
        "binary": program.kind(stage.binary),
        "peers": [f"amazon-ecr-credential-helper {debian_version('amazon-ecr-credential-helper')} (\"Go helper\")", *stage.go_helpers().keys() - {"Go helper"}, cli],
    }


def debian_version(package):
    said = subprocess.run(["dpkg-query", "-W", "-f", "${Version}", package], capture_output=True, text=True, check=False)
    return said.stdout or "of another origin"


if __name__ == "__main__":
    main()
