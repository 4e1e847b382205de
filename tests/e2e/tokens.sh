# shellcheck shell=bash disable=SC2154 # IMAGE, REGISTRY… come from run.sh
# What the registry does with tokens: one works for many pushes, an expired or foreign one is refused.

test_tokens_are_fetched_once() {
  setup "$REGISTRY"
  local before
  before=$(calls ecr:GetAuthorizationToken)
  build_image "$IMAGE:1" hello
  docker push "$IMAGE:1"
  docker tag "$IMAGE:1" "$IMAGE:2"
  docker push "$IMAGE:2"
  skopeo inspect "docker://$IMAGE:2"
  same "GetAuthorizationToken calls" $((before + 1)) "$(calls ecr:GetAuthorizationToken)"
}

test_tokens_of_ours_do_not_open_a_stranger_s_registry() {
  setup "$REGISTRY" "$FOREIGN"
  same "status" 403 "$(opens "$(password)" "$FOREIGN" e2e/stranger)"
  build_image "$FOREIGN/e2e/stranger:1" hello
  fails docker push "$FOREIGN/e2e/stranger:1"
}

test_tokens_that_were_invented_are_refused() {
  same "status" 401 "$(opens "$(head -c 64 /dev/urandom | base64 -w 0)")"
}

test_tokens_open_a_partner_s_repository_that_lets_us_in() {
  setup "$REGISTRY" "$FOREIGN"
  control repository-policies '{"account": "444455556666", "region": "'"$REGION"'", "repository": "e2e/shared",
    "principal": "'"$ACCOUNT"'", "access": "push"}'
  local before
  before=$(calls ecr:GetAuthorizationToken)
  build_image "$FOREIGN/e2e/shared:1" hello
  docker push "$FOREIGN/e2e/shared:1"
  docker push "$FOREIGN/e2e/shared:1"
  same "GetAuthorizationToken calls" $((before + 1)) "$(calls ecr:GetAuthorizationToken)"
}

test_tokens_that_were_revoked_are_refused_and_replaced() {
  setup "$REGISTRY"
  build_image "$IMAGE:1" hello
  local old
  old=$(password)
  same "status" 200 "$(opens "$old")"
  control revoke-tokens '{}'
  same "status once it is revoked" 401 "$(opens "$old")"
  fails docker push "$IMAGE:1"
  # What a client does with a password that was refused.
  printf '%s' "$REGISTRY" | docker-credential-ecr-auth erase
  docker push "$IMAGE:1"
}
