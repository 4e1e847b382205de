# shellcheck shell=bash disable=SC2154,SC2016 # IMAGE, REGISTRY… come from run.sh; much is for the containers' shells
# The images of docker/: built by Docker and Buildah, run by Docker, pushed to and pulled from the lab.

# A user id that no image has.
NOBODY=12345:54321

# image_context: the output folder of `make dist`, if the tested binary is in it. Otherwise a folder with the current binary under both names, which
# is not static: LIBRARIES are docker's arguments that mount its libraries in a container.
image_context() {
  local names=(ecr-auth-{x86_64,aarch64}-unknown-linux-musl) name
  mapfile -t LIBRARIES < <(libraries "$ECR_AUTH" | sed 's|.*|--volume=&:&:ro|')
  CONTEXT=$HOME/dist
  mkdir -p "$CONTEXT"
  for name in "${names[@]}"; do
    cp "$ECR_AUTH" "$CONTEXT/$name"
    if [[ ${ECR_AUTH_TEST_BINARY:-} == *"/${names[0]}" ]]; then cp "${ECR_AUTH_TEST_BINARY%/*}/$name" "$CONTEXT"; fi
  done
}

# libraries PROGRAM: prints the files that a program loads, none for a static one.
libraries() { ldd "$1" 2>/dev/null | grep -oE '/[^ )]+' | sort -u || true; }

# image_of DOCKERFILE NAME ARG…: builds an image with Docker. The builder without BuildKit needs the architecture as an argument. The engine has no
# bridge, which BuildKit's containers would need.
image_of() {
  local file=$1 name=$2
  shift 2
  docker build --quiet --network none --build-arg TARGETARCH=amd64 "$@" --file "$ROOT/docker/$file" --tag "$name" "$CONTEXT"
}

# base_folder: creates a small root with users, a shell, and skopeo with its libraries and rules.
base_folder() {
  local base=$HOME/base program
  mkdir -p "$base"/{bin,tmp,etc/containers,usr/local/bin}
  cp "$(command -v busybox)" "$base/bin/busybox"
  for program in sh cat ln mkdir ls; do ln -s busybox "$base/bin/$program"; done
  chmod 1777 "$base/tmp"
  # BuildKit needs an entry of user 0.
  echo root:x:0:0:root:/:/bin/sh >"$base/etc/passwd"
  echo root:x:0: >"$base/etc/group"
  libraries "$(command -v skopeo)" | xargs cp --parents --dereference --target-directory "$base" "$(command -v skopeo)"
  cp /etc/containers/policy.json "$base/etc/containers"
}

# base_image NAME: builds the image from it, because no image can be pulled.
base_image() {
  base_folder
  tar --create --directory "$HOME/base" . | docker import - "$1"
}

# in_container ARG…: runs a container on this namespace's network, where ECR's names lead to the lab, with the lab's keys and CA.
in_container() {
  (umask 077 && printf '%s\n' "AWS_ACCESS_KEY_ID=$AWS_ACCESS_KEY_ID" "AWS_SECRET_ACCESS_KEY=$AWS_SECRET_ACCESS_KEY" \
    SSL_CERT_FILE=/ca.pem HOME=/tmp >"$HOME/container.env")
  output_of "${LIBRARIES[@]}" --network host --volume /etc/hosts:/etc/hosts:ro --volume "$SSL_CERT_FILE:/ca.pem:ro" --env-file "$HOME/container.env" "$@"
}

test_images_install_themselves_as_anybody() {
  image_context
  image_of Dockerfile ecr-auth:scratch --build-arg VERSION=1.2.3
  mkdir "$HOME/tools"
  chown $NOBODY "$HOME/tools"
  docker run --rm "${LIBRARIES[@]}" --network none --read-only --cap-drop ALL --user $NOBODY --volume "$HOME/tools:/tools" ecr-auth:scratch install --to /tools
  same "what is there" "docker-credential-ecr-auth docker-credential-ecr-login ecr-auth" "$(find "$HOME/tools" -mindepth 1 -printf '%f\n' | sort | paste -sd ' ')"
  cmp "$ECR_AUTH" "$HOME/tools/ecr-auth"
  contains "$("$HOME/tools/docker-credential-ecr-login" version)" "docker-credential-ecr-auth "
  # Without a volume nothing is writable, not even for the image's own user.
  contains "$(fails output_of "${LIBRARIES[@]}" --network none ecr-auth:scratch install --to /tools)" "error: cannot make /tools: "
}

