# shellcheck shell=bash disable=SC2154,SC2329,SC2030,SC2031 # IMAGE, REGISTRY… come from run.sh; steps are run by their names
# What each client does with our helper and with amazon-ecr-credential-helper: the same step in a separate home with an empty cache. Everything that
# works with the Go helper must work with ours, for every client of every tested release. docs/comparison.md shows the table of Debian sid.

# A step is a function that is named after its client. Its name on the page follows.
STEPS=(
  docker_pull "docker pull"
  docker_push "docker push"
  docker_build "docker build, FROM a private image"
  docker_build_of_two "docker build, FROM images of two accounts"
  docker_legacy_build "docker build without BuildKit, FROM a private image"
  docker_store "docker's classic builder, one store for every registry, empty cache"
  docker_login "docker login REGISTRY"
  docker_logout "docker logout REGISTRY, then docker pull"
  docker_dual_stack "docker pull, by the dual-stack name"
  compose_pull "docker compose pull"
  podman_pull "podman pull"
  podman_push "podman push"
  podman_build "podman build, FROM a private image"
  buildah_build "buildah build, FROM a private image"
  buildah_push "buildah push"
  skopeo_inspect "skopeo inspect"
  skopeo_copy "skopeo copy, between two accounts"
  crane_manifest "crane manifest"
  crane_copy "crane copy, between two accounts"
  oras_pull "oras pull"
  oras_push "oras push"
  cosign_tree "cosign tree"
  docker_says_why "docker pull with a wrong secret key: the output names the cause"
  podman_says_why "podman pull with a wrong secret key: the output names the cause"
  crane_says_why "crane manifest with a wrong secret key: the output names the cause"
)

step_docker_pull() { docker image rm --force "$IMAGE:1" && docker pull "$IMAGE:1"; }
step_docker_push() { docker tag steps:1 "$IMAGE:2" && docker push "$IMAGE:2"; }
# on_base HOST…: prints a Dockerfile on an image of each registry, which the engine no longer has.
on_base() {
  mkdir -p "$HOME/next"
  : >"$HOME/next/Dockerfile"
  local host
  for host; do
    docker image rm --force "$host/${IMAGE#*/}:1"
    printf 'FROM %s AS of%s\n' "$host/${IMAGE#*/}:1" "${host%%.*}" >>"$HOME/next/Dockerfile"
    [ "$host" = "$REGISTRY" ] || printf 'COPY --from=of%s /text /other\n' "${REGISTRY%%.*}" >>"$HOME/next/Dockerfile"
  done
}
step_docker_build() { on_base "$REGISTRY" && docker build --no-cache "$HOME/next"; }
step_docker_build_of_two() { on_base "$REGISTRY" "$FOREIGN" && docker build --no-cache "$HOME/next"; }
step_docker_legacy_build() { on_base "$REGISTRY" && DOCKER_BUILDKIT=0 docker build --no-cache "$HOME/next"; }
step_docker_store() {
  printf '{"credsStore": "%s"}' "$1" >"$HOME/.docker/config.json"
  step_docker_legacy_build
}
step_docker_login() { docker login "$REGISTRY"; }
step_docker_logout() { docker logout "$REGISTRY" && step_docker_pull; }
step_docker_dual_stack() { docker pull "$DUAL_STACK/${IMAGE#*/}:1"; }
step_compose_pull() {
  docker compose version || return 77
  printf 'services: {one: {image: "%s"}}\n' "$IMAGE:1" >"$HOME/compose.yaml"
  docker image rm --force "$IMAGE:1" && docker compose --file "$HOME/compose.yaml" pull
}
step_podman_pull() { podman image rm --force "$IMAGE:1" && podman pull "$IMAGE:1"; }
step_podman_push() { podman build --tag "$IMAGE:3" "$STAGE/image" && podman push "$IMAGE:3"; }
step_podman_build() { on_base "$REGISTRY" && podman image rm --force "$IMAGE:1" && podman build --no-cache "$HOME/next"; }
step_buildah_build() { on_base "$REGISTRY" && podman image rm --force "$IMAGE:1" && buildah build --no-cache "$HOME/next"; }
step_buildah_push() { buildah build --tag "$IMAGE:4" "$STAGE/image" && buildah push "$IMAGE:4"; }
step_skopeo_inspect() { skopeo inspect "docker://$IMAGE:1"; }
step_skopeo_copy() { skopeo copy "docker://$IMAGE:1" "docker://$FOREIGN/${IMAGE#*/}:5"; }
step_crane_manifest() { crane manifest "$IMAGE:1"; }
step_crane_copy() { crane copy "$IMAGE:1" "$FOREIGN/${IMAGE#*/}:6"; }
step_oras_pull() { cd "$HOME" && oras pull "$IMAGE:artifact"; }
step_oras_push() { cd "$HOME" && echo hello >file.txt && oras push "$IMAGE:7" file.txt; }
step_cosign_tree() { cosign tree "$IMAGE:1"; }
# says_why COMMAND…: checks that the command fails with AWS's message.
says_why() {
  local said
  said=$(AWS_SECRET_ACCESS_KEY=wrong fails "$@") && [[ $said == *InvalidSignatureException* ]]
}
step_docker_says_why() { says_why docker pull "$IMAGE:1"; }
step_podman_says_why() { says_why podman pull --retry 0 "$IMAGE:1" || says_why podman pull "$IMAGE:1"; }
step_crane_says_why() { says_why crane manifest "$IMAGE:1"; }

