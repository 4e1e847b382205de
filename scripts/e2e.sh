#!/usr/bin/env bash
# Runs the end-to-end tests: e2e.sh [--own | --debian SERIES] [--parts N] [TEST…]. The parts run in parallel, each on its own stage. A TEST is a
# name, or a pattern such as 'test_docker_*'; without one, all tests run. Each test prints one line that begins with PASS or FAIL, when its part has
# ended.
#
# The clients are Debian 13's: this machine's packages if it is one, and elsewhere those of debian.sh's folder. With --debian they are those of
# another release, and with --own this machine's packages.
source "$(dirname "$0")/env.sh"

DEBIAN=$(debian_of_clients)
PARTS=3
while [[ ${1:-} == --* ]]; do
  case $1 in
    --own) DEBIAN= ;;
    --debian) DEBIAN=$2 && shift ;;
    --parts) PARTS=$2 && shift ;;
    *) die "e2e.sh: no option $1" ;;
  esac
  shift
done
if [ -n "$DEBIAN" ]; then "$ROOT/scripts/debian.sh" "$DEBIAN" "$ROOT/scripts/install.sh" clients; fi

LOGS=$TARGET/e2e/${DEBIAN:-own}
rm -rf "$LOGS"
mkdir -p "$LOGS"
status=0
running=()
for ((part = 1; part <= PARTS; part++)); do
  "$ROOT/scripts/namespace.sh" ${DEBIAN:+--debian "$DEBIAN"} "$ROOT/tests/e2e/run.sh" --part "$part/$PARTS" "$@" >"$LOGS/$part.log" 2>&1 &
  running+=($!)
done
trap 'kill "${running[@]}" 2>/dev/null' INT TERM HUP
for ((part = 1; part <= PARTS; part++)); do
  wait "${running[part - 1]}" || status=1
  cat "$LOGS/$part.log"
done
exit "$status"
