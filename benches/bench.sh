#!/usr/bin/env bash
# make bench: measures what ecr-auth and its peers cost (docs/performance.md). bench.sh [--quick] [ROW…] runs a short form, or some rows of
# benches/run.py, and writes no page. bench.sh --gate [--update]: checks the limits of `make test` (benches/limits.json).
#
# The binary is the one of `make dist` for this machine, or BENCH_BINARY. For the gate it is cargo's release build.
# shellcheck source=../scripts/env.sh
source "$(dirname "$0")/../scripts/env.sh"

# dist_binary: prints the binary of `make dist` for this machine. Builds it if it is missing or older than its sources.
dist_binary() {
  local target file made_of=("$ROOT"/{src,crates,Cargo.toml,Cargo.lock,scripts/dist.sh,scripts/cross.sh,scripts/link.sh,scripts/requirements-zig.txt})
  target=$(uname -m)-unknown-linux-musl
  file=$ROOT/dist/ecr-auth-$target
  if [ ! -x "$file" ] || [ -n "$(find "${made_of[@]}" -newer "$file" -print -quit)" ]; then
    say "Building the static binary (some minutes)…"
    nice "$ROOT/scripts/dist.sh" --binaries "$target" >&2 || return
  fi
  echo "$file"
}

# gate_binary: builds and prints the binary that users build, for this machine's own target.
gate_binary() {
  say "Building the release binary…"
  cargo build --quiet --locked --release --package ecr-auth || return
  echo "$TARGET/release/ecr-auth"
}

# build_lab: builds the lab with a little optimisation in a separate folder, because TLS in an unoptimised lab takes longer than the client. A build
# with the release's settings would take many times as long without a benefit.
build_lab() {
  say "Building the lab…"
  CARGO_PROFILE_DEV_OPT_LEVEL=1 CARGO_PROFILE_DEV_DEBUG=0 cargo build --quiet --locked --package lab --target-dir "$TARGET/bench/lab"
}

# programs FOLDER: builds two small programs: one that does nothing, and one that measures another.
programs() {
  mkdir -p "$1"
  printf 'int main(void) { return 0; }\n' | cc -O2 -static -x c - -o "$1/empty"
  cc -O2 -static -Wall -Wextra -Werror "$ROOT/benches/usage.c" -o "$1/usage"
}

outside() {
  local binary purposes=(build demo) gate=
  if [ "${1:-}" = --gate ]; then
    gate=yes
    purposes+=(gate)
  else
    purposes+=(bench)
  fi
  "$ROOT/scripts/install.sh" "${purposes[@]}"
  find_rust
  cd "$ROOT"
  if [ -n "${BENCH_BINARY:-}" ]; then binary=$BENCH_BINARY; elif [ -n "$gate" ]; then binary=$(gate_binary); else binary=$(dist_binary); fi
  if [ -n "$gate" ]; then cargo build --quiet --locked --package lab; else build_lab; fi
  programs "$TARGET/bench"
  ECR_AUTH_TEST_BINARY=$(realpath "$binary") "$ROOT/scripts/namespace.sh" "${BASH:-bash}" "$0" --inside "$(rustc --version | cut -d ' ' -f 2)" "$@"
}

# inside RUSTC ARG…: runs the rows with a lab under AWS's names. Its CA is trusted like a company's own CA, in addition to the system's.
inside() {
  # shellcheck source=../scripts/stage.sh
  source "$ROOT/scripts/stage.sh"
  # shellcheck disable=SC2034 # start_lab runs it
  [[ " $* " == *" --gate "* ]] || LAB=$TARGET/bench/lab/debug/lab
  name_here "$REGISTRY" "$GITHUB_TOKENS" "api.ecr.$REGION.amazonaws.com" "sts.$REGION.amazonaws.com"
  start_lab
  cat "$SSL_CERT_FILE" >>/etc/ssl/certs/ca-certificates.crt
  export REGISTRY ACCOUNT GITHUB_TOKENS ROOT TARGET ECR_AUTH
  # The system's python is enough, because the rows only use its standard library.
  /usr/bin/python3 -B "$ROOT/benches/run.py" "$@"
}

if [ "${1:-}" = --inside ]; then inside "${@:2}"; else outside "$@"; fi
