# shellcheck shell=bash disable=SC2154 # IMAGE, REGISTRY… come from run.sh
# The README and the migration pages, as a reader would copy them: commands by bash, workflows by GitHub's runner.

test_pages_readme_commands_push_an_image() {
  trap 'rm -f /usr/local/bin/ecr-auth /usr/local/bin/docker-credential-ecr-auth' EXIT
  build_image "$REGISTRY/app:1" hello
  cd "$HOME" || return
  cp "$ECR_AUTH" ecr-auth-x86_64-unknown-linux-musl
  # The release is there already, under the name that is downloaded.
  bash -euc 'sudo() { "$@"; }; curl() { case $2 in */SHA256SUMS) sha256sum ecr-auth-* ;; *) [ -s "${2##*/}" ] ;; esac; }'$'\n'"$(page_block ../README.md "Use it" bash)"
  "$ECR_AUTH" logout
}

# workflow PAGE HEADING [NUMBER]: the page's workflow under that heading, as it stands but for what isn't on this machine: other actions and other services of AWS.
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
  contains "$(workflow ../README.md "Use it")" "1: digest: sha256:"
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
