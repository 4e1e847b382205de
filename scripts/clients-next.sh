#!/usr/bin/env bash
# make clients-next: the end-to-end tests with the clients of Debian sid, which the next Debian will have, and writes the table of clients into
# docs/comparison.md. The folder of that Debian is made once: remove target/debian/sid for the clients of today.
source "$(dirname "$0")/env.sh"
"$ROOT/scripts/install.sh" build
find_rust
(cd "$ROOT" && cargo build --quiet --locked --package ecr-auth --package lab)
ECR_AUTH_UPDATE_DOCS=1 exec "$ROOT/scripts/e2e.sh" --debian sid
