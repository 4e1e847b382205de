# shellcheck shell=bash disable=SC2154 # IMAGE, REGISTRY… come from run.sh
# The README and the migration pages, in the way of a reader: commands with bash, workflows with a runner of GitHub.

test_pages_readme_commands_push_an_image() {
  trap 'rm -f /usr/local/bin/ecr-auth /usr/local/bin/docker-credential-ecr-auth' EXIT
  build_image "$REGISTRY/app:1" hello
  cd "$HOME" || return
  cp "$ECR_AUTH" ecr-auth-x86_64-unknown-linux-musl
  mkdir -p .aws
  printf '[work]\naws_access_key_id = %s\naws_secret_access_key = %s\n' "$AWS_ACCESS_KEY_ID" "$AWS_SECRET_ACCESS_KEY" >.aws/credentials
  # The release is already there, under the download's name.
  bash -euc 'sudo() { "$@"; }; curl() { case $2 in */SHA256SUMS) sha256sum ecr-auth-* ;; *) [ -s "${2##*/}" ] ;; esac; }'$'\n'"$(page_block ../README.md "On your machine" bash)"
  "$ECR_AUTH" logout
}

# FOUND: clients, and their message in docs/troubleshooting.md for a registry without a password.
FOUND=(
  "docker pull" "no basic auth credentials"
  "podman pull" "unauthorized: Not Authorized"
  "buildah pull" "unauthorized: Not Authorized"
  "crane manifest" "UNAUTHORIZED: Not Authorized"
  "oras pull" "basic credential not found"
  "cosign tree" "UNAUTHORIZED: Not Authorized"
)

test_pages_have_the_line_of_each_client() {
  local i client words page
  page=$(sed -n "/^## Find your line/,/^### /p" "$ROOT/docs/troubleshooting.md")
  for ((i = 0; i < ${#FOUND[@]}; i += 2)); do
    client=${FOUND[i]} words=${FOUND[i + 1]}
    contains "$page" "$words"
    if command -v "${client%% *}" >/dev/null; then
      # shellcheck disable=SC2086 # two words
      contains "$(fails $client "$IMAGE:1")" "$words"
    fi
  done
  contains "$(fails skopeo inspect "docker://$IMAGE:1")" "unauthorized: Not Authorized"
  mkdir "$HOME/build"
  echo "FROM $IMAGE:1" >"$HOME/build/Dockerfile"
  words="no basic auth credentials"
  ! docker buildx version || words="unexpected status from HEAD request to https://"
  contains "$page" "$words"
  contains "$(fails docker build "$HOME/build")" "$words"
}

# workflow PAGE HEADING [NUMBER]: prints the page's workflow under that heading, without other actions and other AWS services, which this machine
# doesn't have.
workflow() {
  local text
  github_release
  github_job
  text=$(page_block "$1" "$2" yaml "${3:-1}" |
    awk '/^      - uses: docker\/login-action@/ {left_out = 1; next} /^      - / {left_out = 0} !left_out' |
    sed "s,aws ecs .*,$TARGET/python/bin/aws sts get-caller-identity --query Arn --output text,")
  github_workflow <<<"$text"
  cp "$STAGE/image/"* "$HOME/repository"
  git -C "$HOME/repository" add .
  git -C "$HOME/repository" -c user.name=octo -c user.email=octo@example.com commit --quiet --amend --no-edit
  github_run
}

test_pages_readme_workflow_pushes() {
  contains "$(workflow ../README.md "GitHub Actions")" "1: digest: sha256:"
}

test_pages_workflow_after_amazon_ecr_login_pushes() {
  local log
  log=$(workflow migration/amazon-ecr-login.md "From aws-actions/amazon-ecr-login" 2)
  contains "$log" "$(git -C "$HOME/repository" rev-parse HEAD): digest: sha256:"
}

test_pages_workflow_after_configure_aws_credentials_pushes_and_deploys() {
  local log
  log=$(workflow migration/configure-aws-credentials.md "From aws-actions/configure-aws-credentials" 2)
  contains "$log" "1: digest: sha256:"
  contains "$log" "arn:aws:sts::$ACCOUNT:assumed-role/ci-push/gha-octo-app-1"
}

test_pages_workflow_after_login_action_pushes() {
  contains "$(workflow migration/docker-login-action.md "From docker/login-action" 2)" "1: digest: sha256:"
}
