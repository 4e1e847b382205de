#!/usr/bin/env bash
# Checks GitLab's template and the recipes beside it: against GitLab's schema, the shell code in them, and that the template downloads the same
# release as the action.
source "$(dirname "$0")/env.sh"
cd "$ROOT"

PYTHON=$TARGET/python/bin
TEMPLATE=templates/ecr-auth.yml
OUT=$TARGET/gitlab
rm -rf "$OUT"
mkdir -p "$OUT"

# schema NAME FILE…: validates files against GitLab's schema.
schema() { "$PYTHON/check-jsonschema" --quiet --builtin-schema vendor.gitlab-ci --data-transform gitlab-ci "$@"; }

# render FILE [INPUT=VALUE…]: prints the file as JSON, with the inputs filled in.
render() { "$PYTHON/python" scripts/gitlab-template.py "$@"; }

# shell_of FILE: prints the before_script, script and after_script of each job as a sh script, one subshell for each, with the jobs' variables set.
shell_of() {
  jq -r '[.[] | objects | (.before_script, .script, .after_script) // empty | map(strings) | join("\n")] | join("\n")' "$1"
}

# The template's header is checked alone, and its jobs with inputs filled in, because the schema supports neither two documents nor inputs.
sed '/^---$/Q' "$TEMPLATE" >"$OUT/header.yml"
render "$TEMPLATE" registries=111122223333/eu-west-1 >"$OUT/jobs.json"
schema "$OUT/header.yml" "$OUT/jobs.json" templates/examples/*.yml

for recipe in templates/examples/*.yml; do
  render "$recipe" >"$OUT/$(basename "$recipe" .yml).json"
done
for file in "$OUT"/*.json; do
  shell_of "$file" >"${file%.json}.sh"
  # SC2050: a comparison with an input becomes a comparison of constants.
  "$PYTHON/shellcheck" --shell=sh --exclude=SC2050 "${file%.json}.sh"
done

# The template has only `spec:` and hidden jobs, so it changes nothing in the pipelines that include it.
[ "$(jq -r 'keys | map(select(startswith(".") | not)) | join(" ")' "$OUT/jobs.json")" = "" ] || die "$TEMPLATE: only hidden jobs, please"

# Inputs become part of the scripts, so values that could end a string or start a command are refused.
for input in {registries,role-arn,region,audience,options}=a download-base-url=https://a; do
  render "$TEMPLATE" "$input" >/dev/null
  # shellcheck disable=SC2016,SC1003 # not to be expanded
  for more in '"' '\' '`id`' '$(id)' $'\nb' "'" ';' '|' '&'; do
    ! render "$TEMPLATE" "$input$more" >/dev/null 2>&1 || die "$TEMPLATE: an input takes $input$more"
  done
done

# input NAME: prints the default of an input.
input() { "$PYTHON/python" -c 'import sys, yaml; print(yaml.safe_load(open(sys.argv[1]))["spec"]["inputs"][sys.argv[2]]["default"])' "$OUT/header.yml" "$1"; }
# released FILTER: prints a value from the action's checksums.json.
released() { jq -r "$1" action/checksums.json; }

[ "$(input version)" = "$(released .version)" ] || die "$TEMPLATE: its version is not that of action/checksums.json"
for architecture in x86_64 aarch64; do
  [ "$(input "sha256-$architecture")" = "$(released ".sha256[\"ecr-auth-$architecture-unknown-linux-musl\"] // \"\"")" ] ||
    die "$TEMPLATE: its SHA-256 for $architecture is not that of action/checksums.json"
done
for recipe in templates/examples/*.yml docs/gitlab.md; do
  grep -qF "/ecr-auth@v$(input version)" "$recipe" || die "$recipe: not this version of the component"
done
