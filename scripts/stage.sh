# shellcheck shell=bash disable=SC2034,SC2119 # what is unused here, the demo and the tests use
# Sourced inside namespace.sh by the demo and the end-to-end tests: a lab that answers under ECR's and STS's real names, and a
# Docker engine of its own.
source "$(dirname "${BASH_SOURCE[0]}")/env.sh"
: "${STAGE:?stage.sh works inside namespace.sh only}"

ECR_AUTH=$TARGET/debug/ecr-auth
# `make dist` tests the binaries that it built. Jobs call it by its name, and it puts its helper beside itself.
if [ -n "${ECR_AUTH_TEST_BINARY:-}" ]; then
  ECR_AUTH=$STAGE/program/ecr-auth
  install -D "$ECR_AUTH_TEST_BINARY" "$ECR_AUTH"
fi
LAB=$TARGET/debug/lab
LAB_LOG=$STAGE/lab.log
DOCKERD_LOG=$STAGE/dockerd.log
# The credential helper finds neither more nor less than a CI job would: an empty home, and the lab's two AWS keys.
ACCOUNT=111122223333
REGION=eu-west-1
# One of documentation's addresses (RFC 5737), set on this namespace's loopback interface. Docker takes registries at 127.0.0.0/8 for
# insecure ones and would check no certificate.
ADDRESS=192.0.2.1
REGISTRY=$ACCOUNT.dkr.ecr.$REGION.amazonaws.com

# clients: the versions of all that are tested here, one a line, from the folder of the system's packages.
clients() {
  local client
  for client in docker dockerd podman buildah skopeo oras cosign crane bazel kubectl docker-credential-ecr-login; do
    client=$(PATH=/usr/sbin:/usr/bin command -v "$client") || continue
    printf '%s %s\n' "$client" "$(dpkg-query -W -f '${Package} ${Version}' "$(dpkg-query -S "$client" 2>/dev/null | cut -d : -f 1)" 2>/dev/null || echo "of no package")"
  done
  ! docker buildx version >/dev/null 2>&1 || docker buildx version
}

# wait_until SECONDS WHAT COMMAND…: polls the command, ten times a second, until it succeeds. Else it shows what was said last; a program that isn't
# there won't come.
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

# name_here HOST…: these names mean the lab, in this namespace.
name_here() { printf "$ADDRESS %s\n" "$@" >>/etc/hosts; }

# trust HOST…: Docker, Podman, Buildah and Skopeo take the lab's certificates for these registries, as they would a company's own CA.
trust() {
  local host folder
  for host; do
    for folder in /etc/docker/certs.d /etc/containers/certs.d; do
      mkdir -p "$folder/$host"
      cp "$SSL_CERT_FILE" "$folder/$host/ca.crt"
    done
  done
}

# start_lab: the lab under the real names, on the real port; its environment comes into this shell.
start_lab() {
  busybox ip address add "$ADDRESS/32" dev lo
  local env_file=$STAGE/lab.env
  rm -f "$env_file"
  "$LAB" --bind "$ADDRESS" --http-port 8080 --https-port 443 --real-names --data "$STAGE/lab" --env-file "$env_file" >/dev/null 2>>"$LAB_LOG" &
  LAB_PID=$!
  wait_until 20 "the lab's start" lab_is_up "$env_file"
  # shellcheck disable=SC1090 # written by the lab
  source "$env_file"
  # These keys are all there is: no instance metadata behind them.
  unset AWS_EC2_METADATA_SERVICE_ENDPOINT
}

# lab_is_up ENV_FILE: the lab writes its environment once it listens.
lab_is_up() { [ -s "$1" ] && kill -0 "$LAB_PID"; }

# calls ACTION: how often the lab was asked for it so far, say ecr:GetAuthorizationToken.
calls() { all_calls | jq --arg action "$1" '.[$action] // 0'; }

# all_calls: how often each of AWS's actions was asked for, as one line of JSON; what the registries served is left out.
all_calls() { curl -fsS "$LAB_CONTROL/calls" | jq -cS '.counts | with_entries(select(.key | startswith("registry:") | not))'; }

# control NAME JSON: tells the lab to do something (crates/lab/README.md).
control() { curl -fsS --json "$2" "$LAB_CONTROL/$1"; }

# The host of the address at which GitHub's jobs ask for tokens. GitHub has many of its kind.
GITHUB_TOKENS=pipelines.actions.githubusercontent.com

