#!/usr/bin/env bash
# A Debian system in target/debian/SERIES (bookworm, trixie, sid), created once and shared by everything that runs in it. Needs root.
#
# debian.sh SERIES: creates a minimal system and prints its folder.
# debian.sh SERIES COMMAND ARG…: then runs the command with that folder as /, and the repository at its usual path. The network is the machine's.
# Changes that the command makes there are kept. `debian.sh trixie scripts/install.sh demo` installs what the demo needs.
source "$(dirname "$0")/env.sh"
source "$ROOT/scripts/root.sh"

# mirror: prints the mirror of this machine's apt. Empty elsewhere, because debootstrap has a default.
mirror() {
  # shellcheck disable=SC2016 # a format of apt-get
  apt-get indextargets --format '$(ORIGIN) $(REPO_URI)' 'Created-By: Packages' 2>/dev/null |
    awk '$1 == "Debian" && $2 !~ /security/ && !said {sub("/$", "", $2); print $2; said = 1}'
}

# sources SERIES MIRROR: prints apt's sources, with security updates for a stable release.
sources() {
  echo "deb $2 $1 main"
  [ "$1" = sid ] || echo "deb $2-security $1-security main"
}

# make SERIES FOLDER: creates it beside the folder and renames it at the end, so that an incomplete Debian is never used.
make() {
  local series=$1 folder=$2 made=$2.new mirror script log=$2.log
  command -v debootstrap >/dev/null || "$ROOT/scripts/install.sh" debian
  mirror=$(mirror)
  # debootstrap may not know a newer release, but can use the script of an older one.
  script=/usr/share/debootstrap/scripts/$series
  [ -e "$script" ] || script=/usr/share/debootstrap/scripts/sid
  say "Making a Debian $series (a minute, once)"
  rm -rf "$made"
  debootstrap --variant=minbase "$series" "$made" ${mirror:+"$mirror"} "$script" >"$log" 2>&1 || {
    tail -n 20 "$log" >&2
    die "debootstrap failed; the whole log is $log"
  }
  mirror=$(awk '$1 == "deb" {print $2; exit}' "$made/etc/apt/sources.list")
  sources "$series" "$mirror" >"$made/etc/apt/sources.list"
  # Fetched with the settings of this machine's apt. A crash costs only the folder, so dpkg need not wait for the disk.
  apt-config dump 2>/dev/null | grep '^Acquire::\(Check\|http\|https\|Retries\)' >"$made/etc/apt/apt.conf.d/99machine" || true
  # Installed packages are not kept in the cache.
  echo 'DPkg::Post-Invoke { "rm -f /var/cache/apt/archives/*.deb"; };' >"$made/etc/apt/apt.conf.d/99small"
  echo force-unsafe-io >"$made/etc/dpkg/dpkg.cfg.d/unsafe-io"
  printf 'path-exclude=/usr/share/%s/*\n' doc man locale info >"$made/etc/dpkg/dpkg.cfg.d/small"
  # CA certificates that this machine trusts.
  mkdir -p "$made/usr/local/share/ca-certificates"
  cp /usr/local/share/ca-certificates/*.crt "$made/usr/local/share/ca-certificates" 2>/dev/null || true
  rm -f "$made"/var/cache/apt/archives/*.deb
  mv "$made" "$folder"
}

# inside FOLDER COMMAND…: runs the command in the namespaces.
inside() {
  local folder=$1
  shift
  cat /etc/resolv.conf >"$folder/etc/resolv.conf"
  change_root "$folder"
  cd "$ROOT"
  # An install that was interrupted is finished first: apt-get refuses to until then. Another that runs now holds the lock.
  DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 dpkg --configure -a >/dev/null 2>&1 </dev/null || true
  exec "$@"
}

if [ "${1:-}" = --inside ]; then
  shift
  inside "$@"
fi
[ $# -gt 0 ] || die "usage: debian.sh SERIES [COMMAND ARG…]"
[ "$(id -u)" = 0 ] || exec sudo "${BASH:-bash}" "$0" "$@"
SERIES=$1
shift
FOLDER=$TARGET/debian/$SERIES
mkdir -p "$TARGET/debian"
exec {lock}>"$TARGET/debian/$SERIES.lock"
flock "$lock"
[ -d "$FOLDER" ] || make "$SERIES" "$FOLDER"
exec {lock}>&-
FOLDER=$(realpath "$FOLDER")
if [ $# = 0 ]; then
  echo "$FOLDER"
  exit
fi
# Settings for proxies and certificates pass to the inside. A Rust toolchain in the caller's home is not used.
exec env -u CARGO_HOME -u RUSTUP_HOME PIP_NO_CACHE_DIR=1 HOME=/root LANG=C.UTF-8 PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
  unshare --mount --pid --fork --kill-child "${BASH:-bash}" "$0" --inside "$FOLDER" "$@"
