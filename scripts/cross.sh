# shellcheck shell=bash disable=SC2034 # who sources it uses STD
# Sourced by what builds for other machines: the Rust that can, and zig as the C compiler and linker.
#
# Rust's standard library for a target is rustup's where that is installed (`rustup target add`); else it is built from Debian's source,
# which cargo does only when told that it may use what is not stable yet (RUSTC_BOOTSTRAP).
source "$(dirname "${BASH_SOURCE[0]}")/env.sh"

ZIG=$TARGET/zig
# What cargo needs besides --target.
STD=()

# rust_for TARGET: chooses the Rust for the rest of this (sub)shell.
rust_for() {
  STD=()
  rust_has_std "$1" || {
    export PATH=/usr/bin:$PATH RUSTC=/usr/bin/rustc RUSTC_BOOTSTRAP=1
    # Without backtraces, which the program never shows.
    STD=("-Zbuild-std=std,panic_abort" "-Zbuild-std-features=optimize_for_size")
  }
  # First, as cargo-zigbuild asks the first python3 for zig.
  export PATH=$ZIG/bin:$PATH
}
