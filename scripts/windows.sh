#!/usr/bin/env bash
# make windows: builds the binary for Windows, without optimisation, and runs the integration tests that make sense there, under Wine. Wine is
# Debian 13's, in a Debian of its own. windows.sh FILTER…: only the tests that nextest's filter finds.
#
# tests/wine/shim.rs stands for the binary in the tests; tests/wine/left-out.txt lists the tests that are left out, each with its reason.
source "$(dirname "$0")/cross.sh"
cd "$ROOT"

WINDOWS=x86_64-pc-windows-gnu
# A target folder of its own, so that it need not wait for other builds.
FOLDER=$TARGET/windows
WINE=$FOLDER/wine

# build: the binary and the shim.
build() (
  rust_for "$WINDOWS"
  say "== $WINDOWS: $(rustc --version)"
  CARGO_TARGET_DIR=$FOLDER CARGO_PROFILE_DEV_DEBUG=0 cargo-zigbuild build --quiet --locked --package ecr-auth --target "$WINDOWS" "${STD[@]}"
  mkdir -p "$WINE"
  for name in ecr-auth docker-credential-ecr-auth docker-credential-ecr-login; do
    cp "$FOLDER/$WINDOWS/debug/ecr-auth.exe" "$WINE/$name.exe"
  done
)

# build_shim: for both systems.
build_shim() (
  rustc --edition 2024 -O -o "$WINE/ecr-auth" tests/wine/shim.rs
  rust_for "$WINDOWS"
  rustc --edition 2024 -O --target "$WINDOWS" -C linker="$ROOT/scripts/link-windows.sh" -o "$WINE/shim.exe" tests/wine/shim.rs
)

build
build_shim
