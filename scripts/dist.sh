#!/usr/bin/env bash
# make dist: builds a release for Linux, and for Windows on x86_64, in dist/: the tested binaries, each also compressed (for the action's download)
# and with an SBOM (CycloneDX); for Linux a Debian package and an RPM of each, and the image; and SHA256SUMS.
#
# dist.sh --binaries [TARGET…]: builds only the binaries, or those of some targets, and leaves the rest of dist/ unchanged.
#
# zig is the C compiler and the linker for both architectures, and provides musl. Debian's musl, 1.2.3, can't query DNS servers over TCP, so it
# would truncate long answers.
source "$(dirname "$0")/cross.sh"
cd "$ROOT"

DIST=$ROOT/dist
LINUX=(x86_64-unknown-linux-musl aarch64-unknown-linux-musl)
WINDOWS=x86_64-pc-windows-gnu
TARGETS=("${LINUX[@]}" "$WINDOWS")
# The largest allowed size in bytes. A bigger binary contains something that does not belong in it. Windows binaries have tables for unwinding,
# which the system requires.
LARGEST=6050000
LARGEST_WINDOWS=7000000
LARGEST_DOWNLOAD=2420000
# Windows' own libraries, including the C library, which every version since Windows 10 has.
SYSTEM_LIBRARIES='kernel32|ntdll|advapi32|bcrypt|bcryptprimitives|combase|crypt32|ktmw32|ncrypt|oleaut32|rpcrt4|secur32|user32|userenv|ws2_32|api-ms-win-(core|crt)-[a-z0-9-]+'
# Tests that watch the process's system calls or limit its memory would watch qemu instead. Starting many qemu processes takes longer than a `get`
# may last.
# Questions at a terminal need an ioctl (TCGETS2) that Debian 12's qemu doesn't support. The list of processes names qemu.
NOT_EMULATED='test(/^(crowds::(a_warm_get_opens_no_socket_and_starts_no_thread|two_hundred_identities_at_once_are_all_cached)$|leaks|stored_logins::no_secret_is_in_an_argument_or_in_a_readable_file$|power_cut::|under_fire::|floods::|faults::|cognito_(browser|devices|import|terminal)::|mfa::|waiting::|help::|moto::|store_tricks::a_store_that_leads_back_without_our_mark_ends_too)/)'
# Tests that move a process's clock use a preloaded library, which a static program doesn't load.
CLOCK_MOVED='test(/^(job_time|scale|aws_tools::boto3|floods::a_week_|locks::a_process_that_is_stopped_while_it_renews|token_commands::the_helper_mints_when_)/)'
CLOCK_MOVED_CLIENTS='^test_(browser_customers_(of_|sign_in_with_(a_passkey|google))|builds_outlive_|builds_of_.*_are_told_what_ended$|logins_work_by_the_aws_cli_under_assume$|cognito_customers_pull_|cognito_profiles_|doctor_names_(an_expired_session|a_clock_that_is_off)$)'
# In a user namespace Docker can push and pull but not start containers, so only the tests that start none run.
EMULATED_CLIENTS=(test_docker_login_passes_with_the_helper test_docker_works_with_the_global_store test_docker_is_as_before_after_logout
  test_docker_pulls_from_ecr_public_even_where_aws_says_no test_podman_builds_pushes_and_pulls test_buildah_pushes_and_pulls
  test_skopeo_copies_without_a_daemon test_tokens_are_fetched_once)

