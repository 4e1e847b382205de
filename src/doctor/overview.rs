//! What there is on this machine, and what to do next: `ecr-auth` without a command. The environment and small files alone are
//! read: no network, no other program, and no file is odd enough to make it fail.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::ci::is_missing_token;
use super::clients::{self, ClientFile, State};
use super::helper;
use super::report::Outcome;
use crate::ci::Ci;
use crate::config::Config;
use crate::docker::{HELPER_NAMES, shown};
use crate::error::{Error, Result, one_line};
use crate::identity::{CiToken, Identity, Scope, Source, current_region, finds_nothing, gives_tokens, missing_token};
use crate::program;
use crate::registry::parse_region;
use crate::token::Plan;
use crate::world::{Env, World};

/// How many registries with credentials of their own are told one by one.
const SHOWN_REGISTRIES: usize = 3;

/// What was found.
#[derive(Debug, PartialEq, Eq)]
pub struct Overview {
    /// What there is: a name of one word, and the finding in one line.
    pub found: Vec<(&'static str, String)>,
    /// What to do next.
    pub next: Next,
}

/// What to do next.
#[derive(Debug, PartialEq, Eq)]
pub struct Next {
    /// In a sentence.
    pub what: String,
    /// Lines to type, or to write where the sentence says.
    pub lines: Vec<String>,
}

impl Next {
    fn new(what: impl Into<String>, lines: &[&str]) -> Self {
        Self {
            what: what.into(),
            lines: lines.iter().map(|&line| line.to_owned()).collect(),
        }
    }
}

/// Looks around. `named` is the configuration file that the command line names.
pub fn look(named: Option<&Path>, world: &World<'_>) -> Overview {
    Place::look(named, world).overview(&world.env)
}

/// All that decides what is told.
struct Place {
    ci: Option<Ci>,
    has_token: bool,
    rules: Result<Config>,
    region: Result<Option<String>>,
    credentials: Vec<Credentials>,
    clients: Result<Vec<ClientFile>>,
    /// The program that clients run as amazon-ecr-credential-helper, where it isn't this one.
    other: Option<PathBuf>,
    has_helper: bool,
    helper: String,
}

/// Whose credentials a registry, or any one that no rule names, would be asked with.
struct Credentials {
    registry: Option<String>,
    identity: Result<Identity>,
}

impl Place {
    fn look(named: Option<&Path>, world: &World<'_>) -> Self {
        let env = &world.env;
        let rules = Config::load(env, named);
        let clients = clients::files(env);
        let helper = helper::not_called(env);
        let region = current_region(env).and_then(|region| region.as_deref().map(parse_region).transpose());
        let credentials = credentials(
            rules.as_ref().ok(),
            clients.as_deref().unwrap_or_default(),
            &region,
            env,
        );
        Self {
            ci: Ci::of(env),
            has_token: !CiToken::all(env).is_empty(),
            rules,
            region,
            credentials,
            clients,
            other: other_program(&world.exe, env),
            has_helper: helper.outcome == Outcome::Pass,
            helper: helper.finding,
        }
    }

    fn overview(&self, env: &Env) -> Overview {
        let mut found = vec![("place", self.place())];
        if let Err(error) = &self.rules {
            found.push(("ecr-auth.yml", error.to_string()));
        }
        found.extend(self.credentials.iter().map(|it| ("credentials", it.told())));
        found.push(("region", self.told_region()));
        match &self.clients {
            Ok(files) => found.extend(files.iter().map(|file| (file.kind.name(), self.told_client(file, env)))),
            Err(error) => found.push(("docker", error.to_string())),
        }
        found.push(("helper", self.helper.clone()));
        let found = found.into_iter().map(|(name, text)| (name, one_line(&text)));
        Overview {
            found: found.collect(),
            next: self.next(env),
        }
    }

    fn place(&self) -> String {
        let token = match self.has_token {
            true => "with an OIDC token for this job",
            false => "without an OIDC token for this job",
        };
        match self.ci {
            Some(ci) => format!("{}, {token}", ci.name()),
            None if self.has_token => "no CI that is known, but an OIDC token".to_owned(),
            None => "no CI".to_owned(),
        }
    }

    fn told_region(&self) -> String {
        match &self.region {
            Ok(Some(region)) => region.clone(),
            Ok(None) => "none is set".to_owned(),
            Err(error) => error.to_string(),
        }
    }

