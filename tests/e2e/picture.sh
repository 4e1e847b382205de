# shellcheck shell=bash
# The picture in the README is of a run such as this one.

test_picture_shows_what_a_run_shows() {
  # shellcheck source=../../scripts/picture.sh
  source "$ROOT/scripts/picture.sh"
  # What podman keeps in memory from one login to the next is of the tests before.
  rm -rf /run/containers
  play --check
}
