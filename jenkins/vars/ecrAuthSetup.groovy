/*
 * ecrAuthSetup(registries: […], role: …): runs `ecr-auth setup` for the user of the agent, and never undoes it. It is for agents that
 * exist for one build only. ecrAuthSetup.txt describes the options.
 */

/** Adds the helper, and the role if there is one, to the configuration of Docker, and of Podman if it is installed. */
void call(Map options = [:]) {
    refuseUnknown(options)
    List groups = byRole(options.registries, options.role)
    for (int i = 0; i < groups.size(); i++) {
        setUp(groups[i].registries, groups[i].role, options)
    }
}

private void refuseUnknown(Map options) {
    List known = ['registries', 'role', 'client', 'verify', 'binDir', 'tokenFile']
    List unknown = options.keySet().toList() - known
    if (unknown) {
        error "ecrAuthSetup: unknown option ${unknown.join(', ')}; it takes ${known.join(', ')}"
    }
}

/** Groups the registries by role. They are a list, a text separated by spaces, commas or lines, or a map of registry to role. */
private List byRole(Object registries, String role) {
    if (!(registries instanceof Map)) {
        List names = registries instanceof List ? registries : "${registries ?: ''}".tokenize(', \n')
        return [[registries: names.join(' '), role: role]]
    }
    List groups = []
    for (String registry in registries.keySet()) {
        groups << [registries: registry, role: registries[registry] ?: role]
    }
    return groups
}

/** Registries contain no spaces, so the shell may split them. It must not expand a `*`, and ecr-auth must not take a name for an option. */
private void setUp(String registries, String role, Map options) {
    withEnv([
        "ECR_AUTH_SETUP_REGISTRIES=${registries}",
        "ECR_AUTH_SETUP_ROLE=${role ?: ''}",
        "ECR_AUTH_SETUP_TOKEN_FILE=${options.tokenFile && role ? 'yes' : ''}",
        "ECR_AUTH_SETUP_CLIENT=${options.client ?: ''}",
        "ECR_AUTH_SETUP_VERIFY=${options.verify ? 'yes' : ''}",
        "ECR_AUTH_SETUP_BIN_DIR=${options.binDir ?: ''}",
    ]) {
        sh label: 'ecr-auth: set up', script: '''
            set +x -f
            command -v ecr-auth >/dev/null || {
              echo 'error: cannot run ecr-auth: it is not on PATH on this agent' >&2
              echo "hint: install it there, or name the generic tool that does: withEcrAuth(tool: 'ecr-auth', …)" >&2
              exit 1
            }
            set --
            [ -z "$ECR_AUTH_SETUP_ROLE" ] || set -- "$@" --role-arn "$ECR_AUTH_SETUP_ROLE"
            [ -z "$ECR_AUTH_SETUP_TOKEN_FILE" ] || set -- "$@" --token-file "$AWS_WEB_IDENTITY_TOKEN_FILE"
            [ -z "$ECR_AUTH_SETUP_CLIENT" ] || set -- "$@" --client "$ECR_AUTH_SETUP_CLIENT"
            [ -z "$ECR_AUTH_SETUP_BIN_DIR" ] || set -- "$@" --bin-dir "$ECR_AUTH_SETUP_BIN_DIR"
            [ -z "$ECR_AUTH_SETUP_VERIFY" ] || set -- "$@" --verify
            ecr-auth setup "$@" -- $ECR_AUTH_SETUP_REGISTRIES
        '''
    }
}
