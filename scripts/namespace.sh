#!/usr/bin/env bash
# Runs a command in network, mount, process and IPC namespaces of its own: namespace.sh [--debian SERIES] COMMAND ARG…
#
# With --debian the programs in there are those of debian.sh's Debian, as it was installed, whatever this machine is; else this machine's.
# In there: only the loopback interface; private copies of /etc and /usr/local/bin; an empty /run, HOME and TMPDIR in memory; STAGE, a folder
# in memory for everything else. Nothing that the command does there reaches the machine, and every process it leaves
# behind dies with it. What one of the machine's own programs would write elsewhere is covered too (see COVERED).
# Needs root; as an ordinary user it asks sudo.
source "$(dirname "$0")/env.sh"
source "$ROOT/scripts/root.sh"

# The system's programs. Clients elsewhere on the caller's PATH are not the ones to test.
PROGRAMS=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin

# Folders that Docker, Podman and friends write to as root whatever their settings say: covered by empty ones inside. In /dev/shm, names are
# made of process ids, which mean others outside.
COVERED=(/var/lib/containers /var/lib/cni /dev/shm)

# The variables that pass; all others stay outside, so that no AWS credentials, proxies or CA bundles of the machine slip in.
PASSED=(TERM LANG NO_COLOR CI CARGO_HOME RUSTUP_HOME RUSTUP_AUTO_INSTALL CARGO_TARGET_DIR ECR_AUTH_TEST_BINARY ECR_AUTH_UPDATE_DOCS)

# outside COMMAND…: makes the mount points, enters the namespaces and clears up afterwards.
outside() {
  local stage made=() environment=() name folder
  stage=$(mktemp -d "${TMPDIR:-/tmp}/ecr-auth-stage.XXXXXX")
  if [ -z "$DEBIAN" ]; then
    for folder in "${COVERED[@]}"; do
      [ -d "$folder" ] || { mkdir "$folder" && made+=("$folder"); }
    done
  fi
  for name in "${PASSED[@]}"; do
    [ -z "${!name+set}" ] || environment+=("$name=${!name}")
  done
  local cgroup=ecr-auth-${stage##*.}
  # The namespaces die with `unshare` (--kill-child), and `unshare` with this script (--pdeathsig), however that ends.
  env -i "${environment[@]}" PATH="$PROGRAMS" STAGE="$stage" STAGE_CGROUP="$cgroup" DEBIAN="$DEBIAN" \
    setpriv --pdeathsig KILL unshare --net --mount --pid --ipc --fork --mount-proc --kill-child "${BASH:-bash}" "$0" --inside "$@" <&0 &
  local child=$! status=0
  # shellcheck disable=SC2064 # the child's id as it is now
  trap "kill -KILL $child 2>/dev/null" INT TERM HUP
  # A signal interrupts the wait; bash's word about the killed child is noise.
  { while wait "$child" || status=$?; kill -0 "$child"; do :; done; } 2>/dev/null
  # Again, for a stage that was killed.
  remove_control_groups "$cgroup"
  rmdir "$stage" "${made[@]}" 2>/dev/null || true
  exit "$status"
}

# remove_control_groups NAME: those of containers, and the ones delegate_controllers made; Docker leaves the parent it was given.
remove_control_groups() { find /sys/fs/cgroup -depth -type d -path "*/$1*" -exec rmdir {} + 2>/dev/null || true; }

# private_etc: /etc becomes a copy in memory (it is small), without the machine's Docker settings.
private_etc() {
  # shellcheck disable=SC2153 # from outside
  cp -a /etc "$STAGE/etc"
  rm -rf "$STAGE/etc/docker" "$STAGE/etc/containers/certs.d" "$STAGE/etc/containers/auth.json"
  mkdir -p "$STAGE/etc/docker" "$STAGE/etc/containers"
  # In a container /etc/hosts is a mount of its own: a plain copy replaces it here.
  rm -f "$STAGE/etc/hosts" "$STAGE/etc/resolv.conf"
  printf '127.0.0.1 localhost\n::1 localhost\n127.0.0.1 %s\n' "$(uname -n)" >"$STAGE/etc/hosts"
  : >"$STAGE/etc/resolv.conf"
  mount --bind "$STAGE/etc" /etc
}

# private_programs: /usr/local/bin holds what it holds outside, but for a helper of ours and what the system has a package of, and takes what is
# installed in here.
private_programs() {
  local program
  mkdir -p "$STAGE/programs"
  mount --bind /usr/local/bin "$STAGE/programs"
  mount -t tmpfs -o mode=755 tmpfs /usr/local/bin
  for program in "$STAGE"/programs/*; do
    if [[ $program == */docker-credential-ecr-* ]] || [ -e "/usr/bin/${program##*/}" ]; then continue; fi
    # A link may lead to somewhere relative to its own folder.
    if [ -L "$program" ]; then cp -P "$program" /usr/local/bin; else ln -s "$program" /usr/local/bin; fi
  done
}

