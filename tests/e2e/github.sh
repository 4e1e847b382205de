# shellcheck shell=bash disable=SC2153,SC2154 # TARGET, ROOT… come from run.sh
# GitHub: runs whole workflows with act on this machine (no container, no network). The runner has what GitHub's has: node 24, the action under its
# own name, and its release's binary in the tool cache, with the SHA-256 that the action requires.

# The name of the action in the workflows.
ACTION=$(repository)@v1

# github_release: creates the action as in a release.
github_release() {
  local version cached action=$HOME/action binary=$STAGE/release/ecr-auth
  # Once for all tests, because the stage is in memory.
  [ -e "$binary" ] || { mkdir -p "$STAGE/release" && strip -o "$binary" "$ECR_AUTH" && chmod 755 "$binary"; }
  version=$(jq -r .version "$ROOT/action/checksums.json")
  cached=$HOME/runner/act/tool_cache/ecr-auth/$version/$(node_arch)
  mkdir -p "$action" "$cached"
  cp -r "$ROOT/action" "$ROOT/action.yml" "$action"
  jq --arg file "ecr-auth-$(uname -m)-unknown-linux-musl" --arg sum "$(sha256sum <"$binary" | cut -d ' ' -f 1)" '.sha256[$file, "\($file).br"] = $sum' \
    "$ROOT/action/checksums.json" >"$action/action/checksums.json"
  ln "$binary" "$cached/ecr-auth"
}

# node_arch: prints node's name of this machine's architecture.
node_arch() { case $(uname -m) in aarch64) echo arm64 ;; *) echo x64 ;; esac; }

# github_workflow: commits the workflow on stdin to the repository octo/app, which also has the image's folder.
github_workflow() {
  local repository=$HOME/repository
  mkdir -p "$repository/.github/workflows"
  cat >"$repository/.github/workflows/test.yml"
  cp -r "$STAGE/image" "$repository"
  git -C "$repository" init --quiet --initial-branch main
  git -C "$repository" remote add origin https://github.com/octo/app
  git -C "$repository" add .
  git -C "$repository" -c user.name=octo -c user.email=octo@example.com commit --quiet --message "Test"
}

# github_env NAME=VALUE…: sets the variables of every step of the jobs. They are in a file, because some are secret and argument lists are public.
github_env() { (umask 077 && printf '%s\n' "$@" >>"$HOME/runner.env"); }

# github_run: runs the workflow as after a push, prints the runner's log, and fails if the workflow fails. Each run is a new job on the same runner,
# with the same home and tool cache.
github_run() {
  local log=$HOME/runner.log status=0
  github_env "SSL_CERT_FILE=$SSL_CERT_FILE" "AWS_CA_BUNDLE=$SSL_CERT_FILE"
  # Nothing of this shell's environment gets in, because act would pass it to the steps, with the lab's AWS keys.
  env -i HOME="$HOME" XDG_CACHE_HOME="$HOME/runner" DOCKER_HOST="$DOCKER_HOST" LANG=C.UTF-8 \
    PATH="$TARGET/node/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin" \
    "$TARGET/python/bin/act" push --directory "$HOME/repository" --workflows .github/workflows/test.yml --env-file "$HOME/runner.env" \
    --platform ubuntu-24.04=-self-hosted --no-cache-server --local-repository "https://github.com/$ACTION=$HOME/action" >"$log" 2>&1 || status=$?
  cat "$log"
  # For the report of the test, which is not public.
  [ "$status" = 0 ] || cat "$log" >&2
  return "$status"
}

# github_job: starts a job of octo/app's branch main, and creates a role ci-push for it in both accounts.
github_job() {
  local account job url
  for account in "$ACCOUNT" "${VIRGINIA%%.*}"; do
    control oidc-providers '{"account": "'"$account"'", "issuer": "https://token.actions.githubusercontent.com", "audiences": ["sts.amazonaws.com"]}'
    control roles '{"account": "'"$account"'", "name": "ci-push", "trust": [{"kind": "web-identity", "provider": "token.actions.githubusercontent.com",
      "conditions": [{"operator": "StringEquals", "claim": "sub", "values": ["repo:octo/app:ref:refs/heads/main"]}]}]}'
  done >/dev/null
  job=$(control jobs '{"ci": "github"}')
  url=$(jq -r .environment.ACTIONS_ID_TOKEN_REQUEST_URL <<<"$job")
  github_env "ACTIONS_ID_TOKEN_REQUEST_URL=https://$GITHUB_TOKENS/${url#http://*/}" \
    "ACTIONS_ID_TOKEN_REQUEST_TOKEN=$(jq -r .environment.ACTIONS_ID_TOKEN_REQUEST_TOKEN <<<"$job")"
}

