# shellcheck shell=bash disable=SC2016,SC2153,SC2154 # TARGET, ROOT… come from run.sh; much is for other shells
# docs/recipes.md and docs/kubernetes.md: their scripts and settings, with a stand-in if the tool itself isn't available.

# recipe HEADING [LANGUAGE [NUMBER]]: prints a block of the page.
recipe() { page_block recipes.md "$@"; }

# stand_in NAME LINE…: installs a script as a program for this test.
stand_in() {
  printf '%s\n' '#!/bin/sh' "${@:2}" >"$BIN/$1"
  chmod +x "$BIN/$1"
}

# with_ecr_auth LINES: runs the lines like a reader of the page.
with_ecr_auth() { PATH=$BIN:$(dirname "$ECR_AUTH"):$PATH bash -euo pipefail -c "$1"; }

# helm_chart: creates a chart app-2.4.0.tgz in the working folder, and a helm command that uses Helm's library.
helm_chart() {
  stand_in helm "PYTHONPATH=$TARGET/helm exec $TARGET/python/bin/python $HERE/helm.py \"\$@\""
  mkdir -p "$HOME/chart/app/templates"
  cd "$HOME/chart" || return
  printf '%s\n' 'apiVersion: v2' 'name: app' 'version: 2.4.0' >app/Chart.yaml
  tar --create --gzip --file app-2.4.0.tgz app
}

# Helm 4 calls the helper of its own file, and the one of docker's.
test_recipes_helm_pushes_and_pulls_with_the_helper() {
  local client
  helm_chart
  fails helm push app-2.4.0.tgz "oci://$REGISTRY/e2e/charts"
  for client in helm docker; do
    CLIENT=$client setup "$ACCOUNT/$REGION"
    helm push app-2.4.0.tgz "oci://$REGISTRY/e2e/$client"
    mkdir "$HOME/$client"
    (cd "$HOME/$client" && helm pull "oci://$REGISTRY/e2e/$client/app" --version 2.4.0)
    cmp app-2.4.0.tgz "$HOME/$client/app-2.4.0.tgz"
    "$ECR_AUTH" logout
  done
}

