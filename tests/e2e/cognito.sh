# shellcheck shell=bash disable=SC2154 # IMAGE, REGISTRY… come from run.sh
# Customers of a vendor: they have a name and a password of a user pool, but no AWS account. A scripted user types on a real terminal.

PASSWORD=Temporary-password-1
NEW=Correct-horse-battery-2
NEWER=Another-horse-battery-3

# customer NAME JSON: adds a user to the lab's pool, with the settings in the JSON. The image is only in the registry.
customer() {
  trap back_to_now EXIT
  control cognito/users "$(jq -c --arg username "$1" '{$username} + .' <<<"$2")" >/dev/null
  build_image "$IMAGE:1" hello
  as_admin docker push "$IMAGE:1"
  docker image rm "$IMAGE:1"
  export AUTHENTICATOR=$HOME/authenticator
  # The customer's machine has no AWS keys.
  unset AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY AWS_SESSION_TOKEN
}

# terminal COMMAND…: runs the command on a terminal; stdin has the script (terminal.py).
terminal() { "$TARGET/python/bin/python" "$HERE/terminal.py" "$@"; }

# quiet_terminal COMMAND…: runs the command on a terminal without typing.
quiet_terminal() { terminal "$@" </dev/null; }

# ids FILTER: prints ids of the lab's pools, selected with jq.
ids() { curl -fsS "$LAB_CONTROL/cognito" | jq -r "$1"; }

# set_up_from NAME CLIENT: sets up with the vendor's file, after looking at the change and confirming it.
set_up_from() {
  cat >"$HOME/vendor.yml" <<-EOT
	cognito:
	  user-pool-id: $(ids .user_pool_id)
	  client-id: $(ids .rotating_client_id)
	  identity-pool-id: $(ids .identity_pool_id)
	registries:
	  - match: $REGISTRY
	    source: cognito
	EOT
  terminal "$ECR_AUTH" cognito import "$HOME/vendor.yml" --username "$1" --client "$2" --bin-dir "$BIN" <<<"Make these changes? [y/N]: => y"
}

# set_up_cognito NAME CLIENT: sets up with flags.
set_up_cognito() {
  "$ECR_AUTH" cognito setup --client "$2" --bin-dir "$BIN" --user-pool-id "$(ids .user_pool_id)" --client-id "$(ids .client_id)" \
    --identity-pool-id "$(ids .identity_pool_id)" --username "$1" "$REGISTRY"
}

# sign_ins: prints how often a password was verified.
sign_ins() { calls cognito-idp:RespondToAuthChallenge; }

# pulls CLIENT: pulls the image again, on a terminal without typing.
pulls() {
  "$1" image rm "$IMAGE:1" >/dev/null 2>&1 || true
  quiet_terminal "$1" pull "$IMAGE:1"
}

# customers_way CLIENT SET_UP: plays a customer from the first sign-in to the last day.
customers_way() {
  local client=$1 name=zoe-$1 said before later=(faketime --exclude-monotonic -f +24h)
  customer "$name" "$(jq -nc --arg p $PASSWORD '{temporary_password: $p, groups: ["licensed"], mfa: ["setup"], attributes: {email: "zoe@example.com"}}')"
  "$2" "$name" "$client"
  # Before the first sign-in, the helper does not ask, even on a terminal.
  contains "$(fails quiet_terminal "$client" pull "$IMAGE:1")" "run in a terminal: ecr-auth cognito"
  said=$(terminal "$ECR_AUTH" cognito <<-EOT
	Password of $name: => $PASSWORD
	First sign-in: choose a new password (at least 12 characters
	digits and a symbol): => $NEW
	Repeat it: => $NEW
	otpauth://totp/
	Code it shows: => TOTP
	Signed in as $name. Next: docker pull $REGISTRY/REPOSITORY
	EOT
  )
  printf '%s\n' "$said"
  same "secrets shown" "" "$(grep -F -e "$PASSWORD" -e "$NEW" -e SecretAccessKey <<<"$said" || true)"
  pulls "$client"

  time_passes 24
  before=$(sign_ins)
  pulls "$client"

  terminal "${later[@]}" "$ECR_AUTH" cognito change-password <<-EOT
	Password of $name: => $NEW
	New password: => $NEWER
	Repeat it: => $NEWER
	the password of $name is changed
	EOT
  pulls "$client"
  same "sign-ins by password" "$before" "$(sign_ins)"

  control cognito/revoke "{\"username\": \"$name\"}"
  time_passes 48
  said=$(fails pulls "$client")
  contains "$said" "$name is no longer signed in"
  contains "$said" "run in a terminal: ecr-auth cognito"

  # With the new password everything works again, until the last day.
  later=(faketime --exclude-monotonic -f +48h)
  terminal "${later[@]}" "$ECR_AUTH" cognito <<-EOT
	Password of $name: => $NEWER
	Code of the authenticator: => TOTP
	Signed in as $name
	EOT
  pulls "$client"
  before=$(calls cognito-idp:RevokeToken)
  "${later[@]}" "$ECR_AUTH" logout
  same "revoked" $((before + 1)) "$(calls cognito-idp:RevokeToken)"
  fails pulls "$client"
}

test_cognito_customers_pull_with_docker() { customers_way docker set_up_from; }

test_cognito_customers_pull_with_podman() { customers_way podman set_up_cognito; }

# list_images: runs boto3 with the profile that setup wrote.
list_images() {
  AWS_CA_BUNDLE=$SSL_CERT_FILE FAKETIME_TIMESTAMP_FILE=$HOME/time FAKETIME_NO_CACHE=1 FAKETIME_DONT_FAKE_MONOTONIC=1 \
    LD_PRELOAD=/usr/lib/$(uname -m)-linux-gnu/faketime/libfaketime.so.1 \
    "$TARGET/python/bin/python" "$HERE/list_images.py" "${IMAGE#*/}"
}

# AWS's own tools can list what the role allows, hours after the sign-in.
test_cognito_profiles_serve_boto3_for_hours() {
  local before
  customer lea "$(jq -nc --arg p $NEW '{password: $p, groups: ["licensed"]}')"
  set_up_cognito lea all
  echo +0 >"$HOME/time"
  terminal "$ECR_AUTH" cognito <<<"Password of lea: => $NEW"
  before=$(sign_ins)
  same "roles, tags and keys" "licensed-pull 1 1
licensed-pull 1 2
licensed-pull 1 3" "$(list_images)"
  same "sign-ins by password" "$before" "$(sign_ins)"
}

# A claim says that there is no license. The user can sign in, and the registry's error says what her role may not do.
test_cognito_users_without_a_license_read_which_role_they_have() {
  local client denied
  customer eva "$(jq -nc --arg p $NEW '{password: $p, attributes: {"custom:license": "none"}}')"
  set_up_cognito eva all
  terminal "$ECR_AUTH" -v cognito <<-EOT
	Password of eva: => $NEW
	Signed in as eva.
	role: arn:aws:sts::$ACCOUNT:assumed-role/authenticated/
	EOT
  for client in docker podman; do
    denied=$(fails pulls "$client")
    contains "$denied" "User: arn:aws:sts::$ACCOUNT:assumed-role/authenticated/CognitoIdentityCredentials is not authorized to perform: ecr:BatchGetImage"
  done
  echo +0 >"$HOME/time"
  contains "$(fails list_images)" "User: arn:aws:sts::$ACCOUNT:assumed-role/authenticated/CognitoIdentityCredentials is not authorized to perform: ecr:ListImages"
}
