#!/usr/bin/env bash
# make clients-next: runs the end-to-end tests with the clients of Debian sid, the next Debian release, and writes the table of clients in
# docs/comparison.md. The Debian folder is created once; remove target/debian/sid to get current clients.
source "$(dirname "$0")/env.sh"
"$ROOT/scripts/install.sh" build
find_rust
(cd "$ROOT" && cargo build --quiet --locked --package ecr-auth --package lab)
ECR_AUTH_UPDATE_DOCS=1 exec "$ROOT/scripts/e2e.sh" --debian sid