# flags TARGET: prints rustc's flags, one a line. File names in the binary (of panics) are relative to the crate, so that builds are reproducible
# and do not contain our paths.
flags() {
  local registry
  case $1 in
    # cross.sh also gives cargo flags, but cargo reads only one of the two variables.
    *windows*) echo "$WINDOWS_FLAGS" ;;
    *) flags_of_linux ;;
  esac
  echo "--remap-path-prefix=$(rustc --print sysroot)/lib/rustlib/src/rust=/rust"
  echo "--remap-path-prefix=$ROOT=/ecr-auth"
  for registry in "${CARGO_HOME:-$HOME/.cargo}"/registry/src/*; do echo "--remap-path-prefix=$registry=/crates"; done
}

flags_of_linux() {
  echo -Clink-self-contained=no
  echo -Ctarget-feature=+crt-static
  # zig doesn't support rustc's -static-pie, and would make the addresses fixed (docs/decisions/0003-position-independent.md).
  echo -Clink-arg=-pie
  echo "-Clinker=$ROOT/scripts/link.sh"
  # Otherwise rustc would take it for Microsoft's linker because of its name.
  echo -Clinker-flavor=gcc
  # A panic aborts the program, so tables for unwinding are not needed (docs/decisions/0005-size.md).
  echo -Cforce-unwind-tables=no
}

# file_of TARGET: prints the binary's name in dist/.
file_of() { case $1 in *windows*) echo "ecr-auth-$1.exe" ;; *) echo "ecr-auth-$1" ;; esac; }

# built TARGET: prints the path of cargo's binary.
built() { case $1 in *windows*) echo "$TARGET/$1/release/ecr-auth.exe" ;; *) echo "$TARGET/$1/release/ecr-auth" ;; esac; }

# build TARGET
build() (
  target=$1
  rust_for "$target"
  say "== $target: $(rustc --version)"
  # Fetched first, so that the crates' folder exists when its path is needed.
  cargo fetch --quiet --locked
  CARGO_ENCODED_RUSTFLAGS=$(flags "$target" | paste -sd $'\x1f')
  export CARGO_ENCODED_RUSTFLAGS LINK_TARGET=$target
  # Otherwise a program for Windows contains the time of its linking.
  SOURCE_DATE_EPOCH=$(built_at)
  export SOURCE_DATE_EPOCH
  # cargo doesn't know which files the linker reads.
  for read in link.sh requirements-zig.txt; do
    find "$TARGET/$target/release/deps" -name 'ecr_auth-*' ! -newer "$ROOT/scripts/$read" -delete 2>/dev/null || true
  done
  cargo zigbuild --quiet --locked --release --package ecr-auth --target "$target" "${STD[@]}"
)

# check_file TARGET: checks that the binary meets its system's rules, contains no path of this machine, and has the expected size.
check_file() {
  local file size folders largest=$LARGEST
  file=$(built "$1")
  case $1 in
    *windows*)
      check_windows "$file"
      largest=$LARGEST_WINDOWS
      ;;
    *) check_linux "$file" ;;
  esac
  folders=(-e "${CARGO_HOME:-$HOME/.cargo}/registry/")
  # The path that every checkout has in the binary.
  [ "$ROOT" = /ecr-auth ] || folders+=(-e "$ROOT/src/" -e "$ROOT/crates/" -e "$ROOT/target/")
  if grep --text --only-matching --fixed-strings --max-count 3 "${folders[@]}" "$file" >&2; then die "$file names folders of this machine"; fi
  size=$(stat --format %s "$file")
  [ "$size" -le "$largest" ] || die "$file has $size bytes, more than $largest"
}

# check_windows FILE: checks that the binary needs only Windows' own libraries, and has Windows' memory protections.
check_windows() {
  local headers
  headers=$(objdump --private-headers "$1")
  if sed -n 's/^\tDLL Name: //p' <<<"$headers" | grep -viE "^($SYSTEM_LIBRARIES)\\.dll$" >&2; then die "$1 asks for libraries that are not Windows' own"; fi
  for bit in HIGH_ENTROPY_VA DYNAMIC_BASE NX_COMPAT; do grep -q "$bit" <<<"$headers" || die "$1 lacks $bit"; done
}

# check_linux FILE: checks that the binary is static, and has no memory that is both writable and executable.
check_linux() {
  local file=$1 headers
  [[ $(file --brief "$file") == *", stat"*" linked, "* ]] || die "not static: $(file "$file")"
  [[ $(ldd "$file" 2>&1) =~ (statically linked|not a dynamic executable) ]] || die "ldd finds libraries in $file"
  headers=$(readelf --wide --program-headers --dynamic "$file")
  [[ $(readelf --file-header "$file") == *"DYN (Position-Independent"* ]] || die "$file lies at fixed addresses"
  if grep -E 'INTERP|\(NEEDED\)' <<<"$headers" >&2; then die "$file asks for a loader or a library"; fi
  if grep ' RWE ' <<<"$headers" >&2; then die "$file has memory that can be written and run"; fi
}

# test_file TARGET: runs the integration and the end-to-end tests with this binary instead of cargo's.
test_file() (
  here=() tests="binary(it) - $CLOCK_MOVED"
  mapfile -t clients < <(cat "$ROOT"/tests/e2e/*.sh | sed -n 's/^\(test_[a-z0-9_]*\)().*/\1/p' | grep -vE "$CLOCK_MOVED_CLIENTS")
  if [ "${1%%-*}" != "$(uname -m)" ]; then
    here=("$ROOT/scripts/emulate.sh")
    tests+=" - $NOT_EMULATED"
    clients=(--own --parts 1 "${EMULATED_CLIENTS[@]}")
  fi
  export ECR_AUTH_TEST_BINARY=$DIST/ecr-auth-$1
  say "== $1: integration tests"
  "${here[@]}" cargo nextest run --locked --package ecr-auth -E "$tests"
  say "== $1: Docker, Podman, Buildah and Skopeo"
  "${here[@]}" "$ROOT/scripts/e2e.sh" "${clients[@]}"
)