# github_steps: sets the workflow to the steps on stdin, and replaces an earlier workflow.
github_steps() {
  rm -rf "$HOME/repository"
  github_workflow < <(
    printf 'on: push\njobs:\n  test:\n    runs-on: ubuntu-24.04\n    steps:\n      - uses: actions/checkout@v6\n'
    sed 's/^/      /'
  )
}

# github_test: sets up the release, a job, and the workflow of the steps on stdin, which find the image $IMAGE:1.
github_test() {
  github_release
  github_job
  github_steps
  build_image "$IMAGE:1" hello >&2
}

# sign_in [INPUT…]: prints the action's step with the role of this account.
sign_in() {
  printf '%s\n' "- uses: $ACTION" '  id: ecr' '  with:' "    role-to-assume: $ROLE"
  [ $# = 0 ] || printf '    %s\n' "$@"
}

# keep_password: prints a step that saves the registry's password for the test. It also prints the password, which the log must mask.
keep_password() {
  cat <<EOF
- run: |
    printf %s $REGISTRY | docker-credential-ecr-auth get | jq -r .Secret >>~/secrets
    cat ~/secrets
EOF
}

# no_secrets TEXT: checks for saved passwords, tokens of GitHub, and anything that looks like a JWT.
no_secrets() {
  local secret
  while read -r secret; do
    [ "${#secret}" -gt 15 ] || continue
    [[ $1 != *"$secret"* ]] || { echo "a secret of ${#secret} characters is shown" >&2 && return 1; }
  done < <(cat "$HOME/secrets" 2>/dev/null && sed -n 's/^ACTIONS_ID_TOKEN_REQUEST_TOKEN=//p' "$HOME/runner.env")
  same "JWTs" "" "$(grep -oE 'eyJ[A-Za-z0-9_-]{40,}' <<<"$1" || true)"
}

# refused_in_the_next_job WORDS: the same push without the action fails with docker's error. It goes to a file, because act may lose a step's last
# line.
refused_in_the_next_job() {
  github_steps <<<"- run: docker push $IMAGE:1 >~/said 2>&1 || true"
  github_run
  contains "$(cat "$HOME/said")" "$1"
}

# errors: prints the error annotations in the last run's log, as the runner got them.
errors() { grep -o '::error .*' "$HOME/runner.log" || true; }

ROLE=arn:aws:iam::$ACCOUNT:role/ci-push

test_github_pushes_with_the_jobs_own_token() {
  github_test <<EOF
$(sign_in "registries: $ACCOUNT/$REGION")
- run: docker push $IMAGE:1
- run: echo "registry \${{ steps.ecr.outputs.registry }} of \${{ steps.ecr.outputs.authenticated-arn }}"
$(keep_password)
EOF
  local log
  log=$(github_run)
  contains "$log" "registry $REGISTRY of arn:aws:sts::$ACCOUNT:assumed-role/ci-push/gha-octo-app-1"
  no_secrets "$log"
  # The next job on this machine has no helper, no configuration and no token.
  same "docker's configuration" "" "$(ls "$HOME/.docker" 2>/dev/null)"
  same "files with the password" "" "$(grep -rlF "$(cat "$HOME/secrets")" "$HOME" --exclude secrets || true)"
  refused_in_the_next_job "no basic auth credentials"
}

# github_documented FILE: runs a whole workflow unchanged, in a repository with the image's Dockerfile.
github_documented() {
  github_release
  github_job
  mkdir -p "$HOME/repository"
  cp "$STAGE"/image/* "$HOME/repository"
  github_workflow <"$1"
  github_run
}

test_github_pushes_as_the_documentation_begins() {
  page_block github.md "From zero to a push" yaml >"$HOME/push.yml"
  contains "$(github_documented "$HOME/push.yml")" "1: digest: sha256:"
  as_admin skopeo inspect "docker://$REGISTRY/app:1"
}

test_github_s_example_of_a_push_runs() {
  contains "$(github_documented "$ROOT/.github/workflows/examples/push.yml")" ": digest: sha256:"
}

test_github_serves_two_accounts_with_two_roles_in_two_regions() {
  local account=${VIRGINIA%%.*} partner=$VIRGINIA/${IMAGE#*/}:1
  github_test <<EOF
$(sign_in "registries: |" "  $ACCOUNT/$REGION" "  $account/us-east-1 role=arn:aws:iam::$account:role/ci-push")
- run: docker push $IMAGE:1
- run: docker push $partner
EOF
  docker tag "$IMAGE:1" "$partner"
  github_run
}

