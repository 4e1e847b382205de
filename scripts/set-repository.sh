#!/usr/bin/env bash
# set-repository.sh OWNER: writes the repository's name, OWNER/ecr-auth, into Cargo.toml and all files that people copy: manifests, images, recipes,
# pages. set-repository.sh --check: checks that no other name is left.
source "$(dirname "$0")/env.sh"
cd "$ROOT"

[ $# = 1 ] || die "usage: set-repository.sh OWNER|--check"
NAMED=$(repository)
# The text before a repository's name.
BEFORE='(github\.com/|ghcr\.io/|gitlab\.com/|githubusercontent\.com/|uses: |--repo |--signer-workflow )'
# places PATTERN: prints each match with its file and line, except in build results.
places() { grep -rnoIE --exclude-dir={.git,target,dist,node_modules} "$1" . || true; }

if [ "$1" != --check ]; then
  [[ $1 =~ ^[A-Za-z0-9][A-Za-z0-9-]*$ ]] || die "not an owner on GitHub: $1"
  places "$BEFORE$NAMED\b" | cut -d : -f 1 | sort -u | xargs sed -Ei "s,$BEFORE$NAMED\b,\1$1/ecr-auth,g"
  exit
fi
[ -n "$NAMED" ] || die "Cargo.toml: no repository at github.com"
others=$(places "${BEFORE}[A-Za-z0-9-]+/ecr-auth\b" | grep -vE "$BEFORE${NAMED}\$") || true
[ -z "$others" ] || die "another repository than Cargo.toml's: run scripts/set-repository.sh ${NAMED%/*}"$'\n'"$others"
