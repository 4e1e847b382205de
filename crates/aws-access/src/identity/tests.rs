use std::collections::BTreeMap;

use super::*;

const CONFIG: &str = "[default]\nregion = eu-central-1\n[profile partner]\naws_access_key_id = AKIDPARTNER\naws_secret_access_key = s\n\
     [profile settings]\nregion = us-west-2\n[profile mfa]\nrole_arn = r\nsource_profile = partner\nmfa_serial = m\n";

fn choose(env: &Env, profile: Option<&str>) -> Result<Identity> {
    let settings = IdentitySettings {
        profile: profile.map(str::to_owned),
        ..IdentitySettings::default()
    };
    Identity::choose(settings, &IdentityScope::of_region("eu-west-1"), env)
}

struct Home {
    folder: tempfile::TempDir,
    vars: BTreeMap<String, String>,
}

impl Home {
    fn new(vars: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join(".aws")).unwrap();
        std::fs::write(folder.path().join(".aws/config"), CONFIG).unwrap();
        let mut all: BTreeMap<_, _> = vars.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        all.insert("HOME".to_owned(), folder.path().display().to_string());
        Self { folder, vars: all }
    }

    fn choose(&self, profile: Option<&str>) -> Result<Identity> {
        choose(&self.vars.clone().into_iter().collect(), profile)
    }
}

fn chosen(vars: &[(&str, &str)], profile: Option<&str>) -> String {
    match Home::new(vars).choose(profile) {
        Ok(identity) => identity.key_fields()[0].1.expose().to_owned(),
        Err(error) => error.to_string(),
    }
}

const KEYS: [(&str, &str); 2] = [("AWS_ACCESS_KEY_ID", "AKID"), ("AWS_SECRET_ACCESS_KEY", "secret")];
const WEB: [(&str, &str); 2] = [("AWS_ROLE_ARN", "arn:r"), ("AWS_WEB_IDENTITY_TOKEN_FILE", "/none")];
const CONTAINER: (&str, &str) = ("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://127.0.0.1/c");

#[test]
fn the_standard_chain_is_searched_in_order() {
    let partner = ("AWS_PROFILE", "partner");
    let all = [KEYS[0], KEYS[1], partner, WEB[0], WEB[1], CONTAINER];
    assert_eq!(chosen(&all, None), "environment");
    assert_eq!(chosen(&all[2..], None), "profile");
    assert_eq!(chosen(&all[3..], None), "web-identity");
    assert_eq!(chosen(&all[5..], None), "container");
    assert_eq!(chosen(&[], None), "imds");
    assert_eq!(chosen(&[("AWS_PROFILE", "settings"), CONTAINER], None), "container");
    assert_eq!(chosen(&[("AWS_DEFAULT_PROFILE", "partner")], None), "profile");
}

#[test]
fn an_explicit_profile_uses_that_profile_alone() {
    assert_eq!(chosen(&KEYS, Some("partner")), "profile");
    assert_eq!(
        chosen(&KEYS, Some("settings")),
        "profile settings: it holds no credentials [EA0303]"
    );
    assert_eq!(
        chosen(&KEYS, Some("gone")),
        "profile gone: AWS's shared files have no such profile [EA0303]"
    );
}

#[test]
fn half_a_pair_of_keys_is_an_error_not_another_source() {
    assert_eq!(
        chosen(&KEYS[..1], None),
        "half a pair of keys: AWS_ACCESS_KEY_ID is set, AWS_SECRET_ACCESS_KEY is not [EA0302]"
    );
    assert_eq!(
        chosen(&KEYS[1..], None),
        "half a pair of keys: AWS_SECRET_ACCESS_KEY is set, AWS_ACCESS_KEY_ID is not [EA0302]"
    );
}

#[test]
fn an_incomplete_web_identity_is_an_error_in_its_place_in_the_chain() {
    let file = ("AWS_WEB_IDENTITY_TOKEN_FILE", "/none");
    assert_eq!(
        chosen(&[file, CONTAINER], None),
        "half of a web identity: AWS_WEB_IDENTITY_TOKEN_FILE is set, AWS_ROLE_ARN is not [EA0302]"
    );
    assert_eq!(chosen(&[KEYS[0], KEYS[1], file], None), "environment");
}

