# shellcheck shell=bash disable=SC2034,SC2119 # the demo and the tests use what is unused here
# Sourced inside namespace.sh by the demo and the end-to-end tests. It provides a lab that answers under ECR's and STS's real names, and a separate
# Docker engine.
source "$(dirname "${BASH_SOURCE[0]}")/env.sh"
: "${STAGE:?stage.sh works inside namespace.sh only}"

ECR_AUTH=$TARGET/debug/ecr-auth
# `make dist` tests its own binaries. Jobs call the binary by its name, and it puts its helper beside itself.
if [ -n "${ECR_AUTH_TEST_BINARY:-}" ]; then
  ECR_AUTH=$STAGE/program/ecr-auth
  install -D "$ECR_AUTH_TEST_BINARY" "$ECR_AUTH"
fi
LAB=$TARGET/debug/lab
LAB_LOG=$STAGE/lab.log
DOCKERD_LOG=$STAGE/dockerd.log
# The credential helper finds what it would find in a CI job: an empty home, and the lab's two AWS keys.
ACCOUNT=111122223333
REGION=eu-west-1
# A documentation address (RFC 5737) on this namespace's loopback interface. Docker treats registries at 127.0.0.0/8 as insecure and would check no
# certificate.
ADDRESS=192.0.2.1
REGISTRY=$ACCOUNT.dkr.ecr.$REGION.amazonaws.com

# clients: prints the versions of all tested clients, one a line, from the package database.
clients() {
  local client
  for client in docker dockerd podman buildah skopeo oras cosign crane bazel kubectl docker-credential-ecr-login; do
    client=$(PATH=/usr/sbin:/usr/bin command -v "$client") || continue
    printf '%s %s\n' "$client" "$(dpkg-query -W -f '${Package} ${Version}' "$(dpkg-query -S "$client" 2>/dev/null | cut -d : -f 1)" 2>/dev/null || echo "of no package")"
  done
  ! docker buildx version >/dev/null 2>&1 || docker buildx version
}

# wait_until SECONDS WHAT COMMAND…: polls the command ten times a second until it succeeds. After the timeout it shows the command's last output. A
# missing program fails at once.
wait_until() {
  local end=$((SECONDS + $1)) what=$2 said status
  shift 2
  while :; do
    status=0
    said=$("$@" 2>&1) || status=$?
    [ "$status" != 0 ] || return 0
    [ "$status" != 127 ] && [ "$SECONDS" -lt "$end" ] || {
      printf 'error: %s: %s%s\n' "$what" "$([ "$status" = 127 ] || echo "not within its time")" "${said:+: $said}" >&2
      return 1
    }
    sleep 0.1
  done
}

# name_here HOST…: makes these names resolve to the lab in this namespace.
name_here() { printf "$ADDRESS %s\n" "$@" >>/etc/hosts; }

# trust HOST…: makes Docker, Podman, Buildah and Skopeo accept the lab's certificates for these registries, as with a company's own CA.
trust() {
  local host folder
  for host; do
    for folder in /etc/docker/certs.d /etc/containers/certs.d; do
      mkdir -p "$folder/$host"
      cp "$SSL_CERT_FILE" "$folder/$host/ca.crt"
    done
  done
}

# start_lab: starts the lab under the real names on the real port, and loads its environment into this shell.
start_lab() {
  busybox ip address add "$ADDRESS/32" dev lo
  local env_file=$STAGE/lab.env
  rm -f "$env_file"
  "$LAB" --bind "$ADDRESS" --http-port 8080 --https-port 443 --real-names --data "$STAGE/lab" --env-file "$env_file" >/dev/null 2>>"$LAB_LOG" &
  LAB_PID=$!
  wait_until 20 "the lab's start" lab_is_up "$env_file"
  # shellcheck disable=SC1090 # written by the lab
  source "$env_file"
  # The environment has only these keys, and no instance metadata behind them.
  unset AWS_EC2_METADATA_SERVICE_ENDPOINT
}

# lab_is_up ENV_FILE: whether the lab has written its environment, which it does once it listens.
lab_is_up() { [ -s "$1" ] && kill -0 "$LAB_PID"; }

# calls ACTION: prints how often the lab was called for this action, such as ecr:GetAuthorizationToken.
calls() { all_calls | jq --arg action "$1" '.[$action] // 0'; }

# all_calls: prints the number of calls of each AWS action as one line of JSON, without requests to registries.
all_calls() { curl -fsS "$LAB_CONTROL/calls" | jq -cS '.counts | with_entries(select(.key | startswith("registry:") | not))'; }

# control NAME JSON: sends a command to the lab's control endpoint (crates/lab/README.md).
control() { curl -fsS --json "$2" "$LAB_CONTROL/$1"; }

# The host of the URL where GitHub's jobs request tokens. GitHub has many of its kind.
GITHUB_TOKENS=pipelines.actions.githubusercontent.com

# start_job CI: starts a job of github, gitlab, circleci, bitbucket, buildkite or jenkins, and sets JOB to the lab's description of it. The job's
# environment is kept in a file for in_job, because some of it is secret and argument lists are public.
start_job() {
  JOB=$(control jobs "{\"ci\": \"$1\"}")
  # GitHub's URL uses TLS. The lab's default is plain HTTP, which our binary refuses for other than loopback addresses.
  (umask 077 && jq -r --arg github "https://$GITHUB_TOKENS" '"export PATH=\(.programs | @sh):$PATH", (.environment | to_entries[]
    | if .key == "ACTIONS_ID_TOKEN_REQUEST_URL" then .value |= sub("^http://[^/]*"; $github) else . end
    | "export \(.key)=\(.value | @sh)")' <<<"$JOB" >"$HOME/job.env")
}

