//! Every environment variable that ecr-auth reads, with its documentation; the variables of CI systems are in the crate `ci`.
//!
//! Code reads a variable by its constant: `env.get(variables::ECR_AUTH_TIMEOUT)`. The tables in docs/configuration.md are made from
//! [`GROUPS`]. An empty variable counts as unset.

/// An environment variable, as docs/configuration.md shows it.
#[derive(Debug, Clone, Copy)]
pub struct Variable {
    /// The name that code looks up. For a family of variables, it is their common prefix.
    pub name: &'static str,
    /// The name in the documentation: `AWS_ENDPOINT_URL_<SERVICE>` for a family.
    pub shown: &'static str,
    /// What the variable does.
    pub what: &'static str,
    /// The default. Empty if there is none.
    pub default: &'static str,
}

/// Makes a constant for each variable, with its documentation, and the list of all groups.
macro_rules! variables {
    ($($whose:literal {
        $($(#[doc = $what:literal])+ $name:ident $(= $start:literal as $shown:literal)? $(, default: $default:literal)?;)+
    })+) => {
        $($($(#[doc = $what])+ pub const $name: &str = variables!(@or $($start)? { stringify!($name) });)+)+

        /// All variables, by the program or system that they belong to.
        pub const GROUPS: &[(&str, &[Variable])] = &[$(($whose, &[$(Variable {
            name: $name,
            shown: variables!(@or $($shown)? { $name }),
            what: concat!($($what),+).trim_ascii(),
            default: variables!(@or $($default)? { "" }),
        }),+])),+];
    };
    (@or { $other:expr }) => { $other };
    (@or $given:literal { $other:expr }) => { $given };
}

variables! {
    "ecr-auth" {
        /// Names the configuration file if `--config` does not.
        ECR_AUTH_CONFIG, default: "`ecr-auth/ecr-auth.yml` in the user's configuration folder";
        /// Names a job's own `setup.json`, whose rules come before all others and which `setup` writes.
        ECR_AUTH_SETUP, default: "`setup.json` beside `ecr-auth.yml`";
        /// Names the folder of the token cache.
        ECR_AUTH_CACHE_DIR, default: "`AWS_ECR_CACHE_DIR`, else `ecr-auth` in the user's cache folder";
        /// `off` switches the token cache off.
        ECR_AUTH_CACHE, default: "on";
        /// Sets the seconds, 1 to 3600, after which a command gives up.
        ECR_AUTH_TIMEOUT, default: "15";
        /// `debug` shows more, as `-v` does.
        ECR_AUTH_LOG;
        /// `1` allows endpoints over plain http that are not on the loopback addresses.
        ECR_AUTH_ALLOW_HTTP, default: "they are refused";
        /// Is set by ecr-auth when it runs the fallback store's program. If that program runs ecr-auth, ecr-auth does not call the program again.
        ECR_AUTH_IN_FALLBACK;
        /// Holds the password of `ecr-auth cognito`.
        ECR_AUTH_COGNITO_PASSWORD, default: "asked for on the terminal";
        /// Holds the secret of Cognito's app client, if the client has one.
        ECR_AUTH_COGNITO_CLIENT_SECRET;
        /// Sets how many seconds `ecr-auth cognito --browser` waits for the browser.
        ECR_AUTH_BROWSER_TIMEOUT, default: "300";
        /// Names the program that opens addresses for `ecr-auth cognito --browser`. `none` means that there is no browser.
        BROWSER, default: "the platform's";
        /// Is set over SSH. Such a session opens no browser, unless `DISPLAY` or `WAYLAND_DISPLAY` is set.
        SSH_CONNECTION;
        /// Names the screen, on Linux.
        DISPLAY;
        /// Names the screen, on Linux.
        WAYLAND_DISPLAY;
    }
    "The kubelet's provider" {
        /// Names the role that pulls images for a service account without the annotation.
        AWS_ECR_ROLE_ARN;
    }
    "amazon-ecr-credential-helper" {
        /// Names the folder of the token cache.
        AWS_ECR_CACHE_DIR, default: "see `ECR_AUTH_CACHE_DIR`";
        /// Any value switches the token cache off.
        AWS_ECR_DISABLE_CACHE;
        /// `true` makes `store` succeed for other registries too, without storing anything.
        AWS_ECR_IGNORE_CREDS_STORAGE;
    }
    "AWS" {
        /// Holds the id of an access key.
        AWS_ACCESS_KEY_ID;
        /// Holds the secret of the access key.
        AWS_SECRET_ACCESS_KEY;
        /// Holds the session token of a temporary access key.
        AWS_SESSION_TOKEN;
        /// Holds the session token if `AWS_SESSION_TOKEN` does not: its older name.
        AWS_SECURITY_TOKEN;
        /// Names the profile of the shared files.
        AWS_PROFILE, default: "`AWS_DEFAULT_PROFILE`, else `default`";
        /// Names the profile if `AWS_PROFILE` does not.
        AWS_DEFAULT_PROFILE;
        /// Names the shared configuration file.
        AWS_CONFIG_FILE, default: "`~/.aws/config`";
        /// Names the shared credentials file.
        AWS_SHARED_CREDENTIALS_FILE, default: "`~/.aws/credentials`";
        /// Names the folder in which `aws login` keeps its sessions.
        AWS_LOGIN_CACHE_DIRECTORY, default: "`~/.aws/login/cache`";
        /// Sets the current region.
        AWS_REGION, default: "`AWS_DEFAULT_REGION`, else the profile's";
        /// Sets the current region if `AWS_REGION` does not.
        AWS_DEFAULT_REGION;
        /// Names a role to assume for every registry without a role of its own; with `AWS_WEB_IDENTITY_TOKEN_FILE`, the role of that token.
        AWS_ROLE_ARN;
        /// Names a file with an OIDC token.
        AWS_WEB_IDENTITY_TOKEN_FILE;
        /// Sets the name of sessions.
        AWS_ROLE_SESSION_NAME, default: "one that names the CI job, else `ecr-auth`";
        /// Sets the path at which ECS hands out credentials, on 169.254.170.2.
        AWS_CONTAINER_CREDENTIALS_RELATIVE_URI;
        /// Sets the address at which EKS or another agent hands out credentials.
        AWS_CONTAINER_CREDENTIALS_FULL_URI;
        /// Holds the token to send to the container's credential endpoint.
        AWS_CONTAINER_AUTHORIZATION_TOKEN;
        /// Names a file with the token to send to the container's credential endpoint.
        AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE;
        /// `true` switches the instance metadata service off.
        AWS_EC2_METADATA_DISABLED, default: "it is used";
        /// Sets the address of the instance metadata service.
        AWS_EC2_METADATA_SERVICE_ENDPOINT, default: "`http://169.254.169.254`";
        /// `IPv6` asks the instance metadata service at `http://[fd00:ec2::254]`.
        AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE, default: "`IPv4`";
        /// Sets the seconds that one request to the instance metadata service may take.
        AWS_METADATA_SERVICE_TIMEOUT, default: "1";
        /// Sets how often a request to the instance metadata service is sent.
        AWS_METADATA_SERVICE_NUM_ATTEMPTS, default: "1 if `AWS_METADATA_SERVICE_TIMEOUT` is set, else 3 in 1.7 seconds in all";
        /// Sets the address of all of AWS's services; switches FIPS and dual-stack off.
        AWS_ENDPOINT_URL, default: "the services' own";
        /// Sets the address of one service: `ECR`, `ECR_PUBLIC`, `STS`, `COGNITO_IDENTITY_PROVIDER`, `COGNITO_IDENTITY`, `SSO`, `SSO_OIDC`, `SIGNIN`.
        AWS_ENDPOINT_URL_OF_SERVICE = "AWS_ENDPOINT_URL_" as "AWS_ENDPOINT_URL_<SERVICE>", default: "`AWS_ENDPOINT_URL`";
        /// `true` ignores the `AWS_ENDPOINT_URL` variables and a profile's addresses.
        AWS_IGNORE_CONFIGURED_ENDPOINT_URLS, default: "they count";
        /// `true` uses FIPS 140 endpoints.
        AWS_USE_FIPS_ENDPOINT, default: "as the registry's name says";
        /// `true` uses endpoints with IPv6.
        AWS_USE_DUALSTACK_ENDPOINT, default: "as the registry's name says";
        /// Names a PEM file with the only certificates to trust. `~` is your home folder.
        AWS_CA_BUNDLE, default: "the profile's `ca_bundle`";
        /// Sets how often a call is tried.
        AWS_MAX_ATTEMPTS, default: "3";
    }
    "Docker, Podman, Buildah, Skopeo and Helm" {
        /// Names docker's configuration folder.
        DOCKER_CONFIG, default: "`~/.docker`";
        /// Holds a whole configuration. Docker 28.3 and later read it before the file; `doctor` reads it too.
        DOCKER_AUTH_CONFIG;
        /// Names the `auth.json` of podman, buildah and skopeo.
        REGISTRY_AUTH_FILE, default: "`containers/auth.json` in `XDG_RUNTIME_DIR` and in `XDG_CONFIG_HOME`";
        /// Names helm's registry file.
        HELM_REGISTRY_CONFIG, default: "`registry/config.json` in `HELM_CONFIG_HOME`";
        /// Names helm's configuration folder.
        HELM_CONFIG_HOME, default: "`helm` in the user's configuration folder";
        /// Names buildx' folder. The action does not move this folder.
        BUILDX_CONFIG, default: "`buildx` in docker's folder";
    }
    "The network" {
        /// Sets the proxy for https; `https_proxy` does too.
        HTTPS_PROXY, default: "`ALL_PROXY`";
        /// Sets the proxy for http; `http_proxy` does too.
        HTTP_PROXY, default: "`ALL_PROXY`";
        /// Sets the proxy for http and https; `all_proxy` does too.
        ALL_PROXY;
        /// Lists the hosts to call without a proxy; `no_proxy` does too. [The forms](network.md#no_proxy).
        NO_PROXY;
        /// Names a PEM file with the certificates to trust.
        SSL_CERT_FILE, default: "the system's, else Mozilla's";
        /// Names a folder with certificates to trust.
        SSL_CERT_DIR;
    }
    "GitHub's runner, for the action" {
        /// Holds an input of the action.
        INPUT = "INPUT_" as "INPUT_<NAME>", default: "as action.yml says";
        /// Names the file that takes folders for the PATH of later steps.
        GITHUB_PATH;
        /// Names the file that takes what the post step has to know.
        GITHUB_STATE;
        /// Names the file that takes the run's summary.
        GITHUB_STEP_SUMMARY;
        /// Lists what the post step undoes.
        STATE_UNDO;
        /// Names the binary that the post step runs.
        STATE_BINARY = "STATE_binary" as "STATE_binary";
        /// Names the folder for the job's files.
        RUNNER_TEMP;
        /// Names the folder that keeps the binary for the next job.
        RUNNER_TOOL_CACHE;
        /// `self-hosted` isolates docker's configuration.
        RUNNER_ENVIRONMENT;
        /// `1` shows more, as `-v` does.
        RUNNER_DEBUG;
        /// Names the repository whose release has the binary.
        GITHUB_ACTION_REPOSITORY;
        /// Sets the server of that repository.
        GITHUB_SERVER_URL, default: "`https://github.com`";
    }
    "The system" {
        /// Lists the folders to look for programs in; only absolute folders count.
        PATH;
        /// Names the user's home folder.
        HOME, default: "the one in the system's password database";
        /// Names the user's home folder on Windows.
        USERPROFILE;
        /// Names the user's configuration folder.
        XDG_CONFIG_HOME, default: "`~/.config`; on macOS `~/Library/Application Support`";
        /// `dumb` switches colours and the progress line off, because such a terminal cannot show them.
        TERM;
        /// Any value switches colours off.
        NO_COLOR;
        /// Names the user's cache folder.
        XDG_CACHE_HOME, default: "`~/.cache`; on macOS `~/Library/Caches`";
        /// Names the user's state folder.
        XDG_STATE_HOME, default: "`~/.local/state`; on macOS `~/Library/Application Support`";
        /// Names the folder in which podman keeps `auth.json` until logout.
        XDG_RUNTIME_DIR, default: "`/run/containers/<user id>`";
        /// Names the configuration folder on Windows.
        APPDATA;
        /// Names the cache and state folder on Windows.
        LOCALAPPDATA;
        /// Names the folder for temporary files; ecr-auth passes it to `buildkite-agent`.
        TMPDIR;
        /// Names the user who called sudo: `doctor` then says what sudo changes.
        SUDO_USER;
        /// `doctor --redact` hides the value.
        USER;
        /// `doctor --redact` hides the value.
        LOGNAME;
        /// `doctor --redact` hides the value.
        USERNAME;
        /// `doctor --redact` hides the value.
        HOSTNAME;
        /// Sets how wide `--help` is if its output is not a terminal.
        COLUMNS, default: "100";
    }
}
