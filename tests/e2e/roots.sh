# shellcheck shell=bash disable=SC2154 # REGISTRY, ECR_AUTH… come from run.sh
# Whom ecr-auth trusts where no variable names roots: the distribution's file first, and its folder where that is not enough.

SYSTEM_ROOTS=/etc/ssl/certs

# by_the_system NAME COMMAND…: with the system's roots alone, and a home in which nothing is cached.
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
