#!/usr/bin/env bash
# Checks release-checksums.sh on a copy of the tree: its result passes check-gitlab.sh and has every binary that the action may request, and a
# missing binary makes it fail without changes. Then checks homebrew-formula.sh.
source "$(dirname "$0")/env.sh"
cd "$ROOT"

COPY=$TARGET/release
VERSION=12.34.56
rm -rf "$COPY"
mkdir -p "$COPY/tree" "$COPY/files"
TREE=(.github Cargo.lock Cargo.toml README.md action ci crates docker docs fuzz/Cargo.lock jenkins kubernetes scripts templates)
cp -r --parents "${TREE[@]}" "$COPY/tree"
# The copy's scripts use this tree's tools.
export CARGO_TARGET_DIR=$TARGET

# names: prints the binaries that the action may request, one a line. The action downloads each in compressed form.
names() {
  "$TARGET/node/bin/node" -e 'const { assetName } = require("./action/binary.js");
    for (const system of ["linux", "darwin", "win32"]) for (const arch of ["x64", "arm64"]) console.log(assetName(system, arch));'
}
# checksums VERSION: runs release-checksums.sh in the copy.
checksums() { "$COPY/tree/scripts/release-checksums.sh" "$1" "$COPY/files" 2>"$COPY/stderr"; }
# refused VERSION WHY: checks that release-checksums.sh fails with this error and changes nothing.
refused() {
  ! checksums "$1" || die "release-checksums.sh: no error: $2"
  grep -qF "$2" "$COPY/stderr" || die "release-checksums.sh: another error than '$2': $(<"$COPY/stderr")"
  for part in "${TREE[@]}"; do
    diff -r "$part" "$COPY/tree/$part" >&2 || die "release-checksums.sh: changes files, and then fails"
  done
}

mapfile -t NAMES < <(names)
((${#NAMES[@]} == 6)) || die "action/binary.js names other files than the six of a release"
FILES=("${NAMES[@]}" "${NAMES[@]/%/.br}")
for name in "${FILES[@]}"; do printf 'the bytes of %s' "$name" >"$COPY/files/$name"; done
for version in v1.2.3 1.2 1.2.3-rc.1 '1.2.3/x'; do refused "$version" "not a version"; done
for name in "${FILES[@]}"; do
  mv "$COPY/files/$name" "$COPY/aside"
  refused "$VERSION" "$name: not in"
  mv "$COPY/aside" "$COPY/files/$name"
done

# Sets only the version, as before a release.
"$COPY/tree/scripts/set-version.sh" 8.8.8
# Each of our crates is in at least one lock file.
(cd "$COPY/tree" && scripts/check-gitlab.sh && scripts/set-version.sh --check && grep -qF 'ecr-auth@v8' README.md &&
  for crate in ecr-auth $(ls crates); do grep -hFxA1 "name = \"$crate\"" Cargo.lock fuzz/Cargo.lock; done | grep '^version' | sort -u | diff - <(echo 'version = "8.8.8"')) ||
  die "set-version.sh: left something as it was"
# A second run replaces what the first one wrote.
for version in 9.9.9 "$VERSION"; do checksums "$version" || die "release-checksums.sh: $(<"$COPY/stderr")"; done
"$COPY/tree/scripts/check-gitlab.sh"
(cd "$COPY/files" && sha256sum "${FILES[@]}") | sort >"$COPY/expected"
jq -r '.sha256 | to_entries[] | "\(.value)  \(.key)"' "$COPY/tree/action/checksums.json" | sort | diff "$COPY/expected" - >&2 ||
  die "action/checksums.json has not the binaries' SHA-256s"
[ "$(jq -r .version "$COPY/tree/action/checksums.json")" = "$VERSION" ] || die "action/checksums.json is of another version"
"$COPY/tree/scripts/set-version.sh" --check
for version in "$(version)" 8.8.8 9.9.9; do
  ! (cd "$COPY/tree" && grep -rnF "$version" action ci docker docs jenkins kubernetes templates) >&2 || die "a version was left as it was"
done

# The repository's name is defined in one place and copied to all others.
(cd "$COPY/tree" && scripts/set-repository.sh acme && [ "$(source scripts/env.sh && repository)" = acme/ecr-auth ] && scripts/set-repository.sh --check) ||
  die "set-repository.sh: left something as it was"
printf 'uses: %s\n' other/ecr-auth@v1 >"$COPY/tree/docs/other.md"
! "$COPY/tree/scripts/set-repository.sh" --check 2>/dev/null || die "set-repository.sh --check: no error beside another repository"
rm "$COPY/tree/docs/other.md"
# set-version.sh finds a page with an older version, the orb's older release, and a tag of the action or orb that no release of this version moves.
for line in ecr-auth/v0.0.9 "        default: 0.0.9" "uses: $(repository)@v7" "ecr-auth: $(repository)@7"; do
  printf '%s\n' "$line" >"$COPY/tree/docs/other.md"
  ! "$COPY/tree/scripts/set-version.sh" --check 2>/dev/null || die "set-version.sh --check: no error beside: $line"
done
rm "$COPY/tree/docs/other.md"

# The formula is valid Ruby, and its downloads by system and architecture are the release's.
(cd "$COPY/files" && sha256sum "${NAMES[@]}") >"$COPY/SHA256SUMS"
scripts/homebrew-formula.sh "$VERSION" "$COPY/SHA256SUMS" >"$COPY/ecr-auth.rb"
ruby -w -e '
  class Formula
    class << self
      def desc(*) = nil
      def homepage(*) = nil
      def license(*) = nil
      def test = nil
      def version(text) = @version = text
      %w[macos linux arm intel].each { |name| define_method("on_#{name}") { |&block| (@at ||= []).push(name); block.call; @at.pop } }
      def url(text) = puts("#{@at.join(" ")} #{@version} #{text.split("/").last(2).join(" ")}")
      def sha256(text) = puts(text)
    end
  end
  load ARGV.fetch(0)
  abort "no install" unless EcrAuth.method_defined?(:install)' "$COPY/ecr-auth.rb" >"$COPY/formula"
for system in "macos arm:aarch64-apple-darwin" "macos intel:x86_64-apple-darwin" "linux arm:aarch64-unknown-linux-musl" "linux intel:x86_64-unknown-linux-musl"; do
  file=ecr-auth-${system#*:}
  printf '%s %s v%s %s\n%s\n' "${system%:*}" "$VERSION" "$VERSION" "$file" "$(sha256sum <"$COPY/files/$file" | cut -d ' ' -f 1)"
done | diff - "$COPY/formula" >&2 || die "homebrew-formula.sh: other downloads"
sed -i '/apple-darwin/d' "$COPY/SHA256SUMS"
! scripts/homebrew-formula.sh "$VERSION" "$COPY/SHA256SUMS" >"$COPY/none" 2>"$COPY/stderr" || die "homebrew-formula.sh: no error where a binary is missing"
[ ! -s "$COPY/none" ] || die "homebrew-formula.sh: half a formula"
grep -qF "ecr-auth-aarch64-apple-darwin: not in" "$COPY/stderr" || die "homebrew-formula.sh: another error: $(<"$COPY/stderr")"
