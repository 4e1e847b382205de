//! The table of Cognito's settings: one entry for each. To add a setting, add its field in [`CognitoSettings`], its entry, and its line in the table.

use std::path::PathBuf;

use super::forms::{
    LONGEST_NAME, LONGEST_POOL_ID, is_client, is_domain, is_identity_pool, is_provider, is_role_arn, is_user_pool,
    is_username,
};
use super::{DEFAULT_PORT, Flow, IdentityFlow};
use crate::limits::DURATIONS;
use crate::setting::{Setting, SettingGroup, SurfaceValue, TextForm, ValueKind};
use context::variables;

/// The user pool or other provider that a user signs in to, and the identity pool that trades its token for AWS credentials.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CognitoSettings {
    /// `<region>_<letters and digits>`; not needed with a provider.
    pub user_pool_id: Option<String>,
    /// The app client of the user pool: letters and digits; not needed with a provider.
    pub client_id: Option<String>,
    /// `<region>:<UUID>`.
    pub identity_pool_id: String,
    /// The user who signs in. Without a name, it is asked for.
    pub username: Option<String>,
    /// The file that holds the app client's secret.
    pub client_secret_file: Option<PathBuf>,
    /// How the user signs in without a browser.
    pub flow: Flow,
    /// The host of the user pool's managed login, with its port if that is not 443.
    pub domain: Option<String>,
    /// Whether users sign in in their browser.
    pub browser: bool,
    /// The port of this machine that the managed login sends the browser back to.
    pub callback_port: Option<u16>,
    /// How the identity pool's token becomes AWS credentials.
    pub identity_flow: IdentityFlow,
    /// The ARN of the role to ask for: one that the pool's rules allow, or in the classic flow one that trusts the pool.
    pub role_arn: Option<String>,
    /// How long the session of the classic flow lives, in seconds.
    pub duration: Option<u32>,
    /// The session policy of the classic flow: its JSON.
    pub policy: Option<String>,
    /// Another identity provider, as the identity pool's key for it: `accounts.google.com`, `graph.facebook.com` or an issuer.
    pub provider: Option<String>,
    /// The file with that provider's token.
    pub id_token_file: Option<PathBuf>,
}

/// A setting of a sign-in to Cognito.
pub type CognitoSetting = Setting<CognitoSettings>;

impl SettingGroup for CognitoSettings {
    const TABLE: &'static [&'static CognitoSetting] = &[
        &USER_POOL_ID,
        &CLIENT_ID,
        &IDENTITY_POOL_ID,
        &USERNAME,
        &CLIENT_SECRET_FILE,
        &DOMAIN,
        &BROWSER,
        &CALLBACK_PORT,
        &FLOW,
        &IDENTITY_FLOW,
        &ROLE_ARN,
        &DURATION,
        &POLICY,
        &PROVIDER,
        &ID_TOKEN_FILE,
    ];
}

/// Returns an entry with the parts that these settings have in common. `-h` shows all of their flags.
const fn named(name: &'static str) -> Setting<CognitoSettings> {
    Setting {
        is_common: true,
        is_of_role: false,
        ..Setting::named(name)
    }
}

/// The user pool.
pub static USER_POOL_ID: CognitoSetting = Setting {
    kind: ValueKind::Formed(&TextForm {
        is_right: is_user_pool,
        cause: "it is not the id of a user pool",
        hint: "it looks like eu-west-1_AbCdEfGhI: the region, then letters and digits",
        pattern: "^[a-z]{2,}(-[a-z0-9]+)+_[0-9A-Za-z]+$",
        longest: Some(LONGEST_POOL_ID),
    }),
    value_name: "ID",
    help: "User pool, such as eu-west-1_AbCdEfGhI",
    key: Some("The user pool, `<region>_<letters and digits>`; required without `provider`."),
    is_in_cache_key: true,
    get: |it| it.user_pool_id.clone().map(SurfaceValue::Text),
    set: |it, value| it.user_pool_id = value.text(),
    ..named("user-pool-id")
};

/// The app client of the user pool.
pub static CLIENT_ID: CognitoSetting = Setting {
    kind: ValueKind::Formed(&TextForm {
        is_right: is_client,
        cause: "it is not the id of an app client",
        hint: "it is what the console calls the client ID: letters and digits, 26 of them as a rule",
        pattern: "^[0-9A-Za-z]+$",
        longest: Some(LONGEST_NAME),
    }),
    value_name: "ID",
    help: "App client of the user pool",
    key: Some("The app client of the user pool; required without `provider`."),
    is_in_cache_key: true,
    get: |it| it.client_id.clone().map(SurfaceValue::Text),
    set: |it, value| it.client_id = value.text(),
    ..named("client-id")
};