# start_job CI: a job of github, gitlab, circleci, bitbucket, buildkite or jenkins begins; JOB is what the lab says of it. Its environment
# waits in a file for in_job: some of it is secret, and argument lists are public.
start_job() {
  JOB=$(control jobs "{\"ci\": \"$1\"}")
  # GitHub's own address has TLS. The lab tells its plain one, which our binary rightly refuses off the loopback addresses.
  (umask 077 && jq -r --arg github "https://$GITHUB_TOKENS" '"export PATH=\(.programs | @sh):$PATH", (.environment | to_entries[]
    | if .key == "ACTIONS_ID_TOKEN_REQUEST_URL" then .value |= sub("^http://[^/]*"; $github) else . end
    | "export \(.key)=\(.value | @sh)")' <<<"$JOB" >"$HOME/job.env")
}

# in_job COMMAND…: runs it as a step of the job: beside what the CI sets it has only what it needs to find its files, programs, engine and CA.
in_job() (
  while read -r name; do
    case $name in HOME | PATH | TMPDIR | DOCKER_HOST | SSL_CERT_FILE) ;; *) export -n "${name?}" ;; esac
  done < <(compgen -e)
  # shellcheck source=/dev/null # written by start_job
  source "$HOME/job.env"
  "$@"
)

# job_audience: for whom this job's tokens are. CircleCI and Bitbucket name the organisation; the others do as they are asked or set.
job_audience() { jq -r 'if .ci == "circleci" or .ci == "bitbucket" then .audience else "sts.amazonaws.com" end' <<<"$JOB"; }

# job_role ACCOUNT NAME [JSON]: a role that this job may assume, and no other: its ARN. The JSON adds to it, say its permissions.
job_role() {
  local audience
  audience=$(job_audience)
  control oidc-providers "$(jq -c --arg account "$1" --arg audience "$audience" '{$account, issuer, audiences: [$audience]}' <<<"$JOB")" >/dev/null
  control roles "$(jq -c --arg account "$1" --arg name "$2" --arg audience "$audience" --argjson more "${3:-{\}}" '
    def is($claim; $value): {operator: "StringEquals", $claim, values: [$value]};
    {$account, $name, trust: [{kind: "web-identity", provider: (.issuer | ltrimstr("https://")),
      conditions: [is("aud"; $audience), is("sub"; .subject)]}]} + $more' <<<"$JOB")" | jq -r .arn
}

# start_engine [FOLDER ARG…]: a Docker engine, with these arguments, whose every file is on the stage: no bridge, no firewall rules, no group, no containerd of the machine's.
# shellcheck disable=SC2120 # most want none
start_engine() {
  local folder=${1:-$STAGE/docker}
  mkdir -p "$folder"
  export DOCKER_HOST=unix://$folder/docker.sock
  # The engine itself calls no AWS and must not use its keys.
  env -u AWS_ACCESS_KEY_ID -u AWS_SECRET_ACCESS_KEY dockerd --host "$DOCKER_HOST" --data-root "$folder/data" \
    --exec-root "$folder/exec" --pidfile "$folder/pid" --bridge none --iptables=false --ip6tables=false \
    --exec-opt native.cgroupdriver=cgroupfs --cgroup-parent "$STAGE_CGROUP" "${@:2}" >>"$DOCKERD_LOG" 2>&1 &
  wait_until 60 "the Docker engine's start" docker version
}

# image_folder FOLDER TEXT: a Dockerfile from scratch whose container says TEXT; nothing has to be pulled for it.
image_folder() {
  mkdir -p "$1"
  cp "$(command -v busybox)" "$1/busybox"
  printf '%s\n' "$2" >"$1/text"
  printf 'FROM scratch\nCOPY busybox /bin/busybox\nCOPY text /text\nCMD ["/bin/busybox", "cat", "/text"]\n' >"$1/Dockerfile"
}

# build_image NAME TEXT: builds it as docker builds here: with BuildKit where buildx is, as on Debian 13; else with the engine's own builder.
build_image() {
  image_folder "$STAGE/image" "$2"
  # buildx keeps its data outside of the job's folder.
  BUILDX_CONFIG=$STAGE/buildx docker build --quiet --tag "$1" "$STAGE/image"
}

# opens PASSWORD [HOST [REPOSITORY]]: the status the registry, or a repository of it, answers to this password: 200, 401, 403. It goes
# through stdin: argument lists are public.
opens() {
  curl -sS -o /dev/null -w '%{http_code}' --cacert "$SSL_CERT_FILE" -K - "https://${2:-$REGISTRY}/v2/${3:+$3/tags/list}" <<<"user = \"AWS:$1\""
}

# password [HOST]: what the helper, as installed by setup, answers for the registry.
password() { printf '%s' "${1:-$REGISTRY}" | docker-credential-ecr-auth get | jq -er .Secret; }

# podman_settings: Podman's and Buildah's images on the stage, without an overlay in the kernel's way, and containers with the limits that this
# shell has: where root may not raise them, the higher ones that newer ones set let no container start.
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
