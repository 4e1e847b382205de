#!/usr/bin/env bash
# make mutants, or scripts/mutants.sh [ROOM…]: cargo-mutants breaks the rooms whose rules are promises (registry, cache, docker), one
# change at a time, and that room's own tests must notice. A change that none notices must stand, with its reason, in docs/mutants.md.
# `protections`, as the first ROOM, takes out those of docs/security.md: see protections.sh.
source "$(dirname "$0")/env.sh"
cd "$ROOT"
"$ROOT/scripts/install.sh" build mutants
find_rust

ROOMS=("$@")
[ $# -gt 0 ] || ROOMS=(protections registry cache docker)
if [ "${ROOMS[0]}" = protections ]; then
  "$ROOT/scripts/protections.sh"
  ROOMS=("${ROOMS[@]:1}")
  [ ${#ROOMS[@]} -gt 0 ] || exit 0
fi
OUT=$TARGET/mutants
REASONS=$ROOT/docs/mutants.md
# A quarter of the usual cases; set it for more.
export PROPTEST_CASES=${PROPTEST_CASES:-64}
# A change that makes a loop endless may take all memory before its time is over: KiB of address space a process.
ulimit -v $((6 * 1024 * 1024))

# make_crate ROOM: the room alone in a crate of its own, which builds in a second, as it knows neither the SDK nor the lab. The lines of
# its files keep their numbers: what is for other systems, and could not be tested here, becomes blank. Tests of whole commands stay out.
make_crate() {
  local crate=$OUT/$1/crate
  rm -rf "${OUT:?}/$1"
  mkdir -p "$crate/src"
  # What others lean on, and knows none of them.
  cp -r src/{code.rs,error.rs,file,folders.rs,program.rs,progress.rs,secret.rs,world.rs} "$crate/src"
  cp -r "src/$1"* "$crate/src"
  printf 'pub mod %s;\n' "$1" code error file folders program progress secret world | sort -u >"$crate/src/lib.rs"
  find "$crate/src" -path '*/docker/tests/mod.rs' -exec sed -i '/^mod commands;/d' {} +
  find "$crate/src" -name '*.rs' -exec sed -i '/^ *#\[cfg(not(.*))\]$/,/^ *}$/{/^ *#/!s/.*//; s/^ *#.*/& fn other() { }/}' {} +
  cp -r .cargo .config Cargo.lock "$crate"
  sed -e 's/^members = .*//' -e '/^\[\[test\]\]/,$d' -e '/^readme = /d' -e "s/^name = \"ecr-auth\"/name = \"$1\"/" -e 's/^debug = .*/debug = false/' \
    -e '/^\(assert_cmd\|aws-\|cognito-srp\|http\|hyper-util\|insta\|lab\|openssl-\|rustls-\|serde-saphyr\|strsim\|tokio\|webpki\)/d' \
    -e '/^\[profile.dev.package.\(cognito-srp\|num-bigint-dig\)\]/,/^$/d' Cargo.toml >"$crate/Cargo.toml"
}

# also ROOM: the room that is broken with it, because its own tests are the other's too.
also() { case $1 in docker) echo file ;; esac; }

# break_room ROOM: its survivors go to OUT/ROOM/mutants.out/missed.txt. A test that never ends has noticed something, too.
break_room() {
  say "== $1"
  local log=$OUT/$1/log status=0 room files=() tests=()
  for room in "$1" $(also "$1"); do
    files+=(--file "src/$room.rs" --file "src/$room/**")
    tests+=("$room::")
  done
  (cd "$OUT/$1/crate" && CARGO_TARGET_DIR=$OUT/target NEXTEST_PROFILE=mutants \
    cargo mutants --in-place --timeout 60 --colors never --output "$OUT/$1" \
    "${files[@]}" -- --lib "${tests[@]}") >"$log" 2>&1 || status=$?
  tail -n 1 "$log" >&2
  # 2: some were missed; 3: some ran out of time. Anything else but 0 is a failure of its own.
  case $status in 0 | 2 | 3) ;; *) tail -n 20 "$log" >&2 && die "cargo mutants failed; the whole log is $log" ;; esac
}

# unexplained ROOM: the survivors without a reason. Line and column, which move, don't count.
unexplained() {
  local file line column change
  while IFS=: read -r file line column change; do
    grep -qF -- "$file:$change" "$REASONS" || echo "$file:$line:$column:$change"
  done <"$OUT/$1/mutants.out/missed.txt"
}

for room in "${ROOMS[@]}"; do
  make_crate "$room"
  break_room "$room"
done
survivors=$(for room in "${ROOMS[@]}"; do unexplained "$room"; done)
[ -n "$survivors" ] || { say "Every survivor has its reason in docs/mutants.md" && exit; }
say "== survivors: add a test, remove the code, or give the reason in docs/mutants.md"
printf '%s\n' "$survivors"
exit 1
