#!/usr/bin/env bash
# make reproduce: checks that the current commit gives the same static binaries again: reproduce.sh [SHA256SUMS]. They are built in a separate clone
# with another path, without using any file of this one, and compared with dist/SHA256SUMS or with a release's SHA256SUMS.
source "$(dirname "$0")/env.sh"

SUMS=$(realpath "${1:-$ROOT/dist/SHA256SUMS}")
[ -s "$SUMS" ] || die "$SUMS: not there. Run make dist first, or name a release's"
WORK=$(mktemp -d)
trap 'rm -rf "$WORK"' EXIT
git clone --quiet "$ROOT" "$WORK/elsewhere"
env -u CARGO_TARGET_DIR "$WORK/elsewhere/scripts/dist.sh" --binaries
cd "$WORK/elsewhere/dist"
for file in ecr-auth-*; do
  expected=$(awk -v file="$file" '$2 == file {print $1}' "$SUMS")
  [ -n "$expected" ] || die "$file: not in $SUMS"
  said=$(sha256sum <"$file" | cut -d ' ' -f 1)
  [ "$said" = "$expected" ] || die "$file is another one: $said here, $expected in $SUMS. Another Rust gives other bytes: the SBOM beside it names the release's (rust-std)"
  echo "$said  $file"
done
