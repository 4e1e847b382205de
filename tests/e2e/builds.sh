# shellcheck shell=bash disable=SC2154 # IMAGE, REGISTRY… come from run.sh
# Builds that last longer than the credentials at their start, and builds that need several registries.

# time_passes HOURS: moves the clocks of AWS and the helper to this time after the start of the test. Docker's own clock does not move.
time_passes() {
  local passed
  passed=$(($(curl -fsS "$LAB_CONTROL/clock" | jq .now) - $(date +%s)))
  control advance "{\"seconds\": $(($1 * 3600 - passed))}"
  mkdir -p "$HOME/later"
  cat >"$HOME/later/docker-credential-ecr-auth" <<-EOT
	#!/bin/sh
	exec faketime --exclude-monotonic -f +${1}h "$BIN/docker-credential-ecr-auth" "\$@"
	EOT
  chmod +x "$HOME/later/docker-credential-ecr-auth"
  PATH=$HOME/later:$PATH
}

# back_to_now: resets the lab.
back_to_now() { control reset '{}' && control token-lifetime '{"seconds": 43200}'; }

# long_build CI: starts a job that has pushed once.
long_build() {
  trap back_to_now EXIT
  start_job "$1"
  in_job setup --role-arn "$(job_role "$ACCOUNT" "$1-long")" "$REGISTRY"
  in_job build_image "$IMAGE:1" hello
  in_job docker push "$IMAGE:1"
}

# pushes_silently: pushes again. The only output is docker's one line.
pushes_silently() {
  local said
  said=$(in_job docker push --quiet "$IMAGE:1" 2>&1)
  same "what docker says" "$IMAGE:1" "$said"
}

test_builds_outlive_every_token_where_circleci_mints_again() {
  long_build circleci
  time_passes 13
  pushes_silently
}

test_builds_outlive_every_token_where_buildkite_mints_again() {
  long_build buildkite
  time_passes 13
  pushes_silently
}

# GitHub's request token lasts six hours, the longest time of a job. ECR's tokens last two hours here, so that they end sooner.
test_builds_outlive_every_token_where_github_mints_again() {
  control token-lifetime '{"seconds": 7200}'
  long_build github
  time_passes 3
  pushes_silently
  time_passes 9
  contains "$(fails in_job docker push "$IMAGE:1")" "the request token ends with the job, about 6 hours after its start"
}

# outlives_its_session CI: the registry's token of 12 hours still works after the job's own token has ended and nothing can be renewed.
outlives_its_session() {
  long_build "$1"
  time_passes 11
  pushes_silently
  time_passes 13
  contains "$(fails in_job docker push "$IMAGE:1")" "the job's OIDC token ended at $(token_end): "
}

# token_end: prints the end of the job's only token, its `exp`.
token_end() {
  jq -r '.environment | (.ECR_AUTH_ID_TOKEN // .BITBUCKET_STEP_OIDC_TOKEN) / "." | .[1]
    | gsub("-"; "+") | gsub("_"; "/") | @base64d | fromjson | .exp | todate' <<<"$JOB"
}

test_builds_of_gitlab_are_told_what_ended() { outlives_its_session gitlab; }

test_builds_of_bitbucket_are_told_what_ended() { outlives_its_session bitbucket; }

test_builds_of_jenkins_are_told_what_ended() { outlives_its_session jenkins; }

