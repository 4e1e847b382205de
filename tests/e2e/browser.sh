# shellcheck shell=bash disable=SC2154 # IMAGE, REGISTRY… come from run.sh
# Customers without a password in the pool: they sign in in a real browser or with a code, and pull with a real docker. The tests go from the
# vendor's file to the image.

# import_login EMAIL: imports the vendor's file with the managed login, and confirms it.
import_login() {
  cat >"$HOME/vendor.yml" <<-EOT
	cognito:
	  user-pool-id: $(ids .user_pool_id)
	  client-id: $(ids .browser_client_id)
	  identity-pool-id: $(ids .identity_pool_id)
	  domain: $(ids .login_domain)
	registries:
	  - match: $REGISTRY
	    source: cognito
	EOT
  terminal "$ECR_AUTH" cognito import "$HOME/vendor.yml" --client docker --bin-dir "$BIN" <<-EOT
	ecr-auth will answer for 1 registry as a user of
	in your browser, at https://$(ids .login_domain).
	Make these changes? [y/N]: => y
	EOT
}

# browses WAY EMAIL: configures the browser of the next sign-in (browser.py).
browses() { export BROWSER="$TARGET/python/bin/python $HERE/browser.py $HOME/page $1 $2"; }

# page_says TEXT: checks the last page of the browser, which may still be saving it after the command has ended.
page_says() {
  wait_until 30 "the browser's last page" test -s "$HOME/page"
  contains "$(cat "$HOME/page")" "$1"
}

# signs_in_and_pulls WAY EMAIL JSON: a customer signs in, and the browser knows who they are.
signs_in_and_pulls() {
  local email=$2
  customer "${1}_$RANDOM" "$3"
  import_login
  browses "$1" "$email"
  terminal "$ECR_AUTH" cognito <<-EOT
	Your browser opens $(ids .login_domain)
	Signed in as $email. Next: docker pull $REGISTRY/REPOSITORY
	EOT
  page_says "Signed in as $email"
  page_says "Next: docker pull $REGISTRY/REPOSITORY"
  pulls docker
  time_passes 24
  pulls docker
}

# from PROVIDER EMAIL: prints the settings of a user of this identity provider.
from() { jq -nc --arg provider "$1" --arg email "$2" '{$provider, attributes: {$email}, groups: ["licensed"]}'; }

test_browser_customers_of_a_company_sign_in_by_saml() {
  signs_in_and_pulls Northwind zoe@northwind.example "$(from saml zoe@northwind.example)"
}

test_browser_customers_sign_in_with_google() {
  signs_in_and_pulls Google max@gmail.example "$(from google max@gmail.example)"
}

test_browser_customers_sign_in_with_a_passkey() {
  signs_in_and_pulls passkey kim@example.com '{"passkey": true, "attributes": {"email": "kim@example.com"}, "groups": ["licensed"]}'
}

test_browser_a_refused_consent_is_told_in_the_browser_and_in_the_terminal() {
  customer "Google_$RANDOM" "$(from google lou@gmail.example)"
  import_login
  browses refuse lou@gmail.example
  contains "$(fails quiet_terminal "$ECR_AUTH" cognito)" "the sign-in was refused: access_denied (User denied access) [EA0715]"
  page_says "Not signed in"
  same "what is kept" "" "$(grep -rl refresh_token "$HOME/.cache/ecr-auth" || true)"
  fails pulls docker
}

test_browser_customers_sign_in_with_a_code_by_e_mail() {
  customer ben '{"passkey": true, "attributes": {"email": "ben@example.com"}, "groups": ["licensed"]}'
  import_login
  terminal "$ECR_AUTH" cognito --flow email-otp --username ben <<-EOT
	Code sent to b***@e***: => MESSAGE ben
	Signed in as ben. Next: docker pull $REGISTRY/REPOSITORY
	EOT
  pulls docker
}

# The second sign-in needs no code, because the device is remembered.
test_browser_customers_of_a_pool_that_remembers_devices() {
  customer dan "$(jq -nc --arg p "$NEW" '{password: $p, groups: ["licensed"], mfa: ["email"], attributes: {email: "dan@example.com"}}')"
  control cognito/devices '{"remembers": true}'
  trap "control cognito/devices '{\"remembers\": false}'; back_to_now" EXIT
  import_login
  terminal "$ECR_AUTH" cognito --flow srp --username dan <<-EOT
	Password of dan: => $NEW
	Code sent to d***@e***: => MESSAGE dan
	Signed in as dan.
	EOT
  pulls docker
  time_passes 24
  pulls docker
  control cognito/revoke '{"username": "dan"}'
  # After the end of the session.
  time_passes 26
  terminal faketime --exclude-monotonic -f +26h "$ECR_AUTH" cognito --flow srp --username dan <<-EOT
	Password of dan: => $NEW
	Signed in as dan.
	EOT
  pulls docker
}
