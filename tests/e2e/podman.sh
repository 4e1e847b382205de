# shellcheck shell=bash disable=SC2154 # IMAGE, REGISTRY… come from run.sh
# Podman, Buildah and Skopeo: no daemon, and their own auth.json.

test_podman_builds_pushes_and_pulls() {
  setup "$REGISTRY"
  podman build --tag "$IMAGE:1" "$STAGE/image"
  podman push "$IMAGE:1"
  podman image rm "$IMAGE:1"
  podman pull "$IMAGE:1"
}

test_podman_reads_the_helper_from_its_own_file() {
  CLIENT=podman setup "$REGISTRY"
  [ ! -e "$HOME/.docker/config.json" ]
  podman build --tag "$IMAGE:1" "$STAGE/image"
  podman push "$IMAGE:1"
}

test_buildah_pushes_and_pulls() {
  setup "$REGISTRY"
  buildah build --tag "$IMAGE:1" "$STAGE/image"
  buildah push "$IMAGE:1"
  buildah rmi "$IMAGE:1"
  buildah pull "$IMAGE:1"
}

test_skopeo_copies_without_a_daemon() {
  setup "$REGISTRY"
  buildah build --tag "$IMAGE:1" "$STAGE/image"
  buildah push "$IMAGE:1"
  skopeo copy "docker://$IMAGE:1" "dir:$HOME/image"
  skopeo copy "dir:$HOME/image" "docker://$IMAGE:2"
  same "digests" "$(skopeo inspect --format '{{.Digest}}' "docker://$IMAGE:1")" "$(skopeo inspect --format '{{.Digest}}' "docker://$IMAGE:2")"
}

test_podman_users_read_why_aws_said_no() {
  setup "$REGISTRY"
  contains "$(AWS_SECRET_ACCESS_KEY=wrong fails podman pull "$IMAGE:1")" "ecr-auth: $REGISTRY: "
}