test_github_pushes_to_ecr_public() {
  control public-aliases '{"alias": "github", "account": "'"$ACCOUNT"'"}'
  github_test <<EOF
$(sign_in "registries: public")
- run: docker push public.ecr.aws/github/hello:1
EOF
  docker tag "$IMAGE:1" public.ecr.aws/github/hello:1
  github_run
}

test_github_hands_passwords_to_later_steps() {
  github_test <<EOF
$(sign_in "registries: $ACCOUNT/$REGION" "mode: login" "output-password: true")
- run: docker push $IMAGE:1
- run: |
    printf %s "\$PASSWORD" | docker --config ~/other login --username "\$USERNAME" --password-stdin $REGISTRY
    docker --config ~/other push $IMAGE:1
    echo "\$PASSWORD" | tee ~/secrets
  env:
    USERNAME: \${{ steps.ecr.outputs.docker-username }}
    PASSWORD: \${{ steps.ecr.outputs.docker_password_${REGISTRY//[.-]/_} }}
EOF
  local log
  log=$(github_run)
  no_secrets "$log"
  contains "$log" "the password for $REGISTRY taken out"
  same "passwords in the configuration" "" "$(grep -rlF "$(cat "$HOME/secrets")" "$HOME" --exclude-dir other --exclude secrets || true)"
}

test_github_exports_credentials_to_the_environment() {
  github_test <<EOF
$(sign_in "mode: none" "aws-region: $REGION" "export-credentials: env")
- run: echo "I am \$($TARGET/python/bin/aws sts get-caller-identity --query Arn --output text)"
- run: printenv AWS_SECRET_ACCESS_KEY AWS_SESSION_TOKEN | tee ~/secrets
- run: $TARGET/python/bin/aws ecr get-login-password | docker login --username AWS --password-stdin $REGISTRY
- run: docker push $IMAGE:1
EOF
  local log
  log=$(github_run)
  contains "$log" "I am arn:aws:sts::$ACCOUNT:assumed-role/ci-push/gha-octo-app-1"
  same "kept secrets" 2 "$(wc -l <"$HOME/secrets")"
  contains "$log" "1: digest: sha256:"
  no_secrets "$log"
}

test_github_exports_a_profile_that_renews_itself() {
  github_test <<EOF
$(sign_in "mode: none" "aws-region: $REGION" "export-credentials: profile")
- run: printenv AWS_SECRET_ACCESS_KEY || echo "no keys, and I am \$($TARGET/python/bin/aws sts get-caller-identity --query Arn --output text)"
- run: $TARGET/python/bin/aws ecr get-login-password | docker login --username AWS --password-stdin $REGISTRY
- run: docker push $IMAGE:1
EOF
  local log
  log=$(github_run)
  contains "$log" "no keys, and I am arn:aws:sts::$ACCOUNT:assumed-role/ci-push/gha-octo-app-1"
  contains "$log" "1: digest: sha256:"
  same "AWS's folder" "" "$(find "$HOME/.aws" -type f 2>/dev/null)"
}

test_github_isolates_on_self_hosted_runners() {
  mkdir "$HOME/.docker"
  echo '{"auths": {"quay.io": {"auth": "eDp5"}}}' >"$HOME/.docker/config.json"
  cp "$HOME/.docker/config.json" "$HOME/before"
  github_env RUNNER_ENVIRONMENT=self-hosted
  github_test <<EOF
$(sign_in "registries: $ACCOUNT/$REGION")
- run: docker push $IMAGE:1
- run: jq -r '"logins " + (.auths | keys | join(","))' "\$DOCKER_CONFIG/config.json"
- run: cmp ~/before ~/.docker/config.json
- run: skopeo inspect docker://$IMAGE:1 | jq -r '"skopeo sees " + .RepoTags[0]'
EOF
  local log
  log=$(github_run)
  contains "$log" "logins quay.io"
  contains "$log" "skopeo sees 1"
  cmp "$HOME/before" "$HOME/.docker/config.json"
}

test_github_keeps_builders_and_plugins_when_isolated() {
  mkdir -p "$HOME/.docker/cli-plugins"
  cat >"$HOME/.docker/cli-plugins/docker-ours" <<'EOF'
#!/bin/sh
case "$1" in
docker-cli-plugin-metadata) echo '{"SchemaVersion": "0.1.0", "Vendor": "test", "Version": "1"}' ;;
*) echo "a plug-in of the user's" ;;
esac
EOF
  chmod +x "$HOME/.docker/cli-plugins/docker-ours"
  github_test <<EOF
- run: docker buildx create --name before
$(sign_in "registries: $ACCOUNT/$REGION" "docker-config: isolated")
- run: docker buildx create --name later
- run: echo "builders \$(docker buildx ls | grep -oE '^(before|later)\b' | sort | paste -sd ,)"
- run: docker ours
- run: docker push $IMAGE:1
EOF
  local log
  log=$(github_run)
  contains "$log" "builders before,later"
  contains "$log" "a plug-in of the user's"
  contains "$log" "1: digest: sha256:"
}

test_github_leaves_all_where_no_cleanup_is_wanted() {
  github_test <<EOF
$(sign_in "registries: $ACCOUNT/$REGION" "cleanup: false")
- run: docker push $IMAGE:1
EOF
  contains "$(github_run)" "cleanup: false"
  same "credHelpers" ecr-auth "$(jq -r --arg host "$REGISTRY" '.credHelpers[$host]' "$HOME/.docker/config.json")"
  # Even so the next job has no token of this one.
  if docker_since 28; then
    refused_in_the_next_job '"docker-credential-ecr-auth": executable file not found'
  else
    refused_in_the_next_job "no basic auth credentials"
  fi
}

test_github_cleans_up_after_a_step_or_the_action_has_failed() {
  github_test <<EOF
$(sign_in "registries: $ACCOUNT/$REGION")
- run: exit 3
EOF
  contains "$(fails github_run)" "docker: $REGISTRY taken back"
  github_steps <<EOF
$(sign_in "registries: $ACCOUNT/$REGION" | sed 's/ci-push/somebody-elses/')
- run: echo reached
EOF
  local log
  log=$(fails github_run)
  same "annotations" 1 "$(errors | wc -l)"
  contains "$(errors)" "repo:octo/app:ref:refs/heads/main"
  same "later steps" "" "$(grep -o '| reached' <<<"$log" || true)"
  same "docker's configuration" "" "$(ls "$HOME/.docker" 2>/dev/null)"
}

test_github_says_which_permission_the_job_lacks() {
  github_test < <(sign_in "registries: $ACCOUNT/$REGION")
  sed -i '/^ACTIONS_ID_TOKEN/d' "$HOME/runner.env"
  fails github_run
  same "annotations" 1 "$(errors | wc -l)"
  contains "$(errors)" "id-token: write"
}

# docs/migration: one step replaces configure-aws-credentials and amazon-ecr-login.
test_github_runs_workflows_that_were_written_for_others() {
  github_test <<EOF
$(sign_in "aws-region: $REGION" "role-session-name: release" "output-env-credentials: true" "registries: '$ACCOUNT'" "mask-password: 'true'" \
    "skip-logout: 'false'" "mask-aws-account-id: 'false'")
- run: docker push "\$REGISTRY/${IMAGE#*/}:1"
  env:
    REGISTRY: \${{ steps.ecr.outputs.registry }}
- run: echo "I am \$($TARGET/python/bin/aws sts get-caller-identity --query Arn --output text) of \${{ steps.ecr.outputs.aws-account-id }}"
EOF
  contains "$(github_run)" "I am arn:aws:sts::$ACCOUNT:assumed-role/ci-push/release of $ACCOUNT"
}

test_github_shows_no_secret_in_any_argument() {
  github_test <<EOF
$(sign_in "registries: $ACCOUNT/$REGION" "mode: login" "output-password: true" "export-credentials: env")
- run: docker push $IMAGE:1
- run: |
    printenv AWS_SECRET_ACCESS_KEY AWS_SESSION_TOKEN >~/secrets
    jq -r '.auths[].auth' ~/.docker/config.json | tee -a ~/secrets | base64 -d | cut -d : -f 2- >>~/secrets
EOF
  local shell=$BASHPID
  strace -f -s 100000 -e trace=execve -o "$HOME/arguments" -p "$shell" 2>"$HOME/strace.log" &
  wait_until 20 "the trace" grep -q attached "$HOME/strace.log"
  github_run
  same "kept secrets" 4 "$(wc -l <"$HOME/secrets")"
  contains "$(cat "$HOME/arguments")" '"action", "main"'
  no_secrets "$(cat "$HOME/arguments")"
}

test_github_runs_no_binary_that_is_not_the_releases() {
  github_test < <(sign_in "registries: $ACCOUNT/$REGION")
  local cached log
  cached=$(echo "$HOME"/runner/act/tool_cache/ecr-auth/*/*/ecr-auth)
  rm "$cached"
  printf '#!/bin/sh\necho evil\n' >"$cached"
  chmod 755 "$cached"
  log=$(fails github_run)
  contains "$log" "its SHA-256 is not the release's"
  # The release cannot be reached here.
  contains "$log" "cannot download https://github.com/$(repository)/releases/download/v"
  same "words of the other binary" "" "$(grep -o 'evil' <<<"$log" || true)"
}
