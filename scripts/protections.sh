#!/usr/bin/env bash
# scripts/protections.sh [NAME…]: removes protections of docs/security.md one after the other in a copy of the tree, and checks that each one's test
# fails. `scripts/protections.sh check [LIST]` only checks that every patch applies, that its test exists, and that the page lists it. LIST is the
# output of `cargo nextest list --message-format json`; without it the script creates the list, which builds the tests. `scripts/protections.sh
# tenth` removes a tenth of the protections, another tenth each day. `scripts/protections.sh table` prints the page's table.
source "$(dirname "$0")/env.sh"
cd "$ROOT"
PATCHES=$ROOT/tests/protections
PAGE=$ROOT/docs/security.md
COPY=$TARGET/protections/tree
LOG=$TARGET/protections/log

# said NAME WORD: prints the text behind `WORD: ` in the patch's header.
said() { sed -n "s/^$2: //p;/^diff /q" "$PATCHES/$1.patch"; }

names() { find "$PATCHES" -name '*.patch' -printf '%f\n' | sed 's/\.patch$//' | sort; }

# tenth: prints every tenth name, starting at a number that depends on the date (UTC), so that ten days cover all names.
tenth() {
  local day
  day=$(($(date +%s) / 86400 % 10))
  names | awk -v day="$day" 'NR % 10 == day'
}

# row NAME: prints the protection's line of the page's table.
row() { printf "| %s | \`%s\` | [%s](../tests/protections/%s.patch) |\n" "$(said "$1" Protection)" "$(said "$1" Test)" "$1" "$1"; }

table() { while read -r name; do row "$name"; done < <(names); }

# tests [LIST]: prints every test as the patches name it: nextest's name of the suite, then the test. A test with cases is also listed once by its
# own name.
tests() {
  if [ $# -gt 0 ]; then cat "$1"; else cargo nextest list --locked --workspace --message-format json 2>/dev/null; fi |
    jq -r '."rust-suites"[] | ."binary-id" as $suite | .testcases | keys[] | "\($suite) \(.)"' |
    sed -E 'p;s/::(case|name)_[^:]*$//' | sort -u
}

# check [LIST]: prints every error and returns 1 if there is one.
check() {
  local status=0 name wanted
  wanted=$(tests "$@")
  for name in $(names); do
    git apply --check "$PATCHES/$name.patch" 2>/dev/null || { say "error: $name.patch does not apply" && status=1; }
    [ -n "$(said "$name" Protection)" ] || { say "error: $name.patch does not say what it takes out" && status=1; }
    grep -qxF -- "$(said "$name" Test)" <<<"$wanted" || { say "error: $name.patch names no test: $(said "$name" Test)" && status=1; }
  done
  while read -r name; do
    grep -qxF -- "$name" <<<"$wanted" || { say "error: docs/security.md names no test: $name" && status=1; }
  done < <(grep -oE "\`[a-z-]+(::it)? [a-z0-9_]+::[a-z0-9_:]+\`" "$PAGE" | tr -d '\`' | sort -u)
  diff <(table) <(grep -F '](../tests/protections/' "$PAGE") >&2 || { say "error: docs/security.md: scripts/protections.sh table prints what it should have" && status=1; }
  return "$status"
}

# copied: copies the tree and its build results, so that only what a patch changes is built again.
copied() {
  rm -rf "$COPY"
  mkdir -p "$COPY/target/debug"
  git ls-files -z --cached --others --exclude-standard | tar -c --null --files-from - --ignore-failed-read 2>/dev/null | tar -x -C "$COPY"
  local part
  for part in .fingerprint build deps; do
    [ ! -d "$TARGET/debug/$part" ] || cp -a --reflink=auto "$TARGET/debug/$part" "$COPY/target/debug/"
  done
}

# cargo_test SUITE ARG…: runs the tests of one suite in the copy.
cargo_test() {
  local suite=$1 which=(--lib)
  shift
  case $suite in *::*) which=(--test "${suite#*::}") ;; esac
  (cd "$COPY" && CARGO_TARGET_DIR=$COPY/target timeout 900 cargo test --quiet --locked --package "${suite%%::*}" "${which[@]}" "$@") >"$LOG" 2>&1
}

# without NAME: removes the protection, checks that its test fails, and restores the protection.
without() {
  local suite test
  read -r suite test < <(said "$1" Test)
  # git would treat the copy as part of the repository around it, and skip it.
  (cd "$COPY" && GIT_CEILING_DIRECTORIES=$TARGET git apply --whitespace=nowarn "$PATCHES/$1.patch") || { echo "$1: the patch does not apply" && return; }
  if ! cargo_test "$suite" --no-run; then
    echo "$1: without it, nothing compiles: $(grep -m 1 '^error' "$LOG")"
  elif cargo_test "$suite" -- "$test"; then
    echo "$1: without it, $test passes"
  elif ! grep -q '^test result: FAILED' "$LOG"; then
    echo "$1: without it, $test does not end: $(tail -n 1 "$LOG")"
  fi
  (cd "$COPY" && GIT_CEILING_DIRECTORIES=$TARGET git apply --reverse --whitespace=nowarn "$PATCHES/$1.patch")
}

# all_pass NAME…: whether the tests pass with the protections in place. Otherwise their failure without them proves nothing.
all_pass() {
  local suite name its test wanted
  while read -r suite; do
    wanted=()
    for name; do
      read -r its test < <(said "$name" Test)
      [ "$its" != "$suite" ] || wanted+=("$test")
    done
    cargo_test "$suite" -- "${wanted[@]}" || { tail -n 20 "$LOG" >&2 && return 1; }
  done < <(for name; do said "$name" Test; done | cut -d ' ' -f 1 | sort -u)
}

case ${1:-} in
  check) shift && check "$@" && exit ;;
  table) table && exit ;;
  *)
    case ${1:-} in
      "") mapfile -t NAMES < <(names) ;;
      tenth) mapfile -t NAMES < <(tenth) ;;
      *) NAMES=("$@") ;;
    esac
    # The copy is as large as the build, several GB.
    trap 'rm -rf "$COPY"' EXIT
    copied
    say "== ${#NAMES[@]} protections, all there"
    all_pass "${NAMES[@]}" || die "a test fails while its protection is there"
    say "== taken out, one after the other"
    left=$(for name in "${NAMES[@]}"; do
      say "$name"
      without "$name"
    done)
    [ -z "$left" ] || { printf '%s\n' "$left" && die "a protection was missed by nobody"; }
    say "Every protection is missed by its test"
    ;;
esac
