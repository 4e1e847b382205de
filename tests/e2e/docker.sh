# shellcheck shell=bash disable=SC2154,SC2153 # IMAGE, REGISTRY… come from run.sh
# Docker: push, pull, build, login, and the messages when something is wrong.

test_docker_pushes_and_pulls() {
  setup "$REGISTRY"
  build_image "$IMAGE:1" hello
  docker push "$IMAGE:1"
  docker image rm "$IMAGE:1"
  docker pull "$IMAGE:1"
  same "the container's words" hello "$(output_of --network none "$IMAGE:1")"
}

test_docker_builds_on_an_image_of_the_registry() {
  setup "$REGISTRY"
  build_image "$IMAGE:base" hello
  docker push "$IMAGE:base"
  docker image rm "$IMAGE:base"
  mkdir "$HOME/next"
  printf 'FROM %s\nCMD ["/bin/busybox", "echo", "next"]\n' "$IMAGE:base" >"$HOME/next/Dockerfile"
  docker build --tag "$IMAGE:next" "$HOME/next"
  same "the container's words" next "$(output_of --network none "$IMAGE:next")"
}

test_docker_works_with_the_global_store() {
  setup --all "$REGISTRY"
  same "credsStore" ecr-auth "$(jq -r .credsStore "$HOME/.docker/config.json")"
  build_image "$IMAGE:1" hello
  docker push "$IMAGE:1"
}

test_docker_login_passes_with_the_helper() {
  setup "$REGISTRY"
  contains "$(docker login "$REGISTRY" 2>&1)" "Login Succeeded"
  same "passwords in config.json" null "$(jq --arg host "$REGISTRY" '.auths[$host].auth' "$HOME/.docker/config.json")"
}

# Docker shows the helper's stderr and drops the rest. Its own message is only "no basic auth credentials".
test_docker_users_read_why_aws_said_no() {
  setup "$REGISTRY"
  local said
  said=$(AWS_SECRET_ACCESS_KEY=wrong fails docker pull "$IMAGE:1")
  contains "$said" "GetAuthorizationToken: InvalidSignatureException"
  contains "$said" "hint: the secret access key"
}

test_docker_is_as_before_after_logout() {
  mkdir "$HOME/.docker"
  printf '{\n    "detachKeys": "ctrl-e,e",\n  "auths":{"quay.io":{"auth":"eDp5"}}}' >"$HOME/.docker/config.json"
  cp "$HOME/.docker/config.json" "$HOME/before"
  setup "$REGISTRY"
  build_image "$IMAGE:1" hello
  docker push "$IMAGE:1"
  "$ECR_AUTH" logout
  cmp "$HOME/before" "$HOME/.docker/config.json"
  fails docker push "$IMAGE:1"
}

test_docker_pulls_from_ecr_public_even_where_aws_says_no() {
  control public-aliases '{"alias": "e2e", "account": "'"$ACCOUNT"'"}'
  setup public
  build_image public.ecr.aws/e2e/hello:1 hello
  docker push public.ecr.aws/e2e/hello:1
  docker image rm public.ecr.aws/e2e/hello:1
  "$ECR_AUTH" logout
  setup public
  AWS_SECRET_ACCESS_KEY=wrong docker pull public.ecr.aws/e2e/hello:1
}

# containerd_engine: starts an engine with a short path for its sockets that stores images in containerd, the default since docker 29.
containerd_engine() {
  echo '{"features": {"containerd-snapshotter": true}}' >"$HOME/daemon.json"
  start_engine "$STAGE/engine" --config-file "$HOME/daemon.json"
  # shellcheck disable=SC2064 # this one's id
  trap "kill $!" EXIT
}

test_docker_with_the_containerd_store() {
  docker_since 26 || return 0
  containerd_engine
  control public-aliases '{"alias": "e2e", "account": "'"$ACCOUNT"'"}'
  setup "$REGISTRY" public
  local image
  for image in "$IMAGE:1" public.ecr.aws/e2e/containerd:1; do
    build_image "$image" hello
    docker push "$image"
    docker image rm "$image"
    docker pull "$image"
  done
  docker login public.ecr.aws
  docker image rm "$IMAGE:1"
  "$ECR_AUTH" logout
  local words="pull access denied, repository does not exist or may require authorization"
  contains "$(fails docker pull "$IMAGE:1")" "$words"
  contains "$(cat "$ROOT/docs/troubleshooting.md")" "$words"
}
