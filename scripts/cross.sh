# shellcheck shell=bash disable=SC2034 # who sources it uses STD and WINDOWS_FLAGS
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
  case $1 in
    # Rust names two libraries of GCC's, and zig has what is in them elsewhere: here are two with nothing in them.
    *-windows-gnu)
      mkdir -p "$TARGET/windows-empty"
      for library in ssp ssp_nonshared; do printf '!<arch>\n' >"$TARGET/windows-empty/lib$library.a"; done
      WINDOWS_FLAGS=-Lnative=$TARGET/windows-empty
      export CARGO_TARGET_X86_64_PC_WINDOWS_GNU_RUSTFLAGS=$WINDOWS_FLAGS
      ;;
  esac
  # First, as cargo-zigbuild asks the first python3 for zig.
  export PATH=$ZIG/bin:$PATH
}
