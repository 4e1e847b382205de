#!/usr/bin/env bash
# make mutants, or scripts/mutants.sh [CRATE…]: cargo-mutants changes the crates with important rules, one change at a time, and the crate's own
# tests must fail. A change that no test notices must be listed in docs/mutants.md with its reason. With `protections` as the first CRATE, it tests
# the protections of docs/security.md: see protections.sh.
source "$(dirname "$0")/env.sh"
cd "$ROOT"
"$ROOT/scripts/install.sh" build mutants
find_rust

CRATES=("$@")
[ $# -gt 0 ] || CRATES=(protections ecr-registry secret-cache private-files client-config)
if [ "${CRATES[0]}" = protections ]; then
  "$ROOT/scripts/protections.sh"
  CRATES=("${CRATES[@]:1}")
  [ ${#CRATES[@]} -gt 0 ] || exit 0
fi
OUT=$TARGET/mutants
REASONS=$ROOT/docs/mutants.md
# A quarter of the usual number of cases; set it for more.
export PROPTEST_CASES=${PROPTEST_CASES:-64}
# An endless loop may use all memory before its timeout: this limits the address space of a process, in KiB.
ulimit -v $((6 * 1024 * 1024))

# testers CRATE: prints the crates whose tests must notice. Rules about files that clients also write are tested with the clients' files.
testers() {
  case $1 in
    private-files) echo private-files,client-config ;;
    *) echo "$1" ;;
  esac
}

# break_crate CRATE: writes unnoticed changes to OUT/CRATE/mutants.out/missed.txt. A test that never ends counts as noticing.
break_crate() {
  say "== $1"
  local log=$OUT/$1/log status=0
  rm -rf "${OUT:?}/$1"
  mkdir -p "$OUT/$1"
  NEXTEST_PROFILE=mutants cargo mutants --test-tool nextest --package "$1" --test-package "$(testers "$1")" --timeout 60 --colors never --output "$OUT/$1" \
    -- --lib >"$log" 2>&1 || status=$?
  tail -n 1 "$log" >&2
  # 2: some changes were missed; 3: some timed out. Any other status except 0 is an error.
  case $status in 0 | 2 | 3) ;; *) tail -n 20 "$log" >&2 && die "cargo mutants failed; the whole log is $log" ;; esac
}

# of_another_system FILE LINE: whether this line belongs to an item for another operating system.
of_another_system() {
  head -n "$2" "$1" | awk '/^ *#\[cfg\((not\(|windows|target_os = "macos")/ { other = 1 } /^ *}$/ { if (length($0) == 1) other = 0 } END { exit !other }'
}

# unexplained CRATE: prints the unnoticed changes without a documented reason, ignoring line and column.
unexplained() {
  local file line column change
  while IFS=: read -r file line column change; do
    of_another_system "$file" "$line" || grep -qF -- "$file:$change" "$REASONS" || echo "$file:$line:$column:$change"
  done <"$OUT/$1/mutants.out/missed.txt"
}

for crate in "${CRATES[@]}"; do break_crate "$crate"; done
survivors=$(for crate in "${CRATES[@]}"; do unexplained "$crate"; done)
[ -n "$survivors" ] || { say "Every survivor has its reason in docs/mutants.md" && exit; }
say "== survivors: add a test, remove the code, or give the reason in docs/mutants.md"
printf '%s\n' "$survivors"
exit 1
