# shellcheck shell=bash disable=SC2154 # TARGET, ROOT… come from run.sh
# Jenkins: the shipped shared library and every example, on the Groovy version of Jenkins. The harness (tests/jenkins) plays only Jenkins' own
# steps. Shells, Docker and ecr-auth are real, and the lab is the issuer of the build's tokens.

PARTNER_ACCOUNT=444455556666

# jenkins_agent: creates an agent with a checkout, the credentials of a build of octo/app, and roles in two accounts that trust it.
jenkins_agent() {
  local agent=$HOME/agent job owner role
  mkdir -p "$agent"/{checkout,credentials,tools,bin}
  cp "$STAGE"/image/* "$agent/checkout"
  ln -s "$ECR_AUTH" "$agent/bin/ecr-auth"
  job=$(control jobs '{"ci": "jenkins"}')
  jq -r .environment.ECR_AUTH_ID_TOKEN <<<"$job" | (umask 077 && tee "$agent/credentials/aws-oidc" >"$agent/credentials/aws-oidc-file")
  jq -r '.environment | del(.ECR_AUTH_ID_TOKEN) | to_entries[] | "\(.key)=\(.value)"' <<<"$job" >"$agent/environment"
  for role in "$ACCOUNT/ci-push" "$PARTNER_ACCOUNT/ci-partner"; do
    owner=${role%/*}
    control oidc-providers "$(jq --arg owner "$owner" '{account: $owner, issuer, audiences: ["sts.amazonaws.com"]}' <<<"$job")"
    control roles "$(jq --arg owner "$owner" --arg name "${role#*/}" '{account: $owner, name: $name, permissions: {allow: ["ecr:*"]},
      trust: [{kind: "web-identity", provider: (.issuer | ltrimstr("https://")), conditions: [{operator: "StringEquals", claim: "sub", values: [.subject]}]}]}' <<<"$job")"
  done
  control reset '{}'
} >/dev/null

# jenkins_build JENKINSFILE [ABORT_ON]: runs a build with its log in $HOME/build.log. AGENT has further variables of the agent's environment; TRACER
# is put before the command that runs the build.
jenkins_build() {
  local environment status=0
  mapfile -t environment <"$HOME/agent/environment"
  env -i "${environment[@]}" "${AGENT[@]}" HOME="$HOME" LANG=C.UTF-8 DOCKER_HOST="$DOCKER_HOST" SSL_CERT_FILE="$SSL_CERT_FILE" \
    PATH="$HOME/agent/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin" \
    "${TRACER[@]}" groovy -cp "$ROOT/tests/jenkins" "$ROOT/tests/jenkins/run.groovy" "$ROOT/jenkins/vars" "$HOME/agent" "$@" \
    >"$HOME/build.log" 2>&1 || status=$?
  cat "$HOME/build.log"
  return "$status"
}
AGENT=()
TRACER=()

