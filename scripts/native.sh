#!/usr/bin/env bash
# Builds the release's binary for macOS or Windows on a machine of that kind: native.sh TARGET. The binary and its compressed form (for the action's
# download) go to dist/, and the SHA-256 of both to stdout. The binary contains no path of the machine, so that it can be compared with a second
# build elsewhere.
set -euo pipefail
cd "$(dirname "$0")/.."
TARGET=$1
suffix=
flags=(--remap-path-prefix="$PWD=/ecr-auth" --remap-path-prefix="${CARGO_HOME:-$HOME/.cargo}=/cargo")
case $TARGET in
  *-windows-msvc)
    suffix=.exe
    # The linker's /Brepro replaces the time by a hash.
    flags=(--remap-path-prefix="$(cygpath -w "$PWD")=/ecr-auth" --remap-path-prefix="$(cygpath -w "${CARGO_HOME:-$HOME/.cargo}")=/cargo"
      -Ctarget-feature=+crt-static -Clink-arg=/Brepro)
    ;;
esac
CARGO_ENCODED_RUSTFLAGS=$(IFS=$'\x1f' && echo "${flags[*]}") cargo build --quiet --locked --package ecr-auth --release >&2
file=ecr-auth-$TARGET$suffix
mkdir -p dist
cp "target/release/ecr-auth$suffix" "dist/$file"
said=$("dist/$file" --version)
written=$(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -n 1)
[ "$said" = "ecr-auth $written" ] || { echo "error: $file --version says $said" >&2; exit 1; }
node scripts/compress.js "dist/$file"
for made in "$file" "$file.br"; do echo "$(openssl dgst -sha256 -r "dist/$made" | cut -d ' ' -f 1)  $made"; done
