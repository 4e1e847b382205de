//! Every environment variable that is read, for the reference in docs/configuration.md. `tests/it/configuration_page.rs` compares it with
//! the names that the code looks up: one that is read and isn't here, or is here and isn't read, fails.

/// One of them.
#[derive(Debug, Clone, Copy)]
pub struct Variable {
    /// Its name; `<SERVICE>` and the like stand for what is put in.
    pub name: &'static str,
    /// What it says.
    pub what: &'static str,
    /// What holds where it isn't set; empty where that is nothing.
    pub default: &'static str,
}

const fn variable(name: &'static str, what: &'static str, default: &'static str) -> Variable {
    Variable { name, what, default }
}

/// Returns the variables of the CI systems, from their descriptors.
pub fn of_ci_systems() -> impl Iterator<Item = (&'static str, String)> {
    ci::ALL.into_iter().flat_map(ci::CiSystem::documented_variables)
}

/// All variables but those of the CI systems, by whose they are. An empty variable counts as unset.
pub const VARIABLES: &[(&str, &[Variable])] = &[
    ("ecr-auth", OURS),
    ("amazon-ecr-credential-helper", OF_THE_GO_HELPER),
    ("AWS", OF_AWS),
    ("Docker, Podman, Buildah and Skopeo", OF_CLIENTS),
    ("the network", OF_THE_NETWORK),
    ("GitHub's runner, for the action", OF_THE_RUNNER),
    ("the system", OF_THE_SYSTEM),
];

const OURS: &[Variable] = &[
    variable(
        "ECR_AUTH_CONFIG",
        "the configuration file, where `--config` names none",
        "`ecr-auth/ecr-auth.yml` in the user's configuration folder",
    ),
    variable(
        "ECR_AUTH_SETUP",
        "a job's own `setup.json`, whose rules come before all others and which `setup` writes",
        "`setup.json` beside `ecr-auth.yml`",
    ),
    variable(
        "ECR_AUTH_CACHE_DIR",
        "the folder of the token cache",
        "`AWS_ECR_CACHE_DIR`, else `ecr-auth` in the user's cache folder",
    ),
    variable("ECR_AUTH_CACHE", "`off`: no token is kept", "on"),
    variable(
        "ECR_AUTH_TIMEOUT",
        "seconds, 1 to 3600, after which a command gives up",
        "15",
    ),
    variable("ECR_AUTH_LOG", "`debug`: tells more, as `-v` does", ""),
    variable(
        "ECR_AUTH_ALLOW_HTTP",
        "`1`: endpoints over plain http off the loopback addresses are asked",
        "they are refused",
    ),
    variable(
        "ECR_AUTH_COGNITO_PASSWORD",
        "the password of `ecr-auth cognito`",
        "asked for on the terminal",
    ),
    variable(
        "ECR_AUTH_COGNITO_CLIENT_SECRET",
        "the secret of Cognito's app client, where it has one",
        "",
    ),
];

const OF_THE_GO_HELPER: &[Variable] = &[
    variable(
        "AWS_ECR_CACHE_DIR",
        "the folder of the token cache",
        "see `ECR_AUTH_CACHE_DIR`",
    ),
    variable("AWS_ECR_DISABLE_CACHE", "set to anything: no token is kept", ""),
    variable(
        "AWS_ECR_IGNORE_CREDS_STORAGE",
        "`true`: `store` succeeds for other registries too, and does nothing",
        "",
    ),
];

const OF_AWS: &[Variable] = &[
    variable("AWS_ACCESS_KEY_ID", "the id of an access key", ""),
    variable("AWS_SECRET_ACCESS_KEY", "its secret", ""),
    variable(
        "AWS_SESSION_TOKEN",
        "its session token, where it is a temporary one",
        "",
    ),
    variable(
        "AWS_PROFILE",
        "the profile of the shared files",
        "`AWS_DEFAULT_PROFILE`, else `default`",
    ),
    variable("AWS_DEFAULT_PROFILE", "the same", ""),
    variable("AWS_CONFIG_FILE", "the shared configuration file", "`~/.aws/config`"),
    variable(
        "AWS_SHARED_CREDENTIALS_FILE",
        "the shared credentials file",
        "`~/.aws/credentials`",
    ),
    variable(
        "AWS_REGION",
        "the current region",
        "`AWS_DEFAULT_REGION`, else the profile's",
    ),
    variable("AWS_DEFAULT_REGION", "the same", ""),
    variable(
        "AWS_ROLE_ARN",
        "a role to assume, for every registry without one of its own; with `AWS_WEB_IDENTITY_TOKEN_FILE`, that token's",
        "",
    ),
    variable("AWS_WEB_IDENTITY_TOKEN_FILE", "a file with an OIDC token", ""),
    variable(
        "AWS_ROLE_SESSION_NAME",
        "the name of sessions",
        "one that names the CI job, else `ecr-auth`",
    ),
    variable(
        "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
        "where ECS hands out credentials, on 169.254.170.2",
        "",
    ),
    variable(
        "AWS_CONTAINER_CREDENTIALS_FULL_URI",
        "where EKS or another agent hands out credentials",
        "",
    ),
    variable("AWS_CONTAINER_AUTHORIZATION_TOKEN", "what is shown there", ""),
    variable("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", "a file that holds it", ""),
    variable(
        "AWS_EC2_METADATA_DISABLED",
        "`true`: the instance metadata service is not asked",
        "it is",
    ),
    variable(
        "AWS_EC2_METADATA_SERVICE_ENDPOINT",
        "its address",
        "`http://169.254.169.254`",
    ),
    variable(
        "AWS_ENDPOINT_URL",
        "the address of AWS's services; switches FIPS and dual-stack off",
        "the services' own",
    ),
    variable(
        "AWS_ENDPOINT_URL_<SERVICE>",
        "of one: `ECR`, `ECR_PUBLIC`, `STS`, `COGNITO_IDENTITY_PROVIDER`, `COGNITO_IDENTITY`, `SSO`, `SSO_OIDC`, `SIGNIN`",
        "`AWS_ENDPOINT_URL`",
    ),
    variable(
        "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS",
        "`true`: neither these two nor a profile's addresses count",
        "they do",
    ),
    variable(
        "AWS_USE_FIPS_ENDPOINT",
        "`true`: FIPS 140 endpoints",
        "as the registry's name says",
    ),
    variable(
        "AWS_USE_DUALSTACK_ENDPOINT",
        "`true`: endpoints with IPv6",
        "as the registry's name says",
    ),
    variable(
        "AWS_CA_BUNDLE",
        "a PEM file of the certificates to trust, and no others",
        "",
    ),
    variable("AWS_MAX_ATTEMPTS", "how often a call is tried", "3"),
];

