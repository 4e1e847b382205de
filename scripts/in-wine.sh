#!/usr/bin/env bash
# What scripts/windows.sh runs in the Debian that has Wine: in-wine.sh FOLDER NEXTEST-OPTION…
set -euo pipefail

FOLDER=$1
shift
WINE=$FOLDER/wine
export WINEPREFIX=$WINE/prefix WINEDEBUG=-all WINEDLLOVERRIDES="mscoree=;mshtml=;winemenubuilder.exe=;winedbg.exe="
# Wine gives each folder what the folder around it gives to others, whatever its access list says.
umask 077
[ -d "$WINEPREFIX" ] || /usr/lib/wine/wine64 wineboot -i >/dev/null 2>&1
# One server for all tests; one that runs already says so.
/usr/lib/wine/wineserver64 -p || true
for unit in "$WINE"/unit/*.exe; do /usr/lib/wine/wine64 "$unit"; done
# Each call is several processes of Wine's.
export ECR_AUTH_TEST_BINARY=$WINE/ecr-auth
"$FOLDER/cargo-nextest" nextest run --cargo-metadata "$FOLDER/metadata.json" --binaries-metadata "$FOLDER/binaries.json" --no-fail-fast --test-threads 2 "$@"
