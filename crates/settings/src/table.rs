//! The table of settings: one entry for each, in the order of `--help`. To add a setting, add its entry, its line in [`TABLE`] and, if the sign-in
//! uses it, its field in [`RoleSettings`].

use super::cognito::CognitoSettings;
use super::limits::{DURATIONS, LONGEST_TAG_VALUE, MOST_POLICY_ARNS, MOST_TAGS};
use super::setting::{Setting, SettingGroup, SurfaceValue, ValueKind};
use super::trust_source::{SourceChoice, TokenPlace};
use context::variables;

/// Which roles are wanted, and how they are assumed, as given by flags or the configuration.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RoleSettings {
    /// The first role: an ARN, or a name in the registry's account.
    pub role_arn: Option<String>,
    /// The further roles, each assumed with the one before it.
    pub chain: Vec<String>,
    /// The audience of the token to request.
    pub audience: Option<String>,
    /// The session's name.
    pub session_name: Option<String>,
    /// How long the last role's session lives, in seconds.
    pub duration: Option<u32>,
    /// The external id that the trust policies of assumed roles ask for.
    pub external_id: Option<String>,
    /// A session policy that narrows the last role: its JSON.
    pub policy: Option<String>,
    /// Managed policies that narrow the last role: their ARNs.
    pub policy_arns: Vec<String>,
    /// Session tags of the roles that are assumed with credentials: keys and values.
    pub tags: Vec<(String, String)>,
    /// The keys of those tags that later roles inherit.
    pub transitive_tags: Vec<String>,
    /// Where the CI's token is, if a setting names a place.
    pub token: Option<TokenPlace>,
    /// What assumes the first role.
    pub source: SourceChoice,
    /// The region whose STS is called.
    pub region: Option<String>,
    /// How a user signs in to Cognito. Only used with [`SourceChoice::Cognito`].
    pub cognito: Option<CognitoSettings>,
}

/// A setting of a role.
pub type RoleSetting = Setting<RoleSettings>;

/// All settings that say whose AWS credentials are used.
pub static TABLE: [&RoleSetting; 16] = [
    &ROLE_ARN,
    &CHAIN,
    &AUDIENCE,
    &SESSION_NAME,
    &DURATION,
    &EXTERNAL_ID,
    &POLICY,
    &POLICY_ARN,
    &TAG,
    &TRANSITIVE_TAG,
    &PROFILE,
    &REGION,
    &TOKEN_FILE,
    &TOKEN_ENV,
    &TOKEN_COMMAND,
    &SOURCE,
];

impl RoleSettings {
    fn token_value(&self) -> Option<SurfaceValue> {
        Some(match self.token.as_ref()? {
            TokenPlace::File(path) => SurfaceValue::File(path.clone()),
            TokenPlace::Variable(name) => SurfaceValue::Text(name.clone()),
            TokenPlace::Command(command) => SurfaceValue::Command(command.clone()),
        })
    }
}

impl SettingGroup for RoleSettings {
    const TABLE: &'static [&'static RoleSetting] = &TABLE;
}

/// The first role.
pub static ROLE_ARN: RoleSetting = Setting {
    value_name: "ROLE",
    help: "Role to assume with the CI's OIDC token, else with AWS's standard chain: an ARN, or a name in the registry's account",
    variable: Some(variables::AWS_ROLE_ARN),
    is_common: true,
    key: Some(
        "Role to assume with the CI's OIDC token or, without a token, with the standard chain: an ARN, or a name in the registry's account. Excludes `profile`.",
    ),
    inputs: &["role-to-assume"],
    get: |role| role.role_arn.clone().map(SurfaceValue::Text),
    set: |role, value| role.role_arn = value.text(),
    ..Setting::named("role-arn")
};

/// The roles after the first.
pub static CHAIN: RoleSetting = Setting {
    kind: ValueKind::List(None),
    value_name: "ROLE",
    help: "Further role, assumed with the role before it (repeatable)",
    key: Some("List of further roles, each assumed with the role before it."),
    inputs: &["role-chain"],
    get: |role| (!role.chain.is_empty()).then(|| SurfaceValue::List(role.chain.clone())),
    set: |role, value| role.chain = value.list().unwrap_or_default(),
    ..Setting::named("chain")
};

