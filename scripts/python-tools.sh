#!/bin/sh
# Installs boto3 and the AWS CLI (pinned in requirements.txt) into a virtual environment of their own, and prints its folder.
# Idempotent and quiet: a second run with the same requirements only prints. The lab's tests check its wire formats with them.
#
# The folder is target/python beside the workspace's Cargo.toml; CARGO_TARGET_DIR moves it as it moves everything else.
set -eu

root=$(cd "$(dirname "$0")/.." && pwd)
requirements=$root/scripts/requirements.txt
venv=${CARGO_TARGET_DIR:-$root/target}/python
wanted=$(cksum <"$requirements")

if [ -x "$venv/bin/python" ] && [ "$(cat "$venv/.requirements" 2>/dev/null)" = "$wanted" ]; then
    echo "$venv"
    exit 0
fi

python3 -c 'import ensurepip, venv' 2>/dev/null || {
    echo "error: cannot make a Python environment: python3 with venv is missing" >&2
    echo "hint: apt-get install python3 python3-venv" >&2
    exit 1
}
rm -rf "$venv"
python3 -m venv "$venv"
"$venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-input --requirement "$requirements" >&2
echo "$wanted" >"$venv/.requirements"
echo "$venv"
