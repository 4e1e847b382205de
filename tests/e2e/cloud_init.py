"""cloud_init.py FILE: runs the `runcmd` of a cloud-config as cloud-init does: its own script of them, run by its own runner."""

import sys
import tempfile
from pathlib import Path

import yaml
from cloudinit import subp, util


def main():
    """The runner raises where a script fails."""
    config = yaml.safe_load(Path(sys.argv[1]).read_text(encoding="utf-8"))
    with tempfile.TemporaryDirectory() as scripts:
        util.write_file(Path(scripts, "runcmd"), util.shellify(config["runcmd"]), 0o700)
        subp.runparts(scripts)


if __name__ == "__main__":
    main()
