#!/usr/bin/env bash
# make test: runs everything that must pass before a change is merged. test.sh PART… runs only these parts:
#   check    the quick checks
#   tests    unit, integration and documentation tests, those of the action's shim, and a tenth of the protections
#   clients  end to end, with real Docker, Podman, Buildah and Skopeo
#   costs    what the release binary may cost
# Ends with "N passed, N failed", except for check alone, which counts nothing. Parts that mostly wait run in parallel to parts that compute.
source "$(dirname "$0")/env.sh"
cd "$ROOT"
PARTS=" ${*:-check tests clients costs} "
for part in $PARTS; do [[ " check tests clients costs " == *" $part "* ]] || die "test.sh: no part $part"; done

# wanted PART: whether the part is to run.
wanted() { [[ $PARTS == *" $1 "* ]]; }

# counted WHAT LISTED PASSED: adds up the results. Listed tests that did not pass have failed, so that no test is skipped unnoticed.
PASSED=0 FAILED=0 RAN=() status=0
counted() {
  RAN+=("$2 $1")
  PASSED=$((PASSED + $3))
  FAILED=$((FAILED + $2 - $3))
  [ "$2" = "$3" ] || { say "error: of $2 $1, $3 passed" && status=1; }
}

# aside NAME COMMAND…: runs the command in the background.
aside() {
  local name=$1
  shift
  mkdir -p "$TARGET/aside"
  "$@" >"$TARGET/aside/$name.log" 2>&1 </dev/null &
  ASIDE[$name]=$!
}
# joined NAME: waits for a background command, prints its output and returns its status.
joined() {
  local status=0
  wait "${ASIDE[$1]}" || status=$?
  unset "ASIDE[$1]"
  cat "$TARGET/aside/$1.log"
  return "$status"
}
declare -A ASIDE=()
trap '[ ${#ASIDE[@]} = 0 ] || kill "${ASIDE[@]}" 2>/dev/null' EXIT

DEBIAN=$(debian_of_clients)
# On Debian 12, the oldest supported release, these tests also run with this machine's clients.
OLDEST=()
if [ "$(release)" = bookworm ]; then OLDEST=('test_docker_*' 'test_podman_*' 'test_builds_*' 'test_doctor_*' 'test_peers_*' 'test_store_*'); fi
# clients: runs the end-to-end tests with each set of clients.
# shellcheck disable=SC2329 # aside runs it
clients() {
  local status=0
  "$ROOT/scripts/e2e.sh" || status=1
  if [ ${#OLDEST[@]} -gt 0 ]; then "$ROOT/scripts/e2e.sh" --own --parts 2 "${OLDEST[@]}" || status=1; fi
  return "$status"
}

# start_clients: prepares the clients' tests and starts them in the background.
start_clients() {
  if [ -n "$DEBIAN" ]; then joined debian || die "no Debian for the clients"; fi
  if ! wanted tests; then
    "$ROOT/scripts/install.sh" build clients
    find_rust
    cargo build --quiet --locked --package ecr-auth --package lab
  fi
  aside clients clients
}

# end_clients: waits for the clients' tests. A test counts once for each set of clients.
end_clients() {
  local listed
  say "== end to end"
  joined clients || status=1
  listed=$(cat "$ROOT"/tests/e2e/*.sh | sed -n 's/^\(test_[a-z0-9_]*\)().*/\1/p' | while read -r name; do
    echo "$name"
    # shellcheck disable=SC2053 # a pattern
    for pattern in "${OLDEST[@]}"; do [[ $name != $pattern ]] || echo "$name"; done
  done | wc -l)
  counted "end-to-end tests" "$listed" "$(grep -c '^PASS ' "$TARGET/aside/clients.log" || true)"
}

# build_tests: builds the tests and lists them. No test may be ignored.
LIST=$TARGET/tests.json
build_tests() {
  local ignored
  "$ROOT/scripts/install.sh" build test
  find_rust
  say "== tests"
  cargo nextest list --locked --workspace --message-format json >"$LIST" 2>/dev/null || die "the tests don't build: cargo nextest list --workspace"
  ignored=$(jq '[."rust-suites"[].testcases[] | select(.ignored)] | length' "$LIST")
  [ "$ignored" = 0 ] || die "$ignored tests are #[ignore]d: mend or remove them"
}

# run_tests: runs the tests of Rust and of the action.
run_tests() {
  local listed ran passed report=$TARGET/nextest/default/junit.xml
  say "== protections"
  "$ROOT/scripts/protections.sh" check "$LIST"

  rm -f "$report"
  cargo nextest run --locked --workspace || status=1
  [ -s "$report" ] || die "nextest left no report"
  # attribute NAME: prints an attribute of the report's root element.
  attribute() { sed -n "s/^<testsuites .*\b$1=\"\([0-9]*\)\".*/\1/p" "$report"; }
  listed=$(jq '[."rust-suites"[].testcases[]] | length' "$LIST")
  ran=$(attribute tests)
  [ "$ran" = "$listed" ] || die "$listed tests are listed but $ran ran"
  counted tests "$listed" $((ran - $(attribute failures) - $(attribute errors)))

  say "== a tenth of the protections, taken out"
  "$ROOT/scripts/protections.sh" tenth || status=1

  say "== documentation tests"
  cargo test --quiet --locked --workspace --doc || status=1

  say "== the action"
  "$TARGET/node/bin/node" --test --test-reporter=tap tests/action/*.test.js >"$TARGET/action.tap" || status=1
  grep -A 12 '^not ok' "$TARGET/action.tap" >&2 || true
  passed=$(sed -n 's/^# pass \([0-9]*\)$/\1/p' "$TARGET/action.tap")
  counted "tests of the action" "$(cat tests/action/*.test.js | grep -cE '^ *test\(')" "${passed:-0}"
}

# costs: checks the limits in benches/limits.json.
costs() {
  say "== what it costs"
  "$ROOT/benches/bench.sh" --gate | tee "$TARGET/costs.log" || status=1
  counted limits "$(jq '[.figures, ."at most" | length] | add' "$ROOT/benches/limits.json")" "$(grep -c '^PASS ' "$TARGET/costs.log" || true)"
}

# Here tests only compare: they write no snapshot and no page, whatever the caller's environment says.
export INSTA_UPDATE=no INSTA_FORCE_PASS=0
unset ECR_AUTH_UPDATE_DOCS INSTA_FORCE_UPDATE INSTA_FORCE_UPDATE_SNAPSHOTS

# What a first run of all parts leaves below target/, in GB, with the copy in which protections are removed.
NEEDED=20
mkdir -p "$TARGET"
room=$(($(df --output=avail --block-size=1G "$TARGET" | tail -n 1) + $(du --summarize --block-size=1G "$TARGET" | cut -f 1)))
[ "$room" -ge $NEEDED ] || say "warning: all tests together take up to $NEEDED GB below $TARGET, and it has room for $room GB"

if wanted clients && [ -n "$DEBIAN" ]; then aside debian "$ROOT/scripts/debian.sh" "$DEBIAN" "$ROOT/scripts/install.sh" clients; fi
if wanted check; then "$ROOT/scripts/check.sh"; fi
if wanted tests; then build_tests; fi
if wanted clients; then start_clients; fi
if wanted tests; then run_tests; fi
if wanted clients; then end_clients; fi
if wanted costs; then costs; fi

[ ${#RAN[@]} = 0 ] || printf '%s ran\n' "$(printf '%s\n' "${RAN[@]}" | paste -sd , | sed 's/,/, /g')"
[ ${#RAN[@]} = 0 ] || echo "$PASSED passed, $FAILED failed"
exit "$status"
