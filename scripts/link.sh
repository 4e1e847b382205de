#!/usr/bin/env bash
# The linker of the static binaries: link.sh ARG…, as rustc calls a C compiler; LINK_TARGET is rustc's name of the target. zig's front end says which
# of its files go into a static program, and how; its lld is then called once more, with what the front end doesn't let through
# (docs/decisions/0005-size.md):
#
# --pack-dyn-relocs=relr   the relocations of a position-independent program as a bitmap: 24 bytes for each would be 0.3 MB to read at each start
# --no-eh-frame-hdr        no index of tables for unwinding, of which there are none: a panic ends the program
# --symbol-ordering-file   the functions that a warm `get` runs side by side: else a few of them on each page would bring all pages into memory
set -euo pipefail

HERE=$(dirname "$0")

# ordered ARG…: the symbols of the objects among the arguments that are in the list. Names of Rust's are plain ones there; zig's and C's are as they are.
ordered() {
  local arg objects=()
  for arg; do case $arg in *.o) objects+=("$arg") ;; esac done
  nm "${objects[@]}" | awk "$(<"$HERE/symbols.awk")"'
    NR == FNR { wanted[$0]; if ($0 !~ /^_R/) print; next }
    plain($NF) in wanted { print $NF }' "$HERE/hot-functions.txt" -
}

# cargo-zigbuild, which knows zig's ways, has told cargo of its own. Without -O2 it would take the checks for undefined behaviour along.
front_end=CARGO_TARGET_$(tr 'a-z-' 'A-Z_' <<<"$LINK_TARGET")_LINKER
said=$("${!front_end}" -O2 --verbose "$@" 2>&1) || {
  printf '%s\n' "$said" >&2
  exit 1
}
# The last one: the first makes an object file of the start.
read -ra lld < <(grep '^ld\.lld ' <<<"$said" | tail -n 1) || true
[ "${lld[0]:-}" = ld.lld ] || {
  printf 'error: zig has not said how it links\n' >&2
  exit 1
}
order=$(mktemp)
trap 'rm -f "$order"' EXIT
ordered "$@" >"$order"
python-zig ld.lld "${lld[@]:1}" --pack-dyn-relocs=relr --no-eh-frame-hdr --symbol-ordering-file="$order" --no-warn-symbol-ordering
