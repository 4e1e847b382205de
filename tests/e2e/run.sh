#!/usr/bin/env bash
# The end-to-end tests: real Docker, Podman, Buildah and Skopeo against the lab. Run it inside scripts/namespace.sh, after a build:
# run.sh [--part K/N] [NAME…] runs all tests, or those of these names or patterns, and of those each N-th from the K-th on. Every function test_… of
# the files beside this one is a test. Each test has its own shell and home, and prints one line that begins with PASS or FAIL.
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
# All names at the same time, because the engine only reads /etc/hosts every few seconds.
name_here "$REGISTRY" "$FOREIGN" "$FRANKFURT" "$VIRGINIA" public.ecr.aws registry.example.com "$GITHUB_TOKENS" \
  api.ecr-public.us-east-1.amazonaws.com {api.ecr,sts}.{"$REGION",eu-central-1,us-east-1}.amazonaws.com sts.amazonaws.com \
  cognito-{idp,identity}."$REGION".amazonaws.com lab.auth."$REGION".amazoncognito.com
start_lab
trust "$REGISTRY" "$FOREIGN" "$FRANKFURT" "$VIRGINIA" public.ecr.aws registry.example.com
start_engine
podman_settings
image_folder "$STAGE/image" "hello"

# setup ARG…: runs ecr-auth setup for all clients or for CLIENT, with the helper's link in this test's own folder.
setup() { "$ECR_AUTH" setup --client "${CLIENT:-all}" --bin-dir "$BIN" "$@"; }

# rules LINE…: writes the registries of this user's ecr-auth.yml.
rules() {
  mkdir -p "$HOME/.config/ecr-auth"
  printf '%s\n' "registries:" "$@" >"$HOME/.config/ecr-auth/ecr-auth.yml"
}

# aws_calls FROM: prints the STS and ECR calls since the lab's log had FROM entries, one a line, sorted: assume ROLE SESSION AUDIENCE SUBJECT, or
# OPERATION PRINCIPAL REGION.
aws_calls() {
  curl -fsS "$LAB_CONTROL/calls" | jq -r --argjson from "$1" '.log[$from:][]
    | if .operation == "sts:AssumeRoleWithWebIdentity" then
        .session | "assume \(.role_arn) \(.session_name) \(.web_identity | "\(.aud) \(.sub)")"
      elif .operation | test("^(sts|ecr):") then "\(.operation) \(.principal) \(.region)"
      else empty end' | sort
}

# logged: prints the number of entries in the lab's log.
logged() { curl -fsS "$LAB_CONTROL/calls" | jq '.log | length'; }

# as_admin COMMAND…: runs the command with the lab's AWS keys and a separate home, so that the test's home stays unchanged.
as_admin() {
  local home=$HOME/admin
  mkdir -p "$home/bin"
  HOME=$home BIN=$home/bin PATH=$home/bin:$PATH setup "$REGISTRY" "$FOREIGN" >/dev/null
  env HOME="$home" PATH="$home/bin:$PATH" "$@"
}

# start_mirror: starts a mirror of the releases at MIRROR until the end of the test. Its only file is the binary, whose checksum is SHA256.
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

# page_block PAGE HEADING [LANGUAGE [NUMBER]]: prints an unchanged code block of docs/PAGE: the first one under that heading, or the first, second…
# of a language.
page_block() { "$TARGET/python/bin/python" "$ROOT/scripts/docs/pages.py" "$@"; }

# docker_since VERSION: whether docker's client has this version or a newer one. Newer versions have other messages.
docker_since() { at_least "$(docker version --format '{{.Client.Version}}')" "$1"; }

# same WHAT WANT HAVE: fails unless both values are equal.
same() {
  [ "$2" = "$3" ] || {
    printf '%s: expected %s, found %s\n' "$1" "$2" "$3" >&2
    return 1
  }
}

# contains TEXT PART: fails unless the text contains the part.
contains() {
  [[ $1 == *"$2"* ]] || {
    printf 'expected '%s' in: %s\n' "$2" "$1" >&2
    return 1
  }
}

# fails COMMAND…: prints the command's output, and succeeds only if the command fails.
fails() {
  local said
  if said=$("$@" 2>&1); then
    printf 'expected to fail: %s\n' "$*" >&2
    return 1
  fi
  printf '%s\n' "$said"
}

# run_test NAME: runs a test in a subshell with its own repository and home, so that the order of tests never matters.
run_test() {
  local name=$1 log=$STAGE/$1.log status
  # What tests share below /: an earlier one may have failed before it tidied up.
  rm -f /run/containers/0/auth.json /usr/local/bin/{ecr-auth,docker-credential-ecr-auth} /etc/containers/registries.conf.d/zz-ecr-auth.conf
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
# chosen NAME: whether the test, or a pattern that matches it, was requested.
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
