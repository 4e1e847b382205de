# shellcheck shell=bash disable=SC2154,SC2016 # TARGET, ROOT… come from run.sh; much is for the jobs' shells
# The other CI systems: runs the unchanged recipes of docs/ci.md in jobs with the environment of those systems.

# ci_recipe HEADING: prints the example under a heading of docs/ci.md.
ci_recipe() { page_block ci.md "$1"; }

# ci_lines HEADING FILTER: prints the commands of that YAML example, which FILTER selects.
ci_lines() {
  local lines
  lines=$(ci_recipe "$1" | "$TARGET/python/bin/python" "$ROOT/scripts/gitlab-template.py" /dev/stdin | jq -er "$2")
  contains "$lines" "ecr-auth setup"
  printf '%s\n' "$lines"
}

# ci_role ISSUER AUDIENCE SUBJECT: creates a role ci-push that trusts tokens with a matching subject.
ci_role() {
  local provider=${1#https://}
  control oidc-providers "$(jq -n --arg account "$ACCOUNT" --arg issuer "$1" --arg audience "$2" \
    '{account: $account, issuer: $issuer, audiences: [$audience]}')"
  control roles "$(jq -n --arg account "$ACCOUNT" --arg provider "$provider" --arg subject "$3" '{account: $account, name: "ci-push",
    permissions: {allow: ["ecr:*"]}, trust: [{kind: "web-identity", provider: $provider,
    conditions: [{operator: "StringLike", claim: "sub", values: [$subject]}]}]}')"
}

# ci_env FILTER: creates job.env from the JSON on stdin, whose variables the filter selects. It is a file, because some of them are secret.
ci_env() { (umask 077 && jq -r "$1"' | to_entries[] | "export \(.key)=\(.value | @sh)"' >"$HOME/job.env"); }

# ci_run LINES: runs the lines in a checkout, in one shell that stops at the first failure, with only the variables of job.env.
ci_run() {
  mkdir -p "$HOME/checkout"
  cp -r "$STAGE/image/." "$HOME/checkout"
  env --chdir="$HOME/checkout" -i HOME="$HOME" SSL_CERT_FILE="$SSL_CERT_FILE" DOCKER_HOST="$DOCKER_HOST" \
    PATH="$BIN:$LAB_PROGRAMS:$(dirname "$ECR_AUTH"):/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin" \
    sh -e -c '. "$HOME/job.env"; eval "$1"' sh "$1"
}

