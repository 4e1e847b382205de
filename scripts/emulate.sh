#!/usr/bin/env bash
# Runs a command where aarch64 programs run on this x86_64 machine: emulate.sh COMMAND ARG…
#
# The kernel passes them to Debian's qemu-user-static, through a private list of formats (binfmt_misc), which each user namespace can have since
# Linux 6.7. So nothing is registered on the machine, and the registration ends with the command. Needs root to map every user to itself, because
# the tests change owners.
source "$(dirname "$0")/env.sh"

FORMATS=/proc/sys/fs/binfmt_misc
# The registration of Debian's package for the whole machine. With P, the program sees its own name in argv[0].
QEMU=/usr/lib/binfmt.d/qemu-aarch64.conf
EVERYBODY="0 0 4294967295"

# outside COMMAND…: creates the user namespace, which waits at a pipe until its users are mapped.
outside() {
  local ready
  ready=$(mktemp -u) && mkfifo "$ready"
  unshare --user --mount "${BASH:-bash}" "$0" --inside "$ready" "$@" <&0 &
  local child=$! status=0
  until [ "$(readlink "/proc/$child/ns/user")" != "$(readlink /proc/self/ns/user)" ]; do
    kill -0 "$child" 2>/dev/null || die "this machine makes no user namespaces"
  done
  echo "$EVERYBODY" >"/proc/$child/uid_map"
  echo "$EVERYBODY" >"/proc/$child/gid_map"
  : >"$ready"
  rm -f "$ready"
  wait "$child" || status=$?
  exit "$status"
}

# inside PIPE COMMAND…: registers qemu in this namespace, then executes the command.
inside() {
  : <"$1"
  shift
  mount -t binfmt_misc none $FORMATS || die "this kernel has no binfmt_misc of one's own: it takes Linux 6.7 or newer"
  cat "$QEMU" >$FORMATS/register
  exec "$@"
}

[ $# -gt 0 ] || die "emulate.sh: no command"
if [ "${1:-}" = --inside ]; then
  shift
  inside "$@"
elif [ "$(id -u)" = 0 ]; then
  outside "$@"
else
  die "emulate.sh needs root"
fi
