#!/usr/bin/env bash
# image.sh FOLDER FILE: builds the image of docker/Dockerfile for x86_64 and aarch64, from the binaries that `make dist` left in FOLDER. It is
# written to FILE as an OCI archive (a tar), and its digest to stdout. The same binaries give the same bytes, because all times are the commit's.
source "$(dirname "$0")/env.sh"

[ $# = 2 ] || die "usage: image.sh FOLDER FILE"
FOLDER=$1
FILE=$2
VERSION=$(version)
TIME=$(built_at)
WORK=$(mktemp -d)
trap 'rm -rf "$WORK"' EXIT
# Nothing of it stays among the machine's own images.
BUILDAH=(buildah --root "$WORK/images" --runroot "$WORK/run" --storage-driver vfs)

# logged COMMAND…: prints the output of a command only if it fails.
logged() { "$@" >"$WORK/log" 2>&1 || { cat "$WORK/log" >&2 && die "$*"; }; }

logged "${BUILDAH[@]}" manifest create ecr-auth
# One after the other, because images that are built in parallel are listed in random order. Nothing is run in them, so nothing is emulated.
for architecture in amd64 arm64; do
  logged "${BUILDAH[@]}" build --platform "linux/$architecture" --timestamp "$TIME" --build-arg "VERSION=$VERSION" --tag "ecr-auth:$architecture" \
    --file "$ROOT/docker/Dockerfile" "$FOLDER"
  logged "${BUILDAH[@]}" manifest add ecr-auth "ecr-auth:$architecture"
done
logged "${BUILDAH[@]}" manifest push --quiet --all ecr-auth "oci:$WORK/oci:$VERSION"
tar --create --file "$FILE" --directory "$WORK/oci" --sort=name --mtime="@$TIME" --owner=0 --group=0 --numeric-owner --mode=u=rwX,go=rX .
jq -er '.manifests[0].digest' "$WORK/oci/index.json"