# in_job COMMAND…: runs the command as a step of the job, with the CI's variables and only what it needs to find its files, programs, engine and CA.
in_job() (
  while read -r name; do
    case $name in HOME | PATH | TMPDIR | DOCKER_HOST | SSL_CERT_FILE) ;; *) export -n "${name?}" ;; esac
  done < <(compgen -e)
  # shellcheck source=/dev/null # written by start_job
  source "$HOME/job.env"
  "$@"
)

# job_audience: prints the audience of this job's tokens. CircleCI and Bitbucket use the organisation; the others use the requested or configured
# audience.
job_audience() { jq -r 'if .ci == "circleci" or .ci == "bitbucket" then .audience else "sts.amazonaws.com" end' <<<"$JOB"; }

# job_role ACCOUNT NAME [JSON]: creates a role that only this job may assume, and prints its ARN. The JSON adds settings, such as permissions.
job_role() {
  local audience
  audience=$(job_audience)
  control oidc-providers "$(jq -c --arg account "$1" --arg audience "$audience" '{$account, issuer, audiences: [$audience]}' <<<"$JOB")" >/dev/null
  control roles "$(jq -c --arg account "$1" --arg name "$2" --arg audience "$audience" --argjson more "${3:-{\}}" '
    def is($claim; $value): {operator: "StringEquals", $claim, values: [$value]};
    {$account, $name, trust: [{kind: "web-identity", provider: (.issuer | ltrimstr("https://")),
      conditions: [is("aud"; $audience), is("sub"; .subject)]}]} + $more' <<<"$JOB")" | jq -r .arn
}

# start_engine [FOLDER ARG…]: starts a Docker engine with these arguments. All its files are on the stage, and it uses no bridge, firewall rules,
# group, or containerd of the machine.
# shellcheck disable=SC2120 # most callers pass none
start_engine() {
  local folder=${1:-$STAGE/docker}
  mkdir -p "$folder"
  export DOCKER_HOST=unix://$folder/docker.sock
  # The engine itself calls no AWS service and must not use its keys.
  env -u AWS_ACCESS_KEY_ID -u AWS_SECRET_ACCESS_KEY dockerd --host "$DOCKER_HOST" --data-root "$folder/data" \
    --exec-root "$folder/exec" --pidfile "$folder/pid" --bridge none --iptables=false --ip6tables=false \
    --exec-opt native.cgroupdriver=cgroupfs --cgroup-parent "$STAGE_CGROUP" "${@:2}" >>"$DOCKERD_LOG" 2>&1 &
  wait_until 60 "the Docker engine's start" docker version
}

# image_folder FOLDER TEXT: writes a Dockerfile from scratch whose container prints TEXT, so that nothing has to be pulled.
image_folder() {
  mkdir -p "$1"
  cp "$(command -v busybox)" "$1/busybox"
  printf '%s\n' "$2" >"$1/text"
  printf 'FROM scratch\nCOPY busybox /bin/busybox\nCOPY text /text\nCMD ["/bin/busybox", "cat", "/text"]\n' >"$1/Dockerfile"
}

# build_image NAME TEXT: builds the image with BuildKit if buildx is available, as on Debian 13. Otherwise it uses the engine's own builder.
build_image() {
  image_folder "$STAGE/image" "$2"
  # buildx keeps its data outside of the job's folder.
  BUILDX_CONFIG=$STAGE/buildx docker build --quiet --tag "$1" "$STAGE/image"
}

# output_of ARG…: runs a container with docker, and prints its output from the container's log. A busy engine loses all the output of a container that
# ends at once, both for `docker run` and in its log (5 of 150 containers with docker 26.1). Therefore a container without output runs again.
output_of() {
  local id status try=1
  while true; do
    id=$(docker run --detach "$@") || return
    status=$(docker wait "$id") || return
    if [ $try = 5 ] || [ -n "$(docker logs "$id" 2>&1)" ]; then break; fi
    docker rm "$id" >/dev/null
    try=$((try + 1))
  done
  docker logs "$id"
  docker rm "$id" >/dev/null
  return "$status"
}

# opens PASSWORD [HOST [REPOSITORY]]: prints the status that the registry, or a repository of it, returns for this password: 200, 401, 403. The
# password is sent through stdin, because argument lists are public.
opens() {
  curl -sS -o /dev/null -w '%{http_code}' --cacert "$SSL_CERT_FILE" -K - "https://${2:-$REGISTRY}/v2/${3:+$3/tags/list}" <<<"user = \"AWS:$1\""
}

# password [HOST]: prints the helper's password for the registry, from the helper that setup installed.
password() { printf '%s' "${1:-$REGISTRY}" | docker-credential-ecr-auth get | jq -er .Secret; }

# podman_settings: configures Podman and Buildah to keep images on the stage without a kernel overlay, and to start containers with this shell's
# limits. If root may not raise limits, containers with the higher defaults of newer versions would not start.
podman_settings() {
  cat >/etc/containers/storage.conf <<-EOF
	[storage]
	driver = "vfs"
	graphroot = "$STAGE/podman/storage"
	runroot = "$STAGE/podman/run"
	EOF
  printf '[containers]\ndefault_ulimits = ["nofile=%s:%s", "nproc=%s:%s"]\n' \
    "$(ulimit -Sn)" "$(ulimit -Hn)" "$(ulimit -Su)" "$(ulimit -Hu)" >/etc/containers/containers.conf
}
