#!/usr/bin/env bash
# make check-platforms: compiles and links the program for macOS on both processors and for Windows, and checks what the result needs from the
# system. Nothing is run here; `make windows` runs the tests for Windows. check-platforms.sh TARGET…: only these targets. check-platforms.sh --types:
# only checks the types, for Windows and macOS, as a part of make check.
#
# Apple's libraries are not available here. Stubs with the symbols that the crates declare replace them, which is all that a linker needs.
source "$(dirname "$0")/cross.sh"
cd "$ROOT"

PLATFORMS=(aarch64-apple-darwin x86_64-apple-darwin x86_64-pc-windows-gnu)
STUBS=$TARGET/apple-stubs
# The oldest macOS that docs/install.md names. release.yml sets the same version.
export MACOSX_DEPLOYMENT_TARGET=11.0
export CARGO_PROFILE_DEV_DEBUG=0
# Rust would strip with a program that Debian does not have.
export CARGO_PROFILE_DEV_STRIP=none

# declared CRATE: prints the functions and constants that a crate of Rust bindings declares.
declared() {
  local manifest
  manifest=$(cargo metadata --locked --format-version 1 | jq -r --arg name "$1" '.packages[] | select(.name == $name).manifest_path')
  grep -rhoE 'pub (fn|static) [A-Za-z_0-9]+' "${manifest%/*}/src" | awk '{print $3}' | sort -u
}

# stub FILE LIBRARY: writes a stub of the library with the symbols on stdin.
stub() {
  mkdir -p "${1%/*}"
  {
    printf -- '--- !tapi-tbd\ntbd-version: 4\ntargets: [ x86_64-macos, arm64-macos ]\ninstall-name: %s\nexports:\n  - targets: [ x86_64-macos, arm64-macos ]\n    symbols: [ ' "'$2'"
    sed 's/^/_/' | paste -sd , | sed 's/,/, /g; s/$/ ]/'
    echo ...
  } >"$1"
}

stubs() {
  local framework crate
  for framework in Security:security-framework-sys CoreFoundation:core-foundation-sys; do
    crate=${framework#*:}
    framework=${framework%:*}
    declared "$crate" | stub "$STUBS/$framework.framework/$framework.tbd" "/System/Library/Frameworks/$framework.framework/Versions/A/$framework"
  done
  printf '%s\n' iconv iconv_open iconv_close | stub "$STUBS/libiconv.tbd" /usr/lib/libiconv.2.dylib
}

# folder TARGET: prints the target folder. For Windows it is the one of make windows, so that nothing is compiled twice; macOS has its own.
folder() { case $1 in *windows*) echo "$TARGET/windows" ;; *) echo "$TARGET/macos" ;; esac; }

# look TARGET: checks that the program only needs what every supported system has.
look() {
  local file said expected
  file=$(folder "$1")/$1/debug/ecr-auth
  case $1 in
    *windows*)
      file+=.exe
      [ -s "$file" ] || die "$1: no program"
      return
      ;;
  esac
  said=$("$TARGET/zig/bin/python" scripts/load-commands.py "$file")
  say "$said"
  expected="${1%%-*} macOS $MACOSX_DEPLOYMENT_TARGET PIE"
  # ARM Macs only run signed programs. The linker's signature is enough.
  [ "${1%%-*}" != aarch64 ] || expected+=" signed"
  [[ $said = "$expected "* ]] || die "$1: expected: $expected"
  ! tr ' ' '\n' <<<"$said" | grep / | grep -vE '^/(usr/lib/lib(System|iconv|charset)\.|System/Library/Frameworks/(Security|CoreFoundation)\.)' >&2 || die "$1: asks for other libraries"
}

# build TARGET
build() (
  rust_for "$1"
  say "== $1: $(rustc --version)"
  case $1 in
    *darwin*)
      variable=CARGO_TARGET_$(tr 'a-z-' 'A-Z_' <<<"$1")_RUSTFLAGS
      export "$variable=-Lnative=$STUBS -Clink-arg=-F$STUBS"
      ;;
  esac
  cargo-zigbuild build --quiet --locked --package ecr-auth --target-dir "$(folder "$1")" --target "$1" "${STD[@]}"
)

# check TARGET: checks the types of the program and of all crates, without linking.
check() (
  rust_for "$1"
  cargo-zigbuild check --quiet --locked --workspace --exclude lab --target-dir "$(folder "$1")" --target "$1" "${STD[@]}"
)

"$ROOT/scripts/install.sh" build cross
find_rust
if [ "${1:-}" = --types ]; then
  for platform in x86_64-pc-windows-gnu aarch64-apple-darwin; do check "$platform"; done
  exit
fi
stubs
[ $# -gt 0 ] || set -- "${PLATFORMS[@]}"
for platform; do
  build "$platform"
  look "$platform"
done
