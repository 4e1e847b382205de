#!/usr/bin/env bash
# make test: everything that must hold before a change lands. The quick checks first, then unit and integration tests, documentation tests, the
# tests of the action's shim, the end-to-end tests with real Docker, Podman, Buildah and Skopeo, and what the release binary may cost. Ends with "N passed,
# N failed".
source "$(dirname "$0")/env.sh"
cd "$ROOT"

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
"$ROOT/scripts/namespace.sh" "$ROOT/tests/e2e/run.sh" | tee "$TARGET/e2e.log" || status=1
e2e_passed=$(grep -c '^PASS ' "$TARGET/e2e.log" || true)
e2e_failed=$(grep -c '^FAIL ' "$TARGET/e2e.log" || true)
e2e_listed=$(cat "$ROOT"/tests/e2e/*.sh | grep -c '^test_[a-z0-9_]*()')
[ $((e2e_passed + e2e_failed)) = "$e2e_listed" ] || { say "error: $e2e_listed end-to-end tests are written, $((e2e_passed + e2e_failed)) ran"; status=1; }

say "== what it costs"
"$ROOT/benches/bench.sh" --gate | tee "$TARGET/costs.log" || status=1
costs_listed=$(jq '[.figures, ."at most" | length] | add' "$ROOT/benches/limits.json")
costs_passed=$(grep -c '^PASS ' "$TARGET/costs.log" || true)

echo "$ran tests, $action_listed tests of the action, $e2e_listed end-to-end tests and $costs_listed limits ran"
echo "$((ran - failed + action_passed + e2e_passed + costs_passed)) passed, $((failed + action_listed - action_passed + e2e_failed + costs_listed - costs_passed)) failed"
exit "$status"
