# shellcheck shell=bash disable=SC2154,SC2153,SC2030,SC2031,SC2329 # IMAGE, REGISTRY… come from run.sh; each look has a home of its own
# Where each client looks for a registry's helper. The real clients must agree with the table in docs/configuration.md, and so must doctor.

# LOOKUP_PLACES: each place as the page names it, the variables to set, and the one file that names the helper.
LOOKUP_PLACES=(
  "\`~/.docker/config.json\`" "" .docker/config.json
  "\`\$DOCKER_CONFIG/config.json\`" "DOCKER_CONFIG" elsewhere/config.json
  "\`~/.config/containers/auth.json\`" "" .config/containers/auth.json
  "\`~/.config/containers/auth.json\`, with \`DOCKER_CONFIG\` set" "DOCKER_CONFIG" .config/containers/auth.json
  "\`\$XDG_RUNTIME_DIR/containers/auth.json\`" "XDG_RUNTIME_DIR" runtime/containers/auth.json
  "\`\$XDG_RUNTIME_DIR/containers/auth.json\`, with \`DOCKER_CONFIG\` set" "XDG_RUNTIME_DIR DOCKER_CONFIG" runtime/containers/auth.json
  "\`\$REGISTRY_AUTH_FILE\`" "REGISTRY_AUTH_FILE" named/auth.json
)
LOOKUP_CLIENTS=("docker pull" "podman pull" "buildah pull" "skopeo inspect" "crane manifest" "oras pull")

# look_in VARIABLES FILE CLIENT: prints `yes` if the client finds the helper in this file of a new home, else `no`. For docker, podman and
# skopeo doctor must say the same.
look_in() (
  HOME=$(mktemp -d -p "$HOME")
  export HOME
  unset XDG_RUNTIME_DIR DOCKER_CONFIG REGISTRY_AUTH_FILE
  rm -f /run/containers/0/auth.json
  mkdir -p "$HOME/elsewhere" "$HOME/runtime" "$(dirname "$HOME/$2")"
  local variable image=$IMAGE:1 found=no told
  for variable in $1; do
    case $variable in
      DOCKER_CONFIG) export DOCKER_CONFIG=$HOME/elsewhere ;;
      XDG_RUNTIME_DIR) export XDG_RUNTIME_DIR=$HOME/runtime ;;
      REGISTRY_AUTH_FILE) export REGISTRY_AUTH_FILE=$HOME/named/auth.json ;;
    esac
  done
  printf '{"credHelpers": {"%s": "ecr-auth"}}\n' "$REGISTRY" >"$HOME/$2"
  [ "$3" != "skopeo inspect" ] || image=docker://$image
  cd "$HOME" || return
  # shellcheck disable=SC2086 # two words
  ! $3 "$image" >said 2>&1 || found=yes
  case $3 in
    "docker pull" | "podman pull" | "skopeo inspect")
      told=$("$ECR_AUTH" doctor "$REGISTRY" 2>&1 | sed -n "s/^\(.\) ${3% *}: .*/\1/p")
      # Skopeo is named only where it differs from podman.
      [ "$told" ] || told=$("$ECR_AUTH" doctor "$REGISTRY" 2>&1 | sed -n "s/^\(.\) podman: .*/\1/p")
      [ "$found,$told" = yes,✓ ] || { [ "$found" = no ] && [ "$told" != ✓ ]; } || found="$found, and doctor says $told"
      ;;
  esac
  echo "$found"
)

test_lookup_of_each_client_is_the_page_s_and_doctor_s() {
  setup "$REGISTRY" >/dev/null
  build_image "$IMAGE:1" hello
  as_admin docker push "$IMAGE:1"
  local i column client cells
  for ((i = 0; i < ${#LOOKUP_PLACES[@]}; i += 3)); do
    IFS='|' read -ra cells < <(grep -F "| ${LOOKUP_PLACES[i]} |" "$ROOT/docs/configuration.md")
    for column in "${!LOOKUP_CLIENTS[@]}"; do
      client=${LOOKUP_CLIENTS[column]}
      command -v "${client%% *}" >/dev/null || continue
      docker image rm --force "$IMAGE:1" >/dev/null 2>&1
      same "whether $client reads ${LOOKUP_PLACES[i]}" "${cells[column + 2]// /}" "$(look_in "${LOOKUP_PLACES[i + 1]}" "${LOOKUP_PLACES[i + 2]}" "$client")"
    done
  done
}

# Podman and skopeo fail if they may not read a folder, and doctor does not treat it as empty.
test_lookup_ends_where_the_runtime_folder_may_not_be_read() {
  setup "$REGISTRY" >/dev/null
  local user=4321 said
  mkdir -p /run/containers
  mkdir -m 700 "/run/containers/$user"
  # The repository may be in a place that this user can't read.
  cp "$ECR_AUTH" "$BIN/own"
  chown -R "$user:$user" "$HOME"
  # as_user COMMAND…: runs the command as that user.
  as_user() { setpriv --reuid "$user" --regid "$user" --clear-groups env -u XDG_RUNTIME_DIR --chdir "$HOME" "$@"; }
  contains "$(fails as_user skopeo inspect "docker://$IMAGE:1")" "/run/containers/$user/auth.json: permission denied"
  said=$(fails as_user "$BIN/own" doctor "$REGISTRY")
  contains "$(grep '^✗ podman: ' <<<"$said")" "/run/containers/$user/auth.json"
}
