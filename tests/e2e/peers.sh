# shellcheck shell=bash disable=SC2154 # IMAGE, REGISTRY… come from run.sh
# The comparison with amazon-ecr-credential-helper (GO) in docs/comparison.md: the packaged helper and this build do the same in the same lab. The
# page is about 0.12.0, which `make clients-next` runs; different behaviour of older versions is in these tests. The page names the test of each
# row. Helpers are called like docker does, with the host on stdin.

GO=/usr/bin/docker-credential-ecr-login
OURS=docker-credential-ecr-auth

# ask HELPER [HOST]: prints the helper's answer.
ask() { printf '%s' "${2:-$REGISTRY}" | "$1" get; }

# both: installs our helper and checks that the Go helper is one of the compared versions.
both() {
  setup "$REGISTRY" >/dev/null
  GO_VERSION=$(dpkg-query -W -f '${Version}' amazon-ecr-credential-helper)
  case $GO_VERSION in 0.6.0-* | 0.7.1-* | 0.12.0-*) ;; *) same "the Go helper" "0.6.0, 0.7.1 or 0.12.0" "$GO_VERSION" ;; esac
}

# go_since VERSION: whether the Go helper has this version or a newer one.
go_since() { at_least "${GO_VERSION%-*}" "$1"; }

# asked_last: prints the host of the last call to AWS.
asked_last() { curl -fsS "$LAB_CONTROL/calls" | jq -r '[.log[] | select(.operation == "ecr:GetAuthorizationToken")][-1].host'; }

# docker_asks_go: configures docker as in the Go helper's README.
docker_asks_go() {
  mkdir -p "$HOME/.docker"
  printf '{"credHelpers": {"%s": "ecr-login"}}' "$REGISTRY" >"$HOME/.docker/config.json"
}

test_peers_stand_on_the_page() {
  local written named
  written=$(declare -F | awk '$3 ~ /^test_peers_/ && $3 != "test_peers_stand_on_the_page" {print $3}' | sort)
  named=$(grep -oE 'test_peers_[a-z_]+' "$ROOT/docs/comparison.md" | sort -u)
  same "tests on the page" "$written" "$named"
}

# crowd HELPER [CALLS]: prints how many calls fifty concurrent gets make with an empty cache. With CALLS, AWS answers once it has this many calls.
crowd() {
  local before gets=() get
  before=$(calls ecr:GetAuthorizationToken)
  [ -z "${2:-}" ] || control hold '{"service": "ecr"}' >/dev/null
  for get in {1..50}; do
    ask "$1" >/dev/null &
    gets[get]=$!
  done
  if [ -n "${2:-}" ]; then
    wait_until 60 "$2 calls" has_called "$((before + $2))" >/dev/null
    control release '{"service": "ecr"}' >/dev/null
  fi
  wait "${gets[@]}"
  echo $(($(calls ecr:GetAuthorizationToken) - before))
}

# has_called CALLS: whether AWS has got this many calls.
has_called() { [ "$(calls ecr:GetAuthorizationToken)" = "$1" ]; }

test_peers_fetch_for_fifty_gets_at_once() {
  both
  same "calls, ours" 1 "$(crowd "$OURS")"
  rm -rf "$HOME/.ecr" "$HOME/.cache/ecr-auth"
  same "calls while AWS's first answer is under way, ours" 1 "$(crowd "$OURS" 1)"
  same "calls while AWS's first answer is under way, theirs" 50 "$(crowd "$GO" 50)"
}

test_peers_answer_from_a_warm_cache() {
  both
  local helper before
  for helper in "$GO" "$OURS"; do
    ask "$helper" >/dev/null
    before=$(all_calls)
    ask "$helper" >/dev/null
    same "calls of a warm $helper" "$before" "$(all_calls)"
  done
}

