#!/usr/bin/env bash
# The linker of the static binaries: link.sh ARG…, as rustc calls a C compiler; LINK_TARGET is rustc's name of the target. zig's front end says which
# of its files go into a static program, and how; its lld is then called once more, with what the front end doesn't let through
# (docs/decisions/0005-size.md):
#
# --pack-dyn-relocs=relr   the relocations of a position-independent program as a bitmap: 24 bytes for each would be 0.3 MB to read at each start
# --no-eh-frame-hdr        no index of tables for unwinding, of which there are none: a panic ends the program
set -euo pipefail

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
python-zig ld.lld "${lld[@]:1}" --pack-dyn-relocs=relr --no-eh-frame-hdr