# step NAME HELPER: prints `works`, `fails`, or nothing if the client isn't installed.
step() (
  client=${1%%_*}
  [ "$client" != compose ] || client=docker
  command -v "$client" >/dev/null || return 0
  export HOME=$HOME/$1-$2
  # Podman's runtime file would be shared by all homes.
  rm -f /run/containers/0/auth.json
  mkdir -p "$HOME/.docker" "$HOME/.config/containers"
  jq -n --arg helper "$2" '$ARGS.positional | {credHelpers: map({(.): $helper}) | add}' --args "$REGISTRY" "$FOREIGN" "$DUAL_STACK" |
    tee "$HOME/.config/containers/auth.json" >"$HOME/.docker/config.json"
  status=0
  "step_$1" "$2" >"$HOME/said" 2>&1 || status=$?
  case $status in
    0) echo works ;;
    77) ;;
    *) echo fails && { echo "-- $1 with $2" && tail -n 5 "$HOME/said"; } >&2 ;;
  esac
)

STEPS_PAGE=$ROOT/docs/comparison.md
STEPS_HEAD="| step | ecr-auth | Go helper 0.12.0 |"

# table_on_the_page: prints the rows of the page's table.
table_on_the_page() { awk -v head="$STEPS_HEAD" '$0 == head {inside = 1; next} /^$/ {inside = 0} inside && !/^\|--/' "$STEPS_PAGE"; }

# update_table ROW…: replaces the rows of the page's table.
update_table() {
  local page
  page=$(awk -v head="$STEPS_HEAD" -v rows="$(printf '%s\n' "$@")" '
    $0 == head {print; print "|---|---|---|"; print rows; inside = 1}
    /^$/ {inside = 0}
    !inside' "$STEPS_PAGE")
  printf '%s\n' "$page" >"$STEPS_PAGE"
}

test_steps_that_work_with_the_go_helper_work_here() {
  both
  local i ours theirs worse=() table=() host
  DUAL_STACK=$ACCOUNT.dkr-ecr.$REGION.on.aws
  name_here "$DUAL_STACK" "ecr.$REGION.api.aws"
  trust "$DUAL_STACK"
  control repository-policies "$(jq -n --arg account 444455556666 --arg region "$REGION" --arg repository "${IMAGE#*/}" --arg principal "$ACCOUNT" \
    '{$account, $region, $repository, $principal, access: "push"}')"
  build_image steps:1 hello
  for host in "$REGISTRY" "$FOREIGN"; do
    docker tag steps:1 "$host/${IMAGE#*/}:1"
    as_admin docker push "$host/${IMAGE#*/}:1"
  done
  ! command -v oras >/dev/null || (cd "$HOME" && echo hello >artifact.txt && as_admin oras push "$IMAGE:artifact" artifact.txt)
  for ((i = 0; i < ${#STEPS[@]}; i += 2)); do
    ours=$(step "${STEPS[i]}" ecr-auth)
    theirs=$(step "${STEPS[i]}" ecr-login)
    [ -n "$ours" ] || continue
    table+=("| ${STEPS[i + 1]} | $ours | $theirs |")
    [ "$ours" = works ] || [ "$theirs" != works ] || worse+=("${STEPS[i]}")
  done
  printf '%s\n' "${table[@]}"
  same "steps that work with the Go helper alone" "" "${worse[*]}"
  # The page is about the newest release, which `make clients-next` runs.
  go_since 0.12.0 || return 0
  [ -z "${ECR_AUTH_UPDATE_DOCS:-}" ] || update_table "${table[@]}"
  same "the table in docs/comparison.md" "$(printf '%s\n' "${table[@]}")" "$(table_on_the_page)"
}
