#!/usr/bin/env bash
# Prints everything that the demo must leave unchanged, one line each: digests of /etc/hosts, /etc/docker, ~/.docker and the folders on PATH, the
# mounts, and the processes that a stage left behind. Compare two runs with diff.
source "$(dirname "$0")/env.sh"

# tree FOLDER: prints a digest of the names, modes, owners, links and contents of everything in it.
tree() {
  [ -e "$1" ] || { echo "$1 absent" && return; }
  {
    find "$1" -printf '%P %y %m %U %G %l\n' | LC_ALL=C sort
    find "$1" -type f -print0 | LC_ALL=C sort -z | xargs -0r sha256sum
  } | sha256sum | sed "s|-\$|$1|"
}

# listing FOLDER: prints a digest of the names, sizes and times of its direct entries (folders on PATH are large).
listing() {
  [ -d "$1" ] || { echo "$1 absent" && return; }
  find -H "$1" -maxdepth 1 -mindepth 1 -printf '%f %y %m %s %T@ %l\n' | LC_ALL=C sort | sha256sum | sed "s|-\$|$1|"
}

# left_behind: lists processes outside of any stage's namespace that have a stage's environment. Processes inside one are ignored, because another
# demo may be running.
left_behind() {
  local process
  for process in /proc/[0-9]*; do
    [ "$(readlink "$process/ns/pid" 2>/dev/null)" = "$(readlink /proc/self/ns/pid)" ] || continue
    [ "$(cat "$process/comm" 2>/dev/null)" != unshare ] || continue
    grep -qsz '^STAGE=.*/ecr-auth-stage\.' "$process/environ" && echo "process ${process#/proc/} $(cat "$process/comm" 2>/dev/null)"
  done
  return 0
}

login=$(getent passwd "${SUDO_UID:-$(id -u)}" | cut -d: -f6)
for folder in /etc/hosts /etc/docker /etc/containers "$HOME/.docker" "$login/.docker" "$HOME/.config/containers"; do tree "$folder"; done | sort -u
tr ':' '\n' <<<"$PATH" | LC_ALL=C sort -u | while read -r folder; do [ -z "$folder" ] || listing "$folder"; done
find /var/lib -maxdepth 1 -printf '%f\n' | LC_ALL=C sort | sha256sum | sed 's|-$|/var/lib|'
find /sys/fs/cgroup -type d -name 'ecr-auth-*' 2>/dev/null | sed 's|^|control group |'
# Mounts of the machine's own engines change at any time.
awk '$5 !~ "^/(var/lib|run|var/run)/(docker|containers|containerd|netns)" {print "mount", $5, $3}' /proc/self/mountinfo | LC_ALL=C sort
left_behind