#[test]
fn a_named_profile_must_exist() {
    assert!(chosen(&[("AWS_PROFILE", "gone")], None).contains("no such profile"));
    assert!(chosen(&[("AWS_PROFILE", "default"), CONTAINER], None).contains("container"));
}

/// The source of the credentials of profile `p` in a `config` and a `credentials` file, or the error.
fn base_of(config: &str, credentials: &str) -> String {
    let home = Home::new(&[("AWS_PROFILE", "p"), ("AWS_EC2_METADATA_DISABLED", "true")]);
    std::fs::write(home.folder.path().join(".aws/config"), config).unwrap();
    std::fs::write(home.folder.path().join(".aws/credentials"), credentials).unwrap();
    let identity = match home.choose(None) {
        Ok(identity) => identity,
        Err(error) => return error.cause().to_owned(),
    };
    let profile = identity.profile().unwrap();
    let roles = profile.roles.iter().map(|role| format!(" > {}", role.role_arn));
    let base = match &profile.base {
        ProfileBase::Keys {
            access_key_id,
            session_token,
            ..
        } => {
            format!(
                "{access_key_id} {}",
                session_token.as_ref().map_or("", secret::Secret::expose)
            )
        }
        ProfileBase::Process(_) => "process".to_owned(),
        ProfileBase::Sso(sso) => format!("sso {} {}", sso.session.as_deref().unwrap_or("-"), sso.start_url),
        ProfileBase::Login(_) => "login".to_owned(),
        ProfileBase::WebIdentity { .. } => "web identity".to_owned(),
        ProfileBase::Elsewhere(source) => source.to_string(),
    };
    base.trim_end().to_owned() + &roles.collect::<String>()
}

const SSO: &str = "sso_account_id = 1\nsso_role_name = r\nsso_start_url = u\nsso_region = x\n";
const OWN_KEYS: &str = "aws_access_key_id = OWN\naws_secret_access_key = s\n";
const OTHER_KEYS: &str = "[p]\naws_access_key_id = OTHER\naws_secret_access_key = s\n";

#[test]
fn a_profiles_settings_apply_in_the_order_of_the_aws_cli() {
    let all = format!("web_identity_token_file = f\n{SSO}login_session = l\ncredential_process = c\n{OWN_KEYS}");
    let after = |mark: &str| format!("[profile p]\n{}", &all[all.find(mark).unwrap()..]);
    assert_eq!(base_of(&(after("web") + "role_arn = r\n"), OTHER_KEYS), "web identity");
    assert_eq!(base_of(&after("sso"), OTHER_KEYS), "sso - u");
    assert_eq!(base_of(&after("login"), OTHER_KEYS), "OTHER");
    assert_eq!(base_of(&after("login"), ""), "login");
    assert_eq!(base_of(&after("credential"), ""), "process");
    assert_eq!(base_of(&after("aws_access"), ""), "OWN");
    assert_eq!(
        base_of(&after("aws_access"), "[p]\naws_session_token = of-other-keys\n"),
        "OWN"
    );
    let role = "[profile p]\nrole_arn = r\nsource_profile = p\n";
    assert_eq!(
        base_of(role, &format!("{OTHER_KEYS}aws_session_token =\n")),
        "OTHER > r"
    );
}