/// The identity pool.
pub static IDENTITY_POOL_ID: CognitoSetting = Setting {
    kind: ValueKind::Formed(&TextForm {
        is_right: is_identity_pool,
        cause: "it is not the id of an identity pool",
        hint: "it looks like eu-west-1:12345678-abcd-1234-abcd-123456789012: the region, then a UUID",
        pattern: "^[a-z]{2,}(-[a-z0-9]+)+:[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}$",
        longest: None,
    }),
    value_name: "ID",
    help: "Identity pool, such as eu-west-1:12345678-abcd-1234-abcd-123456789012",
    key: Some("The identity pool, `<region>:<UUID>`. It gives AWS credentials for the sign-in."),
    is_in_cache_key: true,
    get: |it| (!it.identity_pool_id.is_empty()).then(|| SurfaceValue::Text(it.identity_pool_id.clone())),
    set: |it, value| it.identity_pool_id = value.text().unwrap_or_default(),
    ..named("identity-pool-id")
};

/// The user.
pub static USERNAME: CognitoSetting = Setting {
    kind: ValueKind::Formed(&TextForm {
        is_right: is_username,
        cause: "it is not the name of a user",
        hint: "names have 1 to 128 characters, none of them a control character",
        pattern: "\\S",
        longest: Some(LONGEST_NAME),
    }),
    help: "Name of the user who signs in",
    key: Some("Who signs in. By default, ecr-auth asks on the terminal."),
    is_in_cache_key: true,
    get: |it| it.username.clone().map(SurfaceValue::Text),
    set: |it, value| it.username = value.text(),
    ..named("username")
};

/// The file with the app client's secret. Whoever signs in has the same credentials with it, so it is not in the cache key.
pub static CLIENT_SECRET_FILE: CognitoSetting = Setting {
    kind: ValueKind::File,
    value_name: "FILE",
    help: "File that holds the app client's secret, where it has one",
    variable: Some(variables::ECR_AUTH_COGNITO_CLIENT_SECRET),
    key: Some("File with the app client's secret, if it has one; relative to this file."),
    get: |it| it.client_secret_file.clone().map(SurfaceValue::File),
    set: |it, value| it.client_secret_file = value.file(),
    ..named("client-secret-file")
};

/// The host of the managed login.
pub static DOMAIN: CognitoSetting = Setting {
    kind: ValueKind::Formed(&TextForm {
        is_right: is_domain,
        cause: "it is not the host of a managed login",
        hint: "it looks like login.example.com or northwind.auth.eu-west-1.amazoncognito.com, without https:// and without a path",
        pattern: "^[0-9a-z]([0-9a-z.-]*[0-9a-z])?(:[1-9][0-9]{0,4})?$",
        longest: Some(259),
    }),
    value_name: "HOST",
    help: "Host of the managed login, such as login.example.com",
    key: Some("The host of the user pool's managed login, such as `login.example.com`; required with `browser`."),
    get: |it| it.domain.clone().map(SurfaceValue::Text),
    set: |it, value| it.domain = value.text(),
    ..named("domain")
};

/// Whether users sign in in their browser. A program may run a line with the flag without a terminal.
pub static BROWSER: CognitoSetting = Setting {
    kind: ValueKind::Switch(&[
        ("always", "Whenever somebody has to sign in"),
        ("terminal", "Only at a terminal"),
    ]),
    value_name: "WHEN",
    help: "Sign in at the user pool's managed login, in the browser: with a company's own sign-in, Google, a passkey",
    key: Some(
        "`true`: users sign in at the managed login in their browser, for example with a company's own sign-in, Google or a passkey. A browser only opens from a terminal.",
    ),
    get: |it| it.browser.then(|| SurfaceValue::Text("terminal".to_owned())),
    set: |it, _| it.browser = true,
    ..named("browser")
};

/// The port that the managed login sends the browser back to.
pub static CALLBACK_PORT: CognitoSetting = Setting {
    kind: ValueKind::Port(DEFAULT_PORT),
    value_name: "PORT",
    help: "Port of this machine that the managed login sends the browser back to",
    default: Some("8719"),
    key: Some(
        "The port of this machine to which the managed login sends the browser back. The app client must list `http://localhost:PORT/callback`.",
    ),
    get: |it| it.callback_port.map(|port| SurfaceValue::Number(port.into())),
    set: |it, value| it.callback_port = value.number().and_then(|port| port.try_into().ok()),
    ..named("callback-port")
};