# two_bases: pushes an image to each account's registry from this job and removes it from the engine. FOREIGN_IMAGE is the partner's.
two_bases() {
  start_job gitlab
  FOREIGN_IMAGE=$FOREIGN/${IMAGE#*/}
  in_job setup --role-arn "$(job_role "$ACCOUNT" ours)" "$REGISTRY"
  in_job setup --role-arn "$(job_role 444455556666 theirs)" "$FOREIGN"
  local name
  for name in "$IMAGE" "$FOREIGN_IMAGE"; do
    in_job build_image "$name:base" "from $name"
    in_job docker push "$name:base"
    docker image rm "$name:base"
  done
}

# builds_on STAGE…: builds these Dockerfile lines with docker's default builder.
builds_on() {
  mkdir -p "$HOME/build"
  printf '%s\n' "$@" >"$HOME/build/Dockerfile"
  docker build --tag built-by-e2e "$HOME/build"
}

# builds_without_buildkit STAGE…: builds these Dockerfile lines with the legacy builder, which every docker still has.
builds_without_buildkit() { DOCKER_BUILDKIT=0 builds_on "$@"; }

test_builds_pull_from_two_registries_with_two_roles() {
  two_bases
  local builder
  for builder in builds_on builds_without_buildkit; do
    docker image rm --force "$IMAGE:base" "$FOREIGN_IMAGE:base" built-by-e2e
    in_job "$builder" "FROM $IMAGE:base AS ours" "FROM $FOREIGN_IMAGE:base" "COPY --from=ours /text /ours" 'CMD ["/bin/busybox", "cat", "/ours", "/text"]'
    same "the container's words" "from $IMAGE
from $FOREIGN_IMAGE" "$(output_of --network none built-by-e2e)"
  done
}

# The legacy builder requests the credentials of every registry in the configuration, whatever the Dockerfile uses.
test_builds_go_on_without_an_optional_registry() {
  two_bases
  rules "  - match: $REGISTRY" "    role-arn: ours" "  - match: $FOREIGN" "    role-arn: nobody" "    optional: true"
  local said why="ecr-auth: $FOREIGN: going on without credentials: AWS STS ($REGION) AssumeRoleWithWebIdentity: AccessDenied"
  said=$(in_job builds_without_buildkit "FROM $IMAGE:base" 2>&1)
  contains "$said" "$why"
  same "docker's complaints" "" "$(grep 'Failed to get credentials' <<<"$said" || true)"
  said=$(fails in_job builds_without_buildkit "FROM $FOREIGN_IMAGE:base")
  contains "$said" "$why"
  contains "$said" "no basic auth credentials"
}

# Without BuildKit docker requests all credentials, warns about this one and goes on. Docker 20.10 drops the credentials of all registries at the
# first failure.
test_builds_show_the_error_of_a_registry_that_is_not_optional() {
  two_bases
  rules "  - match: $REGISTRY" "    role-arn: ours" "  - match: $FOREIGN" "    role-arn: nobody"
  local said name why="AWS STS ($REGION) AssumeRoleWithWebIdentity: AccessDenied"
  for name in "$IMAGE" "$FOREIGN_IMAGE"; do
    said=$(in_job builds_without_buildkit "FROM $name:base" 2>&1) || ! docker_since 23 || same "the image that can't be had" "$FOREIGN_IMAGE" "$name"
    contains "$said" "error: $why"
    contains "$said" "its trust policy must match this token. The token says:"
    contains "$said" "    sub = project_path:octo/app:"
    ! docker_since 23 || contains "$said" "Failed to get credentials for registry: $FOREIGN\" error=\"error getting credentials - err: exit status 1, out: \`ecr-auth: $FOREIGN: $why"
  done
  contains "$said" "no basic auth credentials"
}

test_builds_ask_with_buildkit_for_what_they_need() {
  docker buildx version || return 0
  two_bases
  rules "  - match: $REGISTRY" "    role-arn: ours" "  - match: $FOREIGN" "    role-arn: nobody"
  local said why="AWS STS ($REGION) AssumeRoleWithWebIdentity: AccessDenied"
  said=$(in_job builds_on "FROM $IMAGE:base" 2>&1)
  [[ $said != *"$why"* ]] || same "words of a registry that isn't needed" "" "$why"
  said=$(fails in_job builds_on "FROM $FOREIGN_IMAGE:base")
  contains "$said" "error: $why"
  contains "$said" "ecr-auth: $FOREIGN: $why"
  same "how often the cause is told" 1 "$(grep -c "^error: $why" <<<"$said")"
}
