#!/usr/bin/env bash
# The end-to-end tests: real Docker, Podman, Buildah and Skopeo against the lab. Run inside scripts/namespace.sh, after a build:
# run.sh [NAME…]. Every function test_… of the files beside this one is a test, run in a shell and with a home of its own; one line each,
# PASS or FAIL first.
# shellcheck source=../../scripts/stage.sh
source "$(dirname "$0")/../../scripts/stage.sh"
HERE=$ROOT/tests/e2e

FOREIGN=444455556666.dkr.ecr.$REGION.amazonaws.com
# Another account in another region.
PARTNER=444455556666.dkr.ecr.us-east-1.amazonaws.com
# Where GitHub's runners ask for their jobs' tokens.
GITHUB_TOKENS=run-actions-1-azure-eastus.actions.githubusercontent.com
# All at once: a running engine may read a name that comes later only seconds after.
name_here "$REGISTRY" "$FOREIGN" "$PARTNER" public.ecr.aws "api.ecr.$REGION.amazonaws.com" api.ecr.us-east-1.amazonaws.com \
  api.ecr-public.us-east-1.amazonaws.com "sts.$REGION.amazonaws.com" sts.us-east-1.amazonaws.com sts.amazonaws.com "$GITHUB_TOKENS"
start_lab
trust "$REGISTRY" "$FOREIGN" "$PARTNER" public.ecr.aws
start_engine
podman_settings
image_folder "$STAGE/image" "hello"

# setup ARG…: ecr-auth setup, of all clients unless CLIENT names one, with the helper's link in this test's own folder.
setup() { "$ECR_AUTH" setup --client "${CLIENT:-all}" --bin-dir "$BIN" "$@"; }

# same WHAT WANT HAVE
same() {
  [ "$2" = "$3" ] || {
    printf '%s: expected %s, found %s\n' "$1" "$2" "$3" >&2
    return 1
  }
}

# contains TEXT PART
contains() {
  [[ $1 == *"$2"* ]] || {
    printf 'expected '%s' in: %s\n' "$2" "$1" >&2
    return 1
  }
}

# fails COMMAND…: prints what the command says, and holds only where it fails.
fails() {
  local said
  if said=$("$@" 2>&1); then
    printf 'expected to fail: %s\n' "$*" >&2
    return 1
  fi
  printf '%s\n' "$said"
}

# run_test NAME: in a subshell; its repository and its home are its own, so that order never matters.
run_test() {
  local name=$1 log=$STAGE/$1.log status
  set +e
  (
    set -e
    export HOME=$STAGE/home/$name BIN=$STAGE/home/$name/bin
    export PATH=$BIN:$PATH
    mkdir -p "$BIN"
    # shellcheck disable=SC2034 # the tests use it
    IMAGE=$REGISTRY/e2e/${name//_/-}
    "$name"
  ) >"$log" 2>&1 </dev/null
  status=$?
  set -e
  if [ "$status" = 0 ]; then
    echo "PASS $name"
  else
    echo "FAIL $name"
    sed 's/^/  /' "$log" | tail -n 20
    FAILED=$((FAILED + 1))
  fi
}

FAILED=0
for file in "$HERE"/*.sh; do
  # shellcheck source=/dev/null # whichever lie there
  [ "${file##*/}" = run.sh ] || source "$file"
done
[ $# -gt 0 ] || mapfile -t tests < <(declare -F | awk '$3 ~ /^test_/ {print $3}')
for name in "${@:-${tests[@]}}"; do run_test "$name"; done
[ "$FAILED" = 0 ] || { tail -n 30 "$DOCKERD_LOG" "$LAB_LOG" && exit 1; }
