#!/usr/bin/env bash
# Writes scripts/hot-functions.txt, which link.sh reads: the functions that a warm `helper get` runs. hot-functions.sh BINARY: a static one with its symbols,
# as CARGO_PROFILE_RELEASE_STRIP=none scripts/dist.sh --binaries leaves it in target/TARGET/release/ before it complains of the folders in it. A list that is out of date costs
# memory and time, and breaks nothing.
source "$(dirname "$0")/env.sh"

outside() {
  [ -n "$(nm "$1" 2>/dev/null)" ] || die "$1 has no symbols"
  "$ROOT/scripts/install.sh" build demo bench
  find_rust
  cargo build --quiet --locked --package lab
  exec "$ROOT/scripts/namespace.sh" "${BASH:-bash}" "$0" --inside "$(realpath "$1")"
}

# functions_of BINARY: the symbols of the functions that a `get` runs. Not those without a name, which valgrind puts in brackets or shows as addresses.
functions_of() {
  valgrind --quiet --tool=callgrind --demangle=no --compress-strings=no --callgrind-out-file="$STAGE/callgrind" \
    "$1" helper get <<<"$REGISTRY" >/dev/null
  sed -n "s/^fn=\([A-Za-z_][^( ']*\)[^(]*$/\1/p" "$STAGE/callgrind"
}

inside() {
  # shellcheck source=stage.sh
  source "$ROOT/scripts/stage.sh"
  name_here "$REGISTRY" "api.ecr.$REGION.amazonaws.com"
  start_lab
  "$1" helper get <<<"$REGISTRY" >/dev/null
  # Without rules, and with one, so that their file is read too.
  functions_of "$1" >"$STAGE/called"
  mkdir -p "$HOME/.config/ecr-auth"
  printf 'registries:\n  - match: public.ecr.aws\n    optional: true\n' >"$HOME/.config/ecr-auth/ecr-auth.yml"
  functions_of "$1" >>"$STAGE/called"
  awk "$(<"$ROOT/scripts/symbols.awk")"'{ print plain($0) }' "$STAGE/called" | LC_ALL=C sort -u >"$ROOT/scripts/hot-functions.txt"
  say "$(wc -l <"$ROOT/scripts/hot-functions.txt") functions"
}

case ${1:-} in
  --inside) inside "$2" ;;
  "") die "usage: hot-functions.sh BINARY" ;;
  *) outside "$1" ;;
esac