# ci_cell COLUMN JOB: prints the cell of the page's table of roles for the job's CI, with the job's ids filled in.
ci_cell() {
  local cell
  cell=$(grep -i "^| $(jq -r .ci <<<"$2")[a-z ]* | .https://" "$ROOT/docs/ci.md" | cut -d '|' -f "$1" | tr -d ' `')
  jq -r --arg cell "$cell" '.environment as $env | (.audience | split("/")[-1]) as $workspace | (.issuer | split("/")[-1]) as $organization | $cell
    | gsub("ORGANISATION-ID"; $env.CIRCLE_ORGANIZATION_ID // "") | gsub("PROJECT-ID"; $env.CIRCLE_PROJECT_ID // "")
    | gsub("ORGANIZATION-ID"; $organization)
    | gsub("ORGANIZATION/PROJECT/SERVICE-CONNECTION"; "octo/" + ($env.SYSTEM_TEAMPROJECT // "") + "/aws")
    | gsub("[{]REPOSITORY-UUID[}]"; $env.BITBUCKET_REPO_UUID // "")
    | gsub("WORKSPACE-ID"; $workspace) | gsub("WORKSPACE"; $env.BITBUCKET_WORKSPACE // "")' <<<"$2"
}

# ci_pushes CI HEADING FILTER: the recipe pushes with only a token of its CI, and with a role as described on the page.
ci_pushes() {
  local job lines
  job=$(control jobs '{"ci": "'"$1"'"}')
  same "the issuer" "$(jq -r .issuer <<<"$job")" "$(ci_cell 3 "$job")"
  ci_role "$(ci_cell 3 "$job")" "$(ci_cell 4 "$job")" "$(ci_cell 5 "$job")"
  # Azure's jobs request their token over the network, where the lab uses plain HTTP.
  ci_env '(.environment + if .ci == "azure" then {ECR_AUTH_ALLOW_HTTP: "1"} else {} end)' <<<"$job"
  lines=$(ci_lines "$2" "$3")
  ci_run "${lines//\$\$/\$}"
  ci_pushed "$1"
}

# ci_pushes_with_keys NAME HEADING FILTER: the recipe pushes with AWS keys in the job's environment.
ci_pushes_with_keys() {
  local lines
  jq -n env | ci_env 'with_entries(select(.key | IN("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_REGION")))'
  lines=$(ci_lines "$2" "$3")
  ci_run "$lines"
  ci_pushed "$1"
}

# ci_pushed TAG: checks that the tag is in the registry.
ci_pushed() { as_admin skopeo inspect "docker://$REGISTRY/app:$1" >/dev/null; }

test_ci_circleci_s_recipe_pushes() { ci_pushes circleci CircleCI '.jobs.push.steps[] | objects | .run // empty'; }

test_ci_buildkite_s_recipe_pushes_and_leaves_nothing() {
  ci_pushes buildkite Buildkite '.steps[0].commands[]'
  same "settings left" "" "$(find "$HOME/.docker" "$HOME/.config" "$HOME/.local" "$HOME/.cache" -type f 2>/dev/null)"
}

test_ci_bitbucket_s_recipe_pushes() { ci_pushes bitbucket "Bitbucket Pipelines" '.pipelines.default[0].step.script[]'; }

test_ci_azure_s_recipe_pushes() { ci_pushes azure "Azure Pipelines" '.steps[0].script'; }

test_ci_woodpecker_s_recipe_pushes() { ci_pushes_with_keys woodpecker Woodpecker '.steps.push.commands[]'; }

test_ci_drone_s_recipe_pushes() { ci_pushes_with_keys drone Drone '.steps[0].commands[]'; }

test_ci_skopeo_s_line_needs_no_login() {
  local line
  line=$(sed -n 's/^| skopeo | `\(.*\)` |$/\1/p' "$ROOT/docs/ci.md")
  build_image "$REGISTRY/app:1" hello
  as_admin docker push "$REGISTRY/app:1"
  setup "$REGISTRY"
  eval "${line//HOST/$REGISTRY}"
  ci_pushed 2
}

test_ci_helm_s_login_pushes_a_chart() {
  helm_chart
  PATH=$(dirname "$ECR_AUTH"):$PATH bash -eo pipefail -c "$(ci_recipe Helm)"
  # A chart is not an image, so nothing more is checked.
  as_admin skopeo inspect --raw "docker://$REGISTRY/app:2.4.0" | grep -q cncf.helm.config
  # The login works, and the file names no other host.
  same "logins" "$REGISTRY" "$(jq -r '.auths | keys[]' "$HOME/.config/helm/registry/config.json")"
}

test_ci_the_binary_is_fetched_and_checked() {
  local lines
  start_mirror
  lines=$(ci_recipe "The binary")
  contains "$lines" "sha256sum -c"
  lines=${lines//https:\/\/github.com\/org\/ecr-auth\/releases\/download/$MIRROR}
  lines=${lines//x86_64/$(uname -m)}
  cd "$HOME" || return
  fails env ECR_AUTH_SHA256="${SHA256//[0-4]/5}" bash -ec "${lines//\/usr\/local\/bin/$BIN}"
  [ ! -e "$BIN/ecr-auth" ]
  ECR_AUTH_SHA256=$SHA256 bash -ec "${lines//\/usr\/local\/bin/$BIN}"
  "$BIN/ecr-auth" --version
}

# ci_agent PHASE: sources the Buildkite plugin's hook like the agent, and keeps the exported variables for later phases.
ci_agent() {
  local hook=$ROOT/ci/buildkite-plugin/hooks/$1
  ci_bash '. '"'$hook'"'; export -p >"$HOME/job.env.new"; mv "$HOME/job.env.new" "$HOME/job.env"'
}

# ci_bash LINES: runs the lines like ci_run but in bash, as agents run hooks and steps, and CircleCI its steps.
ci_bash() {
  mkdir -p "$HOME/checkout"
  cp -r "$STAGE/image/." "$HOME/checkout"
  env --chdir="$HOME/checkout" -i HOME="$HOME" SSL_CERT_FILE="$SSL_CERT_FILE" DOCKER_HOST="$DOCKER_HOST" DOCKER_BUILDKIT=0 TMPDIR="$TMPDIR" \
    PATH="$LAB_PROGRAMS:${CI_PROGRAMS-$(dirname "$ECR_AUTH"):}/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin" \
    bash -eo pipefail -c '. "$HOME/job.env"; eval "$1"' bash "$1"
}

# ci_step_of CI: starts a job, and creates the role ci-push as described on the page.
ci_step_of() {
  local job
  job=$(control jobs '{"ci": "'"$1"'"}')
  ci_role "$(ci_cell 3 "$job")" "$(ci_cell 4 "$job")" "$(ci_cell 5 "$job")"
  ci_env .environment <<<"$job"
}

# ci_plugin_options: prints the options of the example in the plugin's README, as JSON.
ci_plugin_options() {
  page_block ../ci/buildkite-plugin/README.md "ecr-auth for Buildkite" yaml >"$HOME/pipeline.yml"
  "$TARGET/python/bin/python" "$ROOT/scripts/gitlab-template.py" "$HOME/pipeline.yml" | jq '.steps[0].plugins[0]["./.buildkite/plugins/ecr-auth"]'
}

# ci_agent_options FILE: prints the plugin's options in the agent's form: a list with numbers, a text unchanged.
ci_agent_options() {
  jq -r 'paths(scalars) as $path | ($path | map(tostring | ascii_upcase | gsub("[- ]"; "_")) | join("_")) as $name
    | "export BUILDKITE_PLUGIN_ECR_AUTH_\($name)=\(getpath($path) | @sh)"' "$1" >>"$HOME/job.env"
}

test_ci_buildkite_s_plugin_is_as_its_schema_says() {
  local check=$TARGET/python/bin/check-jsonschema
  "$TARGET/python/bin/python" "$ROOT/scripts/gitlab-template.py" "$ROOT/ci/buildkite-plugin/plugin.yml" >"$HOME/plugin.json"
  jq .configuration "$HOME/plugin.json" >"$HOME/configuration.json"
  ci_plugin_options >"$HOME/options.json"
  "$check" --schemafile "$HERE/buildkite_plugin.schema.json" "$HOME/plugin.json"
  "$check" --check-metaschema "$HOME/configuration.json"
  "$check" --builtin-schema vendor.buildkite "$HOME/pipeline.yml"
  "$check" --schemafile "$HOME/configuration.json" "$HOME/options.json"
  jq '.registries = [.registries]' "$HOME/options.json" >"$HOME/list.json"
  "$check" --schemafile "$HOME/configuration.json" "$HOME/list.json"
  # The agent checks options, so it reports a typo.
  jq '.role_arn = .["role-arn"]' "$HOME/options.json" >"$HOME/slip.json"
  contains "$(fails "$check" --schemafile "$HOME/configuration.json" "$HOME/slip.json")" role_arn
  same "options in the README" "$(jq -r '.properties | keys | join(" ")' "$HOME/configuration.json")" \
    "$(sed -n 's/^| `\([a-z-]*\)` |.*/\1/p' "$ROOT/ci/buildkite-plugin/README.md" | sort | paste -sd ' ')"
}

test_ci_buildkite_s_plugin_pushes_and_leaves_nothing() {
  local image=$REGISTRY/app:plugin
  ci_step_of buildkite
  mkdir -p "$HOME/.docker/contexts"
  echo '{"auths": {"quay.io": {"auth": "eDp5"}}}' >"$HOME/.docker/config.json"
  cp "$HOME/.docker/config.json" "$HOME/before"
  ci_plugin_options | jq '.registries = [.registries, "public"]' >"$HOME/options.json"
  ci_agent_options "$HOME/options.json"
  ci_agent environment
  ci_bash "docker build --tag $image . && docker push $image"
  ci_bash 'jq -r ".auths + .credHelpers | keys | join(\" \")" "$DOCKER_CONFIG/config.json"' >"$HOME/said"
  same "registries" "$REGISTRY public.ecr.aws quay.io" "$(tail -n 1 "$HOME/said")"
  ci_agent pre-exit
  ci_pushed plugin
  cmp "$HOME/before" "$HOME/.docker/config.json"
  same "folders left" "" "$(ls -d "$TMPDIR"/tmp.*/setup.json 2>/dev/null)"
  same "settings left" "$HOME/.docker/config.json" "$(find "$HOME/.docker" "$HOME/.config" "$HOME/.local" "$HOME/.cache" -type f 2>/dev/null)"
}

test_ci_buildkite_s_plugin_says_what_is_missing() {
  ci_step_of buildkite
  contains "$(CI_PROGRAMS='' fails ci_agent environment)" "the agent finds no ecr-auth on PATH"
  # plugin.yml names the options that the hook reads.
  local option
  for option in $("$TARGET/python/bin/python" "$ROOT/scripts/gitlab-template.py" "$ROOT/ci/buildkite-plugin/plugin.yml" | jq -r '.configuration.properties | keys[]'); do
    grep -q "BUILDKITE_PLUGIN_ECR_AUTH_$(tr a-z- A-Z_ <<<"$option")" "$ROOT/ci/buildkite-plugin/hooks/environment"
  done
}

# ci_orb COMMAND NAME=VALUE…: runs a command of the orb with these parameters like CircleCI, after setting its variables and sourcing $BASH_ENV.
ci_orb() {
  "$TARGET/python/bin/python" "$ROOT/scripts/gitlab-template.py" "$ROOT/ci/circleci/orb.yml" | jq -r --arg name "$1" '
    ($ARGS.positional | map(capture("(?<key>[^=]*)=(?<value>.*)")) | from_entries) as $given
    | .commands[$name] | (.parameters | map_values(.default) + $given) as $all | .steps[] | .run
    | (.environment | to_entries[] | (.value | capture("<< parameters.(?<name>[a-z0-9-]+) >>").name) as $of | "export \(.key)=\($all[$of] | @sh)"), .command' \
    --args "${@:2}" >"$HOME/step"
  ci_bash "touch \"\$BASH_ENV\"; . \"\$BASH_ENV\"; $(cat "$HOME/step")"
}

test_ci_circleci_s_orb_is_as_its_schema_says() {
  # The orb inside a configuration, because the schema does not allow a version and examples there.
  "$TARGET/python/bin/python" "$ROOT/scripts/gitlab-template.py" "$ROOT/ci/circleci/orb.yml" >"$HOME/orb.json"
  jq '{version, orbs: {"ecr-auth": del(.version, .examples, .description, .display)}} + {jobs: {}, workflows: {}}' "$HOME/orb.json" >"$HOME/config.json"
  jq '.examples.push.usage' "$HOME/orb.json" >"$HOME/example.json"
  "$TARGET/python/bin/check-jsonschema" --builtin-schema vendor.circle-ci "$HOME/orb.json" "$HOME/config.json" "$HOME/example.json"
}

test_ci_circleci_s_orb_installs_and_pushes() {
  local image=$REGISTRY/app:orb
  start_mirror
  ci_step_of circleci
  echo "export BASH_ENV=\"$HOME/bash.env\"" >>"$HOME/job.env"
  CI_PROGRAMS=''
  contains "$(fails ci_orb install "base-url=$MIRROR")" "no sha256 is named"
  fails ci_orb install "base-url=$MIRROR" "sha256=${SHA256//[0-4]/5}"
  ci_orb install "base-url=$MIRROR" "sha256=$SHA256"
  ci_orb setup "registries=$ACCOUNT/$REGION" "role-arn=arn:aws:iam::$ACCOUNT:role/ci-push"
  ci_bash ". \"\$BASH_ENV\"; docker build --tag $image . && docker push $image"
  ci_pushed orb
}