/// How a user signs in without a browser.
pub static FLOW: CognitoSetting = Setting {
    kind: ValueKind::OneOf(&[
        ("srp", "By a password that never leaves this machine"),
        ("user-password", "By a password that is sent"),
        ("email-otp", "By a code that comes by e-mail, or by SMS"),
    ]),
    value_name: "FLOW",
    help: "How the user signs in without a browser",
    default: Some("srp, which never sends the password"),
    key: Some(
        "How a user signs in without a browser: `srp` (with a password that never leaves the machine), `user-password` (with a password that is sent), or `email-otp` (with a code by e-mail or SMS).",
    ),
    get: |it| FLOW.word(it.flow as usize),
    set: |it, value| it.flow = FLOW.choice(&value, &[Flow::Srp, Flow::UserPassword, Flow::EmailOtp]),
    ..named("flow")
};

/// How the identity pool's token becomes AWS credentials.
pub static IDENTITY_FLOW: CognitoSetting = Setting {
    kind: ValueKind::OneOf(&[
        ("enhanced", "The identity pool, for an hour"),
        ("classic", "--role-arn, with --duration and --policy"),
    ]),
    value_name: "IDENTITY_FLOW",
    help: "Whether the pool chooses the role, or --role-arn names it and STS is asked",
    default: Some("enhanced"),
    key: Some(
        "`enhanced`: the pool chooses the role, for one hour. `classic`: ecr-auth assumes `role-arn` with the pool's token.",
    ),
    is_in_cache_key: true,
    get: |it| IDENTITY_FLOW.word(it.identity_flow as usize),
    set: |it, value| it.identity_flow = IDENTITY_FLOW.choice(&value, &[IdentityFlow::Enhanced, IdentityFlow::Classic]),
    ..named("identity-flow")
};

/// The role to ask for.
pub static ROLE_ARN: CognitoSetting = Setting {
    kind: ValueKind::Formed(&TextForm {
        is_right: is_role_arn,
        cause: "it is not the ARN of a role",
        hint: "write it as arn:aws:iam::<12-digit account>:role/<name>",
        pattern: "^arn:aws[a-z-]*:iam::[0-9]{12}:role/.+$",
        longest: None,
    }),
    value_name: "ARN",
    help: "Role to ask for: one that the pool's rules allow, or in the classic flow one that trusts the pool",
    key: Some("ARN of the role to ask for. The pool's rules must allow it. Required with `classic`."),
    is_of_role: true,
    is_in_cache_key: true,
    get: |it| it.role_arn.clone().map(SurfaceValue::Text),
    set: |it, value| it.role_arn = value.text(),
    ..named("role-arn")
};

/// The life of a session of the classic flow.
pub static DURATION: CognitoSetting = Setting {
    kind: ValueKind::Number(*DURATIONS.start(), *DURATIONS.end()),
    value_name: "SECONDS",
    help: "Seconds that a session of the classic flow lives: 900 to 43200",
    key: Some("With `classic`: how long the session lives, 900 to 43200 seconds."),
    is_of_role: true,
    is_in_cache_key: true,
    get: |it| it.duration.map(SurfaceValue::Number),
    set: |it, value| it.duration = value.number(),
    ..named("duration")
};

/// The session policy of the classic flow.
pub static POLICY: CognitoSetting = Setting {
    kind: ValueKind::Policy,
    value_name: "JSON|@FILE",
    help: "Session policy of the classic flow",
    key: Some("With `classic`: a session policy, as JSON or `@FILE`; relative to this file."),
    is_of_role: true,
    is_in_cache_key: true,
    get: |it| it.policy.clone().map(SurfaceValue::Text),
    set: |it, value| it.policy = value.text(),
    ..named("policy")
};

/// Another identity provider.
pub static PROVIDER: CognitoSetting = Setting {
    kind: ValueKind::Formed(&TextForm {
        is_right: is_provider,
        cause: "it is not a key of an identity provider",
        hint: "it looks like accounts.google.com, graph.facebook.com, or an OIDC issuer without https://",
        pattern: "^[0-9A-Za-z._/:-]+$",
        longest: Some(LONGEST_NAME),
    }),
    value_name: "KEY",
    help: "Another identity provider in place of the user pool, by the identity pool's key for it",
    key: Some(
        "Another identity provider in place of the user pool, as the identity pool names it: `accounts.google.com`, an OIDC issuer without `https://`, …",
    ),
    is_in_cache_key: true,
    get: |it| it.provider.clone().map(SurfaceValue::Text),
    set: |it, value| it.provider = value.text(),
    ..named("provider")
};

/// The file with that provider's token. The cache key has the token itself.
pub static ID_TOKEN_FILE: CognitoSetting = Setting {
    kind: ValueKind::File,
    value_name: "FILE",
    help: "File that holds that provider's token",
    key: Some("File with the token of `provider`, read at each use; relative to this file. Required with `provider`."),
    get: |it| it.id_token_file.clone().map(SurfaceValue::File),
    set: |it, value| it.id_token_file = value.file(),
    ..named("id-token-file")
};
