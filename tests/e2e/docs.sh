# shellcheck shell=bash disable=SC2154 # TARGET, ROOT… come from run.sh
# The pages that are there to be pasted.

# docs_script PAGE: all shell of docs/PAGE, in its order.
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
  # What it promises at its end.
  cmp "$HOME/before" "$HOME/.docker/config.json"
  same "what is left" "" "$(ls -A "$HOME/empty" && find "$HOME/.cache/ecr-auth" -name '*.json')"
}