test_images_say_what_they_are() {
  image_context
  image_of Dockerfile ecr-auth:scratch --build-arg VERSION=1.2.3
  same "the settings" '{"Entrypoint":["/ecr-auth"],"User":"65532:65532","version":"1.2.3","licenses":"Apache-2.0","files":["ecr-auth"]}' \
    "$(docker image inspect ecr-auth:scratch | jq -c --arg files "$(docker save ecr-auth:scratch | layer_files)" '.[0].Config
      | {Entrypoint, User, version: .Labels["org.opencontainers.image.version"], licenses: .Labels["org.opencontainers.image.licenses"],
         files: ($files | split("\n"))}')"
  same "what it says" "$("$ECR_AUTH" --version)" "$(output_of "${LIBRARIES[@]}" --network none ecr-auth:scratch --version)"
}

# layer_files: prints the names of all files in all layers of an image that `docker save` wrote.
layer_files() {
  mkdir -p "$HOME/saved"
  tar --extract --directory "$HOME/saved"
  local layer
  jq -r '.[0].Layers[]' "$HOME/saved/manifest.json" | while read -r layer; do tar --list --file "$HOME/saved/$layer"; done | sort -u
}

# Everything within containers: an agent with ecr-auth from the scratch image, as its own user.
test_images_push_and_pull_inside_a_container() {
  image_context
  image_of Dockerfile ecr-auth:scratch
  base_image agent-base:1
  image_of Dockerfile.agent agent:1 --build-arg BASE=agent-base:1 --build-arg ECR_AUTH=ecr-auth:scratch
  # An image to push: the agent's base, in the form of a folder for skopeo.
  mkdir "$HOME/image"
  docker save agent-base:1 >"$HOME/image/base.tar"
  chmod -R a+rX "$HOME/image"
  in_container --volume "$HOME/image:/image:ro" --env "REGISTRY=$REGISTRY" --env "IMAGE=$IMAGE" agent:1 sh -ec '
    ecr-auth setup "$REGISTRY"
    skopeo copy --quiet docker-archive:/image/base.tar "docker://$IMAGE:1"
    skopeo copy --quiet "docker://$IMAGE:1" dir:/tmp/pulled
    ls /tmp/pulled/manifest.json'
  setup "$REGISTRY"
  docker pull "$IMAGE:1"
  same "who runs it" 1000 "$(docker image inspect agent:1 | jq -r '.[0].Config.User')"
}

# The helper's two names, for a job that runs inside the image, for both architectures, on a base image in ECR.
test_images_with_a_shell_have_the_helpers_names() {
  image_context
  base_folder
  setup "$REGISTRY"
  printf 'FROM scratch\nCOPY . /\n' >"$HOME/Dockerfile.base"
  buildah build --platform linux/amd64,linux/arm64 --manifest e2e-base --file "$HOME/Dockerfile.base" "$HOME/base"
  buildah manifest push --all e2e-base "docker://$IMAGE:base"
  buildah build --platform linux/amd64,linux/arm64 --build-arg "BASE=$IMAGE:base" --manifest e2e-shell --file "$ROOT/docker/Dockerfile.shell" "$CONTEXT"
  buildah manifest push --all e2e-shell "docker://$IMAGE:shell"
  same "architectures" "amd64 arm64" "$(skopeo inspect --raw "docker://$IMAGE:shell" | jq -r '[.manifests[].platform.architecture] | sort | join(" ")')"
  docker pull "$IMAGE:shell"
  same "status" 200 "$(opens "$(in_container "$IMAGE:shell" sh -ec 'printf %s '"$REGISTRY"' | docker-credential-ecr-auth get' | jq -r .Secret)")"
  same "the other name" "docker-credential-ecr-auth $(version)" "$(output_of "${LIBRARIES[@]}" --network none "$IMAGE:shell" docker-credential-ecr-login version)"
}

