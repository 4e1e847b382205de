#!/usr/bin/env bash
# scripts/protections.sh [NAME…]: takes protections of docs/security.md out, one after the other, in a copy of the tree, and sees the test
# fail that shows each. `scripts/protections.sh check` looks only whether every patch applies, its test is there, and the page has it;
# `scripts/protections.sh table` prints the page's table.
source "$(dirname "$0")/env.sh"
cd "$ROOT"
PATCHES=$ROOT/tests/protections
PAGE=$ROOT/docs/security.md
COPY=$TARGET/protections/tree

# said NAME WORD: what the patch says of itself behind `WORD: `.
said() { sed -n "s/^$2: //p;/^diff /q" "$PATCHES/$1.patch"; }

names() { find "$PATCHES" -name '*.patch' -printf '%f\n' | sed 's/\.patch$//' | sort; }

# row NAME: its line of the page's table.
row() { printf "| %s | \`%s\` | [%s](../tests/protections/%s.patch) |\n" "$(said "$1" Protection)" "$(said "$1" Test)" "$1" "$1"; }

table() { while read -r name; do row "$name"; done < <(names); }

# tests: all there are, as the patches call them; the cases of one by the one name, too.
tests() {
  cargo nextest list --locked --package ecr-auth --message-format json 2>/dev/null |
    jq -r '."rust-suites"[] | (if .kind == "lib" then "lib" else ."binary-name" end) as $suite | .testcases | keys[] | "\($suite) \(.)"' |
    sed -E 'p;s/::(case|name)_[^:]*$//' | sort -u
}

check() {
  local status=0 name wanted
  wanted=$(tests)
  for name in $(names); do
    git apply --check "$PATCHES/$name.patch" 2>/dev/null || { say "error: $name.patch does not apply" && status=1; }
    [ -n "$(said "$name" Protection)" ] || { say "error: $name.patch does not say what it takes out" && status=1; }
    grep -qxF -- "$(said "$name" Test)" <<<"$wanted" || { say "error: $name.patch names no test: $(said "$name" Test)" && status=1; }
  done
  while read -r name; do
    grep -qxF -- "$name" <<<"$wanted" || { say "error: docs/security.md names no test: $name" && status=1; }
  done < <(grep -oE "\`(lib|it) [a-z0-9_:]+\`" "$PAGE" | tr -d '\`' | sort -u)
  diff <(table) <(grep -F '](../tests/protections/' "$PAGE") >&2 || { say "error: docs/security.md: scripts/protections.sh table prints what it should have" && status=1; }
  return "$status"
}

# copied: the tree as it is, without what is built.
copied() {
  rm -rf "$COPY"
  mkdir -p "$COPY"
  git ls-files -z --cached --others --exclude-standard | tar -c --null --files-from - --ignore-failed-read 2>/dev/null | tar -x -C "$COPY"
}

# cargo_there ARG…: in the copy. What it depends on is built already; what becomes of the copy itself lands beside it.
cargo_there() { (cd "$COPY" && CARGO_TARGET_DIR=$TARGET/protections/target CARGO_BUILD_BUILD_DIR=$TARGET timeout 600 cargo "$@"); }

# of_suite SUITE: the arguments of cargo that build it.
of_suite() { case $1 in lib) echo --lib ;; *) echo --test "$1" ;; esac; }

# passes SUITE NAME: whether the test passes in the copy, and is there.
passes() {
  local arguments out
  read -ra arguments < <(of_suite "$1")
  out=$(cargo_there test --quiet --locked "${arguments[@]}" -- "$2" 2>&1) && grep -qE 'test result: ok\. [1-9]' <<<"$out"
}

# without NAME: takes the protection out, sees its test fail, and puts it back.
# git would take the copy for a part of the repository around it, and leave it alone.
without() {
  local suite test arguments file
  read -r suite test < <(said "$1" Test)
  read -ra arguments < <(of_suite "$suite")
  file=$(sed -n 's|^+++ b/||p' "$PATCHES/$1.patch")
  (cd "$COPY" && GIT_CEILING_DIRECTORIES=${COPY%/*} git apply --whitespace=nowarn "$PATCHES/$1.patch") || { echo "$1: the patch does not apply" && return; }
  if ! cargo_there test --quiet --locked "${arguments[@]}" --no-run >"$TARGET/protections/log" 2>&1; then
    echo "$1: without it, nothing compiles: $(grep -m 1 '^error' "$TARGET/protections/log")"
  elif passes "$suite" "$test"; then
    echo "$1: without it, $test passes"
  fi
  cp "$file" "$COPY/$file"
}

# all_pass NAME…: whether the tests pass while the protections are there. Else that they fail says nothing.
all_pass() {
  local name suite test
  for suite in $(for name; do said "$name" Test; done | cut -d ' ' -f 1 | sort -u); do
    local wanted=() arguments
    for name; do
      read -r its test < <(said "$name" Test)
      [ "$its" != "$suite" ] || wanted+=("$test")
    done
    read -ra arguments < <(of_suite "$suite")
    cargo_there test --quiet --locked "${arguments[@]}" -- "${wanted[@]}" >"$TARGET/protections/log" 2>&1 ||
      { tail -n 20 "$TARGET/protections/log" >&2 && return 1; }
  done
}

case ${1:-} in
  check) check && exit ;;
  table) table && exit ;;
  *)
    mapfile -t NAMES < <(if [ $# -gt 0 ]; then printf '%s\n' "$@"; else names; fi)
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
