#!/usr/bin/env bash
# Runs the tests of scripts/windows.sh in the Debian that has Wine: in-wine.sh FOLDER NEXTEST-OPTION…
set -euo pipefail

FOLDER=$1
shift
WINE=$FOLDER/wine
export WINEPREFIX=$WINE/prefix WINEDEBUG=-all WINEDLLOVERRIDES="mscoree=;mshtml=;winemenubuilder.exe=;winedbg.exe="
# Wine gives others the same access to a folder as to its parent, whatever the folder's access list says.
umask 077
[ -d "$WINEPREFIX" ] || /usr/lib/wine/wine64 wineboot -i >/dev/null 2>&1
# One server for all tests. A running one only reports that it runs.
/usr/lib/wine/wineserver64 -p || true
for unit in "$WINE"/unit/*.exe; do /usr/lib/wine/wine64 "$unit"; done
# Each call starts several Wine processes.
export ECR_AUTH_TEST_BINARY=$WINE/ecr-auth
"$FOLDER/cargo-nextest" nextest run --cargo-metadata "$FOLDER/metadata.json" --binaries-metadata "$FOLDER/binaries.json" --no-fail-fast --test-threads 2 "$@"
