# shellcheck shell=bash disable=SC2154 # IMAGE, REGISTRY… come from run.sh
# Twenty deliberate errors. The first ✗ of doctor names the cause, and so does the output of a real docker pull if docker calls our helper. If
# docker goes on or fails before it calls a helper, the second argument of tells is docker's line, and only doctor names the cause.

NOTHING="no basic auth credentials"
EXPIRED="authorization token has expired"

# tells CAUSE LINE [COMMAND…]: checks doctor and docker pull, with this command in front of both.
tells() {
  local cause=$1 line=$2 said first
  shift 2
  said=$("$@" "$ECR_AUTH" doctor "$IMAGE:1") && return 1
  first=$(grep -m 1 '^✗' <<<"$said")
  contains "$first" "$cause"
  contains "$(fails "$@" docker pull "$IMAGE:1")" "$line"
}

# client_config JSON: writes docker's configuration.
client_config() {
  mkdir -p "$HOME/.docker"
  printf '%s\n' "$1" >"$HOME/.docker/config.json"
}

# stale_auth: prints the entry of `docker login` with an expired ECR password.
stale_auth() {
  control token-lifetime '{"seconds": 0}' >/dev/null
  local auth
  auth=$(ECR_AUTH_CACHE=off "$ECR_AUTH" login --format password "$REGISTRY" | { printf AWS: && tr -d '\n'; } | base64 -w 0)
  control token-lifetime '{"seconds": 43200}' >/dev/null
  printf '%s' "$auth"
}

# keys_of JSON: sets the environment's keys to this user's.
keys_of() {
  local keys
  keys=$(control users "$1")
  AWS_ACCESS_KEY_ID=$(jq -r .id <<<"$keys") AWS_SECRET_ACCESS_KEY=$(jq -r .secret <<<"$keys")
  export AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY
}

# role_job [JSON]: starts a job whose rule names a role. The JSON adds settings to the role.
role_job() {
  setup "$REGISTRY"
  start_job github
  job_role "$ACCOUNT" "${FUNCNAME[1]}" "${1:-{\}}" >/dev/null
  rules "  - match: $REGISTRY" "    role-arn: ${FUNCNAME[1]}" "${@:2}"
}

test_doctor_finds_nothing_wrong_where_a_pull_works() {
  setup "$REGISTRY"
  build_image "$IMAGE:1" hello
  docker push "$IMAGE:1"
  contains "$("$ECR_AUTH" doctor --check-push "$IMAGE:1")" "$IMAGE:1 may be pulled (sha256:"
  docker pull "$IMAGE:1"
}

test_doctor_names_a_malformed_config_json() {
  setup "$REGISTRY"
  client_config '{"auths": {},}'
  local words="Error loading config file"
  ! docker_since 28.2 || words="Error parsing config file"
  tells "config.json: key must be a string at line 1 column 14" "$words"
}

test_doctor_names_a_key_with_a_scheme() {
  setup "$REGISTRY"
  client_config "{\"credHelpers\": {\"https://$REGISTRY\": \"ecr-auth\"}}"
  tells "the key https://$REGISTRY in credHelpers" "$NOTHING"
}

test_doctor_names_a_registry_that_is_not_configured() {
  setup "$FRANKFURT"
  tells "no helper is set for $REGISTRY" "$NOTHING"
}

test_doctor_names_a_helper_that_is_missing() {
  setup "$REGISTRY"
  rm "$BIN/docker-credential-ecr-auth"
  tells "docker-credential-ecr-auth is not on PATH" "$NOTHING"
}

test_doctor_names_a_helper_earlier_on_path() {
  setup "$REGISTRY"
  mkdir "$HOME/earlier"
  printf '#!/bin/sh\necho something else\nexit 1\n' >"$HOME/earlier/docker-credential-ecr-auth"
  chmod +x "$HOME/earlier/docker-credential-ecr-auth"
  tells "/earlier/docker-credential-ecr-auth, the first docker-credential-ecr-auth on PATH" "$NOTHING" env "PATH=$HOME/earlier:$PATH"
}

# What sudo passes on: its own PATH, and the caller's name.
test_doctor_names_the_path_of_sudo() {
  setup "$REGISTRY"
  tells "not on the PATH that sudo gives" "$NOTHING" env SUDO_USER=somebody PATH=/usr/sbin:/usr/bin:/sbin:/bin
}

test_doctor_names_a_stale_login() {
  setup "$FRANKFURT"
  local config
  config=$(jq -c --arg auth "$(stale_auth)" --arg host "$REGISTRY" '.auths[$host] = {$auth}' "$HOME/.docker/config.json")
  client_config "$config"
  tells "the password in auths of ~/.docker/config.json is used: it ended" "$EXPIRED"
}