/// The audience of the CI's token.
pub static AUDIENCE: RoleSetting = Setting {
    value_name: "AUDIENCE",
    help: "Audience of the CI's OIDC token",
    default: Some("sts.amazonaws.com, in China sts.amazonaws.com.cn"),
    key: Some("Audience of the CI's OIDC token. By default `sts.amazonaws.com`, in China `sts.amazonaws.com.cn`."),
    inputs: &["audience"],
    get: |role| role.audience.clone().map(SurfaceValue::Text),
    set: |role, value| role.audience = value.text(),
    ..Setting::named("audience")
};

/// The session's name.
pub static SESSION_NAME: RoleSetting = Setting {
    help: "Name of the session in CloudTrail",
    variable: Some(variables::AWS_ROLE_SESSION_NAME),
    default: Some("one that names the CI job"),
    key: Some("The session's name in CloudTrail. By default one that names the CI job, such as `gha-octo-app-42-1`."),
    inputs: &["role-session-name"],
    get: |role| role.session_name.clone().map(SurfaceValue::Text),
    set: |role, value| role.session_name = value.text(),
    ..Setting::named("session-name")
};

/// The life of the last role's session.
pub static DURATION: RoleSetting = Setting {
    kind: ValueKind::Number(*DURATIONS.start(), *DURATIONS.end()),
    value_name: "SECONDS",
    help: "How long the last role's session lives: 900 to 43200 seconds, with --chain 3600 at most",
    key: Some("How long the last role's session lives: 900 to 43200 seconds, with `chain` 3600 at most."),
    inputs: &["role-duration-seconds"],
    is_in_cache_key: true,
    get: |role| role.duration.map(SurfaceValue::Number),
    set: |role, value| role.duration = value.number(),
    ..Setting::named("duration")
};

/// The external id of trust policies.
pub static EXTERNAL_ID: RoleSetting = Setting {
    value_name: "ID",
    help: "External id that the trust policies of the roles require",
    key: Some("External id that the trust policies of the roles require."),
    inputs: &["role-external-id"],
    is_in_cache_key: true,
    get: |role| role.external_id.clone().map(SurfaceValue::Text),
    set: |role, value| role.external_id = value.text(),
    ..Setting::named("external-id")
};

/// The session policy.
pub static POLICY: RoleSetting = Setting {
    kind: ValueKind::Policy,
    value_name: "JSON|@FILE",
    help: "Session policy that restricts the last role",
    key: Some("Session policy that restricts the last role: JSON, or `@FILE`, relative to this file."),
    inputs: &["inline-session-policy"],
    is_in_cache_key: true,
    get: |role| role.policy.clone().map(SurfaceValue::Text),
    set: |role, value| role.policy = value.text(),
    ..Setting::named("policy")
};

/// Managed policies of the session.
pub static POLICY_ARN: RoleSetting = Setting {
    kind: ValueKind::List(Some(MOST_POLICY_ARNS)),
    value_name: "ARN",
    help: "Managed policy that restricts the last role (repeatable)",
    key: Some("List of managed policies that restrict the last role."),
    inputs: &["managed-session-policies"],
    is_in_cache_key: true,
    get: |role| (!role.policy_arns.is_empty()).then(|| SurfaceValue::List(role.policy_arns.clone())),
    set: |role, value| role.policy_arns = value.list().unwrap_or_default(),
    ..Setting::named("policy-arn")
};

/// Session tags.
pub static TAG: RoleSetting = Setting {
    kind: ValueKind::Tags(MOST_TAGS, LONGEST_TAG_VALUE),
    value_name: "KEY=VALUE",
    help: "Session tag for chained roles (repeatable)",
    key: Some(
        "Session tags (`Team: build`) for roles that are assumed with credentials: those of `chain`, or all with `source: chain`. A role that is assumed with a token takes its tags from the token.",
    ),
    inputs: &["session-tags", "custom-tags"],
    is_in_cache_key: true,
    get: |role| (!role.tags.is_empty()).then(|| SurfaceValue::Tags(role.tags.clone())),
    set: |role, value| role.tags = value.tags().unwrap_or_default(),
    ..Setting::named("tag")
};

