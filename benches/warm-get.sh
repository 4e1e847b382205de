#!/usr/bin/env bash
# make bench: instructions that a warm `helper get` takes (callgrind, so repeatable), beside an empty static program and Debian's Go
# helper with a warm cache of its own. Release build; no network: both answer from their cache, with the lab behind them once.
# shellcheck source=../scripts/env.sh
source "$(dirname "$0")/../scripts/env.sh"

outside() {
  "$ROOT/scripts/install.sh" build demo bench
  find_rust
  cd "$ROOT"
  say "Building…"
  cargo build --quiet --locked --package lab
  cargo build --quiet --locked --release --package ecr-auth
  printf 'int main(void) { return 0; }\n' | cc -O2 -static -x c - -o "$TARGET/empty"
  exec "$ROOT/scripts/namespace.sh" "${BASH:-bash}" "$0" --inside
}

# instructions NAME COMMAND…: runs it under callgrind with the registry on stdin, and prints the count.
instructions() {
  local name=$1
  shift
  valgrind --tool=callgrind --callgrind-out-file=/dev/null "$@" <<<"$REGISTRY" >"$STAGE/bench.out" 2>"$STAGE/bench.err" ||
    { tail -n 5 "$STAGE/bench.err" >&2 && die "$name failed under callgrind"; }
  printf '%-36s %12s\n' "$name" "$(awk '/Collected/ {print $NF}' "$STAGE/bench.err")"
}

inside() {
  # shellcheck source=../scripts/stage.sh
  source "$ROOT/scripts/stage.sh"
  local go=docker-credential-ecr-login
  name_here "$REGISTRY" "api.ecr.$REGION.amazonaws.com" "sts.$REGION.amazonaws.com"
  start_lab
  ln -s "$TARGET/release/ecr-auth" "$STAGE/bin/docker-credential-ecr-auth"
  password >/dev/null
  "$go" get <<<"$REGISTRY" >/dev/null
  echo "instructions, one run:"
  instructions "an empty static program" "$TARGET/empty"
  instructions "ecr-auth get, warm" docker-credential-ecr-auth get
  # Go interrupts its threads with signals, which callgrind takes for its own; without them it runs, and counts as much.
  GODEBUG=asyncpreemptoff=1 instructions "amazon-ecr-credential-helper, warm" "$(command -v "$go")" get
}

if [ "${1:-}" = --inside ]; then inside; else outside; fi
