/*
 * withEcrAuth(registries: […], role: …, credentialsId: …) { … }: the steps in the body can push to and pull from ECR. withEcrAuth.txt
 * describes the options.
 *
 * All files are in a folder with a unique name in the workspace's temporary folder. So parallel branches, and jobs on one agent, share
 * neither configuration nor tokens. The folder is removed when the body ends, even after an error.
 *
 * Shell scripts are in single quotes and read their values from the environment, so that Groovy inserts no value into a command.
 */

/** Runs the body with Docker, Podman, Buildah and Skopeo signed in to these registries, and returns what the body returns. */
def call(Map options = [:], Closure body) {
    refuseUnknown(options)
    String folder = "${env.WORKSPACE_TMP ?: pwd(tmp: true)}/ecr-auth-${UUID.randomUUID()}"
    return withToken(options) {
        withEnv(["ECR_AUTH_FOLDER=${folder}"] + toolPath(options)) {
            try {
                prepare()
                withEnv(isolation(folder)) {
                    ecrAuthSetup(
                        registries: options.registries,
                        role: options.role,
                        client: options.client,
                        verify: options.verify,
                        binDir: "${folder}/bin",
                        tokenFile: options.credentialsType == 'file',
                    )
                    body()
                }
            } finally {
                remove(folder)
            }
        }
    }
}

private void refuseUnknown(Map options) {
    List known = ['registries', 'role', 'credentialsId', 'credentialsType', 'tool', 'client', 'verify']
    List unknown = options.keySet().toList() - known
    if (unknown) {
        error "withEcrAuth: unknown option ${unknown.join(', ')}; it takes ${known.join(', ')}"
    }
    if (!(options.credentialsType in [null, 'string', 'file'])) {
        error "withEcrAuth: credentialsType is '${options.credentialsType}'; it can be 'string' or 'file'"
    }
}

/** Runs the inner part with the token of the oidc-provider plugin's credential, if credentialsId names one. */
private Object withToken(Map options, Closure inner) {
    if (!options.credentialsId) {
        return inner()
    }
    List bindings = options.credentialsType == 'file' ?
        [file(credentialsId: options.credentialsId, variable: 'AWS_WEB_IDENTITY_TOKEN_FILE')] :
        [string(credentialsId: options.credentialsId, variable: 'ECR_AUTH_ID_TOKEN')]
    return withCredentials(bindings) {
        inner()
    }
}

/** Returns the generic tool's folder for PATH. Jenkins installs the tool but does not add it to PATH. */
private List toolPath(Map options) {
    return options.tool ? ["PATH+ECR_AUTH_TOOL=${tool(name: options.tool, type: 'generic')}"] : []
}

private List isolation(String folder) {
    return [
        "DOCKER_CONFIG=${folder}/docker",
        "REGISTRY_AUTH_FILE=${folder}/auth.json",
        "ECR_AUTH_SETUP=${folder}/setup.json",
        "ECR_AUTH_CACHE_DIR=${folder}/cache",
        "XDG_STATE_HOME=${folder}/state",
        "PATH+ECR_AUTH=${folder}/bin",
    ]
}

/** Creates the folder with a copy of the current configuration, and links to Docker's builders, contexts and plug-ins. */
private void prepare() {
    sh label: 'ecr-auth: prepare', script: '''
        set +x
        umask 077
        mkdir -p "$ECR_AUTH_FOLDER/docker" "$ECR_AUTH_FOLDER/bin"

        docker=${DOCKER_CONFIG:-$HOME/.docker}
        for entry in "$docker"/*; do
          case $entry in
            */config.json) cat "$entry" >"$ECR_AUTH_FOLDER/docker/config.json" ;;
            *) [ ! -e "$entry" ] || ln -s "$entry" "$ECR_AUTH_FOLDER/docker" ;;
          esac
        done

        for file in "$REGISTRY_AUTH_FILE" "$XDG_RUNTIME_DIR/containers/auth.json" "${XDG_CONFIG_HOME:-$HOME/.config}/containers/auth.json"; do
          [ ! -f "$file" ] || { cat "$file" >"$ECR_AUTH_FOLDER/auth.json" && break; }
        done

        # The rules of an enclosing block.
        if [ -n "$ECR_AUTH_SETUP" ] && [ -f "$ECR_AUTH_SETUP" ]; then
          cat "$ECR_AUTH_SETUP" >"$ECR_AUTH_FOLDER/setup.json"
        fi
    '''
}

/** Removes the folder. A failure to do so is only a warning, so that it does not hide an error of the body. */
private void remove(String folder) {
    int status = sh(label: 'ecr-auth: clean up', returnStatus: true, script: '''
        set +x
        rm -rf "$ECR_AUTH_FOLDER"
    ''')
    if (status != 0) {
        echo "WARNING: ecr-auth: ${folder} could not be removed; it may hold passwords of registries"
    }
}
