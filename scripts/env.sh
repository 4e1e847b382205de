# shellcheck shell=bash
# Sourced by every script: strict mode, the repository as ROOT, a Rust toolchain that works on PATH, and how scripts speak.
set -euo pipefail

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# Debian keeps daemons, iptables and mount helpers in sbin, which an ordinary user's PATH lacks.
case :$PATH: in *:/usr/sbin:*) ;; *) export PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin ;; esac

TARGET=${CARGO_TARGET_DIR:-$ROOT/target}
TOOLS=$TARGET/tools

# say TEXT…: progress for people, on stderr.
say() { printf '%s\n' "$*" >&2; }

# die TEXT…: the same voice as ecr-auth itself, then exit 1.
die() {
  printf 'error: %s\n' "$*" >&2
  exit 1
}

# need PROGRAM…: says which of them aren't there, before the time is spent that they are needed after.
need() {
  local program missing=()
  for program; do command -v "$program" >/dev/null || missing+=("$program"); done
  [ ${#missing[@]} = 0 ] || die "not on PATH, although their packages are installed: ${missing[*]}"
}

# release: this Debian's name: sid too, which names itself after the next release. Elsewhere it is another word, which packages.txt doesn't know.
release() {
  if grep -qs /sid /etc/debian_version; then echo sid; else sed -n 's/^VERSION_CODENAME=//p' /etc/os-release; fi
}

# as_root COMMAND…: runs it as root, through sudo for an ordinary user.
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

# version: ours, from Cargo.toml.
version() { sed -n 's/^version = "\(.*\)"/\1/p' "$ROOT/Cargo.toml" | head -n 1; }

# repository: the OWNER/NAME of the repository, from Cargo.toml.
repository() { sed -n 's,^repository = "https://github.com/\(.*\)",\1,p' "$ROOT/Cargo.toml"; }

# built_at: the time that counts as the build's, in seconds since 1970: the commit's.
built_at() { echo "${SOURCE_DATE_EPOCH:-$(git -C "$ROOT" log -1 --format=%ct 2>/dev/null || echo 0)}"; }

# rust_wanted: the minimum Rust version, from Cargo.toml.
rust_wanted() { sed -n 's/^rust-version = "\(.*\)"/\1/p' "$ROOT/Cargo.toml" | head -n 1; }

# rust_works: whether the cargo and rustc on PATH really run and are new enough. `cargo` may be rustup's proxy, which
# exists but fails where HOME is not the one that its toolchains were installed for.
rust_works() {
  local cargo rustc
  cargo=$(cargo --version 2>/dev/null | awk '{print $2}') && rustc=$(rustc --version 2>/dev/null | awk '{print $2}') || return 1
  [ -n "$cargo" ] && [ -n "$rustc" ] && at_least "$cargo" "$(rust_wanted)" && at_least "$rustc" "$(rust_wanted)"
}

# rust_has_std TARGET: whether the Rust on PATH comes with the standard library of this target.
rust_has_std() { [ -d "$(rustc --print sysroot)/lib/rustlib/$1/lib" ]; }

# find_rust: puts a Rust toolchain on PATH: the one that is there; else rustup's in the login home (HOME may be an empty
# folder, in CI or with sudo); else Debian's in /usr/bin. Returns 1 where none works: install.sh then installs Debian's.
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

# `rustup` must never fetch a toolchain behind our back.
export RUSTUP_AUTO_INSTALL=0
find_rust || true
# Tools built for this repository alone come first.
case :$PATH: in *:"$TOOLS/bin":*) ;; *) export PATH=$TOOLS/bin:$PATH ;; esac