    /// The first thing that is in the way, or the check of it all where nothing is.
    fn next(&self, env: &Env) -> Next {
        let errors = [
            self.rules.as_ref().err(),
            self.region.as_ref().err(),
            self.clients.as_ref().err(),
        ];
        if let Some(error) = errors.into_iter().flatten().next() {
            return mend(error);
        }
        if let Some(next) = self.mend_client() {
            return next;
        }
        if self.wants_token(env) {
            return let_have_token(self.ci, env);
        }
        let is_set_up = self.is_set_up();
        let mut errors = self.credentials.iter().filter_map(|it| it.identity.as_ref().err());
        if let Some(error) = errors.find(|error| is_set_up || !finds_nothing(error)) {
            return mend(error);
        }
        if let Some(next) = self.take_over().filter(|_| !is_set_up) {
            return next;
        }
        match is_set_up {
            true if self.has_helper => Next::new("all is set up; see that a pull would work", &["ecr-auth doctor"]),
            true => Next::new("have clients find the helper", &["ecr-auth setup"]),
            false => self.set_up(),
        }
    }

    fn mend_client(&self) -> Option<Next> {
        let mut files = self.clients.as_deref().unwrap_or_default().iter();
        let odd = files.find(|file| matches!(file.state, State::Odd(_)))?;
        let what = format!(
            "mend {}, which {} can't read either; then see",
            odd.path.display(),
            odd.kind.name()
        );
        Some(Next::new(one_line(&what), &["ecr-auth doctor"]))
    }

    /// Whether this is a job that could have a token, and needs one: nothing else is there.
    fn wants_token(&self, env: &Env) -> bool {
        let is_missing = |it: &Credentials| match &it.identity {
            Err(error) => is_missing_token(error) || finds_nothing(error),
            Ok(identity) => matches!(identity.source, Source::InstanceMetadata { .. }),
        };
        gives_tokens(env) && !self.has_token && self.credentials.iter().any(is_missing)
    }

    fn is_set_up(&self) -> bool {
        let files = self.clients.as_deref().unwrap_or_default();
        files.iter().any(|file| file.serves() && self.other_of(file).is_none())
    }

    /// The program that this client asks in our place: it has amazon-ecr-credential-helper's name, and nothing in the file ours.
    fn other_of(&self, file: &ClientFile) -> Option<&Path> {
        self.other.as_deref().filter(|_| file.serves() && !file.names_us())
    }

    fn told_client(&self, file: &ClientFile, env: &Env) -> String {
        let path = shown(&file.path, env);
        let who = match self.other_of(file) {
            Some(other) => format!("{}, not ecr-auth,", shown(other, env)),
            None => "ecr-auth".to_owned(),
        };
        match &file.state {
            State::Odd(cause) => format!("{path} can't be read: {cause}"),
            State::Read(_) if file.is_store() => format!("{who} serves every registry (credsStore), by {path}"),
            State::Read(_) => match file.hosts().count() {
                0 => format!("not set up, in {path}"),
                1 => format!("{who} serves 1 registry, by {path}"),
                count => format!("{who} serves {count} registries, by {path}"),
            },
        }
    }

    /// How the program that is asked now gives way.
    fn take_over(&self) -> Option<Next> {
        let mut files = self.clients.as_deref().unwrap_or_default().iter();
        let file = files.find(|file| self.other_of(file).is_some())?;
        let hosts: Vec<&str> = file.hosts().collect();
        let line = match hosts.is_empty() {
            true => "ecr-auth setup --creds-store --force".to_owned(),
            false => format!("ecr-auth setup {}", hosts.join(" ")),
        };
        Some(Next::new(
            "have ecr-auth asked in its place; ecr-auth logout gives it back",
            &[line.as_str()],
        ))
    }

