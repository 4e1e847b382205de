#!/usr/bin/env bash
# Runs the tests of scripts/windows.sh in the Debian that has Wine: in-wine.sh FOLDER NEXTEST-OPTION…
set -euo pipefail

FOLDER=$1
shift
WINE=$FOLDER/wine
export WINEPREFIX=$WINE/prefix WINEDEBUG=-all WINEDLLOVERRIDES="mscoree=;mshtml=;winemenubuilder.exe=;winedbg.exe="
# Wine gives others the same access to a folder as to its parent, whatever the folder's access list says.
umask 077
[ -d "$WINEPREFIX" ] || {
  /usr/lib/wine/wine64 wineboot -i >/dev/null 2>&1
  # It writes the registry at its end.
  /usr/lib/wine/wineserver64 -w
}
# Windows' services begin with the first program and end with the last one. They keep the pipes that the first one has, so that must be no test's.
# This one runs until the end.
exec {open}> >(exec /usr/lib/wine/wine64 cmd /D >/dev/null 2>&1)
/usr/lib/wine/wine64 cmd /D /C rem </dev/null >/dev/null 2>&1
for unit in "$WINE"/unit/*.exe; do /usr/lib/wine/wine64 "$unit"; done
# Each call starts several Wine processes.
export ECR_AUTH_TEST_BINARY=$WINE/ecr-auth
"$FOLDER/cargo-nextest" nextest run --profile wine --cargo-metadata "$FOLDER/metadata.json" --binaries-metadata "$FOLDER/binaries.json" --no-fail-fast --test-threads 2 "$@" {open}>&-
