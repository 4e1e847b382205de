# shellcheck shell=bash disable=SC2154 # REGISTRY, ECR_AUTH… come from run.sh
# The root certificates that ecr-auth uses if no variable names any: the distribution's file first, then its folder if the file is not enough.

SYSTEM_ROOTS=/etc/ssl/certs

# by_the_system NAME COMMAND…: runs the command with only the system's roots, and an empty cache.
by_the_system() {
  mkdir -p "$HOME/$1"
  env -u SSL_CERT_FILE -u SSL_CERT_DIR -u AWS_CA_BUNDLE HOME="$HOME/$1" "${@:2}" "$ECR_AUTH" helper get <<<"$REGISTRY"
}

connections() { curl -fsS "$LAB_CONTROL/calls" | jq .connections; }

test_roots_in_the_system_s_folder_alone_are_found() {
  contains "$(fails by_the_system before)" EA0503
  # shellcheck disable=SC2064 # this one
  trap "rm -f '$SYSTEM_ROOTS/company.pem'" EXIT
  cp "$SSL_CERT_FILE" "$SYSTEM_ROOTS/company.pem"
  local before
  before=$(connections)
  by_the_system after | jq -e .Secret >/dev/null
  same "connections" $((before + 2)) "$(connections)"
}

test_roots_in_the_system_s_file_need_no_look_at_the_folder() {
  local before bundle=$SYSTEM_ROOTS/ca-certificates.crt
  cp "$bundle" "$HOME/bundle"
  # shellcheck disable=SC2064 # these
  trap "cat '$HOME/bundle' >'$bundle'" EXIT
  cat "$SSL_CERT_FILE" >>"$bundle"
  before=$(connections)
  by_the_system home strace -f -qq -y -e trace=open,openat,getdents64 -o "$HOME/trace" | jq -e .Secret >/dev/null
  same "connections" $((before + 1)) "$(connections)"
  same "what it read of $SYSTEM_ROOTS" "$bundle" "$(grep -v ENOENT "$HOME/trace" | grep -o "${SYSTEM_ROOTS}[^\"<>]*" | uniq)"
}

# A CI passes an empty variable, which must not change the roots.
test_roots_in_the_system_s_file_are_found_though_a_variable_is_blank() {
  local blank bundle=$SYSTEM_ROOTS/ca-certificates.crt
  cp "$bundle" "$HOME/bundle"
  # shellcheck disable=SC2064 # these
  trap "cat '$HOME/bundle' >'$bundle'" EXIT
  cat "$SSL_CERT_FILE" >>"$bundle"
  for blank in SSL_CERT_FILE SSL_CERT_DIR AWS_CA_BUNDLE; do
    by_the_system "$blank" env "$blank=" | jq -e .Secret >/dev/null
  done
}

test_roots_in_the_system_s_folder_alone_are_found_though_the_variables_are_blank() {
  # shellcheck disable=SC2064 # this one
  trap "rm -f '$SYSTEM_ROOTS/company.pem'" EXIT
  contains "$(fails by_the_system before env SSL_CERT_FILE= SSL_CERT_DIR=)" EA0503
  cp "$SSL_CERT_FILE" "$SYSTEM_ROOTS/company.pem"
  by_the_system after env SSL_CERT_FILE= SSL_CERT_DIR= | jq -e .Secret >/dev/null
  # The folder is also used if the file can't be read completely.
  local bundle=$SYSTEM_ROOTS/ca-certificates.crt
  cp "$bundle" "$HOME/bundle"
  # shellcheck disable=SC2064 # these
  trap "cat '$HOME/bundle' >'$bundle'; rm -f '$SYSTEM_ROOTS/company.pem'" EXIT
  printf '%s\n' '-----BEGIN CERTIFICATE-----' AAAA '-----END CERTIFICATE-----' >>"$bundle"
  by_the_system torn env SSL_CERT_FILE= | jq -e .Secret >/dev/null
}

test_roots_of_the_system_are_not_read_for_what_has_no_tls() {
  contains "$(fails by_the_system home strace -f -qq -y -e trace=open,openat,getdents64 -o "$HOME/trace" \
    env AWS_ENDPOINT_URL=http://127.0.0.1:1 AWS_MAX_ATTEMPTS=1)" EA0502
  grep -q ecr-auth "$HOME/trace"
  same "what it read of $SYSTEM_ROOTS" "" "$(grep -v ENOENT "$HOME/trace" | grep -o "${SYSTEM_ROOTS}[^\"<>]*" | uniq)"
}

# The output of `openssl req -x509` is a CA certificate.
test_roots_do_not_help_a_server_that_shows_a_ca_s_certificate() {
  local server said
  openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=company -addext subjectAltName=IP:127.0.0.1 \
    -keyout "$HOME/key.pem" -out "$HOME/ca.pem" 2>"$HOME/req.log"
  openssl s_server -quiet -accept 127.0.0.1:8443 -www -key "$HOME/key.pem" -cert "$HOME/ca.pem" >"$HOME/server.log" 2>&1 &
  server=$!
  # shellcheck disable=SC2064 # this one
  trap "kill $server" EXIT
  wait_until 20 "openssl's start" curl -sk https://127.0.0.1:8443/
  said=$(fails by_the_system home env SSL_CERT_FILE="$HOME/ca.pem" AWS_ENDPOINT_URL=https://127.0.0.1:8443 AWS_MAX_ATTEMPTS=1)
  contains "$said" "invalid peer certificate: the server shows a CA's own certificate as its own [EA0505]"
  contains "$said" "hint: give the server a certificate that is signed by that CA"
}
