#!/usr/bin/env bash
# The linker of the static binaries: link.sh ARG…, called by rustc like a C compiler, with rustc's name of the target in LINK_TARGET. zig's front
# end says which of its files a static program needs. Then zig's lld is called directly with options that the front end doesn't support
# (docs/decisions/0005-size.md):
#
# --pack-dyn-relocs=relr   stores relocations as a bitmap instead of 24 bytes each, which would be 0.3 MB to read at each start
# --no-eh-frame-hdr        omits the index of unwinding tables, because there are none: a panic aborts the program
set -euo pipefail

# The front end is the linker that cargo-zigbuild, which knows zig's options, configured for cargo. Without -O2 zig would add its checks for
# undefined behaviour.
front_end=CARGO_TARGET_$(tr 'a-z-' 'A-Z_' <<<"$LINK_TARGET")_LINKER
said=$("${!front_end}" -O2 --verbose "$@" 2>&1) || {
  printf '%s\n' "$said" >&2
  exit 1
}
# The last lld command, because the first one creates the object file of the program's start.
read -ra lld < <(grep '^ld\.lld ' <<<"$said" | tail -n 1) || true
[ "${lld[0]:-}" = ld.lld ] || {
  printf 'error: zig has not said how it links\n' >&2
  exit 1
}
python-zig ld.lld "${lld[@]:1}" --pack-dyn-relocs=relr --no-eh-frame-hdr
