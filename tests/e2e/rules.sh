# shellcheck shell=bash disable=SC2154 # IMAGE, REGISTRY… come from run.sh
# The rules of ecr-auth.yml: an own host name, globs, profiles.

test_rules_of_a_name_of_ones_own_have_their_own_role() {
  control host-aliases '{"host": "registry.example.com", "registry": "'"$FOREIGN"'"}'
  start_job gitlab
  rules "  - match: registry.example.com" "    registry: $FOREIGN" "    role-arn: $(job_role 444455556666 alias)" \
    "  - match: $FOREIGN" "    role-arn: nobody"
  in_job setup registry.example.com
  local name=registry.example.com/${IMAGE#*/} from
  from=$(logged)
  in_job build_image "$name:1" hello
  in_job docker push "$name:1"
  in_job podman build --tag "$name:2" "$STAGE/image"
  in_job podman push "$name:2"
  docker image rm "$name:1"
  in_job docker pull "$name:2"
  same "what opened it" "arn:aws:sts::444455556666:assumed-role/alias/gitlab-octo-app-42" "$(aws_calls "$from" | awk '/^ecr:/ {print $2}')"
}

test_rules_with_globs_serve_every_region_of_an_account() {
  start_job gitlab
  local role name from assume
  role=$(job_role 444455556666 glob)
  rules "  - match: '444455556666.dkr.ecr.*.amazonaws.com'" "    role-arn: glob"
  in_job setup "$FOREIGN" "$FRANKFURT"
  from=$(logged)
  for name in {"$FOREIGN","$FRANKFURT"}/e2e/glob:{1,2}; do
    in_job build_image "$name" hello
    in_job docker push "$name"
  done
  assume="assume $role gitlab-octo-app-42 sts.amazonaws.com $(jq -r .subject <<<"$JOB")"
  local fetch="ecr:GetAuthorizationToken arn:aws:sts::444455556666:assumed-role/glob/gitlab-octo-app-42"
  same "calls to AWS" "$assume
$assume
$fetch eu-central-1
$fetch $REGION" "$(aws_calls "$from")"
}

# Only the rule's profile is used: the keys in the environment are another account's.
test_rules_of_a_profile_use_it_alone() {
  (umask 077 && mkdir "$HOME/.aws" && control users '{"account": "444455556666", "name": "e2e"}' |
    jq -r '"[partner]\naws_access_key_id = \(.id)\naws_secret_access_key = \(.secret)"' >"$HOME/.aws/credentials")
  setup --profile partner "$FOREIGN"
  setup "$REGISTRY"
  local name
  for name in "$FOREIGN/e2e/profile:1" "$IMAGE:1"; do
    build_image "$name" hello
    docker push "$name"
  done
}
