# shellcheck shell=bash disable=SC2154 # TARGET, ROOT… come from run.sh
# Pages with commands to paste.

# docs_script PAGE: prints all shell code of docs/PAGE in order.
docs_script() { "$TARGET/python/bin/python" "$ROOT/scripts/docs/pages.py" --all "$1" bash; }

test_docs_first_push_works_as_written_in_an_empty_folder() {
  local script
  script=$(docs_script first-push.md)
  contains "$script" "ecr-auth setup"
  mkdir -p "$HOME/empty" "$HOME/.docker"
  printf '{"auths": {"quay.io": {"auth": "eDp5"}}}' >"$HOME/.docker/config.json"
  cp "$HOME/.docker/config.json" "$HOME/before"
  cd "$HOME/empty" || return
  PATH=$(dirname "$ECR_AUTH"):$PATH bash -euo pipefail -c "$script"
  as_admin skopeo inspect "docker://$REGISTRY/app:1"
  # The result that the page promises.
  cmp "$HOME/before" "$HOME/.docker/config.json"
  same "what is left" "" "$(ls -A "$HOME/empty" && find "$HOME/.cache/ecr-auth" -name '*.json')"
}
