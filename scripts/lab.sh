#!/usr/bin/env bash
# make lab: builds and runs the local AWS in the foreground. It prints the environment to export. Arguments go to the lab (crates/lab/README.md).
source "$(dirname "$0")/env.sh"
"$ROOT/scripts/install.sh" build demo
find_rust
cd "$ROOT"
cargo build --quiet --locked --package lab
exec "$TARGET/debug/lab" "$@"
