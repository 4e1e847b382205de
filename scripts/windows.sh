#!/usr/bin/env bash
# make windows: builds the binary for Windows, without optimisation, and runs the tests that make sense there, under Wine: the unit tests of files,
# access lists and processes, then the integration tests. Wine is that of Debian 13, which is made in target/debian. Needs root.
#
# windows.sh BINARY FILTER…: the integration tests with another binary (`-` for the one that is built here), or only those that one of
# nextest's filters finds.
#
# In the tests, tests/wine stands for the binary. tests/wine/left-out.txt lists the tests that are left out, each with its reason.
source "$(dirname "$0")/cross.sh"
cd "$ROOT"

SYSTEM=x86_64-pc-windows-gnu
# A target folder of its own, so that it waits for no other build.
FOLDER=$TARGET/windows
# What runs: the shim, beside it the binary under its names, and Wine's prefix.
WINE=$FOLDER/wine
export CARGO_PROFILE_DEV_DEBUG=0
# The crates whose unit tests run there.
UNIT=(context private-files)

# build BINARY: it and the shim.
build() (
  cargo build --quiet --manifest-path tests/wine/Cargo.toml --target-dir "$FOLDER"
  install -D "$FOLDER/debug/shim" "$WINE/ecr-auth"
  rust_for "$SYSTEM"
  say "== $SYSTEM: $(rustc --version)"
  cargo-zigbuild build --quiet --manifest-path tests/wine/Cargo.toml --target-dir "$FOLDER" --target "$SYSTEM" "${STD[@]}"
  binary=$1
  if [ "$binary" = - ]; then
    cargo-zigbuild build --quiet --locked --package ecr-auth --target-dir "$FOLDER" --target "$SYSTEM" "${STD[@]}"
    binary=$FOLDER/$SYSTEM/debug/ecr-auth.exe
  fi
  install "$FOLDER/$SYSTEM/debug/shim.exe" "$WINE"
  install "$binary" "$WINE/ecr-auth.exe"
  for name in docker-credential-ecr-auth docker-credential-ecr-login; do
    ln -sf ecr-auth "$WINE/$name"
    ln -f "$WINE/ecr-auth.exe" "$WINE/$name.exe"
  done
)

# unit_tests: builds those of the crates that have them for Windows, and puts their programs beside the binary.
unit_tests() (
  rust_for "$SYSTEM"
  mkdir -p "$WINE/unit"
  for package in "${UNIT[@]}"; do
    cargo-zigbuild test --quiet --locked --no-run --lib --package "$package" --target-dir "$FOLDER" --target "$SYSTEM" "${STD[@]}"
    built=$(find "$FOLDER/$SYSTEM/debug/deps" -name "${package//-/_}-*.exe" -printf '%T@ %p\n' | sort -n | tail -n 1 | cut -d' ' -f2-)
    install "$built" "$WINE/unit/$package.exe"
  done
)

# left_out: the tests that the list names, as one regular expression.
left_out() { sed -n 's/^\([a-z_0-9:*]*\)  .*/\1/p' tests/wine/left-out.txt | sed 's/\*$/.*/' | paste -sd '|'; }

# inside COMMAND…: in the Debian that has Wine.
inside() { "$ROOT/scripts/debian.sh" trixie "$@"; }

main() {
  local binary=${1:--} filter wanted
  shift || true
  "$ROOT/scripts/install.sh" build test cross
  find_rust
  inside "$ROOT/scripts/install.sh" windows
  build "$binary"
  unit_tests
  cargo build --quiet --locked --package lab
  # nextest runs in there without cargo.
  cargo nextest list --locked --package ecr-auth --test it --list-type binaries-only --message-format json >"$FOLDER/binaries.json"
  cargo metadata --locked --format-version 1 >"$FOLDER/metadata.json"
  install "$(command -v cargo-nextest)" "$FOLDER"
  filter="not test(/^($(left_out))\$/)"
  wanted=$(printf '| (%s) ' "$@")
  [ $# = 0 ] || filter+=" & (${wanted#| })"
  inside "$ROOT/scripts/in-wine.sh" "$FOLDER" -E "$filter"
}

main "$@"