# sbom TARGET: lists the crates that are linked into this target's binary, Rust's standard library, and musl or MinGW-w64. cargo-cyclonedx also
# lists macro crates, which only run in the compiler; cargo tree leaves them out. The SBOM contains no path and no build time.
sbom() (
  target=$1
  written=$ROOT/ecr-auth.cdx.json
  rust_for "$target"
  SOURCE_DATE_EPOCH=$(built_at) cargo cyclonedx --quiet --format json --spec-version 1.5 --no-build-deps --target "$target" --override-filename ecr-auth.cdx
  linked=$(cargo tree --locked --package ecr-auth --target "$target" --edges normal,no-proc-macro --prefix none --format '{p}' | awk '{sub(/^v/, "", $2); print $1 "@" $2}')
  rust=$(rustc --version | awk '{print $2}')
  jq --sort-keys --arg folder "$ROOT" --arg linked "$linked" --arg rust "$rust" --arg libc "$(libc_of "$target")" '
    def part(name; version; licence): {type: "library", name: name, version: version, licenses: [{expression: licence}],
      purl: "pkg:generic/\(name)@\(version)", "bom-ref": "pkg:generic/\(name)@\(version)", scope: "required"};
    ($linked | split("\n") | map({key: ., value: true}) | from_entries) as $in
    | .components |= map(select($in["\(.name)@\(.version)"]))
    | ([.components[]["bom-ref"], .metadata.component["bom-ref"]] | map({key: ., value: true}) | from_entries) as $refs
    | .dependencies |= map(select($refs[.ref]) | if .dependsOn then .dependsOn |= map(select($refs[.])) else . end)
    | .components += [part("rust-std"; $rust; "MIT OR Apache-2.0"), ($libc | split(" ") | part(.[0]; .[1]; .[2]))]
    | walk(if type == "string" then split($folder) | join("/ecr-auth") else . end)
  ' "$written" >"$DIST/ecr-auth-$target.cdx.json"
  rm -f "$written" "$ROOT"/crates/*/ecr-auth.cdx.json
)

# libc_of TARGET: prints the name, version and licence of the C library that zig links.
libc_of() {
  local libc
  libc=$(echo "$ZIG"/lib/python3.*/site-packages/ziglang/lib/libc)
  case $1 in
    *windows*) sed -n 's/^#define __MINGW64_VERSION_\(MAJOR\|MINOR\|BUGFIX\) //p' "$libc"/include/any-windows-any/_mingw_mac.h | paste -sd . | sed 's/.*/mingw-w64 & ZPL-2.1/' ;;
    *) sed 's/.*"\(.*\)".*/musl \1 MIT/' "$libc/musl/src/internal/version.h" ;;
  esac
}

# binaries [TARGET…]: builds and checks the binaries of all targets, or of these.
binaries() {
  local target
  find_rust
  if [ $# = 0 ]; then
    rm -rf "$DIST"
    set -- "${TARGETS[@]}"
  fi
  # Removes the checksums of an earlier build.
  rm -f "$DIST/SHA256SUMS"
  mkdir -p "$DIST"
  for target; do
    build "$target"
    check_file "$target"
    install -m 755 "$(built "$target")" "$DIST/$(file_of "$target")"
  done
}

# compress FILE…: compresses each file for the action's download, and checks its size.
compress() {
  local file size
  "$TARGET/node/bin/node" scripts/compress.js "$@"
  for file; do
    size=$(stat --format %s "$file.br")
    [ "$size" -le $LARGEST_DOWNLOAD ] || die "$file.br has $size bytes, more than $LARGEST_DOWNLOAD"
  done
}

main() {
  local target
  "$ROOT/scripts/install.sh" build test dist
  # Checks now, not after half an hour, whether this machine can run the other architecture's programs.
  "$ROOT/scripts/emulate.sh" true
  binaries
  for target in "${TARGETS[@]}"; do sbom "$target"; done
  cargo build --quiet --locked --package lab
  for target in "${LINUX[@]}"; do test_file "$target"; done
  say "== $WINDOWS: integration tests under Wine"
  scripts/windows.sh "$DIST/$(file_of "$WINDOWS")"
  say "== packages and image"
  scripts/linux-packages.sh "$DIST"
  scripts/check-packages.sh "$DIST"
  scripts/image.sh "$DIST" "$DIST/ecr-auth-image.tar"
  for target in "${TARGETS[@]}"; do compress "$DIST/$(file_of "$target")"; done
  (cd "$DIST" && sha256sum ecr-auth[-_]* >SHA256SUMS)
  stat --format '%10s  %n' dist/*
}

case ${1:-} in
  "") main ;;
  --binaries) "$ROOT/scripts/install.sh" build binaries && binaries "${@:2}" ;;
  *) die "usage: dist.sh [--binaries [TARGET…]]" ;;
esac
