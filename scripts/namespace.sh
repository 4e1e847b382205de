#!/usr/bin/env bash
# Runs a command in its own network, mount, process and IPC namespaces: namespace.sh [--debian SERIES] COMMAND ARG…
#
# With --debian the programs inside are those of debian.sh's Debian, as it was installed. Otherwise they are this machine's.
# Inside are only the loopback interface; private copies of /etc and /usr/local/bin; an empty /run, HOME and TMPDIR in memory; and STAGE, a folder
# in memory for everything else. The command cannot change the machine, and all processes that it leaves behind are killed at the end. Other folders
# that the machine's programs would write to are covered too (see COVERED).
# Needs root; for an ordinary user it calls sudo.
source "$(dirname "$0")/env.sh"
source "$ROOT/scripts/root.sh"

# The system's programs. Clients elsewhere on the caller's PATH are not tested.
PROGRAMS=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin

# Folders that Docker, Podman and others write to as root whatever their settings: inside, empty folders cover them. Names in /dev/shm contain
# process ids, which mean other processes outside.
COVERED=(/var/lib/containers /var/lib/cni /dev/shm)

# The variables that pass. All others stay outside, so that the machine's AWS credentials, proxies and CA bundles are not used.
PASSED=(TERM LANG NO_COLOR CI CARGO_HOME RUSTUP_HOME RUSTUP_AUTO_INSTALL CARGO_TARGET_DIR ECR_AUTH_TEST_BINARY ECR_AUTH_UPDATE_DOCS)

# outside COMMAND…: creates the mount points, enters the namespaces and cleans up afterwards.
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
  # The namespaces end with `unshare` (--kill-child), and `unshare` with this script (--pdeathsig), even if the script is killed.
  env -i "${environment[@]}" PATH="$PROGRAMS" STAGE="$stage" STAGE_CGROUP="$cgroup" DEBIAN="$DEBIAN" \
    setpriv --pdeathsig KILL unshare --net --mount --pid --ipc --fork --mount-proc --kill-child "${BASH:-bash}" "$0" --inside "$@" <&0 &
  local child=$! status=0
  # shellcheck disable=SC2064 # the current id of the child
  trap "kill -KILL $child 2>/dev/null" INT TERM HUP
  # A signal interrupts the wait, and bash's message about the killed child is noise.
  { while wait "$child" || status=$?; kill -0 "$child"; do :; done; } 2>/dev/null
  # Again here, for a stage that was killed.
  remove_control_groups "$cgroup"
  rmdir "$stage" "${made[@]}" 2>/dev/null || true
  exit "$status"
}

# remove_control_groups NAME: removes the groups of containers and those of delegate_controllers. Docker leaves its parent group in place.
remove_control_groups() { find /sys/fs/cgroup -depth -type d -path "*/$1*" -exec rmdir {} + 2>/dev/null || true; }

# private_etc: replaces /etc by a copy in memory (it is small), without the machine's Docker settings.
private_etc() {
  # shellcheck disable=SC2153 # set outside
  cp -a /etc "$STAGE/etc"
  rm -rf "$STAGE/etc/docker" "$STAGE/etc/containers/certs.d" "$STAGE/etc/containers/auth.json"
  mkdir -p "$STAGE/etc/docker" "$STAGE/etc/containers"
  # In a container /etc/hosts is a separate mount. Here a plain copy replaces it.
  rm -f "$STAGE/etc/hosts" "$STAGE/etc/resolv.conf"
  printf '127.0.0.1 localhost\n::1 localhost\n127.0.0.1 %s\n' "$(uname -n)" >"$STAGE/etc/hosts"
  : >"$STAGE/etc/resolv.conf"
  mount --bind "$STAGE/etc" /etc
}

# private_programs: gives /usr/local/bin a private copy of its contents, without our helper and without programs that the system has a package of.
# New installations go there too.
private_programs() {
  local program
  mkdir -p "$STAGE/programs"
  mount --bind /usr/local/bin "$STAGE/programs"
  mount -t tmpfs -o mode=755 tmpfs /usr/local/bin
  for program in "$STAGE"/programs/*; do
    if [[ $program == */docker-credential-ecr-* ]] || [ -e "/usr/bin/${program##*/}" ]; then continue; fi
    # A link may be relative to its own folder.
    if [ -L "$program" ]; then cp -P "$program" /usr/local/bin; else ln -s "$program" /usr/local/bin; fi
  done
}

# control_groups: mounts the control groups, which the engine needs. Most machines have them, but a chroot or container may not. They are mounted
# only in this mount namespace, in the way of Debian's cgroupfs-mount.
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

# delegate_controllers: moves our processes to their own group. In a container with control groups v2 they are in the root group, where v2 allows no
# delegation of controllers. Docker's own docker:dind image does the same.
delegate_controllers() {
  local root=/sys/fs/cgroup pid
  [ -f $root/cgroup.controllers ] || return 0
  [ "$(cat $root/cgroup.controllers)" != "$(cat $root/cgroup.subtree_control)" ] || return 0
  grep -q '^0::/$' /proc/self/cgroup || return 0
  mkdir -p "$root/$STAGE_CGROUP-init"
  while read -r pid; do echo "$pid" >"$root/$STAGE_CGROUP-init/cgroup.procs" 2>/dev/null || true; done <$root/cgroup.procs
  sed -e 's/ / +/g' -e 's/^/+/' $root/cgroup.controllers >$root/cgroup.subtree_control 2>/dev/null || true
}

# own_debian: makes debian.sh's folder /. Files written there stay on the stage.
own_debian() {
  mkdir -p "$STAGE"/own/{upper,work,root}
  mount -t overlay -o "lowerdir=$(realpath "$TARGET/debian/$DEBIAN"),upperdir=$STAGE/own/upper,workdir=$STAGE/own/work" overlay "$STAGE/own/root"
  change_root "$STAGE/own/root" "$STAGE"
}

# inside COMMAND…: sets up the namespaces, then runs the command as a child of their first process.
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
  # Kills all remaining processes, so that their control groups are empty.
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
  # sudo replaces PATH and drops other variables, so those that may pass are named.
  for name in "${PASSED[@]}"; do
    [ -z "${!name+set}" ] || environment+=("$name=${!name}")
  done
  command -v sudo >/dev/null || die "namespaces need root and there is no sudo: run it as root, or install sudo"
  exec sudo env "${environment[@]}" DEBIAN="$DEBIAN" "${BASH:-bash}" "$0" "$@"
fi