# jenkins_left: lists what the build left on the agent outside the workspace, in temporary folders and in the home that ecr-auth might write to.
# Jenkins keeps an empty folder for token files, and buildx its own.
jenkins_left() {
  find "$HOME"/agent/workspace/*@tmp "$HOME"/.docker "$HOME"/.cache/ecr-auth "$HOME"/.config "$HOME"/.local \
    -mindepth 1 -path "$HOME/.docker/buildx" -prune -o -mindepth 1 ! '(' -name secretFiles -empty ')' -print 2>/dev/null || true
}

# jenkins_example NAME: runs an example, which must push the image and leave nothing.
jenkins_example() {
  jenkins_build "$ROOT/jenkins/examples/$1.jenkinsfile"
  contains "$(cat "$HOME/build.log")" "docker push $REGISTRY/app:42"
  same "what is left" "" "$(jenkins_left)"
}

# jenkins_roles: lists the requested roles, once each.
jenkins_roles() {
  curl -fsS "$LAB_CONTROL/calls" | jq -r '[.log[] | select(.operation == "sts:AssumeRoleWithWebIdentity") | .session.role_arn] | sort | join(" ")'
}

test_jenkins_declarative_example() {
  jenkins_agent
  jenkins_example declarative
  same "roles" "arn:aws:iam::$ACCOUNT:role/ci-push" "$(jenkins_roles)"
  same "GetAuthorizationToken calls" 1 "$(calls ecr:GetAuthorizationToken)"
}

test_jenkins_pushes_as_the_documentation_begins() {
  jenkins_agent
  page_block jenkins.md "From zero to a push" groovy >"$HOME/Jenkinsfile"
  jenkins_build "$HOME/Jenkinsfile"
  contains "$(cat "$HOME/build.log")" "docker push $REGISTRY/app:1"
  same "what is left" "" "$(jenkins_left)"
}

test_jenkins_scripted_example_with_a_role_in_each_branch() {
  jenkins_agent
  jenkins_example scripted
  same "roles" "arn:aws:iam::$ACCOUNT:role/ci-push arn:aws:iam::$PARTNER_ACCOUNT:role/ci-partner" "$(jenkins_roles)"
  same "GetAuthorizationToken calls" 2 "$(calls ecr:GetAuthorizationToken)"
}

test_jenkins_example_with_two_accounts_in_one_block() {
  jenkins_agent
  jenkins_example two-accounts
  same "roles" "arn:aws:iam::$ACCOUNT:role/ci-push arn:aws:iam::$PARTNER_ACCOUNT:role/ci-partner" "$(jenkins_roles)"
}

test_jenkins_example_with_docker_with_registry() {
  jenkins_agent
  jenkins_example with-registry
  contains "$(cat "$HOME/build.log")" "docker push $REGISTRY/app:latest"
}

test_jenkins_example_with_a_token_file() {
  jenkins_agent
  jenkins_example token-file
  same "roles" "arn:aws:iam::$ACCOUNT:role/ci-push" "$(jenkins_roles)"
}

test_jenkins_example_with_an_instance_profile() {
  jenkins_agent
  local metadata
  metadata=$(sed -n 's/^export \(AWS_EC2_METADATA_SERVICE_ENDPOINT=.*\)/\1/p' "$STAGE/lab.env" | tr -d "'\"")
  control instance-role "$(jq -n --arg arn "arn:aws:iam::$ACCOUNT:role/ci-push" '{arn: $arn}')"
  # The lab is at a documentation address, not at the service's own.
  AGENT=("$metadata" ECR_AUTH_ALLOW_HTTP=1)
  jenkins_example instance-profile
  control instance-role '{}'
  same "roles" "" "$(jenkins_roles)"
}

test_jenkins_example_with_a_tool() {
  jenkins_agent
  mkdir "$HOME/agent/tools/ecr-auth"
  mv "$HOME/agent/bin/ecr-auth" "$HOME/agent/tools/ecr-auth"
  jenkins_example tool
}

# jenkins_install FOLDER SHA256: runs jcasc.yaml's installation of the tool like Jenkins, with this folder in place of the release.
jenkins_install() {
  "$TARGET/python/bin/python" -c '
import sys, yaml
tool, = yaml.safe_load(open(sys.argv[1]))["tool"]["generic"]["installations"]
installer, = tool["properties"][0]["installSource"]["installers"]
print(installer["command"]["command"])' "$ROOT/jenkins/jcasc.yaml" |
    sed "s|^url=.*|url=file://$1|; s|sum=0*|sum=$2|" >"$HOME/install.sh"
  (cd "$HOME/agent/tools/ecr-auth" && sh -xe "$HOME/install.sh")
}

test_jenkins_tool_is_installed_once_and_checked() {
  mkdir -p "$HOME/release" "$HOME/agent/tools/ecr-auth"
  local file sum
  file=$HOME/release/ecr-auth-$(uname -m)-unknown-linux-musl
  echo "a program" >"$file"
  sum=$(sha256sum <"$file" | cut -d ' ' -f 1)
  contains "$(fails jenkins_install "$HOME/release" "${sum//[0-9]/0}")" "is not the file whose SHA-256 is"
  same "what is left of a wrong file" "" "$(find "$HOME/agent/tools" -type f)"
  jenkins_install "$HOME/release" "$sum"
  cmp "$file" "$HOME/agent/tools/ecr-auth/bin/ecr-auth"
  # The release is removed, and is not requested again.
  rm "$file"
  jenkins_install "$HOME/release" "$sum"
  same "files" "$HOME/agent/tools/ecr-auth/bin/ecr-auth" "$(find "$HOME/agent/tools" -type f -perm 755)"
}

test_jenkins_example_without_the_library() {
  jenkins_agent
  jenkins_example plain
  same "roles" "arn:aws:iam::$ACCOUNT:role/ci-push" "$(jenkins_roles)"
}

# A pod's folders are deleted with it, so only the registry and the role are checked. The page shows the example and its pod without their first
# comments.
test_jenkins_example_for_a_pod() {
  jenkins_agent
  page_block jenkins-pods.md "4. The Jenkinsfile" groovy >"$HOME/Jenkinsfile"
  same "the page's Jenkinsfile" "$(sed 1d "$ROOT/jenkins/examples/kubernetes.jenkinsfile")" "$(cat "$HOME/Jenkinsfile")"
  same "the page's pod" "$(sed 1d "$ROOT/jenkins/pod.yaml")" "$(page_block jenkins-pods.md "3. The pod" yaml)"
  AGENT=(BRANCH_NAME=feature/x)
  jenkins_build "$HOME/Jenkinsfile"
  contains "$(cat "$HOME/build.log")" 'Stage "Push" skipped'
  same "roles for another branch" "" "$(jenkins_roles)"
  AGENT=(BRANCH_NAME=main)
  jenkins_build "$HOME/Jenkinsfile"
  same "roles" "arn:aws:iam::$ACCOUNT:role/ci-push" "$(jenkins_roles)"
}

# jenkins_block BODY [OPTIONS]: prints a Jenkinsfile of one block, with BODY as its shell script.
jenkins_block() {
  cat >"$HOME/Jenkinsfile" <<EOF
node {
    checkout scm
    withEcrAuth(registries: ['$REGISTRY'], role: 'ci-push', credentialsId: 'aws-oidc'${2:-}) {
        sh '''$1'''
    }
}
EOF
}

test_jenkins_leaves_nothing_after_a_failure_or_an_abort() {
  jenkins_agent
  local push="docker build --tag $IMAGE:1 . && docker push $IMAGE:1 && ls \"\$ECR_AUTH_CACHE_DIR\" | sed s/^/cached:/"
  jenkins_block "$push; exit 7"
  contains "$(fails jenkins_build "$HOME/Jenkinsfile")" "script returned exit code 7"
  contains "$(cat "$HOME/build.log")" "cached:"
  same "what a failure leaves" "" "$(jenkins_left)"
  jenkins_block "$push; set +x; echo now it hangs; exec tail -f /dev/null"
  contains "$(fails jenkins_build "$HOME/Jenkinsfile" "now it hangs")" "Finished: ABORTED"
  contains "$(cat "$HOME/build.log")" "cached:"
  same "what an abort leaves" "" "$(jenkins_left)"
}

test_jenkins_shows_no_secret_in_logs_and_argument_lists() {
  jenkins_agent
  # shellcheck disable=SC2016 # for the step's shell
  jenkins_block 'docker build --tag '"$IMAGE"':1 . && docker push '"$IMAGE"':1
    set +x
    umask 077
    echo '"$REGISTRY"' | docker-credential-ecr-auth get >"$HOME/answer"
    find "$ECR_AUTH_FOLDER" -type f -perm /077 ! -name "*.lock" ! -path "*/docker/buildx/*" | sed s/^/wide:/'
  TRACER=(strace -f -qq -s 100000 -e trace=execve -o "$HOME/execve")
  jenkins_build "$HOME/Jenkinsfile"
  jq -r .Secret "$HOME/answer" >"$HOME/secrets"
  cat "$HOME/agent/credentials/aws-oidc" >>"$HOME/secrets"
  same "secrets" 2 "$(grep -c . "$HOME/secrets")"
  contains "$(cat "$HOME/execve")" '"push", "'"$IMAGE"':1"'
  same "in the log" "" "$(grep -oFf "$HOME/secrets" "$HOME/build.log" || true)"
  same "in argument lists" "" "$(grep -oFf "$HOME/secrets" "$HOME/execve" || true)"
  same "files that others can read" "" "$(grep '^wide:' "$HOME/build.log" || true)"
  same "what is left" "" "$(jenkins_left)"
}

test_jenkins_keeps_the_configuration_that_was_there() {
  jenkins_agent
  mkdir -p "$HOME/.docker/contexts" "$HOME/.docker/cli-plugins"
  printf '{"auths": {"quay.io": {"auth": "eDp5"}}, "detachKeys": "ctrl-e,e"}' >"$HOME/.docker/config.json"
  cp -r "$HOME/.docker" "$HOME/before"
  cat >"$HOME/Jenkinsfile" <<EOF
node {
    withEcrAuth(registries: '$REGISTRY', role: 'ci-push', credentialsId: 'aws-oidc') {
        withEcrAuth(registries: '$FOREIGN', role: 'ci-partner', credentialsId: 'aws-oidc') {
            sh 'cat "\$DOCKER_CONFIG/config.json" "\$ECR_AUTH_SETUP"; ls "\$DOCKER_CONFIG"'
        }
        sh 'echo outer: \$(tr -d "[:space:]" <"\$DOCKER_CONFIG/config.json")'
    }
}
EOF
  local log
  log=$(jenkins_build "$HOME/Jenkinsfile")
  contains "$log" '"detachKeys": "ctrl-e,e"'
  contains "$log" '"quay.io"'
  contains "$log" '"role-arn":"ci-push"'
  contains "$log" '"role-arn":"ci-partner"'
  contains "$log" "cli-plugins"
  contains "$log" 'outer: {"auths":{"quay.io":{"auth":"eDp5"}},"detachKeys":"ctrl-e,e","credHelpers":{"'"$REGISTRY"'":"ecr-auth"}}'
  diff -r "$HOME/before" "$HOME/.docker"
}

test_jenkins_users_read_what_is_missing() {
  jenkins_agent
  jenkins_block true ", rolle: 'x'"
  contains "$(fails jenkins_build "$HOME/Jenkinsfile")" "ERROR: withEcrAuth: unknown option rolle; it takes registries, role, credentialsId"
  jenkins_block true ", credentialsType: 'idToken'"
  contains "$(fails jenkins_build "$HOME/Jenkinsfile")" "ERROR: withEcrAuth: credentialsType is 'idToken'; it can be 'string' or 'file'"
  rm "$HOME/agent/bin/ecr-auth"
  jenkins_block true
  contains "$(fails jenkins_build "$HOME/Jenkinsfile")" "error: cannot run ecr-auth: it is not on PATH on this agent"
  same "what is left" "" "$(jenkins_left)"
}

# Two blocks at the same time on one agent, in their own workspaces. The one whose token the role does not trust gets nothing of the other.
test_jenkins_builds_on_one_agent_share_nothing() {
  jenkins_agent
  control jobs '{"ci": "jenkins", "project": "stranger"}' | jq -r .environment.ECR_AUTH_ID_TOKEN >"$HOME/agent/credentials/stranger"
  cat >"$HOME/Jenkinsfile" <<EOF
parallel(
    app: {
        node {
            checkout scm
            withEcrAuth(registries: '$REGISTRY', role: 'ci-push', credentialsId: 'aws-oidc') {
                sh 'docker build --tag $IMAGE:1 . && docker push $IMAGE:1 && touch ../pushed && timeout 60 sh -c "until [ -e ../refused ]; do sleep 0.1; done"'
            }
        }
    },
    stranger: {
        node {
            withEcrAuth(registries: '$REGISTRY', role: 'ci-push', credentialsId: 'stranger') {
                sh 'timeout 60 sh -c "until [ -e ../pushed ]; do sleep 0.1; done"'
                sh 'echo $REGISTRY | docker-credential-ecr-auth get >answer || echo status: \$?; touch ../refused; cat answer'
            }
        }
    },
)
EOF
  local log
  log=$(jenkins_build "$HOME/Jenkinsfile")
  contains "$log" "status: 1"
  contains "$log" "ecr-auth: $REGISTRY: "
  same "what is left" "" "$(jenkins_left)"
}
