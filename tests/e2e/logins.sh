# shellcheck shell=bash disable=SC2154 # IMAGE, REGISTRY… come from run.sh
# Passwords for clients that don't support helpers: in their own stores, and from `login` through a pipe. No helper is installed here.

# job_login ARG…: runs ecr-auth login in the job, with its role.
job_login() { in_job "$ECR_AUTH" login --role-arn "$ROLE" "$@"; }

# job_with_role: starts a job with the role ROLE, and builds an image.
job_with_role() {
  start_job gitlab
  ROLE=$(job_role "$ACCOUNT" login)
  build_image "$IMAGE:1" hello
}

# keychain: installs a credential store that keeps passwords outside of config.json, like keychains.
keychain() {
  cat >"$BIN/docker-credential-keychain" <<'EOT'
#!/bin/sh
umask 077
mkdir -p "$HOME/keychain"
case $1 in
  store) input=$(cat) && printf '%s' "$input" >"$HOME/keychain/$(printf '%s' "$input" | jq -r .ServerURL)" ;;
  get) cat "$HOME/keychain/$(cat)" 2>/dev/null || { echo "credentials not found in native keychain" && exit 1; } ;;
  erase) rm -f "$HOME/keychain/$(cat)" ;;
  list) echo '{}' ;;
esac
EOT
  chmod +x "$BIN/docker-credential-keychain"
}

test_logins_serve_docker_until_logout() {
  job_with_role
  export DOCKER_CONFIG=$HOME/client
  job_login --client docker --docker-config "$DOCKER_CONFIG" "$REGISTRY"
  same "who may read config.json" 600 "$(stat -c %a "$DOCKER_CONFIG/config.json")"
  docker push "$IMAGE:1"
  "$ECR_AUTH" logout --client docker --docker-config "$DOCKER_CONFIG"
  contains "$(fails docker push "$IMAGE:1")" "no basic auth credentials"
}

test_logins_go_into_dockers_credential_store() {
  job_with_role
  keychain
  mkdir "$HOME/.docker"
  echo '{"credsStore": "keychain"}' >"$HOME/.docker/config.json"
  job_login --client docker "$REGISTRY"
  same "passwords in config.json" "" "$(jq -r '.auths[]?.auth // empty' "$HOME/.docker/config.json")"
  docker push "$IMAGE:1"
  "$ECR_AUTH" logout
  same "passwords kept" "" "$(ls "$HOME/keychain")"
  contains "$(fails docker push "$IMAGE:1")" "no basic auth credentials"
}

test_logins_serve_podman_buildah_and_skopeo_until_logout() {
  job_with_role
  job_login --client podman "$REGISTRY"
  podman build --tag "$IMAGE:2" "$STAGE/image"
  podman push "$IMAGE:2"
  buildah pull "$IMAGE:2"
  skopeo inspect "docker://$IMAGE:2"
  "$ECR_AUTH" logout
  contains "$(fails podman push "$IMAGE:2")" "authentication required"
}

test_logins_of_two_accounts_are_one_command() {
  job_with_role
  job_role 444455556666 login
  rules "  - match: '*.dkr.ecr.*.amazonaws.com'" "    role-arn: login"
  in_job "$ECR_AUTH" login --client docker "$REGISTRY" "$FOREIGN"
  docker push "$IMAGE:1"
  docker tag "$IMAGE:1" "$FOREIGN/${IMAGE#*/}:1"
  docker push "$FOREIGN/${IMAGE#*/}:1"
}

test_logins_of_other_tools_take_the_password_from_a_pipe() {
  job_with_role
  job_login --format password "$REGISTRY" | docker login --username AWS --password-stdin "$REGISTRY"
  docker push "$IMAGE:1"
  job_login --format password "$REGISTRY" | skopeo login --username AWS --password-stdin "$REGISTRY"
  skopeo inspect "docker://$IMAGE:1"
  same "status" 200 "$(opens "$(job_login --format json "$REGISTRY" | jq -r '.registries[0].password')")"
}

# The AWS CLI gets the role's session from the command form, and from a profile that calls ecr-auth, also in the middle of the build.
test_logins_work_by_the_aws_cli_under_assume() {
  trap back_to_now EXIT
  start_job buildkite
  ROLE=$(job_role "$ACCOUNT" assume)
  local cli=(env "AWS_CA_BUNDLE=$SSL_CERT_FILE" "$TARGET/python/bin/aws")
  in_job "$ECR_AUTH" assume --role-arn "$ROLE" --region "$REGION" -- "${cli[@]}" ecr get-login-password |
    docker login --username AWS --password-stdin "$REGISTRY"
  build_image "$IMAGE:1" hello
  docker push "$IMAGE:1"
  in_job "$ECR_AUTH" assume --role-arn "$ROLE" --region "$REGION" --format profile
  time_passes 13
  contains "$(fails docker push "$IMAGE:1")" "authorization token has expired"
  in_job faketime --exclude-monotonic -f +13h "${cli[@]}" --profile ecr-auth --region "$REGION" ecr get-login-password |
    docker login --username AWS --password-stdin "$REGISTRY"
  docker push "$IMAGE:1"
}

# kubectl accepts the Secret, and its password works at the registry.
test_logins_as_a_kubernetes_secret_that_kubectl_takes() {
  job_with_role
  "$TARGET/python/bin/python" "$HERE/kubernetes_api.py" 8098 &
  # shellcheck disable=SC2064 # this one's id
  trap "kill $!" EXIT
  wait_until 10 "the Kubernetes API's start" curl -fsS -o /dev/null http://127.0.0.1:8098/api
  (umask 077 && job_login --format k8s-secret --name ecr --namespace builds "$REGISTRY" >"$HOME/secret.json")
  same "kubectl" "secret/ecr created (dry run)" \
    "$(kubectl --server http://127.0.0.1:8098 apply --dry-run=client --validate=false -f - <"$HOME/secret.json")"
  local password
  password=$(jq -r '.data[".dockerconfigjson"] | @base64d | fromjson | .auths[].auth | @base64d | ltrimstr("AWS:")' "$HOME/secret.json")
  same "status" 200 "$(opens "$password")"
}
