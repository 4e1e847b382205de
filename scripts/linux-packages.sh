#!/usr/bin/env bash
# linux-packages.sh FOLDER: builds a Debian package and an RPM of each static binary in FOLDER, with the program, the helper's name and completions.
#
# The other helper name, docker-credential-ecr-login, belongs to the Go helper (amazon-ecr-credential-helper), so that both can be installed.
# Debian's own tools build the packages. All times are the commit's, so that the same binaries give the same bytes.
source "$(dirname "$0")/env.sh"

[ $# = 1 ] || die "usage: linux-packages.sh FOLDER"
FOLDER=$(cd "$1" && pwd)
RUNS_HERE=$FOLDER/ecr-auth-$(uname -m)-unknown-linux-musl
VERSION=$(version)
REVISION=1
SOURCE_DATE_EPOCH=$(built_at)
export SOURCE_DATE_EPOCH
SUMMARY="Docker login for Amazon ECR that never expires mid-build"
# Debian requires a blank at the beginning of each line.
DESCRIPTION=" Docker credential helper, token cache and set-up in one static binary: Docker, Podman,
 Buildah and Skopeo push to and pull from Amazon ECR without docker login, with the
 credentials that the machine or the CI job has."
PROSE=${DESCRIPTION//$'\n '/$'\n'}
PROSE=${PROSE# }
HOMEPAGE=https://github.com/$(repository)
WORK=$(mktemp -d)
trap 'rm -rf "$WORK"' EXIT
umask 022

# tree ROOT ARCHITECTURE ZSH: writes the files of both kinds of package below ROOT. ZSH is the folder of zsh's completions.
tree() {
  local root=$1 shell
  install -D -m 755 "$FOLDER/ecr-auth-$2-unknown-linux-musl" "$root/usr/bin/ecr-auth"
  ln -s ecr-auth "$root/usr/bin/docker-credential-ecr-auth"
  local -A completions=([bash]=usr/share/bash-completion/completions/ecr-auth [zsh]=$3/_ecr-auth [fish]=usr/share/fish/vendor_completions.d/ecr-auth.fish)
  for shell in "${!completions[@]}"; do
    mkdir -p "$root/$(dirname "${completions[$shell]}")"
    "$RUNS_HERE" completions "$shell" >"$root/${completions[$shell]}"
  done
}

# deb ARCHITECTURE NAME: builds a Debian package. NAME is Debian's name of the architecture.
deb() {
  local root=$WORK/deb-$1
  tree "$root" "$1" usr/share/zsh/vendor-completions
  install -D -m 644 "$ROOT/LICENSE" "$root/usr/share/doc/ecr-auth/copyright"
  mkdir "$root/DEBIAN"
  cat >"$root/DEBIAN/control" <<-EOF
	Package: ecr-auth
	Version: $VERSION-$REVISION
	Architecture: $2
	Maintainer: The ecr-auth authors <ecr-auth@users.noreply.github.com>
	Installed-Size: $(du -sk --apparent-size "$root/usr" | cut -f 1)
	Suggests: docker.io | docker-ce-cli | podman
	Section: utils
	Priority: optional
	Homepage: $HOMEPAGE
	Description: $SUMMARY
	$DESCRIPTION
	EOF
  dpkg-deb --root-owner-group -Zxz --build "$root" "$FOLDER/ecr-auth_$VERSION-${REVISION}_$2.deb" >/dev/null
}

# rpm ARCHITECTURE: builds an RPM, without stripping or splitting files and without automatic requirements.
rpm() {
  local root=$WORK/rpm-$1
  tree "$root" "$1" usr/share/zsh/site-functions
  install -D -m 644 "$ROOT/LICENSE" "$root/usr/share/licenses/ecr-auth/LICENSE"
  cat >"$WORK/ecr-auth.spec" <<-EOF
	Name: ecr-auth
	Version: $VERSION
	Release: $REVISION
	Summary: $SUMMARY
	License: Apache-2.0
	URL: $HOMEPAGE
	AutoReqProv: no
	%description
	$PROSE
	%install
	cp -a "$root/." "%{buildroot}"
	%files
	/usr/bin/*
	/usr/share/bash-completion/completions/*
	/usr/share/zsh/site-functions/*
	/usr/share/fish/vendor_completions.d/*
	%license /usr/share/licenses/ecr-auth/LICENSE
	EOF
  rpmbuild -bb --quiet --target "$1-linux" --define "_topdir $WORK/rpmbuild" --define "_rpmdir $FOLDER" --define "_dbpath $WORK/rpmdb" \
    --define '_rpmfilename %{NAME}-%{VERSION}-%{RELEASE}.%{ARCH}.rpm' --define 'debug_package %{nil}' --define '__os_install_post %{nil}' \
    --define '_build_id_links none' --define '_buildhost localhost' --define '_binary_payload w9.xzdio' \
    --define 'use_source_date_epoch_as_buildtime 1' --define 'clamp_mtime_to_source_date_epoch 1' "$WORK/ecr-auth.spec" >"$WORK/log" 2>&1 ||
    { cat "$WORK/log" >&2 && die "rpmbuild"; }
}

for architecture in x86_64:amd64 aarch64:arm64; do
  deb "${architecture%:*}" "${architecture#*:}"
  rpm "${architecture%:*}"
done
