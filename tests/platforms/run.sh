#!/usr/bin/env bash
# Checks on another system what that system's files and programs could break: run.sh BINARY. It is for macOS and Windows (Git's bash), and also runs
# on Linux. It makes no calls to AWS.
set -euo pipefail

BINARY=$(cd "$(dirname "$1")" && pwd)/$(basename "$1")
FOLDER=$(mktemp -d)
trap 'rm -rf "$FOLDER"' EXIT
IS_WINDOWS=
case $(uname -s) in MINGW* | MSYS* | CYGWIN*) IS_WINDOWS=yes ;; esac
EXE=${IS_WINDOWS:+.exe}
REGISTRY=111122223333.dkr.ecr.eu-west-1.amazonaws.com

die() {
  printf 'failed: %s\n' "$*" >&2
  exit 1
}

# native PATH: prints the path in the form that the binary reads.
native() { if [ -n "$IS_WINDOWS" ]; then cygpath -w "$1"; else echo "$1"; fi; }

# Creates an empty home. On Windows HOME names another folder, which is not used.
home() {
  local home=$FOLDER/$1
  mkdir -p "$home/.docker" "$home/.aws" "$home/AppData/Local" "$home/AppData/Roaming"
  if [ -n "$IS_WINDOWS" ]; then
    export USERPROFILE LOCALAPPDATA APPDATA
    USERPROFILE=$(native "$home") LOCALAPPDATA=$(native "$home/AppData/Local") APPDATA=$(native "$home/AppData/Roaming")
    export HOME=$FOLDER/elsewhere
  else
    export HOME=$home
  fi
  HOMES=$home
  printf '[default]\naws_access_key_id = AKIDEXAMPLE\naws_secret_access_key = example-secret-key\n' >"$home/.aws/credentials"
}

export AWS_EC2_METADATA_DISABLED=true
unset AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY AWS_CONFIG_FILE AWS_SHARED_CREDENTIALS_FILE AWS_PROFILE DOCKER_CONFIG REGISTRY_AUTH_FILE XDG_CACHE_HOME XDG_CONFIG_HOME XDG_STATE_HOME XDG_RUNTIME_DIR

setup() { "$BINARY" setup "$@" --client docker --bin-dir "$(native "$HOMES/bin")" >"$FOLDER/said" 2>&1 || die "setup $*: $(cat "$FOLDER/said")"; }

# A file with Windows line ends is edited, set up twice, and restored byte for byte.
a_file_comes_back_as_it_was() {
  home given-back
  printf '{\r\n  "auths": {},\r\n  "psFormat": "ä"\r\n}\r\n' >"$HOMES/.docker/config.json"
  cp "$HOMES/.docker/config.json" "$FOLDER/before"
  setup "$REGISTRY"
  setup "$REGISTRY"
  grep -q "\"$REGISTRY\": \"ecr-auth\"" "$HOMES/.docker/config.json" || die "config.json does not name the helper"
  [ -x "$HOMES/bin/docker-credential-ecr-auth$EXE" ] || die "the helper is not there"
  "$BINARY" logout >/dev/null 2>&1 || die logout
  cmp "$FOLDER/before" "$HOMES/.docker/config.json" || die "config.json is not as it was"
  [ ! -e "$HOMES/bin/docker-credential-ecr-auth$EXE" ] || die "the helper is still there"
}

twenty_setups_at_once_lose_nothing() {
  home twenty
  local number pids=()
  for number in $(seq 10 29); do
    "$BINARY" setup "1111222233$number/eu-west-1" --client docker --bin-dir "$(native "$HOMES/bin")" >"$FOLDER/said-$number" 2>&1 &
    pids+=($!)
  done
  for number in "${pids[@]}"; do wait "$number" || die "one of twenty: $(cat "$FOLDER"/said-*)"; done
  [ "$(grep -c '"ecr-auth"' "$HOMES/.docker/config.json")" = 20 ] || die "not twenty: $(cat "$HOMES/.docker/config.json")"
}

# Both are written while others may not write to what they hold.
install_and_output_write_their_files() {
  home written
  mkdir -p "$HOMES/tools"
  "$BINARY" install --to "$(native "$HOMES/tools")" || die "install --to"
  "$BINARY" install --to "$(native "$HOMES/tools")" || die "install --to, again"
  [ "$("$HOMES/tools/docker-credential-ecr-auth$EXE" version)" = "docker-credential-ecr-auth $("$BINARY" --version | cut -d' ' -f2)" ] || die version
  "$BINARY" assume --profile default --output "$(native "$HOMES/credentials")" || die "assume --output"
  "$BINARY" assume --profile default --format env --output "$(native "$HOMES/credentials")" || die "assume --output, again"
  grep -q AKIDEXAMPLE "$HOMES/credentials" || die "the file does not hold the credentials"
}