test_peers_fetch_for_a_fips_host() {
  both
  local host=$ACCOUNT.dkr.ecr-fips.us-east-1.amazonaws.com
  name_here api.ecr-fips.us-east-1.amazonaws.com
  ask "$OURS" "$host" >/dev/null
  same "endpoint, ours" api.ecr-fips.us-east-1.amazonaws.com "$(asked_last)"
  ask "$GO" "$host" >/dev/null
  same "endpoint, theirs" api.ecr.us-east-1.amazonaws.com "$(asked_last)"
}

test_peers_fetch_for_a_dual_stack_host() {
  both
  local host=$ACCOUNT.dkr-ecr.$REGION.on.aws
  name_here "ecr.$REGION.api.aws"
  ask "$OURS" "$host" >/dev/null
  same "endpoint, ours" "ecr.$REGION.api.aws" "$(asked_last)"
  if go_since 0.10.0; then
    ask "$GO" "$host" >/dev/null
    same "endpoint, theirs" "api.ecr.$REGION.amazonaws.com" "$(asked_last)"
  else
    same "answer, theirs" "credentials not found in native keychain" "$(fails ask "$GO" "$host" | tail -n 1)"
  fi
}

test_peers_say_why_a_pull_failed() {
  both
  export AWS_SECRET_ACCESS_KEY=wrong
  contains "$(fails docker pull "$IMAGE:1")" "GetAuthorizationToken: InvalidSignatureException"
  docker_asks_go
  local said
  said=$(fails docker pull "$IMAGE:1")
  contains "$said" "no basic auth credentials"
  [[ $said != *InvalidSignature* ]] || same "the cause" "" "$said"
}

# A token has expired, and AWS refuses a new one.
test_peers_hand_out_tokens_that_ended() {
  both
  trap 'control token-lifetime "{\"seconds\": 43200}"' EXIT
  control token-lifetime '{"seconds": 2}'
  local theirs
  theirs=$(ask "$GO" | jq -r .Secret)
  ask "$OURS" >/dev/null
  wait_until 30 "the token's end" refused "$theirs"
  export AWS_SECRET_ACCESS_KEY=wrong
  contains "$(fails ask "$OURS")" "InvalidSignatureException"
  same "answer, theirs" "$theirs" "$(ask "$GO" | jq -r .Secret)"
}

# refused PASSWORD: whether the registry refuses the password.
refused() { [ "$(opens "$1")" = 403 ]; }

test_peers_go_on_with_a_damaged_cache() {
  both
  ask "$OURS" >/dev/null
  ask "$GO" >/dev/null
  local file
  for file in "$HOME/.ecr/cache.json" "$HOME"/.cache/ecr-auth/*; do [ ! -f "$file" ] || echo null >"$file"; done
  ask "$OURS" >/dev/null
  contains "$(fails ask "$GO")" "nil pointer dereference"
}

test_peers_let_docker_login_pass() {
  both
  docker login "$REGISTRY"
  docker_asks_go
  fails docker login "$REGISTRY"
  ! go_since 0.9.0 || AWS_ECR_IGNORE_CREDS_STORAGE=true docker login "$REGISTRY"
}

test_peers_serve_podman() {
  both
  build_image "$IMAGE:1" hello
  docker push "$IMAGE:1"
  podman pull "$IMAGE:1"
  podman image rm "$IMAGE:1"
  sed -i 's/"ecr-auth"/"ecr-login"/' "$HOME/.config/containers/auth.json"
  contains "$(cat "$HOME/.config/containers/auth.json")" '"ecr-login"'
  podman pull "$IMAGE:1"
}

# A job with only its OIDC token.
test_peers_sign_in_with_a_ci_token() {
  both
  start_job github
  local role
  role=$(job_role "$ACCOUNT" peers)
  printf 'export AWS_ROLE_ARN=%s AWS_EC2_METADATA_DISABLED=true\n' "$role" >>"$HOME/job.env"
  in_job ask "$OURS" >/dev/null
  same "answer, theirs" "credentials not found in native keychain" "$(fails in_job ask "$GO" | tail -n 1)"
}
