# shellcheck shell=bash disable=SC2154,SC2016,SC2119,SC2120 # TARGET, ROOT… come from run.sh; much is for the jobs' shells; tests pass arguments
# GitLab: runs whole pipelines with gitlab-ci-local, in the way of a runner with the shell executor. The recipes of templates/examples run
# unchanged, with the template as a component. Jobs have GitLab's variables and a token from the lab.

# gitlab_project: creates a checkout of octo/app with a Dockerfile and the pipeline on stdin, and puts the template where gitlab-ci-local caches
# components.
gitlab_project() {
  PROJECT=$HOME/builds/octo/app
  local component
  component=$PROJECT/.gitlab-ci-local/includes/gitlab.com/$(repository)/v$(version)/templates
  mkdir -p "$component"
  cp -r "$STAGE/image/." "$PROJECT"
  cp "$ROOT/templates/ecr-auth.yml" "$component"
  mkdir -p "$PROJECT/templates"
  cp "$ROOT/templates/ecr-auth.yml" "$PROJECT/templates"
  cat >"$PROJECT/.gitlab-ci.yml"
  echo .gitlab-ci-local >"$PROJECT/.gitignore"
  git -C "$PROJECT" init --quiet --initial-branch main
  git -C "$PROJECT" remote add origin git@gitlab.com:octo/app.git
  git -C "$PROJECT" add .
  git -C "$PROJECT" -c user.name=octo -c user.email=octo@example.com commit --quiet --message Test
  COMMIT=$(git -C "$PROJECT" rev-parse --short=8 HEAD)
}

# gitlab_role ROLE [ACCOUNT [PROJECT]]: creates a role that trusts the pipelines of the branch main of octo/app or of another project.
gitlab_role() {
  local account=${2:-$ACCOUNT} issuer=gitlab.example.com
  control oidc-providers '{"account": "'"$account"'", "issuer": "https://'$issuer'", "audiences": ["sts.amazonaws.com"]}'
  control roles '{"account": "'"$account"'", "name": "'"$1"'", "permissions": {"allow": ["ecr:*"]}, "trust": [{"kind": "web-identity",
    "provider": "'$issuer'", "conditions": [{"operator": "StringEquals", "claim": "sub",
    "values": ["project_path:'"${3:-octo/app}"':ref_type:branch:ref:main"]}]}]}'
}

