#!/usr/bin/env bash
# Builds the release's binary for macOS or Windows on a machine of that kind: native.sh TARGET. It goes to dist/, beside it compressed for the action's
# download, and the SHA-256s of both to stdout. No folder of the machine is in the binary, so that a second build elsewhere can be compared with it.
set -euo pipefail
cd "$(dirname "$0")/.."
TARGET=$1
suffix=
flags=(--remap-path-prefix="$PWD=/ecr-auth" --remap-path-prefix="${CARGO_HOME:-$HOME/.cargo}=/cargo")
case $TARGET in
  *-windows-msvc)
    suffix=.exe
    # The linker's /Brepro puts a hash in the place of the time.
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
