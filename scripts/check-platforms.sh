#!/usr/bin/env bash
# make check-platforms: type-checks the code for Windows and macOS, which nothing here can run, or link.
source "$(dirname "$0")/cross.sh"
cd "$ROOT"

PLATFORMS=(x86_64-pc-windows-gnu aarch64-apple-darwin)

# check PLATFORM: as `cargo check` would.
check() (
  rust_for "$1"
  say "== $1: $(rustc --version)"
  cargo-zigbuild check --quiet --locked --package ecr-auth --target "$1" "${STD[@]}"
)

"$ROOT/scripts/install.sh" build cross
find_rust
for platform in "${PLATFORMS[@]}"; do check "$platform"; done