# control_groups: the engine needs them mounted. Most machines have them; a bare chroot or container may not, so they
# are mounted here, in this mount namespace alone, the way Debian's cgroupfs-mount does.
control_groups() {
  local controller
  mountpoint -q /sys || mount -t sysfs sysfs /sys
  mountpoint -q /sys/fs/cgroup && return
  if ! awk '!/^#/ && $2 != 0 {found = 1} END {exit !found}' /proc/cgroups; then
    mount -t cgroup2 cgroup2 /sys/fs/cgroup && return
  fi
  mount -t tmpfs -o mode=755 cgroup /sys/fs/cgroup
  awk '!/^#/ && $4 == 1 {print $1}' /proc/cgroups | while read -r controller; do
    mkdir "/sys/fs/cgroup/$controller"
    mount -t cgroup -o "$controller" cgroup "/sys/fs/cgroup/$controller" || rmdir "/sys/fs/cgroup/$controller"
  done
}

# delegate_controllers: in a container with control groups v2 our processes sit in the root group, where v2 lets no
# controller be handed down; they move to a group of their own first, as Docker's own docker:dind image does.
delegate_controllers() {
  local root=/sys/fs/cgroup pid
  [ -f $root/cgroup.controllers ] || return 0
  [ "$(cat $root/cgroup.controllers)" != "$(cat $root/cgroup.subtree_control)" ] || return 0
  grep -q '^0::/$' /proc/self/cgroup || return 0
  mkdir -p "$root/$STAGE_CGROUP-init"
  while read -r pid; do echo "$pid" >"$root/$STAGE_CGROUP-init/cgroup.procs" 2>/dev/null || true; done <$root/cgroup.procs
  sed -e 's/ / +/g' -e 's/^/+/' $root/cgroup.controllers >$root/cgroup.subtree_control 2>/dev/null || true
}

# own_debian: debian.sh's folder becomes /, and whatever is written there stays on the stage.
own_debian() {
  mkdir -p "$STAGE"/own/{upper,work,root}
  mount -t overlay -o "lowerdir=$(realpath "$TARGET/debian/$DEBIAN"),upperdir=$STAGE/own/upper,workdir=$STAGE/own/work" overlay "$STAGE/own/root"
  change_root "$STAGE/own/root" "$STAGE"
}

# inside COMMAND…: furnishes the namespaces, then runs the command there as their first process's child.
inside() {
  local folder
  mount -t tmpfs -o mode=755 tmpfs "$STAGE"
  [ -z "$DEBIAN" ] || own_debian
  unset DEBIAN
  busybox ip link set lo up
  private_etc
  private_programs
  mount -t tmpfs -o mode=755 tmpfs /run
  mkdir -p /run/lock "$STAGE/home" "$STAGE/tmp" "$STAGE/bin"
  for folder in "${COVERED[@]}"; do mkdir -p "$folder" && mount -t tmpfs -o mode=755 tmpfs "$folder"; done
  control_groups
  delegate_controllers
  export HOME=$STAGE/home TMPDIR=$STAGE/tmp PATH=$STAGE/bin:$PROGRAMS
  local status=0
  "$@" || status=$?
  # Whatever still runs in here goes, so that its control groups are empty.
  kill -KILL -1 2>/dev/null || true
  wait
  remove_control_groups "$STAGE_CGROUP"
  exit "$status"
}

DEBIAN=${DEBIAN:-}
if [ "${1:-}" = --debian ]; then
  DEBIAN=$2
  shift 2
fi
[ $# -gt 0 ] || die "namespace.sh: no command"
if [ "${1:-}" = --inside ]; then
  shift
  inside "$@"
elif [ "$(id -u)" = 0 ]; then
  outside "$@"
else
  # sudo replaces PATH and drops the rest: what may pass is named.
  for name in "${PASSED[@]}"; do
    [ -z "${!name+set}" ] || environment+=("$name=${!name}")
  done
  command -v sudo >/dev/null || die "namespaces need root and there is no sudo: run it as root, or install sudo"
  exec sudo env "${environment[@]}" DEBIAN="$DEBIAN" "${BASH:-bash}" "$0" "$@"
fi
