# shellcheck shell=bash disable=SC2154 # TARGET, ROOT… come from run.sh
# GitHub: whole workflows, run by act on this machine (no container, no network). The runner has what GitHub's would have: node 24, the
# action by its own name, and its release's binary in the tool cache, under the SHA-256 that the action demands.

# What the workflows call the action.
ACTION=org/ecr-auth@v1

# github_release BINARY: the action as a release has it, whose binary this is.
github_release() {
  local version cached action=$HOME/action
  version=$(jq -r .version "$ROOT/action/checksums.json")
  cached=$HOME/runner/act/tool_cache/ecr-auth/$version/$(node_arch)
  mkdir -p "$action" "$cached"
  cp -r "$ROOT/action" "$ROOT/action.yml" "$action"
  jq --arg file "ecr-auth-$(uname -m)-unknown-linux-musl" --arg sum "$(sha256sum <"$1" | cut -d ' ' -f 1)" '.sha256[$file] = $sum' \
    "$ROOT/action/checksums.json" >"$action/action/checksums.json"
  install -m 755 "$1" "$cached/ecr-auth"
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

# stand_in: a small program in the binary's place that shows what it is given and hands a value, a state and a mask back.
stand_in() {
  cat >"$HOME/stand-in" <<'EOF'
#!/bin/sh
echo "called with $*"
# The shell drops names with hyphens.
tr '\0' '\n' </proc/$$/environ | grep -a '^INPUT_\(REGISTRIES\|ROLE-TO-ASSUME\)=\|^STATE_' | sort
[ "$2" = main ] || exit 1
echo "::add-mask::a-word-to-hide" >&2
echo "registry=a-word-to-hide" >>"$GITHUB_OUTPUT"
echo "started=yes" >>"$GITHUB_STATE"
[ "$(cat fail)" != yes ]
EOF
  chmod +x "$HOME/stand-in"
  github_release "$HOME/stand-in"
}

# stand_in_workflow STEP: a job of the action and one step after it; PREPARE is a step before it.
stand_in_workflow() {
  github_workflow <<EOF
on: push
jobs:
  test:
    runs-on: ubuntu-24.04
    steps:
      - uses: actions/checkout@v6
      - run: |
          ${PREPARE:-echo no >fail}
      - uses: $ACTION
        id: ecr
        with:
          registries: 111122223333/eu-west-1
          role-to-assume: ci-push
      - run: |
          $1
        env:
          REGISTRY: \${{ steps.ecr.outputs.registry }}
EOF
}

test_github_runs_the_action_around_the_other_steps() {
  stand_in
  # shellcheck disable=SC2016 # for the step's shell
  stand_in_workflow 'echo "got ${#REGISTRY} characters: $REGISTRY"'
  local log
  log=$(github_run)
  contains "$log" "called with action main"
  contains "$log" "INPUT_REGISTRIES=111122223333/eu-west-1"
  contains "$log" "INPUT_ROLE-TO-ASSUME=ci-push"
  contains "$log" "got 14 characters: ***"
  contains "${log#*got 14}" "called with action post"
  contains "$log" "STATE_started=yes"
  # The post step's exit status 1 is a warning, not the job's.
  contains "$log" "the clean-up failed: exit status 1"
  same "mentions of the masked word" "" "$(grep -o a-word-to-hide <<<"$log" || true)"
}

test_github_cleans_up_after_a_step_or_the_action_has_failed() {
  stand_in
  stand_in_workflow 'exit 3'
  contains "$(fails github_run)" "called with action post"
  rm -rf "$HOME/repository"
  PREPARE='echo yes >fail' stand_in_workflow 'echo reached'
  local log
  log=$(fails github_run)
  contains "$log" "called with action post"
  same "later steps" "" "$(grep -o '| reached' <<<"$log" || true)"
}

test_github_runs_no_binary_that_is_not_the_releases() {
  stand_in
  stand_in_workflow true
  sed -i 's/called with/evil/' "$HOME"/runner/act/tool_cache/ecr-auth/*/*/ecr-auth
  local log
  log=$(fails github_run)
  contains "$log" "its SHA-256 is not the release's"
  # There is no way to the release here.
  contains "$log" "cannot download https://github.com/org/ecr-auth/releases/download/v"
  same "words of the other binary" "" "$(grep -o 'evil' <<<"$log" || true)"
}
