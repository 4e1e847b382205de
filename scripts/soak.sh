#!/usr/bin/env bash
# make soak: the long forms of the floods with the release binary, and what was run and for how long into docs/reliability.md.
source "$(dirname "$0")/env.sh"
"$ROOT/scripts/install.sh" build test
find_rust
cd "$ROOT"

cargo build --quiet --locked --release
REPORT=$TARGET/soak.md
PAGE=$ROOT/docs/reliability.md
rm -f "$REPORT"
# One after the other: each of them is a crowd by itself.
ECR_AUTH_SOAK=1 ECR_AUTH_SOAK_REPORT=$REPORT ECR_AUTH_TEST_BINARY=$TARGET/release/ecr-auth \
  cargo nextest run --locked --profile soak -E 'test(/^floods::/)'

{
  sed '/^<!-- The last soak/q' "$PAGE"
  printf '\nOn %s, with %s processors and the release binary:\n\n| what was run | it took |\n|---|---|\n' "$(date -u +%F)" "$(nproc)"
  sort "$REPORT"
  echo
  sed -n '/^<!-- The end of the last soak/,$p' "$PAGE"
} >"$PAGE.new"
mv "$PAGE.new" "$PAGE"
say "docs/reliability.md says what was run"
