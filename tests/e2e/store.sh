# shellcheck shell=bash disable=SC2154 # IMAGE, REGISTRY… come from run.sh
# One store for every registry with another store behind it: real clients before, during and after.

# store_with_logins: installs a docker-credential-keychain with two logins, which docker's configuration names.
store_with_logins() {
  keychain
  mkdir "$HOME/.docker"
  printf '{\n  "auths": {"ghcr.io": {}, "quay.io": {}},\n  "credsStore": "keychain"\n}\n' >"$HOME/.docker/config.json"
  cp "$HOME/.docker/config.json" "$HOME/before"
  local server
  for server in ghcr.io quay.io; do
    printf '{"ServerURL":"%s","Username":"me","Secret":"of %s"}' "$server" "$server" | docker-credential-keychain store
  done
}

# answers PROGRAM: prints the program's answers for both logins.
answers() {
  printf %s ghcr.io | "$1" get
  printf %s quay.io | "$1" get
}

test_store_for_all_registries_keeps_the_logins_of_others() {
  store_with_logins
  answers docker-credential-keychain >"$HOME/answers"
  setup --all
  same "credsStore" ecr-auth "$(jq -r .credsStore "$HOME/.docker/config.json")"
  answers docker-credential-ecr-auth | cmp "$HOME/answers" -
  build_image "$IMAGE:1" hello
  docker push "$IMAGE:1"
  docker image rm "$IMAGE:1"
  docker pull "$IMAGE:1"
  podman pull "$IMAGE:1"
  skopeo inspect "docker://$IMAGE:1" >/dev/null
  docker logout ghcr.io
  contains "$(fails docker-credential-keychain get <<<ghcr.io)" "credentials not found"
  "$ECR_AUTH" logout
  same "the store" keychain "$(jq -r .credsStore "$HOME/.docker/config.json")"
  contains "$(fails podman pull "$IMAGE:1")" "$REGISTRY"
}

test_store_for_all_registries_leaves_no_trace() {
  store_with_logins
  setup --all
  build_image "$IMAGE:1" hello
  docker push "$IMAGE:1"
  "$ECR_AUTH" logout
  cmp "$HOME/before" "$HOME/.docker/config.json"
  fails docker push "$IMAGE:1"
}

# What the Go helper lists for its caller, sorted. With an empty cache, it is the caller's own registry.
test_store_lists_what_the_go_helper_lists() {
  setup --all
  export AWS_REGION=${REGISTRY#*.ecr.}
  AWS_REGION=${AWS_REGION%%.*}
  local go
  go=$(/usr/bin/docker-credential-ecr-login list | jq -c 'with_entries(select(.key | contains("public.ecr.aws") | not))')
  contains "$go" "https://$REGISTRY"
  same "the list" "$go" "$(docker-credential-ecr-auth list | jq -c .)"
}
