# shellcheck shell=bash
# The picture in the README is from a run like this one.

test_picture_shows_what_a_run_shows() {
  # shellcheck source=../../scripts/picture.sh
  source "$ROOT/scripts/picture.sh"
  # Podman keeps logins of earlier tests in memory, so they are removed.
  rm -rf /run/containers
  play --check
}
