#!/usr/bin/env bash
# homebrew-formula.sh VERSION SHA256SUMS: prints the Homebrew formula of a release. Homebrew only installs formulae from taps: copy it to a tap as
# Formula/ecr-auth.rb.
source "$(dirname "$0")/env.sh"

[ $# = 2 ] || die "usage: homebrew-formula.sh VERSION SHA256SUMS"
VERSION=$1
SUMS=$2

# download TARGET: prints the URL and the checksum of a target's binary.
download() {
  local file=ecr-auth-$1 sum
  sum=$(awk -v file="$file" '$2 == file {print $1}' "$SUMS")
  [[ $sum =~ ^[0-9a-f]{64}$ ]] || die "$file: not in $SUMS"
  printf '      url "https://github.com/%s/releases/download/v%s/%s"\n      sha256 "%s"\n' "$(repository)" "$VERSION" "$file" "$sum"
}

# Read before anything is printed, so that the formula is complete or not printed at all.
MACOS_ARM=$(download aarch64-apple-darwin)
MACOS_INTEL=$(download x86_64-apple-darwin)
LINUX_ARM=$(download aarch64-unknown-linux-musl)
LINUX_INTEL=$(download x86_64-unknown-linux-musl)
cat <<EOF
class EcrAuth < Formula
  desc "Docker login for Amazon ECR that never expires mid-build"
  homepage "https://github.com/$(repository)"
  version "$VERSION"
  license "Apache-2.0"

  on_macos do
    on_arm do
$MACOS_ARM
    end
    on_intel do
$MACOS_INTEL
    end
  end

  on_linux do
    on_arm do
$LINUX_ARM
    end
    on_intel do
$LINUX_INTEL
    end
  end

  def install
    binary = Dir["ecr-auth-*"].fetch(0)
    chmod 0755, binary
    bin.install binary => "ecr-auth"
    bin.install_symlink "ecr-auth" => "docker-credential-ecr-auth"
    generate_completions_from_executable(bin/"ecr-auth", "completions")
  end

  test do
    assert_match version.to_s, shell_output("#{bin}/ecr-auth --version")
    assert_match version.to_s, shell_output("#{bin}/docker-credential-ecr-auth version")
  end
end
EOF
