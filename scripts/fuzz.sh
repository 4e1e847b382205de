#!/usr/bin/env bash
# make fuzz, or scripts/fuzz.sh [SECONDS [TARGET…]]: libFuzzer searches for inputs that break a rule, SECONDS for each target (300), and prints how
# many inputs it tried. New inputs are kept in target/fuzz/corpus. `scripts/fuzz.sh minimise [TARGET…]` copies those that reach new code to
# fuzz/corpus. Inputs that fail are stored in target/fuzz/broken.
#
# The targets have cargo-fuzz's layout, but cargo-fuzz is not needed; the current compiler is enough. The code forbids `unsafe`, so a sanitizer
# finds little in it. SANITIZER=address searches the dependencies too.
source "$(dirname "$0")/env.sh"
cd "$ROOT/fuzz"
"$ROOT/scripts/install.sh" build
find_rust

HOST=$(rustc -vV | sed -n 's/^host: //p')
OUT=$TARGET/fuzz
SANITIZER=${SANITIZER:-none}
# The flags that cargo-fuzz sets.
FLAGS=(-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 -Cllvm-args=-sanitizer-coverage-inline-8bit-counters
  -Cllvm-args=-sanitizer-coverage-pc-table -Cllvm-args=-sanitizer-coverage-trace-compares --cfg fuzzing)
if [ "$SANITIZER" != none ]; then
  export RUSTC_BOOTSTRAP=1
  FLAGS+=("-Zsanitizer=$SANITIZER")
  OUT=$OUT-$SANITIZER
fi

all_targets() { sed -n 's|^path = "fuzz_targets/\(.*\)\.rs"|\1|p' Cargo.toml; }

built() {
  say "== building the targets (minutes, once)"
  RUSTFLAGS="${FLAGS[*]}" cargo build --quiet --locked --release --target "$HOST" --target-dir "$OUT" "${TARGETS[@]/#/--bin=}"
}

# target NAME ARG…: runs a target in a minimal environment.
target() {
  local name=$1
  shift
  env -i PATH=/usr/bin:/bin HOME=/nonexistent TMPDIR="$FILES" \
    "$OUT/$HOST/release/$name" -max_len=4096 -timeout=20 -rss_limit_mb=2048 "$@"
}

# fuzz SECONDS NAME: prints a line about the inputs that were tried. Returns 1 if one failed.
fuzz() {
  local log=$OUT/$2.log status=0
  mkdir -p "$OUT/corpus/$2" "$OUT/broken"
  target "$2" -max_total_time="$1" -dict=words.dict -artifact_prefix="$OUT/broken/$2-" -print_final_stats=1 \
    "$OUT/corpus/$2" "corpus/$2" >"$log" 2>&1 || status=1
  printf '%-14s %10s inputs in %s s, %s kept' "$2" "$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")" "$1" "$(find "$OUT/corpus/$2" -type f | wc -l)"
  [ "$status" = 0 ] || printf ', BROKEN: %s' "$(sed -n 's/.*Test unit written to //p' "$log")"
  echo
  return "$status"
}

# minimise NAME: adds to the target's corpus the smallest set of files that reaches new code, however often they reach it.
minimise() { target "$1" -set_cover_merge=1 -use_counters=0 "corpus/$1" "$OUT/corpus/$1" 2>&1 | tail -n 1; }

FILES=$(mktemp -d "$([ -w /dev/shm ] && echo /dev/shm || echo "${TMPDIR:-/tmp}")/ecr-auth-fuzz.XXXXXX")
trap 'rm -rf "$FILES"' EXIT
WHAT=${1:-300}
[ $# = 0 ] || shift
TARGETS=("$@")
[ $# -gt 0 ] || mapfile -t TARGETS < <(all_targets)
built
status=0
for name in "${TARGETS[@]}"; do
  case $WHAT in
    minimise) minimise "$name" ;;
    *) fuzz "$WHAT" "$name" || status=1 ;;
  esac
done
exit "$status"