# Docker reads the setting since 28.3; older versions pull.
test_doctor_names_docker_auth_config() {
  local auth
  auth=$(stale_auth)
  setup "$REGISTRY"
  build_image "$IMAGE:1" hello
  docker push "$IMAGE:1"
  export DOCKER_AUTH_CONFIG="{\"auths\": {\"$REGISTRY\": {\"auth\": \"$auth\"}}}"
  if docker_since 28.3; then
    tells "the password in auths of DOCKER_AUTH_CONFIG is used" "$EXPIRED"
    return
  fi
  contains "$("$ECR_AUTH" doctor "$IMAGE:1")" "! docker: DOCKER_AUTH_CONFIG has a password for this registry"
  docker pull "$IMAGE:1"
}

test_doctor_names_podmans_own_file() {
  local auth said
  auth=$(stale_auth)
  CLIENT=docker setup "$REGISTRY"
  export XDG_RUNTIME_DIR=$HOME/runtime
  mkdir -p "$XDG_RUNTIME_DIR/containers"
  printf '{"auths": {"%s": {"auth": "%s"}}}' "$REGISTRY" "$auth" >"$XDG_RUNTIME_DIR/containers/auth.json"
  said=$(fails "$ECR_AUTH" doctor "$REGISTRY")
  contains "$(grep -m 1 '^✗' <<<"$said")" "podman: the password in auths of ~/runtime/containers/auth.json is used before docker-credential-ecr-auth: it ended"
  contains "$(fails podman pull "$IMAGE:1")" "$EXPIRED"
}

test_doctor_names_a_malformed_ecr_auth_yml() {
  setup "$REGISTRY"
  rules "  - match: $REGISTRY" "    rolearn: push"
  tells "ecr-auth.yml:3:5: " "ecr-auth.yml:3:5: "
}

test_doctor_names_missing_credentials() {
  setup "$REGISTRY"
  unset AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY
  tells "no AWS credentials" "no AWS credentials"
}

test_doctor_names_half_a_key() {
  setup "$REGISTRY"
  unset AWS_SECRET_ACCESS_KEY
  tells "half a pair of keys" "half a pair of keys"
}

test_doctor_names_a_wrong_secret() {
  setup "$REGISTRY"
  AWS_SECRET_ACCESS_KEY=wrong tells "GetCallerIdentity: SignatureDoesNotMatch" "GetAuthorizationToken: InvalidSignatureException"
}

test_doctor_names_an_expired_session() {
  trap back_to_now EXIT
  setup "$REGISTRY"
  local role
  role=$(control roles '{"account": "'"$ACCOUNT"'", "name": "doctor-session", "trust": [{"kind": "aws", "principals": ["'"$ACCOUNT"'"]}]}' | jq -r .arn)
  eval "$("$ECR_AUTH" assume --role-arn "$role" --region "$REGION" --format env)"
  time_passes 13
  tells "GetCallerIdentity: ExpiredToken" "GetAuthorizationToken: ExpiredTokenException" faketime --exclude-monotonic -f +13h
}

test_doctor_names_a_denied_call() {
  setup "$REGISTRY"
  keys_of '{"account": "'"$ACCOUNT"'", "name": "doctor-denied", "permissions": {"allow": ["*"], "deny": ["ecr:GetAuthorizationToken"]}}'
  tells "GetAuthorizationToken: AccessDeniedException" "GetAuthorizationToken: AccessDeniedException"
}

test_doctor_names_the_missing_permission_for_a_token() {
  role_job
  printf 'unset ACTIONS_ID_TOKEN_REQUEST_URL ACTIONS_ID_TOKEN_REQUEST_TOKEN\n' >>"$HOME/job.env"
  tells "no OIDC token" "id-token: write" in_job
}

test_doctor_names_a_trust_policy_with_another_subject() {
  role_job '{"trust": [{"kind": "web-identity", "provider": "token.actions.githubusercontent.com",
    "conditions": [{"operator": "StringLike", "claim": "sub", "values": ["repo:octo@1/app@2:*"]}]}]}'
  tells "AssumeRoleWithWebIdentity: AccessDenied" "AssumeRoleWithWebIdentity: AccessDenied" in_job
}

test_doctor_names_a_wrong_audience() {
  role_job '{}' "    audience: https://example.com"
  tells "Incorrect token audience" "Incorrect token audience" in_job
}

# The helper takes AWS's time if it may call twice, and the pull works.
test_doctor_names_a_clock_that_is_off() {
  setup "$REGISTRY"
  tells "this machine's clock is 60 minutes ahead of AWS's" "hint: this machine's clock is off: " \
    env AWS_MAX_ATTEMPTS=1 faketime --exclude-monotonic -f +1h
}

test_doctor_names_a_proxy_that_refuses() {
  setup "$REGISTRY"
  tells "by the proxy http://127.0.0.1:9 (HTTPS_PROXY): the connection was refused" "look at the proxy http://127.0.0.1:9 (HTTPS_PROXY) first" \
    env HTTPS_PROXY=http://127.0.0.1:9
}