test_recipes_argo_s_script_prints_user_and_password() {
  local said
  recipe "Argo CD Image Updater" bash | sed "s,/tools/ecr-auth,$ECR_AUTH," >"$HOME/ecr.sh"
  said=$(sh "$HOME/ecr.sh")
  same "user" AWS "${said%%:*}"
  same "status" 200 "$(opens "${said#*:}")"
}

test_recipes_flux_s_secret_is_applied_and_opens() {
  stand_in kubectl '[ "$*" = "apply -f -" ] && cat >"$HOME/secret"'
  with_ecr_auth "$(recipe Flux bash)"
  local said
  said=$("$TARGET/python/bin/python" "$ROOT/scripts/gitlab-template.py" "$HOME/secret")
  same "secret" "flux-system/ecr" "$(jq -r '.metadata | "\(.namespace)/\(.name)"' <<<"$said")"
  same "status" 200 "$(opens "$(jq -r '.data[".dockerconfigjson"] | @base64d | fromjson | .auths[].password' <<<"$said")")"
}

test_recipes_oras_pushes_and_pulls_an_artifact() {
  setup "$REGISTRY"
  mkdir "$HOME/pulled"
  echo '{"spdxVersion": "SPDX-2.3"}' >"$HOME/sbom.json"
  export REQUESTS_CA_BUNDLE=$SSL_CERT_FILE
  "$TARGET/python/bin/python" "$HERE/oras_client.py" push "$IMAGE:sbom" "$HOME/sbom.json"
  "$TARGET/python/bin/python" "$HERE/oras_client.py" pull "$IMAGE:sbom" "$HOME/pulled/sbom.json"
  cmp "$HOME/sbom.json" "$HOME/pulled/sbom.json"
}

# Renovate itself, for a local repository instead of one on a forge. Its other sources of versions can't be reached.
test_recipes_renovate_finds_the_newer_tag_with_the_role() {
  local from tag
  for tag in 1.0.0 1.1.0; do
    build_image "$IMAGE:$tag" "$tag"
    as_admin docker push "$IMAGE:$tag"
  done
  control roles '{"account": "'"$ACCOUNT"'", "name": "renovate", "trust": [{"kind": "aws", "principals": ["'"$ACCOUNT"'"]}]}' >/dev/null
  mkdir "$HOME/repository"
  echo "FROM $IMAGE:1.0.0" >"$HOME/repository/Dockerfile"
  stand_in renovate '[ "$*" = octo/app ] || exit 1' 'cd "$HOME/repository" || exit' \
    "NODE_EXTRA_CA_CERTS=\$SSL_CERT_FILE exec $TARGET/node/bin/node $TARGET/renovate/node_modules/renovate/dist/renovate.js --platform=local \
      --dry-run=lookup --report-type=file --report-path=../report.json"
  from=$(logged)
  with_ecr_auth "$(recipe Renovate bash)"
  same "the update" "1.0.0 1.1.0" "$(jq -r '.. | .deps? // empty | .[] | "\(.currentValue) \(.updates[].newValue)"' "$HOME/report.json")"
  contains "$(aws_calls "$from")" "ecr:GetAuthorizationToken arn:aws:sts::$ACCOUNT:assumed-role/renovate/"
}

test_recipes_tekton_s_step_pushes() {
  buildah build --tag "$REGISTRY/app:tekton" "$STAGE/image"
  with_ecr_auth "$(recipe Tekton bash)"
  as_admin skopeo inspect "docker://$REGISTRY/app:tekton"
}

# profile_serves HEADING PROGRAM: uses the page's profile and setup. The lab's keys come only from this program, as a credential_process.
profile_serves() {
  mkdir -p "$HOME/.aws"
  recipe "$1" ini | sed "s,/usr/local/bin/aws_signing_helper,aws_signing_helper," >"$HOME/.aws/config"
  (umask 077 && jq -n '{Version: 1, AccessKeyId: env.AWS_ACCESS_KEY_ID, SecretAccessKey: env.AWS_SECRET_ACCESS_KEY}' >"$HOME/keys.json")
  stand_in "$2" 'cat "$HOME/keys.json"'
  unset AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY
  with_ecr_auth "$(recipe "$1" bash) --bin-dir $BIN"
  same "status" 200 "$(opens "$(password)")"
}

test_recipes_roles_anywhere_is_a_profile() { profile_serves "IAM Roles Anywhere" aws_signing_helper; }

test_recipes_aws_vault_is_a_profile() { profile_serves "aws-vault and granted" aws-vault; }

# bazel_fetches FILE URL SHA256: runs Bazel's own downloader with the page's .bazelrc. Nothing else is downloaded, and its Java trusts the lab.
bazel_fetches() {
  local trust=$HOME/trust
  keytool -importcert -noprompt -alias lab -file "$SSL_CERT_FILE" -keystore "$trust" -storepass changeit
  mkdir "$HOME/workspace"
  cd "$HOME/workspace" || return
  recipe Bazel text >.bazelrc
  cat >WORKSPACE <<-EOF
	load("@bazel_tools//tools/build_defs/repo:http.bzl", "http_file")
	http_file(name = "fetched", urls = ["$2"], sha256 = "$3", downloaded_file_path = "file")
	EOF
  touch BUILD
  PATH=$(dirname "$ECR_AUTH"):$PATH bazel --batch --output_user_root="$HOME/bazel" --host_jvm_args="-Djavax.net.ssl.trustStore=$trust" \
    --host_jvm_args=-Djavax.net.ssl.trustStorePassword=changeit sync --noenable_bzlmod --enable_workspace --only=fetched
  cp "$(find "$HOME/bazel" -path '*/external/fetched/file/file')" "$1"
}

test_recipes_bazel_s_line_asks_for_headers() {
  local line header config
  line=$(recipe Bazel text)
  contains "$line" "--credential_helper=*.dkr.ecr.eu-west-1.amazonaws.com=ecr-auth"
  # Bazel calls the program with the word get and a URL on stdin, and gets headers for the download.
  header=$(jq -n --arg uri "https://$REGISTRY/v2/" '{$uri}' | "$ECR_AUTH" get | jq -r '.headers.Authorization[0]')
  same "status" 200 "$(curl -sS -o /dev/null -w '%{http_code}' --cacert "$SSL_CERT_FILE" -K - "https://$REGISTRY/v2/" <<<"header = \"Authorization: $header\"")"
  # Debian's Bazel supports credential helpers since 14.
  if command -v bazel; then
    build_image "$IMAGE:1" hello
    as_admin docker push "$IMAGE:1"
    config=$(as_admin skopeo inspect --raw "docker://$IMAGE:1" | jq -r .config.digest)
    bazel_fetches "$HOME/config.json" "https://$REGISTRY/v2/${IMAGE#*/}/blobs/$config" "${config#*:}"
    same "what was fetched" "$config" "sha256:$(sha256sum <"$HOME/config.json" | cut -d ' ' -f 1)"
  fi
}

# The page's lines for the programs that this Debian has. No signature log can be reached from here, so none is used.
test_recipes_cosign_crane_and_oras_run_the_page_s_lines() {
  local image=$REGISTRY/app:1 line program unlogged=(--tlog-upload=false)
  build_image "$image" hello
  as_admin docker push "$image"
  setup "$REGISTRY"
  cd "$HOME" || return
  echo '{"spdxVersion": "SPDX-2.3"}' >sbom.json
  if command -v cosign; then
    export COSIGN_PASSWORD=
    cosign generate-key-pair
    # Cosign 3 has a configuration of services, which names a log.
    ! cosign sign --help | grep -q use-signing-config || unlogged+=(--use-signing-config=false)
    cosign sign --yes --key cosign.key "${unlogged[@]}" "$image"
  fi
  while read -r line; do
    program=${line%% *}
    if [ "$program" = ecr-auth ] || ! command -v "$program"; then continue; fi
    bash -euc "${line/cosign verify/cosign verify --insecure-ignore-tlog}"
  done < <(recipe "cosign, crane, ORAS" bash)
  ! command -v oras || contains "$(oras discover "$image")" application/spdx+json
}

test_recipes_exists_tells_a_pipeline_what_to_build() {
  local status=0
  build_image "$IMAGE:1" hello
  as_admin docker push "$IMAGE:1"
  "$ECR_AUTH" exists -q "$IMAGE:1"
  "$ECR_AUTH" exists -q "$IMAGE:2" || status=$?
  same "status of a tag that isn't there" 1 "$status"
  "$ECR_AUTH" exists -q "$FRANKFURT/nobodys:1" 2>"$HOME/said" || status=$?
  same "status where it can't be told" 2 "$status"
  contains "$(cat "$HOME/said")" "EA0607"
}

# docs/kubernetes.md, "Images of another account": with the repository's policy, and with a role of the other account.
test_recipes_kubelet_pulls_images_of_another_account() {
  local image=$FOREIGN/${IMAGE#*/}
  start_containerd
  control repository-policies '{"account": "444455556666", "region": "'"$REGION"'", "repository": "e2e/*", "principal": "'"$ACCOUNT"'", "access": "push"}'
  build_image "$image:1" hello
  as_admin docker push "$image:1"
  contains "$(kubelet_pulls "$image")" sha256:
  control roles '{"account": "444455556666", "name": "pull-shared", "trust": [{"kind": "aws", "principals": ["'"$ACCOUNT"'"]}]}' >/dev/null
  mkdir -p "$HOME/.config/ecr-auth"
  page_block kubernetes.md "Images of another account" yaml >"$HOME/.config/ecr-auth/ecr-auth.yml"
  local from
  from=$(logged)
  contains "$(kubelet_pulls "$image")" sha256:
  contains "$(aws_calls "$from")" "ecr:GetAuthorizationToken arn:aws:sts::444455556666:assumed-role/pull-shared/"
}
