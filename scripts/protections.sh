#!/usr/bin/env bash
# scripts/protections.sh [NAME…]: takes protections of docs/security.md out, one after the other, in a copy of the tree, and sees the test
# fail that shows each. `scripts/protections.sh check [LIST]` looks only whether every patch applies, its test is there, and the page has
# it; LIST is what `cargo nextest list --message-format json` printed, else it is made, which builds the tests.
# `scripts/protections.sh table` prints the page's table.
source "$(dirname "$0")/env.sh"
cd "$ROOT"
PATCHES=$ROOT/tests/protections
PAGE=$ROOT/docs/security.md
COPIES=$TARGET/protections
# The rooms that do without the SDK: alone they build in a moment.
ROOMS=(cache ci code config docker error file folders identity kubelet program progress registry secret world)

# said NAME WORD: what the patch says of itself behind `WORD: `.
said() { sed -n "s/^$2: //p;/^diff /q" "$PATCHES/$1.patch"; }

names() { find "$PATCHES" -name '*.patch' -printf '%f\n' | sed 's/\.patch$//' | sort; }

# row NAME: its line of the page's table.
row() { printf "| %s | \`%s\` | [%s](../tests/protections/%s.patch) |\n" "$(said "$1" Protection)" "$(said "$1" Test)" "$1" "$1"; }

table() { while read -r name; do row "$name"; done < <(names); }

# tests [LIST]: all there are, as the patches call them; the cases of one by the one name, too.
tests() {
  if [ $# -gt 0 ]; then cat "$1"; else cargo nextest list --locked --package ecr-auth --message-format json 2>/dev/null; fi |
    jq -r '."rust-suites"[] | select(."package-name" == "ecr-auth") | (if .kind == "lib" then "lib" else ."binary-name" end) as $suite | .testcases | keys[] | "\($suite) \(.)"' |
    sed -E 'p;s/::(case|name)_[^:]*$//' | sort -u
}

# check [LIST]
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
  done < <(grep -oE "\`(lib|it) [a-z0-9_:]+\`" "$PAGE" | tr -d '\`' | sort -u)
  diff <(table) <(grep -F '](../tests/protections/' "$PAGE") >&2 || { say "error: docs/security.md: scripts/protections.sh table prints what it should have" && status=1; }
  return "$status"
}

# copied: the tree as it is, without what is built: all of it, and its rooms alone.
copied() {
  local copy
  for copy in "$COPIES"/{all,rooms}; do
    rm -rf "$copy"
    mkdir -p "$copy"
    git ls-files -z --cached --others --exclude-standard | tar -c --null --files-from - --ignore-failed-read 2>/dev/null | tar -x -C "$copy"
    # Under a name of its own: cargo tells members of a workspace apart by their names alone, and would take ours for the copy's.
    sed -i 's/^name = "ecr-auth"/name = "ecr-auth-copy"/' "$copy"/Cargo.{toml,lock}
    sed -i 's/^name = "cognito-srp"/name = "cognito-srp-copy"/' "$copy"/srp/Cargo.toml
    sed -i 's/^cognito-srp = { path = "srp"/&, package = "cognito-srp-copy"/; s/^\[profile\.dev\.package\.cognito-srp\]/[profile.dev.package.cognito-srp-copy]/' "$copy/Cargo.toml"
    sed -i 's/"cognito-srp"/"cognito-srp-copy"/' "$copy/Cargo.lock"
    printf '[lib]\nname = "ecr_auth"\n[[bin]]\nname = "ecr-auth"\npath = "src/main.rs"\n' >>"$copy/Cargo.toml"
  done
  printf 'pub mod %s;\n' "${ROOMS[@]}" >"$copy/src/lib.rs"
  # Tests of whole commands stay out.
  sed -i '/^mod commands;/d' "$copy/src/docker/tests/mod.rs"
}

# file NAME: what the patch changes.
file() { sed -n 's|^+++ b/||p' "$PATCHES/$1.patch"; }

# copy NAME: where it is taken out: among the rooms alone, if its test stands there too.
copy() {
  local room suite test
  room=$(file "$1" | sed -E 's|^src/([a-z]+).*|\1|')
  read -r suite test < <(said "$1" Test)
  if [[ $suite = lib && " ${ROOMS[*]} " = *" $room "* && " ${ROOMS[*]} " = *" ${test%%::*} "* ]]; then echo rooms; else echo all; fi
}

# cargo_test COPY SUITE ARG…: what it depends on is built already; what becomes of the copy itself lands beside it.
cargo_test() {
  local copy=$1 suite
  case $2 in lib) suite=(--lib) ;; *) suite=(--test "$2") ;; esac
  shift 2
  (cd "$COPIES/$copy" && CARGO_TARGET_DIR=$COPIES/target CARGO_BUILD_BUILD_DIR=$TARGET timeout 900 cargo test --quiet --locked "${suite[@]}" "$@") >"$COPIES/log" 2>&1
}

# without NAME: takes the protection out, sees its test fail, and puts it back.
without() {
  local suite test copy file
  read -r suite test < <(said "$1" Test)
  copy=$(copy "$1")
  file=$(file "$1")
  # git would take the copy for a part of the repository around it, and leave it alone.
  (cd "$COPIES/$copy" && GIT_CEILING_DIRECTORIES=$COPIES git apply --whitespace=nowarn "$PATCHES/$1.patch") || { echo "$1: the patch does not apply" && return; }
  # cargo would take the crate beside ours for built already.
  rm -rf "$TARGET"/debug/.fingerprint/cognito-srp-copy-*
  if ! cargo_test "$copy" "$suite" --no-run; then
    echo "$1: without it, nothing compiles: $(grep -m 1 '^error' "$COPIES/log")"
  elif cargo_test "$copy" "$suite" -- "$test"; then
    echo "$1: without it, $test passes"
  elif ! grep -q '^test result: FAILED' "$COPIES/log"; then
    echo "$1: without it, $test does not end: $(tail -n 1 "$COPIES/log")"
  fi
  cp "$file" "$COPIES/$copy/$file"
  rm -rf "$TARGET"/debug/.fingerprint/cognito-srp-copy-*
}

# all_pass NAME…: whether the tests pass while the protections are there. Else that they fail says nothing.
all_pass() {
  local copy suite name its test
  for copy in rooms all; do
    for suite in lib it; do
      local wanted=()
      for name; do
        read -r its test < <(said "$name" Test)
        [ "$its $(copy "$name")" != "$suite $copy" ] || wanted+=("$test")
      done
      [ ${#wanted[@]} = 0 ] || cargo_test "$copy" "$suite" -- "${wanted[@]}" || { tail -n 20 "$COPIES/log" >&2 && return 1; }
    done
  done
}

case ${1:-} in
  check) shift && check "$@" && exit ;;
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
