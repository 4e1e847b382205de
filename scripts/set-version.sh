#!/usr/bin/env bash
# set-version.sh VERSION: writes the version into Cargo.toml and all files that people copy: manifests, images, recipes, pages. set-version.sh
# --check: checks that they have Cargo.toml's version, and that the action and the orb are named by its major version.
source "$(dirname "$0")/env.sh"
cd "$ROOT"

# The text before a version of ours in these files and folders.
BEFORE='(ecr-auth&#160;|ecr-auth |ecr-auth@v|ecr-auth@<commit> # v|default version `v|ecr-auth_|ecr-auth-|ecr-auth/v|ecr-auth:|ecr-auth/releases/download/v|defaultVersion: v|VERSION=|        default: )'
NUMBER='[0-9]+\.[0-9]+\.[0-9]+'
# The action's tag, which moves with each release of its major version, and the orb's major version.
ACTION='((uses: [A-Za-z0-9-]+/ecr-auth@v)|(ecr-auth: [A-Za-z0-9-]+/ecr-auth@))[0-9]+\b'
PLACES=(.github/workflows/examples ci docker docs jenkins kubernetes templates/examples README.md)
mapfile -t FILES < <(grep -rlE "$BEFORE$NUMBER|$ACTION" "${PLACES[@]}")
# Our own crates, in the lock files.
CRATES=$(grep -hm1 '^name = ' Cargo.toml crates/*/Cargo.toml | sed 's/name = "\(.*\)"/\1/' | paste -sd '|')

[ $# = 1 ] || die "usage: set-version.sh VERSION|--check"
((${#FILES[@]})) || die "nothing names a version"
if [ "$1" != --check ]; then
  [[ $1 =~ ^(0|[1-9][0-9]*)(\.(0|[1-9][0-9]*)){2}$ ]] || die "not a version such as 1.2.3: $1"
  sed -Ei "s,$BEFORE$NUMBER,\1$1,g; s,$ACTION,\1${1%%.*},g" "${FILES[@]}"
  sed -i "0,/^version = /s/^version = .*/version = \"$1\"/" Cargo.toml
  sed -Ei "/^name = \"($CRATES)\"\$/{n;s/.*/version = \"$1\"/}" Cargo.lock fuzz/Cargo.lock
  sed -i "/^    version:\$/,/^      default:/s/^      default:.*/      default: '$1'/" templates/ecr-auth.yml
  sed -i "s/\"version\": .*/\"version\": \"$1\",/" action/checksums.json
  exit
fi
others=$(grep -nE "$BEFORE$NUMBER" "${FILES[@]}" | grep -vF "$(version)") || true
[ -z "$others" ] || die "another version than Cargo.toml's: run scripts/set-version.sh $(version)"$'\n'"$others"
others=$(grep -nE "$ACTION" "${FILES[@]}" | grep -vE "ecr-auth@v?$(version | cut -d . -f 1)\b") || true
[ -z "$others" ] || die "another major version than Cargo.toml's: run scripts/set-version.sh $(version)"$'\n'"$others"
# Finds versions that the pattern misses, which would not be updated.
missed=$(grep -rnF "$(version)" "${PLACES[@]}" | grep -vE "$BEFORE$NUMBER") || true
[ -z "$missed" ] || die "set-version.sh doesn't know:"$'\n'"$missed"
