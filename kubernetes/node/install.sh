#!/usr/bin/env bash
# Installs ecr-auth on a node during an image build (Packer, EC2 Image Builder, a Dockerfile of a node image), as root:
#   install.sh BINARY CREDENTIAL_PROVIDER_CONFIG
# Start the kubelet with
#   --image-credential-provider-config=/etc/ecr-auth/credential-provider-config.yaml
#   --image-credential-provider-bin-dir=/usr/local/libexec/ecr-auth
# (on EKS: kubelet.flags of the NodeConfig, see user-data.txt). ROOT=DIR installs below another root.
set -euo pipefail
[ $# = 2 ] || { echo "usage: $0 BINARY CREDENTIAL_PROVIDER_CONFIG" >&2 && exit 2; }
binary=$(realpath "$1")
bin=${ROOT:-}/usr/local/libexec/ecr-auth
etc=${ROOT:-}/etc/ecr-auth
chmod +x "$binary"
"$binary" install --to "$bin"
# A second name, for a second provider in one configuration: credential-provider-config-service-account.yaml.
ln -sfn ecr-auth "$bin/ecr-auth-node"
install -d -m 0755 "$etc"
install -m 0644 "$2" "$etc/credential-provider-config.yaml"
