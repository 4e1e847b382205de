# shellcheck shell=bash disable=SC2154 # TARGET, ROOT… come from run.sh
# GitHub: whole workflows, run by act on this machine (no container, no network). The runner has what GitHub's would have: node 24, the
# action by its own name, and its release's binary in the tool cache, under the SHA-256 that the action demands.

# What the workflows call the action.
ACTION=org/ecr-auth@v1

# The real runners' address for a job's tokens; here it is the lab.
TOKENS=run-actions-1-azure-eastus.actions.githubusercontent.com

# github_release: the action as a release has it.
github_release() {
  local version cached action=$HOME/action binary=$STAGE/release/ecr-auth
  # Once for all tests: what is on the stage is in memory.
  [ -e "$binary" ] || { mkdir -p "$STAGE/release" && strip -o "$binary" "$ECR_AUTH" && chmod 755 "$binary"; }
  version=$(jq -r .version "$ROOT/action/checksums.json")
  cached=$HOME/runner/act/tool_cache/ecr-auth/$version/$(node_arch)
  mkdir -p "$action" "$cached"
  cp -r "$ROOT/action" "$ROOT/action.yml" "$action"
  jq --arg file "ecr-auth-$(uname -m)-unknown-linux-musl" --arg sum "$(sha256sum <"$binary" | cut -d ' ' -f 1)" '.sha256[$file] = $sum' \
    "$ROOT/action/checksums.json" >"$action/action/checksums.json"
  ln "$binary" "$cached/ecr-auth"
}

# node_arch: this machine, as node calls it.
node_arch() { case $(uname -m) in aarch64) echo arm64 ;; *) echo x64 ;; esac; }

# github_workflow: the workflow on stdin, committed to a repository of its own, octo/app, that holds the image's folder, too.
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

# github_env NAME=VALUE…: what the runner gives every step of the jobs. In a file: some of it is secret, and argument lists are public.
github_env() { (umask 077 && printf '%s\n' "$@" >>"$HOME/runner.env"); }

# github_run: runs the workflow as on a push, prints the runner's log, and fails where the workflow does. Each run is a new job on the
# same runner: same home, same tool cache.
github_run() {
  local log=$HOME/runner.log status=0
  github_env "SSL_CERT_FILE=$SSL_CERT_FILE" "AWS_CA_BUNDLE=$SSL_CERT_FILE"
  # Of this shell's environment nothing gets in: act would hand it to the steps, the lab's AWS keys included.
  env -i HOME="$HOME" XDG_CACHE_HOME="$HOME/runner" DOCKER_HOST="$DOCKER_HOST" LANG=C.UTF-8 \
    PATH="$TARGET/node/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin" \
    "$TARGET/python/bin/act" push --directory "$HOME/repository" --workflows .github/workflows/test.yml --env-file "$HOME/runner.env" \
    --platform ubuntu-24.04=-self-hosted --no-cache-server --local-repository "https://github.com/$ACTION=$HOME/action" >"$log" 2>&1 || status=$?
  cat "$log"
  # For the report of the test, where nobody else reads it.
  [ "$status" = 0 ] || cat "$log" >&2
  return "$status"
}

# github_job: a job of octo/app's branch main at GitHub, and in both accounts a role ci-push that it may assume.
github_job() {
  local account job url
  grep -q "$TOKENS" /etc/hosts || name_here "$TOKENS" "sts.us-east-1.amazonaws.com" "api.ecr.us-east-1.amazonaws.com"
  for account in "$ACCOUNT" "$PARTNER"; do
    control oidc-providers '{"account": "'"$account"'", "issuer": "https://token.actions.githubusercontent.com", "audiences": ["sts.amazonaws.com"]}'
    control roles '{"account": "'"$account"'", "name": "ci-push", "trust": [{"kind": "web-identity", "provider": "token.actions.githubusercontent.com",
      "conditions": [{"operator": "StringEquals", "claim": "sub", "values": ["repo:octo/app:ref:refs/heads/main"]}]}]}'
  done >/dev/null
  job=$(control jobs '{"ci": "github"}')
  url=$(jq -r .environment.ACTIONS_ID_TOKEN_REQUEST_URL <<<"$job")
  github_env "ACTIONS_ID_TOKEN_REQUEST_URL=https://$TOKENS/${url#http://*/}" \
    "ACTIONS_ID_TOKEN_REQUEST_TOKEN=$(jq -r .environment.ACTIONS_ID_TOKEN_REQUEST_TOKEN <<<"$job")"
}

# github_test: the release, a job, and the workflow of the steps on stdin, with the image built as $IMAGE:1 and $OTHER:1 before.
github_test() {
  github_release
  github_job
  github_workflow < <(
    cat <<-'EOF'
	on: push
	jobs:
	  test:
	    runs-on: ubuntu-24.04
	    steps:
	      - uses: actions/checkout@v6
	EOF
    sed 's/^/      /'
  )
  build_image "$IMAGE:1" hello >&2
}

PARTNER=444455556666

test_github_pushes_with_the_jobs_own_token() {
  github_test <<EOF
- uses: $ACTION
  id: ecr
  with:
    registries: $ACCOUNT/$REGION
    role-to-assume: arn:aws:iam::$ACCOUNT:role/ci-push
- run: docker push $IMAGE:1
- run: echo "registry \${{ steps.ecr.outputs.registry }} of \${{ steps.ecr.outputs.authenticated-arn }}"
EOF
  local log
  log=$(github_run)
  contains "$log" "registry $REGISTRY of arn:aws:sts::$ACCOUNT:assumed-role/ci-push/gha-octo-app-1"
}