const OF_CLIENTS: &[Variable] = &[
    variable("DOCKER_CONFIG", "docker's configuration folder", "`~/.docker`"),
    variable(
        "DOCKER_AUTH_CONFIG",
        "a whole configuration, which docker takes before its file; `doctor` reads it",
        "",
    ),
    variable(
        "REGISTRY_AUTH_FILE",
        "the `auth.json` of podman, buildah and skopeo",
        "`containers/auth.json` in `XDG_RUNTIME_DIR` and in `XDG_CONFIG_HOME`",
    ),
    variable(
        "BUILDX_CONFIG",
        "buildx' folder, which the action keeps where it was",
        "`buildx` in docker's folder",
    ),
];

const OF_THE_NETWORK: &[Variable] = &[
    variable("HTTPS_PROXY", "the proxy for https; `https_proxy` too", "`ALL_PROXY`"),
    variable("HTTP_PROXY", "the proxy for http; `http_proxy` too", "`ALL_PROXY`"),
    variable("ALL_PROXY", "the proxy for both; `all_proxy` too", ""),
    variable(
        "NO_PROXY",
        "hosts that are asked without one, separated by commas; `no_proxy` too",
        "",
    ),
    variable(
        "SSL_CERT_FILE",
        "a PEM file of the certificates to trust",
        "the system's, else Mozilla's",
    ),
    variable("SSL_CERT_DIR", "a folder of them", ""),
];

const OF_THE_RUNNER: &[Variable] = &[
    variable("INPUT_<NAME>", "the action's inputs", "as action.yml says"),
    variable(
        "GITHUB_PATH",
        "the file that takes folders for the PATH of later steps",
        "",
    ),
    variable("GITHUB_STATE", "the file that takes what the post step has to know", ""),
    variable("GITHUB_STEP_SUMMARY", "the file that takes the run's summary", ""),
    variable("STATE_UNDO", "what the post step takes back", ""),
    variable("STATE_binary", "the binary that the post step runs", ""),
    variable("RUNNER_TEMP", "the folder for files of the job", ""),
    variable("RUNNER_TOOL_CACHE", "where the binary is kept for the next job", ""),
    variable(
        "RUNNER_ENVIRONMENT",
        "`self-hosted`: docker's configuration is isolated",
        "",
    ),
    variable("RUNNER_DEBUG", "`1`: tells more, as `-v` does", ""),
    variable("GITHUB_ACTION_REPOSITORY", "whose release the binary is taken from", ""),
    variable("GITHUB_SERVER_URL", "the server of that", "`https://github.com`"),
];

const OF_THE_SYSTEM: &[Variable] = &[
    variable("PATH", "where programs are looked for, in its absolute folders", ""),
    variable("HOME", "the user's home folder", ""),
    variable("USERPROFILE", "the same, on Windows", ""),
    variable(
        "XDG_CONFIG_HOME",
        "the user's configuration folder",
        "`~/.config`; on macOS `~/Library/Application Support`",
    ),
    variable(
        "TERM",
        "`dumb`: a terminal that is not told what is waited for, as it can't take a line back",
        "",
    ),
    variable(
        "XDG_CACHE_HOME",
        "the user's cache folder",
        "`~/.cache`; on macOS `~/Library/Caches`",
    ),
    variable(
        "XDG_STATE_HOME",
        "the user's state folder",
        "`~/.local/state`; on macOS `~/Library/Application Support`",
    ),
    variable(
        "XDG_RUNTIME_DIR",
        "where podman keeps `auth.json` until logout",
        "`/run/containers/<user id>`",
    ),
    variable("APPDATA", "the configuration folder on Windows", ""),
    variable("LOCALAPPDATA", "the cache and state folder on Windows", ""),
    variable("TMPDIR", "goes to `buildkite-agent`", ""),
    variable("SUDO_USER", "who called sudo: `doctor` then says what sudo changes", ""),
    variable("USER", "`doctor --redact` hides it", ""),
    variable("LOGNAME", "`doctor --redact` hides it", ""),
    variable("USERNAME", "`doctor --redact` hides it", ""),
    variable("HOSTNAME", "`doctor --redact` hides it", ""),
    variable("COLUMNS", "how wide `--help` is, where that is no terminal", "100"),
];
