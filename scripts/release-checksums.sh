#!/usr/bin/env bash
# release-checksums.sh VERSION FOLDER: prepares the tree that the release's tag will name. It writes the version, and the SHA-256 of the binaries in
# FOLDER and of their compressed forms, into the action and GitLab's template, which run nothing else. It also writes the version into all files
# that people copy. If a binary is missing, nothing is written.
source "$(dirname "$0")/env.sh"

# The files of a release. action/binary.js requests these names.
TARGETS=({x86_64,aarch64}-unknown-linux-musl {x86_64,aarch64}-apple-darwin x86_64-pc-windows-gnu aarch64-pc-windows-msvc)

[ $# = 2 ] || die "usage: release-checksums.sh VERSION FOLDER"
VERSION=$1
FOLDER=$(cd "$2" && pwd)
cd "$ROOT"
[[ $VERSION =~ ^(0|[1-9][0-9]*)(\.(0|[1-9][0-9]*)){2}$ ]] || die "not a version such as 1.2.3: $VERSION"

# file_of TARGET: prints the binary's file name.
file_of() { case $1 in *windows*) echo "ecr-auth-$1.exe" ;; *) echo "ecr-auth-$1" ;; esac; }

declare -A SUMS=()
for target in "${TARGETS[@]}"; do
  for file in "$(file_of "$target")"{,.br}; do
    [ -s "$FOLDER/$file" ] || die "$file: not in $FOLDER, or empty"
    SUMS[$file]=$(sha256sum <"$FOLDER/$file" | cut -d ' ' -f 1)
  done
done

# set_input NAME VALUE: sets the default of an input of GitLab's template. The value is quoted, because a SHA-256 may look like a number.
set_input() { sed -i "/^    $1:\$/,/^      default:/s/^      default:.*/      default: '$2'/" templates/ecr-auth.yml; }

scripts/set-version.sh "$VERSION"
for architecture in x86_64 aarch64; do
  set_input "sha256-$architecture" "${SUMS[ecr-auth-$architecture-unknown-linux-musl]}"
done

mkdir -p "$TARGET"
for file in "${!SUMS[@]}"; do printf '%s %s\n' "$file" "${SUMS[$file]}"; done | LC_ALL=C sort |
  jq --raw-input --null-input --arg version "$VERSION" \
    '{version: $version, sha256: [inputs | split(" ") | {key: .[0], value: .[1]}] | from_entries}' >"$TARGET/checksums.json"
mv "$TARGET/checksums.json" action/checksums.json