#[test]
fn a_setting_only_counts_in_its_own_place() {
    let only = |settings: &str| base_of(&format!("[profile p]\n{settings}"), OTHER_KEYS);
    for settings in [
        "mfa_serial = m\n",
        "credential_source = EcsContainer\n",
        "source_profile = gone\n",
        "sso_start_url = u\n",
        "role_arn =\n",
    ] {
        assert_eq!(only(settings), "OTHER", "{settings}");
    }
    assert_eq!(
        only(&format!("{SSO}sso_session = s\n[sso-session s]\nsso_start_url = u\n")),
        "sso s u"
    );
    for (settings, cause) in [
        ("role_arn = r\n", "neither source_profile nor credential_source"),
        (
            "role_arn = r\nsource_profile = gone\n",
            "its source_profile gone is missing",
        ),
        (
            "role_arn = r\nsource_profile = q\n[profile q]\nregion = x\n",
            "holds no credentials",
        ),
        (
            "role_arn = r\nsource_profile = q\n[profile q]\nrole_arn = s\nsource_profile = p\n",
            "leads back",
        ),
        (
            "role_arn = r\nsource_profile = p\ncredential_source = Environment\n",
            "both source_profile and",
        ),
        ("role_arn = r\ncredential_source = environment\n", "not Environment,"),
        ("web_identity_token_file = f\n", "no role_arn"),
        ("sso_account_id = 1\n", "sso_start_url is missing"),
        (
            "sso_account_id = 1\nsso_session = gone\n",
            "no section [sso-session gone]",
        ),
        (
            "sso_account_id = 1\nsso_start_url = v\nsso_session = s\n[sso-session s]\nsso_start_url = u\n",
            "differ",
        ),
    ] {
        assert!(only(settings).contains(cause), "{settings}: {}", only(settings));
    }
    assert!(base_of("", "[p]\naws_access_key_id = OTHER\n").contains("half a pair of keys"));
    assert!(base_of("[profile p]\nregion = x\n", "").starts_with("none in the environment"));
}

#[test]
fn roles_are_assumed_from_the_source_profile_onwards() {
    let config =
        "[profile p]\nrole_arn = last\nsource_profile = q\n[profile q]\nrole_arn = first\nsource_profile = keys\n";
    let keys = "[keys]\naws_access_key_id = K\naws_secret_access_key = s\n";
    assert_eq!(base_of(config, keys), "K > first > last");
    // A source profile's own keys come before its role.
    let on_the_way = "[q]\naws_access_key_id = Q\naws_secret_access_key = s\n";
    assert_eq!(base_of(config, &format!("{keys}{on_the_way}")), "Q > last");
}

