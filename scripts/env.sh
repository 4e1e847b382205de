# shellcheck shell=bash
# Sourced by every script: strict mode, the repository as ROOT, a working Rust toolchain on PATH, and functions for messages.
set -euo pipefail

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# Debian keeps daemons, iptables and mount helpers in sbin, which an ordinary user's PATH lacks.
case :$PATH: in *:/usr/sbin:*) ;; *) export PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin ;; esac

TARGET=${CARGO_TARGET_DIR:-$ROOT/target}
TOOLS=$TARGET/tools

# say TEXT…: prints progress to stderr.
say() { printf '%s\n' "$*" >&2; }

# die TEXT…: prints an error in ecr-auth's format, then exits with 1.
die() {
  printf 'error: %s\n' "$*" >&2
  exit 1
}

# need PROGRAM…: fails early if one of the programs is missing.
need() {
  local program missing=()
  for program; do command -v "$program" >/dev/null || missing+=("$program"); done
  [ ${#missing[@]} = 0 ] || die "not on PATH, although their packages are installed: ${missing[*]}"
}

# release: prints the name of this Debian release, including sid, which calls itself by the next release's name. Elsewhere it prints a word that
# packages.txt doesn't know.
release() {
  if grep -qs /sid /etc/debian_version; then echo sid; else sed -n 's/^VERSION_CODENAME=//p' /etc/os-release; fi
}

# debian_of_clients: prints the Debian whose clients the end-to-end tests use, or nothing if it is this machine's.
debian_of_clients() { [ "$(release)" = trixie ] || echo trixie; }

# as_root COMMAND…: runs the command as root, with sudo for an ordinary user.
as_root() {
  if [ "$(id -u)" = 0 ]; then
    "$@"
  else
    command -v sudo >/dev/null || die "this needs root and there is no sudo: run it as root, or install sudo"
    sudo "$@"
  fi
}

# at_least HAVE WANT: whether version HAVE is WANT or newer.
at_least() { [ "$(printf '%s\n%s\n' "$2" "$1" | sort -V | head -n 1)" = "$2" ]; }

# version: prints our version, from Cargo.toml.
version() { sed -n 's/^version = "\(.*\)"/\1/p' "$ROOT/Cargo.toml" | head -n 1; }

# repository: prints the repository's OWNER/NAME, from Cargo.toml.
repository() { sed -n 's,^repository = "https://github.com/\(.*\)",\1,p' "$ROOT/Cargo.toml"; }

# built_at: prints the build time in seconds since 1970, which is the commit's time.
built_at() { echo "${SOURCE_DATE_EPOCH:-$(git -C "$ROOT" log -1 --format=%ct 2>/dev/null || echo 0)}"; }

# rust_wanted: prints the minimum Rust version, from Cargo.toml.
rust_wanted() { sed -n 's/^rust-version = "\(.*\)"/\1/p' "$ROOT/Cargo.toml" | head -n 1; }

# rust_works: whether the cargo and rustc on PATH work and are new enough. `cargo` may be rustup's proxy, which exists but fails if HOME is not the
# home that its toolchains were installed in.
rust_works() {
  local cargo rustc
  cargo=$(cargo --version 2>/dev/null | awk '{print $2}') && rustc=$(rustc --version 2>/dev/null | awk '{print $2}') || return 1
  [ -n "$cargo" ] && [ -n "$rustc" ] && at_least "$cargo" "$(rust_wanted)" && at_least "$rustc" "$(rust_wanted)"
}

# rust_has_std TARGET: whether the Rust on PATH has the standard library of this target.
rust_has_std() { [ -d "$(rustc --print sysroot)/lib/rustlib/$1/lib" ]; }

# find_rust: puts a Rust toolchain on PATH: the current one; else rustup's in the login home (HOME may be an empty folder, in CI or with sudo); else
# Debian's in /usr/bin. Returns 1 if none works; install.sh then installs Debian's.
find_rust() {
  rust_works && return
  local login
  login=$(getent passwd "$(id -u)" | cut -d: -f6)
  if [ -d "$login/.rustup" ] && PATH=$login/.cargo/bin:$PATH RUSTUP_HOME=$login/.rustup CARGO_HOME=$login/.cargo rust_works; then
    export PATH=$login/.cargo/bin:$PATH RUSTUP_HOME=$login/.rustup CARGO_HOME=$login/.cargo
    return
  fi
  if PATH=/usr/bin:$PATH rust_works; then
    export PATH=/usr/bin:$PATH
    return
  fi
  return 1
}

# `rustup` must never download a toolchain unasked.
export RUSTUP_AUTO_INSTALL=0
find_rust || true
# Tools that were built for this repository come first.
case :$PATH: in *:"$TOOLS/bin":*) ;; *) export PATH=$TOOLS/bin:$PATH ;; esac
