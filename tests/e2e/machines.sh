# shellcheck shell=bash disable=SC2154,SC2016 # REGISTRY, ECR_AUTH… come from run.sh; much is for other shells
# docs/machines.md: its Dockerfile, its cloud-config and its commands for all users of a machine.

# machine_page HEADING LANGUAGE [NUMBER]: prints a block of the page.
machine_page() { page_block machines.md "$@"; }

# machine_user NAME: creates a user with a home below this test's home.
machine_user() {
  echo "$1:x:$2:$2::$HOME/$1:/bin/sh" >>/etc/passwd
  echo "$1:x:$2:" >>/etc/group
  mkdir -p "$HOME/$1"
  chown "$2:$2" "$HOME/$1"
}

# a_machine: prepares a machine whose root, ubuntu, alice and bob have homes below this test's home, without our programs. Everything is restored at
# the end.
a_machine() {
  cp /etc/passwd /etc/group "$HOME"
  # shellcheck disable=SC2064 # these
  trap "cp '$HOME/passwd' '$HOME/group' /etc; rm -rf /etc/skel/.docker; rm -f /usr/local/bin/ecr-auth /usr/local/bin/docker-credential-ecr-*" EXIT
  mkdir "$HOME/root"
  sed -i "s,^root:.*,root:x:0:0:root:$HOME/root:/bin/sh," /etc/passwd
  machine_user ubuntu 4001
  machine_user alice 4002
  machine_user bob 4003
  # Those users need these folders to reach their homes and the lab's CA.
  chmod a+x "$STAGE" "$STAGE/home" "$HOME"
  install -D -m 644 "$SSL_CERT_FILE" "$HOME/ca.pem"
}

# opened_by USER: prints the registry's status for the helper's password, which this user's docker gets. The user has a login environment and the
# lab's keys.
opened_by() {
  local home answer
  home=$(getent passwd "$1" | cut -d : -f 6)
  same "the helper of $1" ecr-auth "$(jq -r --arg host "$REGISTRY" '.credHelpers[$host] // .credsStore' "$home/.docker/config.json")"
  answer=$(cd / && setpriv --reuid "$1" --regid "$1" --clear-groups env -i PATH=/usr/local/bin:/usr/bin:/bin HOME="$home" SSL_CERT_FILE="$HOME/ca.pem" \
    AWS_ACCESS_KEY_ID="$AWS_ACCESS_KEY_ID" AWS_SECRET_ACCESS_KEY="$AWS_SECRET_ACCESS_KEY" docker-credential-ecr-auth get <<<"$REGISTRY")
  opens "$(jq -er .Secret <<<"$answer")"
}

test_machines_dockerfile_serves_every_user_of_the_image() {
  local from
  image_context
  # The two base images: one with docker and a shell, and ours.
  base_folder
  mapfile -t from < <(libraries "$(command -v docker)"; libraries "$ECR_AUTH"; command -v docker)
  cp --parents --dereference --target-directory "$HOME/base" "${from[@]}"
  ln -s busybox "$HOME/base/bin/chmod"
  tar --create --directory "$HOME/base" . | docker import - docker:28-cli
  image_of Dockerfile "ghcr.io/$(repository):$(version)"
  mkdir "$HOME/build"
  machine_page "In a Dockerfile" dockerfile >"$HOME/build/Dockerfile"
  docker build --network none --tag machine:1 "$HOME/build"
  build_image "$IMAGE:1" hello
  as_admin docker push "$IMAGE:1"
  docker image rm "$IMAGE:1"
  # Docker in the container calls the helper there, and the engine outside pulls.
  in_container --user "$NOBODY" --group-add "$(stat -c %g "${DOCKER_HOST#unix://}")" --volume "${DOCKER_HOST#unix://}:/docker.sock" \
    --env DOCKER_HOST=unix:///docker.sock machine:1 docker pull "$IMAGE:1"
  same "secrets in the image" "" "$(output_of --network none machine:1 cat /etc/docker-cli/config.json | jq -r '.auths // empty | .[]')"
}

test_machines_cloud_config_is_valid_and_sets_up_root_and_the_user() {
  local python=("$TARGET/python/bin/python") line
  a_machine
  machine_page "In cloud-init" text >"$HOME/user-data"
  export PYTHONPATH=$TARGET/cloud-init/usr/lib/python3/dist-packages
  "${python[@]}" -m cloudinit.cmd.main schema --config-file "$HOME/user-data"
  # The download, because nothing can be reached from here.
  line=$(sed -n 's/^  - curl //p' "$HOME/user-data")
  mkdir "$HOME/download"
  BIN=$HOME/download stand_in curl '[ "$*" = "'"$line"'" ] && exec cp "'"$ECR_AUTH"'" /usr/local/bin/ecr-auth'
  # Like systemd, without HOME and a user's environment.
  env -i PATH="$HOME/download:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin" LANG=C.UTF-8 PYTHONPATH="$PYTHONPATH" \
    "${python[@]}" "$HERE/cloud_init.py" "$HOME/user-data"
  same "status for root" 200 "$(opened_by root)"
  same "status for ubuntu" 200 "$(opened_by ubuntu)"
  same "what is not ubuntu's in its home" "" "$(find "$HOME/ubuntu" ! -user ubuntu)"
}

test_machines_commands_serve_every_user_of_a_machine() {
  a_machine
  cp "$ECR_AUTH" "$HOME/ecr-auth"
  PATH=$HOME:$PATH bash -euo pipefail -c "$(machine_page "For all users of a machine" bash)"
  PATH=/usr/local/bin:$PATH HOME=$HOME/root bash -euo pipefail -c "$(machine_page "For all users of a machine" bash 2)"
  same "status for alice" 200 "$(opened_by alice)"
  same "status for bob" 200 "$(opened_by bob)"
  # A user who is created later.
  cp -r /etc/skel/. "$HOME/ubuntu"
  chown -R ubuntu: "$HOME/ubuntu"
  same "status for one of later" 200 "$(opened_by ubuntu)"
}
