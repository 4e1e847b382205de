# shellcheck shell=bash disable=SC2153,SC2154 # TARGET, ROOT… come from run.sh
# Images of other registries in ECR: the settings of docs/mirrors.md, with the clients that read them.

# HUB_IMAGE is in ECR, below the prefix of the pull-through cache rule. Docker Hub itself cannot be reached here.
HUB_IMAGE=library/hello

# hub_image: pushes the image.
hub_image() {
  build_image "$REGISTRY/docker-hub/$HUB_IMAGE:1" hello
  as_admin docker push "$REGISTRY/docker-hub/$HUB_IMAGE:1"
  docker image rm "$REGISTRY/docker-hub/$HUB_IMAGE:1"
}

# mirror_page HEADING LANGUAGE FILE: writes a block of the page to a file.
mirror_page() {
  mkdir -p "$(dirname "$3")"
  page_block mirrors.md "$1" "$2" >"$3"
}

# start_containerd: starts a containerd with the CRI until the end of the test. Its socket is CONTAINERD, and its log is $HOME/log.
start_containerd() {
  local folder
  # Paths of sockets must be short.
  folder=$(mktemp -d)
  CONTAINERD=$folder/c.sock
  cat >"$folder/config.toml" <<-EOF
	version = 2
	root = "$folder/root"
	state = "$folder/state"
	[grpc]
	address = "$CONTAINERD"
	[plugins."io.containerd.grpc.v1.cri".containerd]
	snapshotter = "native"
	[plugins."io.containerd.grpc.v1.cri".registry]
	config_path = "/etc/containerd/certs.d"
	EOF
  env -u AWS_ACCESS_KEY_ID -u AWS_SECRET_ACCESS_KEY containerd --config "$folder/config.toml" >"$HOME/log" 2>&1 &
  # shellcheck disable=SC2064 # this one's id
  trap "kill $!; rm -rf $folder" EXIT
  wait_until 30 "containerd's start" ctr --address "$CONTAINERD" version || { tail -n 5 "$HOME/log" >&2 && return 1; }
}

# kubelet_pulls IMAGE: pulls like the kubelet: it calls the provider for the image, and gives its answer to the runtime.
kubelet_pulls() {
  local host=${1%%/*}
  jq -n --arg image "$1" '{kind: "CredentialProviderRequest", apiVersion: "credentialprovider.kubelet.k8s.io/v1", $image}' |
    "$ECR_AUTH" kubelet | python3 "$HERE/cri.py" "$CONTAINERD" "$1:1" "$host"
}

test_mirrors_containerd_pulls_what_the_kubelet_asks_for_from_ecr() {
  hub_image
  mirror_page "containerd" toml /etc/containerd/certs.d/docker.io/hosts.toml
  mirror_page "The kubelet" yaml "$HOME/.config/ecr-auth/ecr-auth.yml"
  start_containerd
  contains "$(kubelet_pulls "docker.io/$HUB_IMAGE")" sha256:
  # The registry itself works too, and refuses requests without a password.
  contains "$(kubelet_pulls "$REGISTRY/docker-hub/$HUB_IMAGE")" sha256:
  ctr --address "$CONTAINERD" --namespace k8s.io images rm "docker.io/$HUB_IMAGE:1" "$REGISTRY/docker-hub/$HUB_IMAGE:1"
  # containerd 1.6 and 1.7 have other messages.
  local said
  said=$(fails python3 "$HERE/cri.py" "$CONTAINERD" "docker.io/$HUB_IMAGE:1" 2>&1)
  [[ $said == *"401 Unauthorized"* || $said == *"authorization failed: no basic auth credentials"* ]] || same "what containerd says" "that it may not" "$said"
}

test_mirrors_containerd_sends_nothing_to_docker_hub() {
  mirror_page "containerd" toml /etc/containerd/certs.d/docker.io/hosts.toml
  mirror_page "The kubelet" yaml "$HOME/.config/ecr-auth/ecr-auth.yml"
  start_containerd
  # The image is not in ECR. Without another server, containerd would look for it at Docker Hub, with ECR's password.
  local said
  said=$(fails kubelet_pulls "docker.io/library/missing")
  contains "$said" "not found"
  same "words of Docker Hub" "" "$(grep -o 'registry-1.docker.io' <<<"$said" "$HOME/log" || true)"
}

test_mirrors_ctr_pulls_with_the_helpers_password() {
  hub_image
  setup "$REGISTRY"
  start_containerd
  # Since 2.0 containerd unpacks images itself, but only with its default snapshotter, unless ctr is told to do it.
  local own=()
  ! ctr images pull --help | grep -q -- --local || own=(--local)
  # ctr only takes a password as an argument. Here it is a test password.
  ctr --address "$CONTAINERD" images pull "${own[@]}" --snapshotter native --user "AWS:$(password)" "$REGISTRY/docker-hub/$HUB_IMAGE:1"
}

test_mirrors_podman_and_its_family_pull_from_ecr() {
  hub_image
  setup "$REGISTRY"
  mirror_page "CRI-O, Podman, Buildah, Skopeo" toml /etc/containers/registries.conf.d/docker-hub.conf
  podman pull "docker.io/$HUB_IMAGE:1"
  buildah pull "docker.io/$HUB_IMAGE:1"
  skopeo copy "docker://docker.io/$HUB_IMAGE:1" "dir:$HOME/copy"
}

test_mirrors_docker_pulls_from_ecr_by_registry_mirrors() {
  local folder
  folder=$(mktemp -d)
  mkdir -p "$HOME/.docker"
  build_image "$REGISTRY/$HUB_IMAGE:1" hello
  as_admin docker push "$REGISTRY/$HUB_IMAGE:1"
  setup "$REGISTRY"
  mirror_page "Docker" json "$folder/daemon.json"
  page_block mirrors.md "Docker" json 2 >"$HOME/.docker/config.json"
  mirror_page "Docker" yaml "$HOME/.config/ecr-auth/ecr-auth.yml"
  export DOCKER_HOST=unix://$folder/docker.sock
  env -u AWS_ACCESS_KEY_ID -u AWS_SECRET_ACCESS_KEY dockerd --config-file "$folder/daemon.json" --host "$DOCKER_HOST" --data-root "$folder/data" \
    --exec-root "$folder/exec" --pidfile "$folder/pid" --bridge none --iptables=false --ip6tables=false \
    --exec-opt native.cgroupdriver=cgroupfs --cgroup-parent "$STAGE_CGROUP" >"$folder/log" 2>&1 &
  # shellcheck disable=SC2064 # this one's id
  trap "kill $!; wait $!; rm -rf $folder" EXIT
  wait_until 60 "the second engine's start" docker version || { tail -n 20 "$folder/log" >&2 && return 1; }
  docker pull "$HUB_IMAGE:1" || { tail -n 20 "$folder/log" >&2 && return 1; }
}
