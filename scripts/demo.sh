#!/usr/bin/env bash
# make demo: a real Docker engine builds, pushes and pulls an image under a real ECR name, signed in by the helper alone.
#
# Installs what is missing, builds, then runs the demo inside namespace.sh, and compares the machine before and after. The exit status is 0 only if
# every step succeeded.
source "$(dirname "$0")/env.sh"

# outside: everything except the demo itself.
outside() {
  local before after status=0 cargo=(cargo build --locked)
  [ -t 2 ] || cargo+=(--quiet)
  "$ROOT/scripts/install.sh" build demo
  find_rust
  need docker dockerd podman skopeo docker-registry busybox curl jq
  say "Building ecr-auth and its lab…"
  (cd "$ROOT" && "${cargo[@]}" --package ecr-auth --package lab)
  before=$(as_root env HOME="$HOME" PATH="$PATH" "$ROOT/scripts/fingerprint.sh")
  "$ROOT/scripts/namespace.sh" "${BASH:-bash}" "$0" --inside || status=$?
  after=$(as_root env HOME="$HOME" PATH="$PATH" "$ROOT/scripts/fingerprint.sh")
  if [ "$before" = "$after" ]; then
    echo "✓ machine      as it was: hosts, Docker's settings, programs, mounts and processes compare equal"
  else
    echo "✗ machine      not as it was before:"
    diff <(echo "$before") <(echo "$after") || status=1
  fi
  [ "$status" = 0 ] && echo "The demo passed." || echo "The demo failed."
  exit "$status"
}

# ---- inside: the demo, one function a step; each reports its result with `told` ----

PASSED=0

# told TEXT…: records the sentence that reports a step.
told() { printf '%s' "$*" >"$STAGE/told"; }

# expect WHAT WANT HAVE: fails the step unless both values are equal.
expect() {
  [ "$2" = "$3" ] || {
    printf '%s: expected %s, found %s\n' "$1" "$2" "$3" >&2
    return 1
  }
}

# step NAME FUNCTION: runs a step and prints one line. A failure ends the demo and shows the last output of the step and the daemons.
step() {
  local name=$1 status start=${EPOCHREALTIME/[^0-9]/}
  [ ! -t 1 ] || printf '… %-12s' "$name"
  set +e
  (
    set -e
    "$2"
  ) >"$STAGE/step.log" 2>&1 </dev/null
  status=$?
  set -e
  [ ! -t 1 ] || printf '\r'
  if [ "$status" = 0 ]; then
    PASSED=$((PASSED + 1))
    printf '✓ %-12s %s (%s s)\n' "$name" "$(cat "$STAGE/told")" "$(seconds_since "$start")"
  else
    printf '✗ %-12s failed with status %s\n' "$name" "$status"
    tail_of "$STAGE/step.log" "$DOCKERD_LOG" "$LAB_LOG"
    echo "$PASSED steps passed, 1 failed"
    exit 1
  fi
}

# seconds_since MICROSECONDS: prints the elapsed seconds with one decimal.
seconds_since() {
  local tenths=$(((${EPOCHREALTIME/[^0-9]/} - $1) / 100000))
  printf '%d.%d' $((tenths / 10)) $((tenths % 10))
}

# tail_of FILE…: prints the last lines of each file with its name.
tail_of() {
  local file
  for file; do
    [ ! -s "$file" ] || { printf -- '--- the end of %s\n' "${file##*/}" && tail -n 15 "$file"; }
  done
}

IMAGE_NAME=demo/hello
HELLO="Hello from an image that went through ECR"

setup_step() {
  "$ECR_AUTH" setup "$REGISTRY" --client all --bin-dir "$STAGE/bin"
  expect "credHelpers" ecr-auth "$(jq -r --arg host "$REGISTRY" '.credHelpers[$host]' "$HOME/.docker/config.json")"
  told "wrote credHelpers for $REGISTRY; the helper is $(basename "$(command -v docker-credential-ecr-auth)")"
}

build_step() {
  build_image "$IMAGE:1" "$HELLO"
  told "docker built $IMAGE_NAME:1 from scratch"
}

push_step() {
  docker push "$IMAGE:1"
  expect "GetAuthorizationToken calls" 1 "$(calls ecr:GetAuthorizationToken)"
  told "docker pushed it; the helper asked ECR for one token, nobody ran docker login"
}

pull_step() {
  docker image rm "$IMAGE:1"
  docker pull "$IMAGE:1"
  told "docker pulled it again after its local copy was removed"
}

run_step() {
  expect "the container's words" "$HELLO" "$(output_of --network none "$IMAGE:1")"
  told "docker ran it: $HELLO"
}