/// Session tags that later roles inherit.
pub static TRANSITIVE_TAG: RoleSetting = Setting {
    kind: ValueKind::List(None),
    value_name: "KEY",
    help: "Key of a --tag that later roles inherit (repeatable)",
    key: Some("List of the keys of `tag` that later roles inherit."),
    inputs: &["transitive-tag-keys"],
    is_in_cache_key: true,
    get: |role| (!role.transitive_tags.is_empty()).then(|| SurfaceValue::List(role.transitive_tags.clone())),
    set: |role, value| role.transitive_tags = value.list().unwrap_or_default(),
    ..Setting::named("transitive-tag")
};

/// A profile of AWS's shared files. It is not one of the settings of a role.
pub static PROFILE: RoleSetting = Setting {
    help: "Profile of AWS's shared files; no other source is tried",
    is_common: true,
    key: Some("Profile of AWS's shared files. No other source of credentials is tried."),
    is_of_role: false,
    ..Setting::named("profile")
};

/// The region whose STS is called.
pub static REGION: RoleSetting = Setting {
    kind: ValueKind::Region,
    value_name: "REGION",
    help: "Region, such as eu-west-1",
    variable: Some(variables::AWS_REGION),
    is_common: true,
    key: Some(
        "Region whose STS is called for the role. By default the current one (`AWS_REGION`, the profile's), else the registry's.",
    ),
    inputs: &["aws-region"],
    is_of_role: false,
    is_in_cache_key: true,
    get: |role| role.region.clone().map(SurfaceValue::Text),
    set: |role, value| role.region = value.text(),
    ..Setting::named("region")
};

/// The file with the CI's token.
pub static TOKEN_FILE: RoleSetting = Setting {
    kind: ValueKind::File,
    value_name: "FILE",
    help: "File with the CI's OIDC token",
    key: Some("File with the CI's OIDC token, read at each use; relative to this file."),
    inputs: &["web-identity-token-file"],
    get: |role| {
        role.token_value()
            .filter(|value| matches!(value, SurfaceValue::File(_)))
    },
    set: |role, value| role.token = value.file().map(TokenPlace::File),
    ..Setting::named("token-file")
};

/// The variable with the CI's token.
pub static TOKEN_ENV: RoleSetting = Setting {
    help: "Variable with the CI's OIDC token",
    key: Some("Variable with the CI's OIDC token."),
    get: |role| {
        role.token_value()
            .filter(|value| matches!(value, SurfaceValue::Text(_)))
    },
    set: |role, value| role.token = value.text().map(TokenPlace::Variable),
    ..Setting::named("token-env")
};

/// The command that prints the CI's token.
pub static TOKEN_COMMAND: RoleSetting = Setting {
    kind: ValueKind::Command,
    value_name: "CMD",
    help: "Command line that prints the CI's OIDC token",
    key: Some(
        "Command that prints the OIDC token, as a list of the program and its arguments, without a shell. It runs in this file's folder whenever a token is needed, for 10 seconds at most.",
    ),
    get: |role| {
        role.token_value()
            .filter(|value| matches!(value, SurfaceValue::Command(_)))
    },
    set: |role, value| role.token = value.command().map(TokenPlace::Command),
    ..Setting::named("token-command")
};

/// What assumes the first role.
pub static SOURCE: RoleSetting = Setting {
    kind: ValueKind::OneOf(&[
        ("auto", "The CI's token, else AWS's standard chain"),
        ("oidc", "Only the CI's token"),
        ("chain", "Only AWS's standard chain"),
        (
            "cognito",
            "A user signs in as `cognito:` in ecr-auth.yml says; the identity pool gives the role",
        ),
    ]),
    value_name: "SOURCE",
    help: "What assumes the role",
    key: Some(
        "What assumes the role: `auto` (the CI's token, else the chain), `oidc` (only the token), `chain` (never the token). With `cognito`, a user signs in and the identity pool gives the role: see `cognito`. Other role settings are then an error.",
    ),
    inputs: &["source", "role-chaining"],
    is_of_role: false,
    get: |role| SOURCE.word(role.source as usize),
    set: |role, value| role.source = SOURCE.choice(&value, &SourceChoice::ALL),
    ..Setting::named("source")
};