    /// The call of `setup` that fits.
    fn set_up(&self) -> Next {
        let is_unknown = |it: &Credentials| match &it.identity {
            Ok(identity) => matches!(identity.source, Source::InstanceMetadata { .. }),
            Err(_) => true,
        };
        let has_hosts = self
            .rules
            .as_ref()
            .is_ok_and(|rules| rules.exact_hosts().next().is_some());
        let (has_region, is_unknown) = (
            matches!(self.region, Ok(Some(_))),
            self.credentials.iter().all(is_unknown),
        );
        match (is_unknown, self.has_token) {
            _ if has_hosts => Next::new("set up the registries of ecr-auth.yml", &["ecr-auth setup"]),
            (true, true) => Next::new(
                "name the role that trusts this job, and a registry",
                &["ecr-auth setup --role-arn arn:aws:iam::ACCOUNT:role/ROLE ACCOUNT/REGION"],
            ),
            (true, false) => Next::new(
                "name a profile that has credentials (an EC2 instance with a role needs none), and a registry",
                &["ecr-auth setup --profile PROFILE ACCOUNT/REGION"],
            ),
            (false, _) if has_region => Next::new("set up the registry of your own account", &["ecr-auth setup"]),
            (false, _) => Next::new(
                "set up a registry, by account and region",
                &["ecr-auth setup ACCOUNT/REGION"],
            ),
        }
    }
}

impl Credentials {
    fn told(&self) -> String {
        let of = self
            .registry
            .as_ref()
            .map(|registry| format!("{registry}: "))
            .unwrap_or_default();
        match &self.identity {
            Ok(identity) => format!("{of}{}", told_identity(identity)),
            Err(error) => format!("{of}{error}"),
        }
    }
}

/// The source, with the account or role where a profile names one.
fn told_identity(identity: &Identity) -> String {
    let of = |key: &str| identity.setting(key).map(|value| format!(" ({key} {value})"));
    match &identity.source {
        Source::InstanceMetadata { .. } => {
            format!("none known here; {} would be asked", identity.source)
        }
        Source::Profile { .. } => {
            let owner = of("role_arn").or_else(|| of("sso_account_id")).unwrap_or_default();
            format!("{}{owner}", identity.source)
        }
        source => source.to_string(),
    }
}

/// Those of the registries that are known, where they differ; else those of any registry.
fn credentials(
    rules: Option<&Config>,
    files: &[ClientFile],
    region: &Result<Option<String>>,
    env: &Env,
) -> Vec<Credentials> {
    let without_rules = Config::default();
    let rules = rules.unwrap_or(&without_rules);
    let configured = files.iter().flat_map(ClientFile::hosts);
    let mut told = BTreeSet::new();
    let mut all: Vec<Credentials> = Vec::new();
    for host in configured.chain(rules.exact_hosts()) {
        let Some(target) = rules.target(host) else { continue };
        let it = Credentials {
            registry: Some(host.to_owned()),
            identity: Plan::new(env, &target).map(Plan::into_identity),
        };
        let text = it.identity.as_ref().map_or_else(Error::to_string, told_identity);
        if told.insert(text) && all.len() < SHOWN_REGISTRIES {
            all.push(it);
        }
    }
    match told.len() {
        0 => vec![of_any_registry(rules, region, env)],
        1 => all.into_iter().map(|it| Credentials { registry: None, ..it }).collect(),
        _ => all,
    }
}

fn of_any_registry(rules: &Config, region: &Result<Option<String>>, env: &Env) -> Credentials {
    let region = region.as_ref().ok().and_then(Option::as_deref).unwrap_or_default();
    let (profile, role) = rules.defaults();
    Credentials {
        registry: None,
        identity: Identity::choose_for(&Scope::of_region(region), env, profile, role),
    }
}

/// The program of amazon-ecr-credential-helper's name that clients find on PATH, where it isn't the one that runs.
fn other_program(exe: &Path, env: &Env) -> Option<PathBuf> {
    let path = program::on_path(HELPER_NAMES[1], env)?;
    let real = |path: &Path| std::fs::canonicalize(path).ok();
    (real(&path) != real(exe)).then_some(path)
}

fn mend(error: &Error) -> Next {
    match error.hint_text() {
        Some(hint) => Next::new(hint, &["ecr-auth doctor"]),
        None => Next::new(format!("mend this: {error}"), &["ecr-auth doctor"]),
    }
}

/// What the job's own file needs.
fn let_have_token(ci: Option<Ci>, env: &Env) -> Next {
    match ci {
        Some(Ci::GitHub) => Next::new(
            "let this job have GitHub's token: in its workflow, write",
            &["permissions:", "  id-token: write", "  contents: read"],
        ),
        Some(Ci::GitLab) => Next::new(
            "let this job have GitLab's token: in .gitlab-ci.yml, write",
            &["id_tokens:", "  ECR_AUTH_ID_TOKEN:", "    aud: sts.amazonaws.com"],
        ),
        _ => mend(&missing_token(env)),
    }
}
