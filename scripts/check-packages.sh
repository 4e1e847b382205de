#!/usr/bin/env bash
# check-packages.sh FOLDER: installs the packages that linux-packages.sh made in FOLDER, each into its own root, and checks the installed files.
# Packages of this machine's architecture are also run there, without any other files.
source "$(dirname "$0")/env.sh"

[ $# = 1 ] || die "usage: check-packages.sh FOLDER"
FOLDER=$(cd "$1" && pwd)
VERSION=$(version)
WORK=$(mktemp -d)
trap 'rm -rf "$WORK"' EXIT

# with_dpkg FILE ROOT
with_dpkg() {
  mkdir -p "$2"/var/lib/dpkg/{info,updates}
  touch "$2"/var/lib/dpkg/{status,available}
  # dpkg warns about the other architecture.
  dpkg --root="$2" --force-architecture --log=/dev/null --install "$1" >"$WORK/log" 2>&1 || { cat "$WORK/log" >&2 && return 1; }
}

# with_rpm FILE ROOT
with_rpm() {
  # On Debian rpm warns that there is apt.
  rpm --root "$2" --dbpath /var/lib/rpm --ignorearch --install "$1" 2>"$WORK/log" || { cat "$WORK/log" >&2 && return 1; }
}

# check ARCHITECTURE FILE INSTALLER ZSH
check() {
  local root=$WORK/${2##*/} files
  mkdir "$root"
  "$3" "$FOLDER/$2" "$root" || die "$2 can't be installed"
  cmp "$FOLDER/ecr-auth-$1-unknown-linux-musl" "$root/usr/bin/ecr-auth" || die "$2 has another binary"
  files=$(cd "$root" && find . -path ./var -prune -o ! -type d -printf '%M %P %l\n' | sort -k 2)
  diff - <(grep -vE ' usr/share/(doc|licenses)/ecr-auth/' <<<"$files") >&2 <<-EOF || die "$2 has other files"
	lrwxrwxrwx usr/bin/docker-credential-ecr-auth ecr-auth
	-rwxr-xr-x usr/bin/ecr-auth 
	-rw-r--r-- usr/share/bash-completion/completions/ecr-auth 
	-rw-r--r-- usr/share/fish/vendor_completions.d/ecr-auth.fish 
	-rw-r--r-- usr/share/zsh/$4/_ecr-auth 
	EOF
  [ "$1" = "$(uname -m)" ] || return 0
  [ "$(chroot "$root" /usr/bin/ecr-auth --version)" = "ecr-auth $VERSION" ] || die "$2: ecr-auth doesn't run"
  [ "$(chroot "$root" /usr/bin/docker-credential-ecr-auth version)" = "docker-credential-ecr-auth $VERSION" ] || die "$2: the helper doesn't run"
}

for architecture in x86_64:amd64 aarch64:arm64; do
  check "${architecture%:*}" "ecr-auth_$VERSION-1_${architecture#*:}.deb" with_dpkg vendor-completions
  check "${architecture%:*}" "ecr-auth-$VERSION-1.${architecture%:*}.rpm" with_rpm site-functions
done
