#!/usr/bin/env bash
# Draws docs/terminal.svg and docs/terminal-dark.svg from a real run in a CI job: doctor before setup, setup, and a push. With --check it compares
# the pictures with a new run instead. tests/e2e/picture.sh sources it for `play`.
# shellcheck source=env.sh
source "$(dirname "${BASH_SOURCE[0]}")/env.sh"

# play [--check]: needs the lab, the registry and the engine that stage.sh starts.
play() {
  # The programs of a CI image: docker and ecr-auth, but no podman, at their usual paths.
  local programs=$HOME/image status=0 program role
  mkdir -p "$programs"
  for program in bash docker; do ln -sf "$(command -v "$program")" "$programs"; done
  install "$ECR_AUTH" /usr/local/bin/ecr-auth
  cp "$SSL_CERT_FILE" /etc/ssl/company.pem
  # Layers that no other image has, because docker would not push known layers again.
  image_folder "$HOME/shop" "hello from the shop"
  echo shop >>"$HOME/shop/busybox"
  docker build --quiet --tag "$REGISTRY/shop:1" "$HOME/shop" >"$STAGE/build.log" 2>&1
  start_job github
  role=$(job_role "$ACCOUNT" ci-push)
  sed -i "s,^export PATH=.*,export PATH=/usr/local/bin:$programs," "$HOME/job.env"
  printf "export SSL_CERT_FILE=/etc/ssl/company.pem AWS_ROLE_ARN=%s\n" "$role" >>"$HOME/job.env"
  in_job "$TARGET/picture/bin/python" "$ROOT/scripts/picture.py" "$@" "$ROOT/docs/terminal" <<-END || status=$?
	ecr-auth doctor -q $REGISTRY
	ecr-auth setup $ACCOUNT/$REGION
	docker push -q $REGISTRY/shop:1
	END
  rm -f /usr/local/bin/ecr-auth /usr/local/bin/docker-credential-ecr-auth /etc/ssl/company.pem
  return "$status"
}

outside() {
  "$ROOT/scripts/install.sh" build demo picture
  find_rust
  (cd "$ROOT" && cargo build --quiet --locked --package ecr-auth --package lab)
  exec "$ROOT/scripts/namespace.sh" "${BASH:-bash}" "$0" --inside "$@"
}

inside() {
  # shellcheck source=stage.sh
  source "$ROOT/scripts/stage.sh"
  name_here "$REGISTRY" "api.ecr.$REGION.amazonaws.com" "sts.$REGION.amazonaws.com" sts.amazonaws.com "$GITHUB_TOKENS"
  start_lab
  trust "$REGISTRY"
  start_engine
  play "$@"
}

[ "${BASH_SOURCE[0]}" = "$0" ] || return 0
if [ "${1:-}" = --inside ]; then inside "${@:2}"; else outside "$@"; fi