# A release publishes one digest for all architectures, and every build from the same binaries has the same digest.
test_images_of_a_release_have_one_digest() {
  image_context
  local digest name
  digest=$("$ROOT/scripts/image.sh" "$CONTEXT" "$HOME/first.tar")
  cp -r "$CONTEXT" "$HOME/elsewhere"
  touch --date 2001-01-01 "$HOME"/elsewhere/*
  same "the digest" "$digest" "$("$ROOT/scripts/image.sh" "$HOME/elsewhere" "$HOME/second.tar")"
  cmp "$HOME/first.tar" "$HOME/second.tar"
  setup "$REGISTRY"
  skopeo copy --all --preserve-digests "oci-archive:$HOME/first.tar" "docker://$IMAGE:$(version)"
  same "the digest in the registry" "$digest" "sha256:$(skopeo inspect --raw "docker://$IMAGE:$(version)" | sha256sum | cut -d ' ' -f 1)"
  docker pull "$IMAGE@$digest"
  same "what it says" "$("$ECR_AUTH" --version)" "$(output_of "${LIBRARIES[@]}" --network none "$IMAGE@$digest" --version)"
  for name in amd64:x86_64 arm64:aarch64; do
    skopeo copy --override-arch "${name%:*}" "docker://$IMAGE@$digest" "docker-archive:$HOME/${name%:*}.tar:of:1"
    rm -rf "$HOME/saved"
    same "the files" ecr-auth "$(layer_files <"$HOME/${name%:*}.tar")"
    tar --extract --to-stdout --file "$(find "$HOME/saved" -name '*.tar' -size +1M)" ecr-auth | cmp - "$CONTEXT/ecr-auth-${name#*:}-unknown-linux-musl"
  done
}

# The unchanged kubernetes/init-container.yaml, except for the source of the pod's AWS credentials. Docker's containers replace the pod's.
test_images_bring_the_helper_to_a_pod() {
  image_context
  image_of Dockerfile ecr-auth:scratch
  base_image pod-base:1
  setup "$REGISTRY" "$FOREIGN"
  build_image "$REGISTRY/app:1" hello
  docker push "$REGISTRY/app:1"
  control roles '{"account": "444455556666", "name": "release-push", "permissions": {"allow": ["ecr:*"]},
    "trust": [{"kind": "aws", "principals": ["'"$ACCOUNT"'"]}]}'
  local objects user args copy variables
  objects=$("$TARGET/python/bin/python" -c 'import json, sys, yaml; print(json.dumps(list(yaml.safe_load_all(open(sys.argv[1])))))' "$ROOT/kubernetes/init-container.yaml")
  # of KIND FILTER: prints the lines that the filter selects in the object of this kind.
  of() { jq -r --arg kind "$1" "(.[] | select(.kind == \$kind)) | $2" <<<"$objects"; }
  user=$(of Job '.spec.template.spec.securityContext | "\(.runAsUser):\(.fsGroup)"')
  mapfile -t args < <(of Job '.spec.template.spec.initContainers[0].args[]')
  mapfile -t copy < <(of Job '.spec.template.spec.containers[0] | (.command + .args)[]')
  mapfile -t variables < <(of Job '.spec.template.spec.containers[0].env[] | "--env=\(.name)=\(.value)"')
  # An emptyDir belongs to the pod's group.
  mkdir -m 2775 "$HOME/tools" "$HOME/registries"
  chown ":${user#*:}" "$HOME/tools"
  for name in config.json ecr-auth.yml; do of ConfigMap ".data[\"$name\"]" >"$HOME/registries/$name"; done
  docker run --rm "${LIBRARIES[@]}" --network none --user "$user" --volume "$HOME/tools:/tools" ecr-auth:scratch "${args[@]}"
  in_container --user "$user" --volume "$HOME/tools:/tools" --volume "$HOME/registries:/registries:ro" "${variables[@]}" pod-base:1 "${copy[@]}"
  ECR_AUTH_CONFIG=$HOME/registries/ecr-auth.yml docker pull "$FOREIGN/app:1"
}
