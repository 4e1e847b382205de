# shellcheck shell=bash
# Sourced by the scripts that run programs in a Debian root folder.

# Tools that depend on one Python or one Debian release: the root folder's own copies replace those in target.
ROOT_TOOLS=(python node picture cloud-init)

# change_root FOLDER [FOLDER…]: makes the first folder / in the caller's own mount and process namespaces. The repository, target and the other
# folders keep their paths.
change_root() {
  local new=$1 folder
  shift
  mountpoint -q "$new" || mount --bind "$new" "$new"
  for folder in /dev /sys; do mount --rbind "$folder" "$new$folder"; done
  mount -t proc proc "$new/proc"
  for folder in "$ROOT" "$TARGET" "$@"; do
    mkdir -p "$new$folder"
    mountpoint -q "$new$folder" || mount --bind "$folder" "$new$folder"
  done
  for folder in "${ROOT_TOOLS[@]}"; do
    mkdir -p "$new/opt/$folder" "$new$TARGET/$folder"
    mount --bind "$new/opt/$folder" "$new$TARGET/$folder"
  done
  cd "$new" || return
  pivot_root . .
  umount -l .
  cd "$ROOT" || return
}