#[test]
fn errors_name_unused_credentials_as_a_way_out() {
    let hint = |vars: &[(&str, &str)]| {
        let vars: Vec<_> = vars
            .iter()
            .copied()
            .chain([("AWS_EC2_METADATA_DISABLED", "true")])
            .collect();
        let error = Home::new(&vars).choose(None).unwrap_err();
        error.hint_text().unwrap().to_owned()
    };
    let bitbucket = ("BITBUCKET_STEP_OIDC_TOKEN", "token");
    let github = [
        ("ACTIONS_ID_TOKEN_REQUEST_URL", "https://example.com"),
        ("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "request"),
    ];
    assert!(
        hint(&[bitbucket]).starts_with("name the role that takes the token in BITBUCKET_STEP_OIDC_TOKEN: --role-arn")
    );
    assert!(hint(&github).contains("the action's role-to-assume"));
    assert!(hint(&[("AWS_SECRET_ACCESS_KEY", "")]).starts_with("AWS_SECRET_ACCESS_KEY is set, but empty: "));
    let skipped = "profile default holds no credentials: give it some; or name a profile that has some (";
    assert!(hint(&[]).starts_with(skipped));
}

#[test]
fn without_imds_there_are_no_credentials() {
    assert!(chosen(&[("AWS_EC2_METADATA_DISABLED", "true")], None).starts_with("no AWS credentials"));
}

#[test]
fn region_from_the_environment_then_the_profile() {
    let region = |vars: &[(&str, &str)]| {
        let home = Home::new(vars);
        region_beside(None, &home.vars.clone().into_iter().collect()).unwrap()
    };
    assert_eq!(region(&[]).as_deref(), Some("eu-central-1"));
    assert_eq!(region(&[("AWS_PROFILE", "settings")]).as_deref(), Some("us-west-2"));
    assert_eq!(region(&[("AWS_DEFAULT_REGION", "b")]).as_deref(), Some("b"));
    assert_eq!(
        region(&[("AWS_DEFAULT_REGION", "b"), ("AWS_REGION", "a")]).as_deref(),
        Some("a")
    );
}

#[test]
fn the_key_changes_with_every_part_of_the_identity() {
    let fields = |vars: &[(&str, &str)]| {
        let mut fields: Vec<String> = Home::new(vars)
            .choose(None)
            .unwrap()
            .key_fields()
            .iter()
            .map(|(name, value)| format!("{name}={}", value.expose()))
            .collect();
        fields.sort();
        fields
    };
    let base = fields(&KEYS);
    assert_eq!(base, fields(&KEYS));
    for (name, value) in [
        ("AWS_ACCESS_KEY_ID", "OTHER"),
        ("AWS_SECRET_ACCESS_KEY", "other"),
        ("AWS_SESSION_TOKEN", "token"),
    ] {
        let mut vars = KEYS.to_vec();
        vars.retain(|(n, _)| *n != name);
        vars.push((name, value));
        assert_ne!(fields(&vars), base, "{name}");
    }
    let container = fields(&[CONTAINER]);
    assert_ne!(
        fields(&[CONTAINER, ("AWS_CONTAINER_AUTHORIZATION_TOKEN", "t")]),
        container
    );
    assert_ne!(fields(&[]), container);
}

#[test]
fn a_profile_is_told_apart_by_its_file() {
    let (one, two) = (
        Home::new(&[("AWS_PROFILE", "partner")]),
        Home::new(&[("AWS_PROFILE", "partner")]),
    );
    let resolved = |home: &Home| home.choose(None).unwrap().key_fields()[2].1.clone();
    assert_eq!(resolved(&one), resolved(&one));
    assert_ne!(resolved(&one), resolved(&two));
    assert!(one.folder.path() != two.folder.path());
}

#[test]
fn what_a_profile_takes_from_elsewhere_is_in_the_key() {
    let config = "[profile env]\nrole_arn = r\ncredential_source = Environment\n\
         [profile ecs]\nrole_arn = r\nsource_profile = task\n[profile task]\nrole_arn = t\ncredential_source = EcsContainer\n\
         [profile ec2]\nrole_arn = r\ncredential_source = Ec2InstanceMetadata\n\
         [profile web]\nrole_arn = r\nweb_identity_token_file = TOKEN\n";
    let home = Home::new(&[]);
    let token = home.folder.path().join("token");
    let config = config.replace("TOKEN", &token.display().to_string());
    std::fs::write(home.folder.path().join(".aws/config"), config).unwrap();
    std::fs::write(&token, "one").unwrap();
    let resolved = |profile: &str, vars: &[(&str, &str)]| {
        let all = home
            .vars
            .iter()
            .map(|(k, v)| (k.as_str(), v.as_str()))
            .chain(vars.iter().copied());
        let identity = choose(&all.collect(), Some(profile));
        let fields = identity.map_or_else(|error| vec![("error", error.to_string().into())], |it| it.key_fields());
        fields
            .iter()
            .map(|(name, value)| format!("{name}={}\n", value.expose()))
            .collect::<String>()
    };
    let other = [("AWS_ACCESS_KEY_ID", "AKID"), ("AWS_SECRET_ACCESS_KEY", "other")];
    assert_eq!(resolved("env", &KEYS), resolved("env", &KEYS));
    assert_ne!(resolved("env", &KEYS), resolved("env", &other));
    assert_ne!(resolved("env", &KEYS), resolved("env", &[]));
    assert_ne!(resolved("ecs", &[CONTAINER]), resolved("ecs", &[]));
    assert!(resolved("ec2", &[]).contains("boot-id"));
    let first = resolved("web", &[]);
    std::fs::write(&token, "two").unwrap();
    assert_ne!(resolved("web", &[]), first);
}

#[test]
fn a_pipe_is_not_a_shared_file() {
    let home = Home::new(&[]);
    let pipe = home.folder.path().join(".aws/credentials");
    rustix::fs::mknodat(
        rustix::fs::CWD,
        &pipe,
        rustix::fs::FileType::Fifo,
        rustix::fs::Mode::RUSR,
        0,
    )
    .unwrap();
    let error = home.choose(None).unwrap_err();
    assert!(error.to_string().contains("it is not a regular file"), "{error}");
}
