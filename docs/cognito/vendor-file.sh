#!/bin/sh
# Prints the file that you hand to customers, from the outputs of the stack of template.yml:
#   docs/cognito/vendor-file.sh image-customers >vendor.yml
set -eu

[ $# = 1 ] || {
  echo "usage: vendor-file.sh STACK" >&2
  exit 2
}

# output NAME: one output of the stack.
output() {
  value=$(aws cloudformation describe-stacks --stack-name "$stack" --output text \
    --query "Stacks[0].Outputs[?OutputKey=='$1'].OutputValue | [0]")
  [ "$value" != None ] || {
    echo "the stack $stack has no output $1: update it with template.yml" >&2
    exit 1
  }
  printf '%s' "$value"
}

stack=$1
user_pool=$(output UserPoolId)
client=$(output ClientId)
identity_pool=$(output IdentityPoolId)
domain=$(output LoginDomain)
registry=$(output Registry)
cat <<END
# For: ecr-auth cognito import vendor.yml
cognito:
  user-pool-id: $user_pool
  client-id: $client
  identity-pool-id: $identity_pool
  domain: $domain
registries:
  - match: $registry
    source: cognito
END