private_base_step() {
  docker image rm "$IMAGE:1"
  mkdir -p "$STAGE/next"
  printf 'FROM %s\nCMD ["/bin/busybox", "echo", "built on it"]\n' "$IMAGE:1" >"$STAGE/next/Dockerfile"
  DOCKER_BUILDKIT=1 docker build --quiet --tag "$IMAGE:next" "$STAGE/next"
  expect "the container's words" "built on it" "$(output_of --network none "$IMAGE:next")"
  docker pull "$IMAGE:1"
  told "BuildKit built an image FROM $IMAGE_NAME:1, which nobody may pull without signing in"
}

second_push_step() {
  local before
  before=$(all_calls)
  docker tag "$IMAGE:1" "$IMAGE:2"
  docker push "$IMAGE:2"
  expect "calls to AWS" "$before" "$(all_calls)"
  told "docker pushed a second tag from the cached token, without a call to AWS"
}

skopeo_step() {
  skopeo copy "docker://$IMAGE:1" "dir:$STAGE/skopeo"
  skopeo copy "dir:$STAGE/skopeo" "docker://$IMAGE:skopeo"
  told "skopeo copied the image out and back in"
}

podman_step() {
  podman_settings
  podman build --tag "$IMAGE:podman" "$STAGE/image"
  podman push "$IMAGE:podman"
  podman image rm "$IMAGE:podman"
  podman pull "$IMAGE:podman"
  told "podman built, pushed and pulled an image with the same helper"
}

foreign_step() {
  expect "an invented password" 401 "$(opens "$(head -c 64 /dev/urandom | base64 -w 0)")"
  expect "our password at a stranger's registry" 403 "$(opens "$(password)" "$FOREIGN" "$IMAGE_NAME")"
  told "the registry refuses an invented password, and ours at another account's registry"
}

job_step() {
  # A separate runner, with nothing set up and no AWS keys.
  export HOME=$STAGE/runner
  mkdir "$HOME"
  start_job github
  local before registry name
  before=$(calls sts:AssumeRoleWithWebIdentity)
  for registry in "$REGISTRY" "$FOREIGN"; do
    name=$registry/demo/job:1
    in_job "$ECR_AUTH" setup --role-arn "$(job_role "${registry%%.*}" ci-push)" --bin-dir "$STAGE/bin" "$registry"
    docker tag "$IMAGE:1" "$name"
    in_job docker push "$name"
  done
  expect "AssumeRoleWithWebIdentity calls" $((before + 2)) "$(calls sts:AssumeRoleWithWebIdentity)"
  told "a GitHub job pushed to two accounts, by a role of each; its OIDC token was all it had, no AWS key"
}

renewal_step() {
  local before old
  # From here on tokens last seconds instead of twelve hours. The cached token is dropped, so that a short-lived one replaces it.
  control token-lifetime '{"seconds": 6}' >/dev/null
  printf '%s' "$REGISTRY" | docker-credential-ecr-auth erase
  old=$(password)
  before=$(calls ecr:GetAuthorizationToken)
  wait_until 60 "the old token's end" refused "$old"
  docker push "$IMAGE:1"
  [ "$(calls ecr:GetAuthorizationToken)" -gt "$before" ] || expect "calls for a new token" "more than $before" "$before"
  told "the token expired and the registry refused it; the next push fetched a new one and went through"
}

# refused PASSWORD: whether the registry refuses the password. ECR answers 403 to an expired token.
refused() { [ "$(opens "$1")" = 403 ]; }

logout_step() {
  "$ECR_AUTH" logout
  expect "credHelpers left" 0 "$(jq -s 'map(.credHelpers // {} | length) | add // 0' "$HOME/.docker/config.json")"
  expect "tokens left" "" "$(find "$HOME/.cache/ecr-auth" -type f -size +0 2>/dev/null)"
  if docker push "$IMAGE:2" >/dev/null; then expect "a push after logout" refused accepted; fi
  told "everything is as before setup: no helper, no token, and a push is refused"
}

# inside: runs the demo.
inside() {
  source "$ROOT/scripts/stage.sh"
  IMAGE=$REGISTRY/$IMAGE_NAME
  FOREIGN=444455556666.dkr.ecr.$REGION.amazonaws.com
  name_here "$REGISTRY" "$FOREIGN" "api.ecr.$REGION.amazonaws.com" "sts.$REGION.amazonaws.com" sts.amazonaws.com "$GITHUB_TOKENS"
  start_lab
  trust "$REGISTRY" "$FOREIGN"
  start_engine
  echo "A Docker engine and a local AWS with ECR's real names run, out of the machine's sight."
  step setup setup_step
  step build build_step
  step push push_step
  step pull pull_step
  step run run_step
  step "build on it" private_base_step
  step "push again" second_push_step
  step skopeo skopeo_step
  step podman podman_step
  step strangers foreign_step
  step "GitHub job" job_step
  step renewal renewal_step
  step logout logout_step
  echo "$PASSED steps passed, 0 failed"
}

if [ "${1:-}" = --inside ]; then inside; else outside; fi
