# shellcheck shell=bash
# Sourced by what runs programs in a Debian of its own: a folder that becomes the root folder.

# The root folder's own copies of what is made for one Python, or is of one Debian: these stand in place of target's.
ROOT_TOOLS=(python node picture cloud-init)

# change_root FOLDER [FOLDER…]: the first becomes / in this mount namespace, which is the caller's alone, as is its process namespace. The
# repository, target and the others stay where they are.
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