# gitlab_run [NAME=VALUE…]: runs the pipeline on a runner with the binary on its PATH, or with RUNNER_PATH. Prints the log, and fails if the
# pipeline fails.
gitlab_run() {
  local log=$HOME/runner.log status=0
  # In a file, because the token is secret and argument lists are public. Each job has its own id, and the checkout is at the runner's path, also
  # for jobs with an image.
  (umask 077 && control jobs '{"ci": "gitlab"}' | jq --args --arg dir "$PROJECT" '(.environment | del(.CI_JOB_ID)) + {CI_PROJECT_DIR: $dir}
    + ($ARGS.positional | map(capture("(?<key>[^=]*)=(?<value>.*)")) | from_entries) | map_values({type: "variable", values: {"*": tostring}})' \
    "SSL_CERT_FILE=$SSL_CERT_FILE" "DOCKER_HOST=$DOCKER_HOST" "$@" >"$PROJECT/.gitlab-ci-local-variables.yml")
  # Nothing of this shell's environment gets in, especially not the lab's AWS keys.
  env --chdir="$PROJECT" -i HOME="$HOME" TMPDIR="$TMPDIR" LANG=C.UTF-8 PATH="${RUNNER_PATH:-$(dirname "$ECR_AUTH"):$SYSTEM_PATH}" \
    "$TARGET/node/bin/node" "$TARGET/node/node_modules/.bin/gitlab-ci-local" --home "$HOME" \
    --force-shell-executor --shell-isolation=false >"$log" 2>&1 || status=$?
  cat "$log"
  [ "$status" = 0 ] || cat "$log" >&2
  return "$status"
}

SYSTEM_PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin

# gitlab_left_nothing LOG: checks that there are no files beside the checkout, no changes to the runner's settings, and no secret in the log.
gitlab_left_nothing() {
  same "files left" "" "$(find "$PROJECT.tmp" -mindepth 1 2>/dev/null)"
  same "settings left" "" "$(find "$HOME/.docker" "$HOME/.config/ecr-auth" "$HOME/.local" "$HOME/.cache/ecr-auth" -type f 2>/dev/null)"
  local token
  token=$(jq -r '.ECR_AUTH_ID_TOKEN.values["*"]' "$PROJECT/.gitlab-ci-local-variables.yml")
  [ "${#token}" -gt 100 ]
  if grep -qF -- "${token##*.}" <<<"$1"; then same "the token in the log" absent present; fi
}

# gitlab_recipe NAME: prints the recipe without services, because gitlab-ci-local would have Docker pull them. The engine is DOCKER_HOST's.
gitlab_recipe() { gitlab_project < <(sed '/^  services:/,/^    - /d' "$ROOT/templates/examples/$1.yml"); }

# gitlab_pushed IMAGE: checks that the image is in our registry.
gitlab_pushed() { as_admin skopeo inspect "docker://$1" >/dev/null; }

# gitlab_pushes RECIPE: checks that the recipe pushes and leaves nothing.
gitlab_pushes() {
  gitlab_role ci-push
  gitlab_recipe "$1"
  local log
  log=$(gitlab_run)
  gitlab_left_nothing "$log"
  gitlab_pushed "$REGISTRY/app:$COMMIT"
}

test_gitlab_pushes_with_the_engine() { gitlab_pushes docker-in-docker; }

test_gitlab_pushes_with_buildah() { gitlab_pushes buildah; }

test_gitlab_pushes_on_a_shell_runner() {
  mkdir "$HOME/.docker"
  printf '{"auths":{"quay.io":{"auth":"eDp5"}},"currentContext":"ci"}' >"$HOME/.docker/config.json"
  cp "$HOME/.docker/config.json" "$HOME/before"
  # A docker context of the runner, with its engine.
  DOCKER_CONFIG=$HOME/.docker docker context create ci --docker "host=$DOCKER_HOST" >/dev/null
  gitlab_role ci-push
  gitlab_recipe shell
  DOCKER_HOST='' gitlab_run
  cmp "$HOME/before" "$HOME/.docker/config.json"
  gitlab_pushed "$REGISTRY/app:$COMMIT"
}

test_gitlab_pushes_as_the_documentation_begins() {
  gitlab_role ci-push
  gitlab_project < <(page_block gitlab.md "From zero to a push" yaml | sed '/^  services:/d')
  gitlab_run
  gitlab_pushed "$REGISTRY/app:1"
}

test_gitlab_promotes_from_one_account_to_another() {
  gitlab_role ci-pull
  gitlab_role release 444455556666
  build_image "$REGISTRY/app:candidate" hello
  as_admin docker push "$REGISTRY/app:candidate"
  gitlab_recipe several-accounts
  local log
  log=$(gitlab_run)
  contains "$log" "skopeo version"
  gitlab_left_nothing "$log"
  local roles
  roles=$(curl -fsS "$LAB_CONTROL/calls" | jq -c '[.log[].session.role_arn // empty][-2:] | unique')
  same "roles" '["arn:aws:iam::111122223333:role/ci-pull","arn:aws:iam::444455556666:role/release"]' "$roles"
}

# gitlab_job INPUT…: writes a pipeline of one job that signs in and shows it. It includes the template locally with these inputs.
gitlab_job() {
  {
    printf 'include:\n  - local: templates/ecr-auth.yml\n    inputs:\n'
    printf '      %s\n' "$@"
    printf 'sign-in:\n  extends: .ecr-auth\n  script:\n'
    printf '    - %s\n' 'docker-credential-ecr-auth list' 'ls -ld "$DOCKER_CONFIG"'
  } >"$HOME/pipeline.yml"
  gitlab_project <"$HOME/pipeline.yml"
}

test_gitlab_takes_variables_options_and_roles_of_single_registries() {
  gitlab_role ci-push
  gitlab_role release 444455556666
  gitlab_job 'registries: $ECR_ACCOUNT/eu-west-1,  444455556666.dkr.ecr.eu-west-1.amazonaws.com role=release ,' 'role-arn: $ECR_ROLE' \
    'options: --session-name job-7 --client docker'
  local log
  log=$(gitlab_run ECR_ACCOUNT=111122223333 ECR_ROLE=arn:aws:iam::111122223333:role/ci-push)
  contains "$log" '"https://111122223333.dkr.ecr.eu-west-1.amazonaws.com":"AWS"'
  contains "$log" '"https://444455556666.dkr.ecr.eu-west-1.amazonaws.com":"AWS"'
  contains "$log" "drwx------"
  same "sessions" "job-7 job-7" "$(curl -fsS "$LAB_CONTROL/calls" | jq -r '[.log[].session.session_name // empty][-2:] | join(" ")')"
  gitlab_left_nothing "$log"
}

test_gitlab_jobs_see_the_runner_s_other_logins() {
  mkdir "$HOME/.docker"
  echo '{"auths":{"quay.io":{"auth":"dG9tOnB3"}}}' >"$HOME/.docker/config.json"
  gitlab_project <<'EOF'
include:
  - local: templates/ecr-auth.yml
    inputs: {registries: 111122223333/eu-west-1, role-arn: ci-push, verify: false}
sign-in:
  extends: .ecr-auth
  script:
    - podman login --get-login quay.io
    - grep -o dG9tOnB3 "$DOCKER_CONFIG/config.json"
EOF
  local log
  log=$(gitlab_run)
  contains "$log" "> tom"
  contains "$log" "> dG9tOnB3"
}

test_gitlab_jobs_on_one_runner_leave_each_other_alone() {
  gitlab_role ci-push
  gitlab_project <<'EOF'
include:
  - local: templates/ecr-auth.yml
    inputs: {registries: 111122223333/eu-west-1, role-arn: ci-push}
.wait: &wait
  - wait_for() { timeout 60 sh -c "until $1; do sleep 0.1; done"; }
one:
  extends: .ecr-auth
  script:
    - *wait
    - wait_for '[ -e "$HOME/two" ]'
    - echo "$DOCKER_CONFIG" >"$HOME/one"
two:
  extends: .ecr-auth
  script:
    - *wait
    - touch "$HOME/two"
    - wait_for '[ -s "$HOME/one" ] && [ ! -e "$(cat "$HOME/one")" ]'
    - printf 111122223333.dkr.ecr.eu-west-1.amazonaws.com | docker-credential-ecr-auth get >/dev/null
    - echo "two has its token after one has ended"
EOF
  local log
  log=$(gitlab_run)
  contains "$log" "> two has its token"
  gitlab_left_nothing "$log"
}

test_gitlab_takes_two_includes_in_one_job() {
  gitlab_role ci-push
  gitlab_role release 444455556666
  gitlab_project <<'EOF'
include:
  - local: templates/ecr-auth.yml
    inputs: {registries: 111122223333/eu-west-1, role-arn: ci-push}
  - local: templates/ecr-auth.yml
    inputs: {registries: 444455556666/eu-west-1, role-arn: release, job: .ecr-auth-release}
both:
  extends: .ecr-auth
  before_script:
    - !reference [.ecr-auth, before_script]
    - !reference [.ecr-auth-release, before_script]
  script:
    - docker-credential-ecr-auth list
EOF
  local log
  log=$(gitlab_run)
  contains "$log" '{"https://111122223333.dkr.ecr.eu-west-1.amazonaws.com":"AWS","https://444455556666.dkr.ecr.eu-west-1.amazonaws.com":"AWS"}'
  gitlab_left_nothing "$log"
}

test_gitlab_asks_nothing_before_it_is_needed_without_verify() {
  gitlab_job "registries: 111122223333/eu-west-1" "role-arn: missing" "verify: false"
  local before
  before=$(all_calls)
  gitlab_run
  same "calls to AWS" "$before" "$(all_calls)"
}

test_gitlab_needs_no_role_where_the_runner_has_an_identity() {
  mkdir "$HOME/.aws"
  (umask 077 && printf '[default]\naws_access_key_id = %s\naws_secret_access_key = %s\n' "$AWS_ACCESS_KEY_ID" "$AWS_SECRET_ACCESS_KEY" \
    >"$HOME/.aws/credentials")
  gitlab_job "registries: 111122223333/eu-west-1"
  local before
  before=$(calls ecr:GetAuthorizationToken)
  gitlab_run
  same "GetAuthorizationToken calls" $((before + 1)) "$(calls ecr:GetAuthorizationToken)"
}

test_gitlab_says_why_a_role_refuses() {
  gitlab_role other "$ACCOUNT" octo/other
  gitlab_job "registries: 111122223333/eu-west-1" "role-arn: other"
  local log
  log=$(fails gitlab_run)
  contains "$log" "Not authorized to perform sts:AssumeRoleWithWebIdentity"
  contains "$log" "sub = project_path:octo/app:ref_type:branch:ref:main"
  gitlab_left_nothing "$log"
}

test_gitlab_says_what_a_job_without_a_token_lacks() {
  gitlab_role ci-push
  gitlab_job "registries: 111122223333/eu-west-1" "role-arn: ci-push"
  local log
  log=$(fails gitlab_run ECR_AUTH_ID_TOKEN=)
  contains "$log" "id_tokens: ECR_AUTH_ID_TOKEN"
}

# gitlab_in_alpine INPUT…: runs the template's before_script, a push and its after_script like GitLab, in an image with busybox and skopeo but
# without ecr-auth. The shell is busybox's, or IMAGE_SHELL.
gitlab_in_alpine() {
  local alpine=$HOME/alpine status=0 shell=(busybox sh)
  [ -z "${IMAGE_SHELL:-}" ] || shell=("$IMAGE_SHELL")
  PROJECT=$HOME/builds/octo/app
  [ -d "$alpine" ] || { mkdir "$alpine" && busybox --install -s "$alpine"; }
  mkdir -p "$PROJECT.tmp/ecr-auth-of-a-killed-job/cache"
  touch -d '2 days ago' "$PROJECT.tmp/ecr-auth-of-a-killed-job"
  "$TARGET/python/bin/python" "$ROOT/scripts/gitlab-template.py" "$ROOT/templates/ecr-auth.yml" region=eu-west-1 \
    role-arn="arn:aws:iam::$ACCOUNT:role/ci-push" download-base-url="$MIRROR" "$@" >"$HOME/template.json"
  ln -sf "$(command -v skopeo)" "$alpine"
  (umask 077 && control jobs '{"ci": "gitlab"}' | jq -r --arg dir "$PROJECT" '(.environment + {CI_PROJECT_DIR: $dir}) | to_entries[]
    | "export \(.key)=\(.value | @sh)"' >"$HOME/job.env")
  {
    jq -r '.[".ecr-auth"].before_script[]' "$HOME/template.json"
    echo 'skopeo copy --quiet "dir:$HOME/image" "docker://$IMAGE:alpine"'
  } >"$HOME/script.sh"
  jq -r '.[".ecr-auth"].after_script[]' "$HOME/template.json" >"$HOME/after.sh"
  # Like GitLab's runner for sh: `set -e`, and another shell for after_script.
  local run=(env -i HOME="$HOME" PATH="$alpine" SSL_CERT_FILE="$SSL_CERT_FILE" IMAGE="$IMAGE" "${shell[@]}" -c)
  "${run[@]}" '. "$HOME/job.env"; set -e; . "$HOME/script.sh"' 2>&1 || status=$?
  "${run[@]}" '. "$HOME/job.env"; set -e; . "$HOME/after.sh"' 2>&1
  same "files left" "" "$(find "$PROJECT.tmp" -mindepth 1)"
  return "$status"
}

test_gitlab_fetches_the_binary_in_an_image_with_busybox_alone() {
  gitlab_role ci-push
  build_image "$IMAGE:1" hello
  as_admin docker push "$IMAGE:1"
  as_admin skopeo copy --quiet "docker://$IMAGE:1" "dir:$HOME/image"
  start_mirror
  gitlab_in_alpine "sha256-$(uname -m)=$SHA256"
  gitlab_pushed "$IMAGE:alpine"
}

test_gitlab_runs_no_binary_that_is_not_the_releases() {
  gitlab_role ci-push
  start_mirror
  local log
  log=$(fails gitlab_in_alpine)
  contains "$log" "cannot verify ecr-auth: this template has no SHA-256 for ecr-auth-$(uname -m)-unknown-linux-musl"
  log=$(fails gitlab_in_alpine "sha256-$(uname -m)=$(printf other | sha256sum | cut -d ' ' -f 1)")
  contains "$log" "is not the one in the template"
  log=$(fails gitlab_in_alpine "sha256-$(uname -m)=$SHA256" version=9.9.9)
  contains "$log" "cannot download $MIRROR/v9.9.9/ecr-auth-"
  # Busybox's shell has a built-in wget.
  rm "$HOME/alpine/wget"
  log=$(IMAGE_SHELL=/bin/dash fails gitlab_in_alpine "sha256-$(uname -m)=$SHA256")
  contains "$log" "cannot get ecr-auth: this image has neither curl nor wget"
  same "calls of a binary" "" "$(grep -o "helper: installed" <<<"$log" || true)"
}

# The lines of docs/gitlab-runner.md, in the environment that its drop-in gives the service. The AWS identity stands for the machine's.
test_gitlab_runners_pull_job_images_as_the_page_says() {
  local line service
  build_image "$IMAGE:job" hello
  as_admin docker push "$IMAGE:job"
  line=$(page_block gitlab-runner.md "Docker executor" bash | grep '^ecr-auth setup')
  PATH=$(dirname "$ECR_AUTH"):$PATH bash -ec "$line --bin-dir $BIN"
  service=$(page_block gitlab-runner.md "Docker executor" ini | sed -n 's/^Environment=HOME=\/root PATH=//p')
  contains "$service" /usr/local/bin
  run_service() {
    env -i HOME="$HOME" PATH="${service/\/usr\/local\/bin/$BIN}" SSL_CERT_FILE="$SSL_CERT_FILE" DOCKER_HOST="$DOCKER_HOST" \
      AWS_ACCESS_KEY_ID="$AWS_ACCESS_KEY_ID" AWS_SECRET_ACCESS_KEY="$AWS_SECRET_ACCESS_KEY" "$@"
  }
  docker image rm "$IMAGE:job"
  run_service docker pull "$IMAGE:job"
  # The variable's content is a separate configuration.
  mkdir "$HOME/variable"
  page_block gitlab-runner.md DOCKER_AUTH_CONFIG toml | sed -n 's/^ *environment = //p' | jq -r '.[0] | ltrimstr("DOCKER_AUTH_CONFIG=")' >"$HOME/variable/config.json"
  docker image rm "$IMAGE:job"
  run_service docker --config "$HOME/variable" pull "$IMAGE:job"
}
