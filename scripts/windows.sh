#!/usr/bin/env bash
# make windows: builds an unoptimised binary for Windows and runs the suitable tests under Wine: the unit tests of files, access lists and
# processes, then the integration tests. Wine comes from Debian 13, which is created in target/debian. Needs root.
#
# windows.sh BINARY FILTER…: runs the integration tests with another binary (`-` for the one that is built here), or only the tests that one of
# nextest's filters selects.
#
# In the tests, tests/wine replaces the binary. tests/wine/left-out.txt lists the tests that are left out, each with its reason.
source "$(dirname "$0")/cross.sh"
cd "$ROOT"

SYSTEM=x86_64-pc-windows-gnu
# A separate target folder, so that this build waits for no other.
FOLDER=$TARGET/windows
# The files to run: the shim, the binary under its names beside it, and Wine's prefix.
WINE=$FOLDER/wine
export CARGO_PROFILE_DEV_DEBUG=0
# Programs of Linux that the tests' command lines name: a folder in place of /usr/bin has a program for Windows that runs each of them.
TOOLS=(bash cat docker echo env false head podman printf sh sleep touch true)
# The crates whose unit tests run there.
UNIT=(context private-files)

# build BINARY: builds or copies the binary, and builds the shim.
build() (
  export SHIM_FOLDER=$WINE
  cargo build --quiet --manifest-path tests/wine/Cargo.toml --target-dir "$FOLDER"
  install -D "$FOLDER/debug/shim" "$WINE/ecr-auth"
  ln -f "$WINE/ecr-auth" "$WINE/run-script"
  rust_for "$SYSTEM"
  say "== $SYSTEM: $(rustc --version)"
  cargo-zigbuild build --quiet --manifest-path tests/wine/Cargo.toml --target-dir "$FOLDER" --target "$SYSTEM" "${STD[@]}"
  binary=$1
  if [ "$binary" = - ]; then
    cargo-zigbuild build --quiet --locked --package ecr-auth --target-dir "$FOLDER" --target "$SYSTEM" "${STD[@]}"
    binary=$FOLDER/$SYSTEM/debug/ecr-auth.exe
  fi
  install "$FOLDER/$SYSTEM/debug/shim.exe" "$WINE"
  install "$FOLDER/$SYSTEM/debug/shim.exe" "$WINE/script.exe"
  mkdir -p "$WINE/tools"
  for tool in "${TOOLS[@]}"; do ln -f "$WINE/script.exe" "$WINE/tools/$tool.exe"; done
  install "$binary" "$WINE/ecr-auth.exe"
  for name in docker-credential-ecr-auth docker-credential-ecr-login; do
    ln -sf ecr-auth "$WINE/$name"
    ln -f "$WINE/ecr-auth.exe" "$WINE/$name.exe"
  done
)

# unit_tests: builds the unit tests of these crates for Windows, and puts the programs beside the binary.
unit_tests() (
  rust_for "$SYSTEM"
  mkdir -p "$WINE/unit"
  for package in "${UNIT[@]}"; do
    cargo-zigbuild test --quiet --locked --no-run --lib --package "$package" --target-dir "$FOLDER" --target "$SYSTEM" "${STD[@]}"
    built=$(find "$FOLDER/$SYSTEM/debug/deps" -name "${package//-/_}-*.exe" -printf '%T@ %p\n' | sort -n | tail -n 1 | cut -d' ' -f2-)
    install "$built" "$WINE/unit/$package.exe"
  done
)

# left_out: prints the tests on the list as one regular expression.
left_out() { sed -n 's/^\([A-Za-z_0-9:*]*\)  .*/\1/p' tests/wine/left-out.txt | sed 's/\*/.*/g' | paste -sd '|'; }

# inside COMMAND…: runs the command in the Debian that has Wine.
inside() { "$ROOT/scripts/debian.sh" trixie "$@"; }

main() {
  local binary=${1:--} filter wanted
  shift || true
  "$ROOT/scripts/install.sh" build test cross
  find_rust
  inside "$ROOT/scripts/install.sh" demo windows
  build "$binary"
  unit_tests
  cargo build --quiet --locked --package lab
  # nextest runs there without cargo.
  cargo nextest list --locked --package ecr-auth --test it --list-type binaries-only --message-format json >"$FOLDER/binaries.json"
  cargo metadata --locked --format-version 1 >"$FOLDER/metadata.json"
  install "$(command -v cargo-nextest)" "$FOLDER"
  filter="not test(/^($(left_out))\$/)"
  wanted=$(printf '| (%s) ' "$@")
  [ $# = 0 ] || filter+=" & (${wanted#| })"
  inside "$ROOT/scripts/in-wine.sh" "$FOLDER" -E "$filter"
}

main "$@"
