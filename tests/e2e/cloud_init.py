"""cloud_init.py FILE: runs the `runcmd` of a cloud-config with cloud-init's own code: it converts the commands to a script and runs it."""

import sys
import tempfile
from pathlib import Path

import yaml
from cloudinit import subp, util


def main():
    """Runs the commands. cloud-init's runner raises an error if a script fails."""
    config = yaml.safe_load(Path(sys.argv[1]).read_text(encoding="utf-8"))
    with tempfile.TemporaryDirectory() as scripts:
        util.write_file(Path(scripts, "runcmd"), util.shellify(config["runcmd"]), 0o700)
        subp.runparts(scripts)


if __name__ == "__main__":
    main()
