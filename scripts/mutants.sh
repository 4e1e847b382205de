#!/usr/bin/env bash
# make mutants: cargo-mutants over the rooms whose rules are promises; .cargo/mutants.toml says which. Survivors are listed at the end, and in
# target/mutants.out/missed.txt; docs/mutants.md gives the reason of each that stays.
source "$(dirname "$0")/env.sh"
cd "$ROOT"
"$ROOT/scripts/install.sh" build test mutants
find_rust
mkdir -p "$TARGET"
status=0
cargo mutants --output "$TARGET" "$@" || status=$?
# 2: there are survivors; anything else but 0 is a failure of its own.
[ "$status" = 0 ] || [ "$status" = 2 ] || exit "$status"
say "== survivors"
cat "$TARGET/mutants.out/missed.txt" "$TARGET/mutants.out/timeout.txt"
exit "$status"