# If the helper is a copy, a copy of another version is replaced while it runs, and logout removes the rest.
a_running_helper_is_upgraded() {
  home upgraded
  setup "$REGISTRY"
  local helper=$HOMES/bin/docker-credential-ecr-auth$EXE running waits
  [ -z "$IS_WINDOWS" ] || printf x >>"$helper"
  # It waits for its input until tail is killed.
  tail -f /dev/null | "$helper" get >/dev/null 2>&1 &
  running=$!
  waits=$(jobs -p %%)
  setup "$REGISTRY"
  cmp -s "$BINARY" "$helper" || die "the helper was not replaced"
  "$helper" version >/dev/null || die "the new helper does not run"
  kill "$waits"
  wait "$running" || true
  "$BINARY" logout >/dev/null 2>&1 || die logout
  [ -z "$(ls -A "$HOMES/bin" 2>/dev/null)" ] || die "something is left beside the helper: $(ls -A "$HOMES/bin")"
}

# Only this user has access to secrets, although everybody has access to the folder around them.
secrets_are_closed_to_others() {
  home closed
  local others='Everyone|BUILTIN\\Users|Authenticated Users' state=$HOMES/.local/state/ecr-auth
  [ "$(uname -s)" != Darwin ] || state="$HOMES/Library/Application Support/ecr-auth"
  if [ -n "$IS_WINDOWS" ]; then
    state=$HOMES/AppData/Local/ecr-auth
    # Git's bash would take the option for a path.
    MSYS_NO_PATHCONV=1 icacls "$(native "$HOMES")" /grant '*S-1-1-0:(OI)(CI)F' >/dev/null
    icacls "$(native "$HOMES/.docker")" | grep -qE "$others" || die "others have no access to the folder around it"
  fi
  (
    umask 0
    setup "$REGISTRY"
    "$BINARY" assume --profile default --output "$(native "$HOMES/credentials")"
  )
  if [ -n "$IS_WINDOWS" ]; then
    for secret in "$state" "$HOMES/credentials"; do icacls "$(native "$secret")"; done >"$FOLDER/list"
    ! grep -E "$others" "$FOLDER/list" || die "others may open what is secret"
  else
    [ "$(find "$state" "$HOMES/credentials" -prune \( -perm 700 -o -perm 600 \) | wc -l)" -eq 2 ] || die "others may open what is secret"
  fi
}

# A child's exit code is passed on completely.
exit_codes_are_whole() {
  home codes
  local status=0
  if [ -n "$IS_WINDOWS" ]; then
    powershell -NoProfile -Command "& '$(native "$BINARY")' assume --profile default -- cmd.exe /D /C 'exit 305419896'; exit [int](\$LASTEXITCODE -ne 305419896)" || die "the exit code"
  else
    "$BINARY" assume --profile default -- sh -c 'exit 42' || status=$?
    [ "$status" = 42 ] || die "the exit status is $status"
  fi
}

# A CI that cannot be told to hide secrets gets none. `2>/dev/null` of Git's bash is NUL.
secrets_stay_where_no_log_hides_them() {
  home unmasked
  local assume=(env GITHUB_ACTIONS=true "$BINARY" assume --profile default --format env) where
  for where in /dev/null "$FOLDER/stderr"; do
    if "${assume[@]}" >"$FOLDER/handed-over" 2>"$where"; then die "secrets are handed over with stderr in $where"; fi
    [ ! -s "$FOLDER/handed-over" ] || die "something is handed over with stderr in $where"
  done
  "${assume[@]}" 2>&1 >"$FOLDER/handed-over" | grep -q '^::add-mask::' || die "the log is not told to hide the secrets"
  grep -q AKIDEXAMPLE "$FOLDER/handed-over" || die "no credentials though the log hides them"
}

# PowerShell can read the output for it. This is also checked on other systems if PowerShell is installed.
powershell_reads_its_lines() {
  home powershell
  local shell
  shell=$(command -v pwsh || command -v powershell) || return 0
  # shellcheck disable=SC2016 # PowerShell's variable
  [ "$("$shell" -NoProfile -Command "& '$(native "$BINARY")' assume --profile default --format env --shell powershell | Out-String | Invoke-Expression; \$env:AWS_ACCESS_KEY_ID" | tr -d '\r')" = AKIDEXAMPLE ] || die "PowerShell"
}

for check in a_file_comes_back_as_it_was twenty_setups_at_once_lose_nothing install_and_output_write_their_files a_running_helper_is_upgraded \
  secrets_are_closed_to_others exit_codes_are_whole secrets_stay_where_no_log_hides_them powershell_reads_its_lines; do
  "$check"
  echo "ok: $check"
done
