#!/usr/bin/env bash
# make soak, or scripts/soak.sh [FILTER]: runs the long forms of the floods and of the power cuts, and writes what was run and for how long to
# docs/reliability.md. With FILTER, a filter of nextest, only some of them run, the results are printed, and the page stays unchanged.
# ECR_AUTH_TEST_BINARY names a built binary; without it the release binary is built.
source "$(dirname "$0")/env.sh"
"$ROOT/scripts/install.sh" build test
find_rust
cd "$ROOT"

FILTER=${1:-test(/^(floods|power_cut)::/)}
if [ -z "${ECR_AUTH_TEST_BINARY:-}" ]; then
  cargo build --quiet --locked --release
  ECR_AUTH_TEST_BINARY=$TARGET/release/ecr-auth
fi
[ -x "$ECR_AUTH_TEST_BINARY" ] || die "ECR_AUTH_TEST_BINARY names no program: $ECR_AUTH_TEST_BINARY"
# An absolute path, because the tests run in other folders.
ECR_AUTH_TEST_BINARY=$(realpath "$ECR_AUTH_TEST_BINARY")
export ECR_AUTH_TEST_BINARY
case $ECR_AUTH_TEST_BINARY in */debug/*) KIND='a debug binary' ;; *) KIND='the release binary' ;; esac
REPORT=$TARGET/soak.md
PAGE=$ROOT/docs/reliability.md
rm -f "$REPORT"
# One after the other, because each of them starts many processes.
ECR_AUTH_SOAK=1 ECR_AUTH_SOAK_REPORT=$REPORT cargo nextest run --locked --profile soak -E "$FILTER"
if [ $# -gt 0 ]; then
  sort "$REPORT"
  exit
fi
{
  sed '/^<!-- The last soak/q' "$PAGE"
  printf '\nOn %s, with %s processors and %s:\n\n| what was run | it took |\n|---|---|\n' "$(date -u +%F)" "$(nproc)" "$KIND"
  sort "$REPORT"
  echo
  sed -n '/^<!-- The end of the last soak/,$p' "$PAGE"
} >"$PAGE.new"
mv "$PAGE.new" "$PAGE"
say "docs/reliability.md says what was run"
