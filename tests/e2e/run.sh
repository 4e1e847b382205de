#!/usr/bin/env bash
# The end-to-end tests: real Docker, Podman, Buildah and Skopeo against the lab. Run inside scripts/namespace.sh, after a build:
# run.sh [--part K/N] [NAME…]: all tests, or those of these names, which may be patterns; of them, each N-th from the K-th on. Every function test_…
# of the files beside this one is a test, run in a shell and with a home of its own; one line each, PASS or FAIL first.
# shellcheck source=../../scripts/stage.sh
source "$(dirname "$0")/../../scripts/stage.sh"
HERE=$ROOT/tests/e2e
PART=1/1
if [ "${1:-}" = --part ]; then
  PART=$2
  shift 2
fi
[ "${PART%/*}" != 1 ] || clients

FOREIGN=444455556666.dkr.ecr.$REGION.amazonaws.com
FRANKFURT=444455556666.dkr.ecr.eu-central-1.amazonaws.com
# Another account in another region.
VIRGINIA=444455556666.dkr.ecr.us-east-1.amazonaws.com
# All names at once: the engine reads /etc/hosts every few seconds only.
name_here "$REGISTRY" "$FOREIGN" "$FRANKFURT" "$VIRGINIA" public.ecr.aws registry.example.com "$GITHUB_TOKENS" \
  api.ecr-public.us-east-1.amazonaws.com {api.ecr,sts}.{"$REGION",eu-central-1,us-east-1}.amazonaws.com sts.amazonaws.com \
  cognito-{idp,identity}."$REGION".amazonaws.com lab.auth."$REGION".amazoncognito.com
start_lab
trust "$REGISTRY" "$FOREIGN" "$FRANKFURT" "$VIRGINIA" public.ecr.aws registry.example.com
start_engine
podman_settings
image_folder "$STAGE/image" "hello"

# setup ARG…: ecr-auth setup, of all clients unless CLIENT names one, with the helper's link in this test's own folder.
setup() { "$ECR_AUTH" setup --client "${CLIENT:-all}" --bin-dir "$BIN" "$@"; }

# rules LINE…: the registries of this user's ecr-auth.yml.
rules() {
  mkdir -p "$HOME/.config/ecr-auth"
  printf '%s\n' "registries:" "$@" >"$HOME/.config/ecr-auth/ecr-auth.yml"
}

# aws_calls FROM: STS and ECR calls since the lab's log had FROM entries, one a line, sorted: assume ROLE SESSION AUDIENCE SUBJECT,
# or OPERATION PRINCIPAL REGION.
aws_calls() {
  curl -fsS "$LAB_CONTROL/calls" | jq -r --argjson from "$1" '.log[$from:][]
    | if .operation == "sts:AssumeRoleWithWebIdentity" then
        .session | "assume \(.role_arn) \(.session_name) \(.web_identity | "\(.aud) \(.sub)")"
      elif .operation | test("^(sts|ecr):") then "\(.operation) \(.principal) \(.region)"
      else empty end' | sort
}

# logged: how many entries the lab's log has.
logged() { curl -fsS "$LAB_CONTROL/calls" | jq '.log | length'; }

# as_admin COMMAND…: with the lab's AWS keys and a home of its own, so that the test's stays untouched.
as_admin() {
  local home=$HOME/admin
  mkdir -p "$home/bin"
  HOME=$home BIN=$home/bin PATH=$home/bin:$PATH setup "$REGISTRY" "$FOREIGN" >/dev/null
  env HOME="$home" PATH="$home/bin:$PATH" "$@"
}

# start_mirror: a mirror of the releases at MIRROR, whose one file is the binary; SHA256 is its sum. It ends with the test.
start_mirror() {
  local version asset folder
  version=$(jq -r .version "$ROOT/action/checksums.json")
  asset=ecr-auth-$(uname -m)-unknown-linux-musl
  folder=$HOME/mirror/v$version
  mkdir -p "$folder"
  cp "$ECR_AUTH" "$folder/$asset"
  # shellcheck disable=SC2034 # the tests use it
  SHA256=$(sha256sum <"$folder/$asset" | cut -d ' ' -f 1)
  busybox httpd -f -p 127.0.0.1:8099 -h "$HOME/mirror" &
  # shellcheck disable=SC2064 # this one's id
  trap "kill $!" EXIT
  MIRROR=http://127.0.0.1:8099
  wait_until 10 "the mirror's start" curl -fsS -o /dev/null --range 0-0 "$MIRROR/v$version/$asset"
}

# page_block PAGE HEADING [LANGUAGE [NUMBER]]: a code block of docs/PAGE, as it stands there: the first one under that heading, or the first, second…
# of a language.
page_block() { "$TARGET/python/bin/python" "$ROOT/scripts/docs/pages.py" "$@"; }

# docker_since VERSION: whether docker's client is that old or newer: it has changed its words.
docker_since() { at_least "$(docker version --format '{{.Client.Version}}')" "$1"; }

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
    tail -n 20 "$log" | awk '{print "  " $0}'
    FAILED=$((FAILED + 1))
  fi
}

FAILED=0
for file in "$HERE"/*.sh; do
  # shellcheck source=/dev/null # whichever lie there
  [ "${file##*/}" = run.sh ] || source "$file"
done
mapfile -t tests < <(declare -F | awk '$3 ~ /^test_/ {print $3}')
# chosen NAME: whether it, or a pattern of it, was asked for.
chosen() {
  local pattern
  # shellcheck disable=SC2053 # a pattern
  for pattern in "${CHOICE[@]}"; do [[ $1 != $pattern ]] || return 0; done
  return 1
}
CHOICE=("${@:-test_*}")
count=0
for name in "${tests[@]}"; do
  chosen "$name" || continue
  [ $((count++ % ${PART#*/})) != $((${PART%/*} - 1)) ] || run_test "$name"
done
[ "$FAILED" = 0 ] || { tail -n 30 "$DOCKERD_LOG" "$LAB_LOG" && exit 1; }
