#!/usr/bin/env bash
# make test: everything that must hold before a change lands. The quick checks first, then unit and integration tests, documentation tests, the
# tests of the action's shim, the end-to-end tests with real Docker, Podman, Buildah and Skopeo, and what the release binary may cost. Ends with "N passed,
# N failed". What waits more than it computes runs beside what computes.
source "$(dirname "$0")/env.sh"
cd "$ROOT"

# aside NAME COMMAND…: runs it beside what follows.
aside() {
  local name=$1
  shift
  mkdir -p "$TARGET/aside"
  "$@" >"$TARGET/aside/$name.log" 2>&1 </dev/null &
  ASIDE[$name]=$!
}
# joined NAME: waits for it, and shows what it said; its own status.
joined() {
  local status=0
  wait "${ASIDE[$1]}" || status=$?
  unset "ASIDE[$1]"
  cat "$TARGET/aside/$1.log"
  return "$status"
}
declare -A ASIDE=()
trap '[ ${#ASIDE[@]} = 0 ] || kill "${ASIDE[@]}" 2>/dev/null' EXIT

# The clients of the end-to-end tests: this machine's on Debian 13; elsewhere that release's, in a folder of its own, and on Debian 12, the oldest
# supported, a part of the tests with this machine's too.
CLIENTS=() OLDEST=()
case $(release) in
  trixie) ;;
  bookworm) CLIENTS=(--debian trixie) OLDEST=('test_docker_*' 'test_podman_*' 'test_builds_*' 'test_doctor_*' 'test_peers_*' 'test_store_*') ;;
  *) CLIENTS=(--debian trixie) ;;
esac
# clients: end to end, with each set of clients.
# shellcheck disable=SC2329 # aside runs it
clients() {
  local status=0
  "$ROOT/scripts/e2e.sh" "${CLIENTS[@]}" || status=1
  if [ ${#OLDEST[@]} -gt 0 ]; then "$ROOT/scripts/e2e.sh" --parts 2 "${OLDEST[@]}" || status=1; fi
  return "$status"
}
[ ${#CLIENTS[@]} = 0 ] || aside debian "$ROOT/scripts/debian.sh" "${CLIENTS[1]}" "$ROOT/scripts/install.sh" clients

"$ROOT/scripts/check.sh"
"$ROOT/scripts/install.sh" test
find_rust

# No test is skipped unseen: none may be ignored, and as many must have run as are listed.
say "== tests"
# Here tests only compare: whatever the caller's environment says, they write no snapshot and no page.
export INSTA_UPDATE=no INSTA_FORCE_PASS=0
unset ECR_AUTH_UPDATE_DOCS INSTA_FORCE_UPDATE INSTA_FORCE_UPDATE_SNAPSHOTS
LIST=$TARGET/tests.json
cargo nextest list --locked --workspace --message-format json >"$LIST" 2>/dev/null || die "the tests don't build: cargo nextest list --workspace"
LISTED=$(jq '[."rust-suites"[].testcases[]] | length, (map(select(.ignored)) | length)' "$LIST" | paste -sd ' ')
read -r listed ignored <<<"$LISTED"
[ "$ignored" = 0 ] || die "$ignored tests are #[ignore]d: mend or remove them"

[ ${#CLIENTS[@]} = 0 ] || joined debian || die "no Debian for the clients"
aside clients clients

say "== protections"
"$ROOT/scripts/protections.sh" check "$LIST"

REPORT=$TARGET/nextest/default/junit.xml
rm -f "$REPORT"
status=0
cargo nextest run --locked --workspace || status=1
# attribute NAME: of the report's root element.
attribute() { sed -n "s/^<testsuites .*\b$1=\"\([0-9]*\)\".*/\1/p" "$REPORT"; }
[ -s "$REPORT" ] || die "nextest left no report"
ran=$(attribute tests)
failed=$(($(attribute failures) + $(attribute errors)))
[ "$ran" = "$listed" ] || die "$listed tests are listed but $ran ran"

say "== a tenth of the protections, taken out"
"$ROOT/scripts/protections.sh" tenth || status=1

say "== documentation tests"
cargo test --quiet --locked --workspace --doc || status=1

say "== the action"
"$TARGET/node/bin/node" --test --test-reporter=tap tests/action/*.test.js >"$TARGET/action.tap" || status=1
grep -A 12 '^not ok' "$TARGET/action.tap" >&2 || true
action_passed=$(sed -n 's/^# pass \([0-9]*\)$/\1/p' "$TARGET/action.tap")
action_listed=$(cat tests/action/*.test.js | grep -cE '^ *test\(')
[ "${action_passed:=0}" = "$action_listed" ] || { say "error: $action_listed tests of the action are written, $action_passed passed"; status=1; }

say "== end to end"
joined clients || status=1
e2e_passed=$(grep -c '^PASS ' "$TARGET/aside/clients.log" || true)
e2e_failed=$(grep -c '^FAIL ' "$TARGET/aside/clients.log" || true)
e2e_listed=$(cat "$ROOT"/tests/e2e/*.sh | sed -n 's/^\(test_[a-z0-9_]*\)().*/\1/p' | while read -r name; do
  echo "$name"
  # shellcheck disable=SC2053 # a pattern
  for pattern in "${OLDEST[@]}"; do [[ $name != $pattern ]] || echo "$name"; done
done | wc -l)
[ $((e2e_passed + e2e_failed)) = "$e2e_listed" ] || { say "error: $e2e_listed end-to-end tests are written, $((e2e_passed + e2e_failed)) ran"; status=1; }

say "== what it costs"
"$ROOT/benches/bench.sh" --gate | tee "$TARGET/costs.log" || status=1
costs_listed=$(jq '[.figures, ."at most" | length] | add' "$ROOT/benches/limits.json")
costs_passed=$(grep -c '^PASS ' "$TARGET/costs.log" || true)

echo "$ran tests, $action_listed tests of the action, $e2e_listed end-to-end tests and $costs_listed limits ran"
echo "$((ran - failed + action_passed + e2e_passed + costs_passed)) passed, $((failed + action_listed - action_passed + e2e_failed + costs_listed - costs_passed)) failed"
exit "$status"
