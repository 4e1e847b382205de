//! Makes layouts: the intended contents of profiles, and the many ways in which people write them.

use std::path::Path;

use fastrand::Rng;
use sha1::{Digest, Sha1};

use super::write;

/// The access key id of the environment's keys.
pub const ENVIRONMENT: &str = "ENVIRONMENT";

/// Names of profiles. `default` need not be named.
const NAMES: [&str; 6] = ["default", "work", "ci-push", "a.b_c", "Build Box 7", "Über"];
pub const START_URL: &str = "https://corp.example.com/start";
pub const SESSIONS: [&str; 2] = ["corp", "my corp"];

/// The intended meaning of two files and an environment.
pub struct Layout {
    profiles: Vec<ProfileText>,
    sso_sessions: Vec<&'static str>,
    variables: Vec<(&'static str, String)>,
    noise: Noise,
    seed: u64,
}

/// A profile, and the file of each of its lines.
struct ProfileText {
    name: &'static str,
    config: Vec<(String, String)>,
    credentials: Vec<(String, String)>,
    /// A line that is not a setting.
    is_broken: bool,
}

/// Variations in the text of a whole file.
#[derive(Default)]
struct Noise {
    byte_order_mark: bool,
    line_end: &'static str,
    splits_sections: bool,
}

/// Signs in to the portal, by session name and by address.
pub fn sign_in(home: &Path) {
    for (name, token) in [
        (START_URL, "byAddress"),
        (SESSIONS[0], "byCorp"),
        (SESSIONS[1], "byMyCorp"),
    ] {
        let file: String = Sha1::digest(name).iter().map(|byte| format!("{byte:02x}")).collect();
        let end = if token == "byCorp" {
            "2099-01-01T00:00:00UTC"
        } else {
            "2099-01-01T00:00:00Z"
        };
        let text =
            format!(r#"{{"startUrl":"{START_URL}","region":"eu-west-1","accessToken":"{token}","expiresAt":"{end}"}}"#);
        write(home, &format!(".aws/sso/cache/{file}.json"), &text);
    }
    write(home, "token", "WEBTOKEN");
}

impl Layout {
    pub fn generate(rng: &mut Rng, home: &Path) -> Self {
        let count = rng.usize(1..=4);
        let mut names = NAMES.to_vec();
        rng.shuffle(&mut names);
        names.truncate(count);
        let profiles = names.iter().map(|name| profile(rng, name, &names, home)).collect();
        let sessions = rng.usize(0..=2);
        Self {
            profiles,
            sso_sessions: SESSIONS[..sessions].to_vec(),
            variables: variables(rng, &names),
            noise: Noise {
                byte_order_mark: rng.u8(..10) == 0,
                line_end: rng.choice(&["\n", "\n", "\r\n"]).unwrap(),
                splits_sections: rng.u8(..10) == 0,
            },
            seed: rng.u64(..),
        }
    }

    /// Returns the variables, with the services at this address. In the plainest form, no variable is empty.
    pub fn variables(&self, is_canonical: bool, services: &str) -> Vec<(&'static str, String)> {
        let variables = self
            .variables
            .iter()
            .filter(|(_, value)| !is_canonical || !value.is_empty());
        variables
            .map(|(name, value)| (*name, value.replace("SERVICES", services)))
            .collect()
    }

    /// Returns `config` and `credentials`: varied, or in the plainest form.
    pub fn files(&self, is_canonical: bool) -> (String, String) {
        let mut writer = Writer {
            rng: Rng::with_seed(self.seed),
            is_canonical,
            splits: self.noise.splits_sections,
            text: String::new(),
        };
        for profile in &self.profiles {
            writer.profile(profile, &profile.config, true);
        }
        for name in &self.sso_sessions {
            writer.header(&["sso-session ", name].concat());
            writer.setting("sso_start_url", START_URL);
            writer.setting("sso_region", "eu-west-1");
        }
        let config = std::mem::take(&mut writer.text);
        for profile in &self.profiles {
            writer.profile(profile, &profile.credentials, false);
        }
        let finished = |text: &str| match is_canonical {
            true => text.to_owned(),
            false => {
                let mark = if self.noise.byte_order_mark { "\u{feff}" } else { "" };
                mark.to_owned() + &text.replace('\n', self.noise.line_end)
            }
        };
        (finished(&config), finished(&writer.text))
    }
}

fn variables(rng: &mut Rng, names: &[&'static str]) -> Vec<(&'static str, String)> {
    let mut variables = Vec::new();
    match rng.u8(..10) {
        0 => variables.push(("AWS_PROFILE", "gone".to_owned())),
        1 => variables.push(("AWS_PROFILE", String::new())),
        2 => variables.push(("AWS_DEFAULT_PROFILE", (*rng.choice(names).unwrap()).to_owned())),
        3 | 4 => {}
        _ => variables.push(("AWS_PROFILE", (*rng.choice(names).unwrap()).to_owned())),
    }
    if rng.u8(..12) == 0 {
        variables.push(("AWS_ACCESS_KEY_ID", ENVIRONMENT.to_owned()));
        variables.push(("AWS_SECRET_ACCESS_KEY", "secret".to_owned()));
    }
    match rng.u8(..4) {
        0 => variables.push(("AWS_EC2_METADATA_DISABLED", "true".to_owned())),
        1 => variables.push(("AWS_CONTAINER_CREDENTIALS_FULL_URI", "SERVICES/container".to_owned())),
        _ => {}
    }
    variables
}

type Settings = Vec<(String, String)>;

fn profile(rng: &mut Rng, name: &'static str, names: &[&str], home: &Path) -> ProfileText {
    let (mut config, mut credentials) = (Vec::new(), Vec::new());
    for _ in 0..rng.usize(0..=2) {
        let (settings, belongs_to_config) = source(rng, name, names, home);
        match belongs_to_config || rng.bool() {
            true => config.extend(settings),
            false => credentials.extend(settings),
        }
    }
    for (key, value) in [
        ("region", "eu-west-1"),
        ("output", "json"),
        ("mfa_serial", "arn:aws:iam::111122223333:mfa/me"),
        ("cli_pager", ""),
    ] {
        let is_role = config
            .iter()
            .chain(&credentials)
            .any(|(key, _): &(String, String)| key == "role_arn");
        if rng.u8(..4) == 0 && !(is_role && key == "mfa_serial") {
            config.push((key.to_owned(), value.to_owned()));
        }
    }
    dedup(&mut config);
    dedup(&mut credentials);
    ProfileText {
        name,
        config,
        credentials,
        is_broken: rng.u8(..16) == 0,
    }
}

/// A key is only once in a section, because botocore treats two as an error.
fn dedup(settings: &mut Settings) {
    let mut seen = std::collections::BTreeSet::new();
    settings.retain(|(key, _)| seen.insert(key.clone()));
}

/// Returns the settings of a source, and whether people write them into `config`.
fn source(rng: &mut Rng, name: &str, names: &[&str], home: &Path) -> (Settings, bool) {
    let id: String = name.chars().filter(char::is_ascii_alphanumeric).collect();
    let mut settings: Settings = Vec::new();
    let mut set = |key: &str, value: &str| settings.push((key.to_owned(), value.to_owned()));
    let kind = rng.u8(..9);
    match kind {
        0..=2 => {
            set("aws_access_key_id", &format!("KEY{id}{}", rng.u8(..9)));
            if rng.u8(..12) != 0 {
                set("aws_secret_access_key", "secret/key+");
            }
            match rng.u8(..4) {
                0 => set("aws_session_token", ""),
                1 => set("aws_session_token", "token=="),
                _ => {}
            }
        }
        3 => {
            let answer = format!(r#"{{\"Version\":1,\"AccessKeyId\":\"PROCESS{id}\",\"SecretAccessKey\":\"s\"}}"#);
            set("credential_process", &format!("sh -c 'echo \"{answer}\"'"));
        }
        4 | 5 => {
            set("role_arn", &format!("arn:aws:iam::111122223333:role/role{id}"));
            match rng.u8(..8) {
                0 => set("credential_source", "Ec2InstanceMetadata"),
                1 => set("credential_source", "EcsContainer"),
                2 => set("credential_source", "Environment"),
                3 => {}
                4 => set("source_profile", "gone"),
                _ => set("source_profile", rng.choice(names).unwrap()),
            }
            if rng.u8(..3) == 0 {
                set("external_id", "external");
            }
            if rng.u8(..3) == 0 {
                set("duration_seconds", "900");
            }
        }
        6 => {
            set("web_identity_token_file", home.join("token").to_str().unwrap());
            if rng.u8(..4) != 0 {
                set("role_arn", &format!("arn:aws:iam::111122223333:role/web{id}"));
            }
        }
        7 => {
            set("sso_account_id", "111122223333");
            set("sso_role_name", "Dev");
            let named = rng.u8(..3);
            if named > 0 {
                set("sso_session", rng.choice(&SESSIONS).unwrap());
            }
            if named != 1 {
                set("sso_start_url", START_URL);
                set("sso_region", "eu-west-1");
            }
        }
        _ => set("sso_start_url", START_URL),
    }
    (settings, kind > 2)
}

/// Writes a file with variations.
struct Writer {
    rng: Rng,
    is_canonical: bool,
    splits: bool,
    text: String,
}

impl Writer {
    /// Returns one of several forms. The first one is the plainest.
    fn one_of<'a>(&mut self, forms: &[&'a str]) -> &'a str {
        let chosen = *self.rng.choice(forms).unwrap();
        if self.is_canonical { forms[0] } else { chosen }
    }

    fn profile(&mut self, profile: &ProfileText, settings: &Settings, is_config: bool) {
        if settings.is_empty() && (!is_config || self.rng.u8(..2) == 0) {
            return;
        }
        let header = match (is_config, profile.name) {
            (true, "default") => self.one_of(&["default", "profile default"]).to_owned(),
            (true, name) => format!("profile {name}"),
            (false, name) => name.to_owned(),
        };
        let start = self.text.len();
        self.header(&header);
        let header = self.text[start..].to_owned();
        let indent = self.one_of(&["", "", "  ", "\t"]).to_owned();
        let middle = settings.len() / 2;
        for (at, (key, value)) in settings.iter().enumerate() {
            if at > 0 && at == middle && self.splits && !self.is_canonical {
                self.text += &header;
            }
            self.text += &indent;
            self.setting(key, value);
        }
        if profile.is_broken && is_config && !self.is_canonical {
            self.text += &format!("{indent}this is no setting\n");
        }
    }

    fn header(&mut self, header: &str) {
        let (kind, name) = header
            .split_once(' ')
            .filter(|(kind, _)| *kind != "Build")
            .unwrap_or(("", header));
        let quoted = match kind {
            "" => name.to_owned(),
            // The AWS CLI only accepts this form of such a name.
            _ if name.contains(' ') => {
                let quote = self.one_of(&["\"", "'"]);
                format!("{kind} {quote}{name}{quote}")
            }
            _ => {
                let blank = self.one_of(&[" ", " ", "\t", "   "]);
                let quote = self.one_of(&["", "", "\"", "'"]);
                format!("{kind}{blank}{quote}{name}{quote}")
            }
        };
        let before = self.one_of(&["", "", "\n", "# [x]\n", "  ; aws_access_key_id = NO\n"]);
        let after = self.one_of(&["", "", " ", " # mine", "   ; mine", "x"]);
        self.text += &format!("{before}[{quoted}]{after}\n");
    }

    fn setting(&mut self, key: &str, value: &str) {
        let sign = self.one_of(&[" = ", "=", ":", " : ", "= ", "\t=\t", ": "]);
        let key = match self.one_of(&["", "", "upper"]) {
            "upper" => key.to_uppercase(),
            _ => key.to_owned(),
        };
        let end = self.one_of(&["", "", " ", "\t", "\n", "\n# note\n", "\n\n"]);
        self.text += &format!("{key}{sign}{value}{end}\n");
    }
}
