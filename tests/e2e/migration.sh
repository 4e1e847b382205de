# shellcheck shell=bash disable=SC2154 # IMAGE, REGISTRY… come from run.sh
# docs/migration/amazon-ecr-credential-helper.md: switches a machine with Debian's Go helper over and back with the page's own commands.

GO_PAGE=migration/amazon-ecr-credential-helper.md

# as_written HEADING [NUMBER]: runs the commands of the first or the second block under that heading, as root, because sudo may be missing.
as_written() { bash -euc 'sudo() { "$@"; }'$'\n'"$(page_block "$GO_PAGE" "$1" bash "${2:-1}")"; }

# asked_by: prints which helper docker calls for a pull with an empty cache: go or rust.
asked_by() {
  rm -rf "$HOME/.ecr" "$HOME/.cache/ecr-auth"
  docker pull --quiet "$IMAGE:1" >/dev/null
  curl -fsS "$LAB_CONTROL/calls" | jq -r '[.log[] | select(.operation == "ecr:GetAuthorizationToken")][-1].user_agent | capture("lang/(?<language>[a-z]+)").language'
}

# machine_with_go: configures docker for the Go helper as at the beginning of the page, with an image to pull.
machine_with_go() {
  trap 'rm -f /usr/local/bin/ecr-auth /usr/local/bin/docker-credential-ecr-*' EXIT
  build_image "$IMAGE:1" hello
  as_admin docker push "$IMAGE:1"
  mkdir "$HOME/.docker"
  page_block "$GO_PAGE" "From amazon-ecr-credential-helper" json >"$HOME/.docker/config.json"
  cp "$HOME/.docker/config.json" "$HOME/before"
  same "who is asked at first" go "$(asked_by)"
  cd "$HOME" || return
  cp "$ECR_AUTH" ecr-auth-x86_64-unknown-linux-musl
  as_written "Install the binary"
  same "who is asked once it is installed" go "$(asked_by)"
}

test_migration_by_our_own_name_and_back() {
  machine_with_go
  as_written "Switch by its own name"
  same "who is asked" rust "$(asked_by)"
  docker push "$IMAGE:1"
  as_written "Switch by its own name" 2
  cmp "$HOME/before" "$HOME/.docker/config.json"
  same "who is asked again" go "$(asked_by)"
}

test_migration_by_the_go_helper_s_name_and_back() {
  machine_with_go
  contains "$(as_written "Switch by the Go helper's name")" "docker-credential-ecr-auth $(version)"
  same "who is asked" rust "$(asked_by)"
  docker push "$IMAGE:1"
  as_written "Switch by the Go helper's name" 2
  cmp "$HOME/before" "$HOME/.docker/config.json"
  same "who is asked again" go "$(asked_by)"
}

test_migration_of_a_store_for_all_registries_and_back() {
  machine_with_go
  echo '{"credsStore": "ecr-login"}' >"$HOME/.docker/config.json"
  cp "$HOME/.docker/config.json" "$HOME/before"
  as_written "Switch by its own name"
  same "who is asked" rust "$(asked_by)"
  same "the store of all others" ecr-login "$(jq -r .credsStore "$HOME/.docker/config.json")"
  as_written "Switch by its own name" 2
  cmp "$HOME/before" "$HOME/.docker/config.json"
  ecr-auth setup --all
  same "who is asked with the store taken" rust "$(asked_by)"
  as_written "Switch by its own name" 2
  cmp "$HOME/before" "$HOME/.docker/config.json"
  same "who is asked again" go "$(asked_by)"
}

# What the page says about variables and commands.
test_migration_keeps_the_variables_and_commands() {
  setup "$REGISTRY"
  ln -s "$ECR_AUTH" "$BIN/docker-credential-ecr-login"
  export AWS_ECR_CACHE_DIR=$HOME/shared
  local helper before kept
  for helper in /usr/bin/docker-credential-ecr-login docker-credential-ecr-login; do
    before=$(calls ecr:GetAuthorizationToken)
    printf '%s' "$REGISTRY" | "$helper" get >/dev/null
    printf '%s' "$REGISTRY" | "$helper" get >/dev/null
    same "calls of $helper" $((before + 1)) "$(calls ecr:GetAuthorizationToken)"
  done
  kept=$(find "$HOME/shared" -name '*.json')
  same "files with tokens" 2 "$(wc -l <<<"$kept")"
  same "list" "{\"https://$REGISTRY\":\"AWS\"}" "$(docker-credential-ecr-login list)"
  printf '{"ServerURL": "%s", "Username": "AWS", "Secret": "x"}' "$REGISTRY" | docker-credential-ecr-login store
  printf '{"ServerURL": "example.com", "Username": "x", "Secret": "x"}' | AWS_ECR_IGNORE_CREDS_STORAGE=true docker-credential-ecr-login store
  printf '%s' "$REGISTRY" | docker-credential-ecr-login erase
  same "files with tokens" "$HOME/shared/cache.json" "$(find "$HOME/shared" -name '*.json')"
  before=$(calls ecr:GetAuthorizationToken)
  for helper in get get; do printf '%s' "$REGISTRY" | AWS_ECR_DISABLE_CACHE=1 docker-credential-ecr-login "$helper" >/dev/null; done
  same "calls without a cache" $((before + 2)) "$(calls ecr:GetAuthorizationToken)"
}
