# shellcheck shell=bash disable=SC2034 # the scripts that source this use STD and WINDOWS_FLAGS
# Sourced by the scripts that build for other machines: finds a Rust toolchain for the target, and zig as the C compiler and linker.
#
# Rust's standard library for a target is rustup's if it is installed (`rustup target add`). Otherwise it is built from Debian's source, for which
# cargo has to allow unstable features (RUSTC_BOOTSTRAP).
source "$(dirname "${BASH_SOURCE[0]}")/env.sh"

ZIG=$TARGET/zig
# The arguments that cargo needs in addition to --target.
STD=()

# rust_for TARGET: selects the Rust toolchain for the rest of this (sub)shell.
rust_for() {
  STD=()
  rust_has_std "$1" || {
    export PATH=/usr/bin:$PATH RUSTC=/usr/bin/rustc RUSTC_BOOTSTRAP=1
    # Without backtraces, which the program never shows.
    STD=("-Zbuild-std=std,panic_abort" "-Zbuild-std-features=optimize_for_size")
  }
  case $1 in
    # Rust links two of GCC's libraries, whose contents zig has elsewhere. Two empty libraries satisfy the linker.
    *-windows-gnu)
      mkdir -p "$TARGET/windows-empty"
      for library in ssp ssp_nonshared; do printf '!<arch>\n' >"$TARGET/windows-empty/lib$library.a"; done
      WINDOWS_FLAGS=-Lnative=$TARGET/windows-empty
      export CARGO_TARGET_X86_64_PC_WINDOWS_GNU_RUSTFLAGS=$WINDOWS_FLAGS
      ;;
  esac
  # First on PATH, because cargo-zigbuild asks the first python3 for zig.
  export PATH=$ZIG/bin:$PATH
}
