//! The state of this machine and the next step: `ecr-auth` without a command. It only reads the environment and small files, and asks programs that
//! clients run instead of this binary for their version. It uses no network, and no unusual file can block it.

mod credentials;

use std::collections::BTreeSet;
use std::path::Path;

use credentials::{RegistryCredentials, credentials};

use super::ci::is_missing_token;
use super::client_files::{self, ClientFile, ClientFileState, LostStore, SETUP_ALL};
use super::clients;
use super::helper::{self, CalledFor, NamedHelper};
use super::instance::{NAME_SOME, NO_CREDENTIALS, is_of_missing_instance};
use super::report::Outcome;
use aws_access::identity::{self, finds_nothing, known_profiles};
use ci::{CiSystem, CiToken, gives_tokens, missing_token, running_in};
use client_config::{HELPER, shown};
use configuration::Config;
use context::{Context, Env};
use diagnostics::{Error, Result, inert, one_line, shell_word};
use ecr_registry::parse_region;
use settings::Surface;

/// The most registries whose credentials are shown one by one.
const SHOWN_REGISTRIES: usize = 3;

/// The results.
#[derive(Debug, PartialEq, Eq)]
pub struct Overview {
    /// The state: a name of one word, and the finding in one line.
    pub found: Vec<(&'static str, String)>,
    /// The next step.
    pub next: NextStep,
    /// The error of a configuration file that was named and cannot be used.
    pub wrong: Option<Error>,
}

/// The next step.
#[derive(Debug, PartialEq, Eq)]
pub struct NextStep {
    /// A sentence.
    pub what: String,
    /// Lines to type, or to write where the sentence says.
    pub lines: Vec<String>,
}

impl NextStep {
    fn new(what: impl Into<String>, lines: &[&str]) -> Self {
        Self {
            what: what.into(),
            lines: lines.iter().map(|&line| line.to_owned()).collect(),
        }
    }

    /// Adds the configuration file of this run to the commands.
    fn carry(&mut self, config: &Path) {
        let config = shell_word(&inert(&config.display().to_string()));
        for line in &mut self.lines {
            if let Some(rest) = line.strip_prefix("ecr-auth ") {
                *line = format!("ecr-auth --config {config} {rest}");
            }
        }
    }
}

/// Finds the state. `named` is the configuration file that the command line names.
pub fn look(named: Option<&Path>, context: &Context<'_>) -> Overview {
    let env = &context.env;
    let place = Surroundings::look(named, context);
    let mut next = place.next(env);
    if let Some(file) = named {
        next.carry(file);
    }
    Overview {
        found: place.found(env),
        next,
        wrong: place.rules.err().filter(|_| configuration::is_named(env, named)),
    }
}

/// The facts that the overview is made from.
struct Surroundings {
    ci: Option<&'static CiSystem>,
    has_token: bool,
    rules: Result<Config>,
    region: Result<Option<String>>,
    credentials: Vec<RegistryCredentials>,
    clients: Result<Vec<ClientFile>>,
    /// The programs that clients run, by each name of ours in their files.
    called: Vec<NamedHelper>,
    /// The passwords that clients would use instead of the helper, each with a hint.
    passwords: Vec<(String, String)>,
    /// Docker's file, if it no longer asks ecr-auth for every registry.
    lost_store: Option<LostStore>,
}

/// Returns the helpers of ours that clients' files name, each with its registries.
pub fn called_for(files: &[ClientFile]) -> CalledFor {
    let mut names = CalledFor::new();
    for (name, host) in files.iter().flat_map(calls) {
        names
            .entry(name.to_owned())
            .or_default()
            .extend(host.map(str::to_owned));
    }
    names
}

impl Surroundings {
    fn look(named: Option<&Path>, context: &Context<'_>) -> Self {
        let env = &context.env;
        let rules = Config::load(env, named);
        let clients = client_files::files(env);
        let files = clients.as_deref().unwrap_or_default();
        let called = helper::called(&context.exe, &called_for(files), env);
        let profile = rules.as_ref().ok().and_then(Config::default_profile);
        let region = identity::region(None, profile, env);
        let region = region.and_then(|region| region.as_deref().map(parse_region).transpose());
        let credentials = credentials(rules.as_ref().ok(), files, &region, context);
        let mut hosts: BTreeSet<String> = files.iter().flat_map(ClientFile::hosts).map(str::to_owned).collect();
        if files.iter().any(ClientFile::is_store) {
            hosts.extend(client_files::password_hosts(env));
        }
        let passwords = hosts
            .iter()
            .flat_map(|host| clients::passwords_before_us(host, env, context.now()));
        let lost_store = rules.as_ref().ok().and_then(|rules| LostStore::find(rules, files, env));
        Self {
            passwords: passwords.collect(),
            lost_store,
            ci: running_in(env),
            has_token: !CiToken::all(env).is_empty(),
            rules,
            region,
            credentials,
            clients,
            called,
        }
    }

    fn found(&self, env: &Env) -> Vec<(&'static str, String)> {
        let mut found = vec![("place", self.place())];
        if let Err(error) = &self.rules {
            found.push(("ecr-auth.yml", error.to_string()));
        }
        let (others, named): (Vec<_>, Vec<_>) = self.credentials.iter().partition(|it| it.are_only_of_others());
        let shown = named.iter().take(SHOWN_REGISTRIES);
        found.extend(shown.map(|it| ("credentials", it.told())));
        if let Some(more @ 1..) = named.len().checked_sub(SHOWN_REGISTRIES) {
            found.push(("credentials", format!("and {more} more that differ")));
        }
        found.extend(others.iter().map(|it| ("credentials", it.told())));
        found.push(("region", self.told_region()));
        match &self.clients {
            Ok(files) => found.extend(told_files(files).map(|file| (file.kind.name(), self.told_client(file, env)))),
            Err(error) => found.push(("docker", error.to_string())),
        }
        match self.called.as_slice() {
            [] => found.push(("helper", helper::not_called(env).finding)),
            called => found.extend(called.iter().map(|it| ("helper", it.check.finding.clone()))),
        }
        let found = found.into_iter().map(|(name, text)| (name, one_line(&text)));
        found.collect()
    }

    fn place(&self) -> String {
        let token = match self.has_token {
            true => "with an OIDC token for this job",
            false => "without an OIDC token for this job",
        };
        match self.ci {
            Some(ci) => format!("{}, {token}", ci.name),
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

    /// Returns the first problem's solution, or the command that checks everything if there is none.
    fn next(&self, env: &Env) -> NextStep {
        let errors = [
            self.rules.as_ref().err(),
            self.region.as_ref().err(),
            self.clients.as_ref().err(),
        ];
        if let Some(error) = errors.into_iter().flatten().next() {
            return mend(None, error);
        }
        if let Some(next) = self.mend_client() {
            return next;
        }
        let is_set_up = self.is_set_up();
        if self.wants_token(is_set_up, env) {
            return let_have_token(self.ci, env);
        }
        let mut errors = self.needed().filter_map(|it| Some((it, it.identity.as_ref().err()?)));
        if let Some((it, error)) = errors.find(|(_, error)| is_set_up || !finds_nothing(error)) {
            return mend(it.whose().as_deref(), error);
        }
        match is_set_up {
            true => {
                let in_the_way = self.mend_helper(env).or_else(|| self.serve_all_again());
                let in_the_way = in_the_way.or_else(|| self.take_password_out());
                let in_the_way = in_the_way.or_else(|| self.name_credentials(env));
                let in_the_way = in_the_way.or_else(|| self.sign_in());
                let in_the_way = in_the_way.or_else(|| self.mend_fallback(env));
                in_the_way.unwrap_or_else(|| self.all_is_set_up(env))
            }
            false => {
                let before = self.take_over().or_else(|| self.serve_all_again());
                before.unwrap_or_else(|| self.set_up(env))
            }
        }
    }

    /// Returns the credentials that pulls need.
    fn needed(&self) -> impl Iterator<Item = &RegistryCredentials> {
        self.credentials.iter().filter(|it| it.are_needed())
    }

    fn mend_client(&self) -> Option<NextStep> {
        let mut files = self.clients.as_deref().unwrap_or_default().iter();
        let odd = files.find(|file| matches!(file.state, ClientFileState::Odd(_)))?;
        let what = format!(
            "fix {}, which {} can't read either; then see",
            odd.path.display(),
            odd.kind.name()
        );
        Some(NextStep::new(one_line(&what), &["ecr-auth doctor"]))
    }

    /// Whether this job could have a token but has none, and a registry needs credentials that nothing else is known to give. Configured registries
    /// may rely on the role of an EC2 instance, which only a call can find.
    fn wants_token(&self, is_set_up: bool, env: &Env) -> bool {
        let is_missing = |it: &RegistryCredentials| match &it.identity {
            Err(error) => is_missing_token(error) || finds_nothing(error),
            Ok(_) => it.is_role_without_token() || it.is_of_instance() && !is_set_up,
        };
        self.could_have_token(env) && self.needed().any(is_missing)
    }

    fn could_have_token(&self, env: &Env) -> bool {
        gives_tokens(env) && !self.has_token
    }

    fn files(&self) -> &[ClientFile] {
        self.clients.as_deref().unwrap_or_default()
    }

    /// Whether a client asks ecr-auth for every registry, or for a known one.
    fn is_set_up(&self) -> bool {
        let serves = |file: &ClientFile| file.is_store() || file.hosts().any(|host| self.name_of(host).is_some());
        self.files()
            .iter()
            .any(|file| serves(file) && self.other_of(file).is_none())
    }

    /// Returns the argument of `setup` for a registry in a client's file.
    fn name_of(&self, host: &str) -> Option<String> {
        let rules = self.rules.as_ref().ok()?;
        rules.target(host).and_then(|_| rules.host_named(host, None).ok())
    }

    /// Returns the program that this client asks instead of ecr-auth: it has amazon-ecr-credential-helper's name, and the file does not name
    /// ecr-auth.
    fn other_of(&self, file: &ClientFile) -> Option<&Path> {
        let other = self.called.iter().find(|it| it.is_foreign && it.name != HELPER)?;
        other.path.as_deref().filter(|_| file.serves() && !file.names_us())
    }

    fn told_client(&self, file: &ClientFile, env: &Env) -> String {
        let path = shown(&file.path, env);
        let who = match self.other_of(file) {
            Some(other) => format!("{}, not ecr-auth,", shown(other, env)),
            None => "ecr-auth".to_owned(),
        };
        match &file.state {
            ClientFileState::Odd(cause) => format!("{path} can't be read: {cause}"),
            ClientFileState::Read(_) => match &file.for_all {
                Some((setting, path)) => {
                    format!("{who} serves every registry ({setting}), by {}", shown(path, env))
                }
                None => {
                    let told = told_hosts(&who, file.hosts().count(), &path);
                    match &self.lost_store {
                        Some(lost) if lost.path == file.path => format!("{told}; {}", lost.told("")),
                        _ => told,
                    }
                }
            },
        }
    }

    /// Returns the step that replaces the program that is asked now.
    fn take_over(&self) -> Option<NextStep> {
        let is_other = self.files().iter().any(|file| self.other_of(file).is_some());
        self.set_up_again(
            "have ecr-auth asked in its place; ecr-auth logout gives it back",
            |name| is_other && name != HELPER,
        )
    }

    /// Returns the step for a docker that no longer asks ecr-auth for every registry.
    fn serve_all_again(&self) -> Option<NextStep> {
        self.lost_store
            .as_ref()
            .map(|_| NextStep::new("have docker ask ecr-auth for every registry again", &[SETUP_ALL]))
    }

    /// Returns the step for a helper that clients cannot run.
    fn mend_helper(&self, env: &Env) -> Option<NextStep> {
        let it = self.called.iter().find(|it| it.check.outcome == Outcome::Fail)?;
        if let (Some(path), Some(hint)) = (&it.path, &it.check.hint) {
            let what = format!("{} is not ecr-auth: {hint}; then see", path.display());
            return Some(NextStep::new(one_line(&what), &["ecr-auth doctor"]));
        }
        let is_missing = |name: &str| self.called.iter().any(|it| it.name == name && it.path.is_none());
        match it
            .path
            .is_none()
            .then(|| helper::folder_off_path(&it.program, env))
            .flatten()
        {
            Some(folder) => Some(NextStep::new(
                format!(
                    "have clients find the helper in {}: {}, or choose a folder of PATH with setup --bin-dir",
                    shown(&folder, env),
                    helper::path_line_goes()
                ),
                &[&helper::path_line(&folder)],
            )),
            None => self.set_up_again("have clients find the helper", is_missing),
        }
    }

    /// Returns the step for a password that a client uses first.
    fn take_password_out(&self) -> Option<NextStep> {
        self.passwords.first().map(|(finding, hint)| then_see(finding, hint))
    }

    /// Returns the step for a missing store of all other registries.
    fn mend_fallback(&self, env: &Env) -> Option<NextStep> {
        let check = helper::fallback(self.rules.as_ref().ok()?, env)?;
        Some(then_see(&check.finding, &check.hint?))
    }

    /// Returns the step for missing credentials that only an EC2 instance would have, if this is not one.
    fn name_credentials(&self, env: &Env) -> Option<NextStep> {
        let is_missing = |it: &RegistryCredentials| {
            let source = it.identity.as_ref().map(|identity| &identity.source);
            source.is_ok_and(is_of_missing_instance)
        };
        // A job's missing token has its own step.
        let is_it = !self.could_have_token(env) && self.needed().any(is_missing);
        is_it.then(|| NextStep::new(format!("{NO_CREDENTIALS}: {NAME_SOME}; then see"), &["ecr-auth doctor"]))
    }

    /// Returns the sign-in, if a user of Cognito has to sign in first.
    fn sign_in(&self) -> Option<NextStep> {
        let error = self.needed().find_map(|it| it.not_signed_in.as_ref())?;
        let command = error
            .hint_text()
            .and_then(|hint| hint.strip_prefix("run in a terminal: "));
        Some(match command {
            Some(command) => NextStep::new("sign in", &[command]),
            None => mend(None, error),
        })
    }

    /// Returns the `setup` commands for the entries of these names in the clients' files. A store needs its own command.
    fn set_up_again(&self, what: &str, is_meant: impl Fn(&str) -> bool) -> Option<NextStep> {
        let meant: Vec<_> = self.files().iter().flat_map(calls).collect();
        let meant = || meant.iter().filter(|(name, _)| is_meant(name));
        let hosts: BTreeSet<String> = meant().filter_map(|(_, host)| self.name_of((*host)?)).collect();
        let is_store = meant().any(|(_, host)| host.is_none());
        let hosts = hosts.into_iter().collect::<Vec<_>>().join(" ");
        let of_hosts = (!hosts.is_empty()).then(|| format!("ecr-auth setup {hosts}"));
        let of_store = is_store.then(|| "ecr-auth setup --all".to_owned());
        let lines: Vec<String> = of_hosts.into_iter().chain(of_store).collect();
        (!lines.is_empty()).then(|| NextStep {
            what: what.to_owned(),
            lines,
        })
    }

    fn all_is_set_up(&self, env: &Env) -> NextStep {
        let may_lack = self.could_have_token(env) && self.needed().any(RegistryCredentials::is_of_instance);
        let hint = missing_token(env);
        let what = match hint.hint_text().filter(|_| may_lack) {
            Some(hint) => format!(
                "all is set up, if this is an EC2 instance with a role (if not, {hint}); see that a pull would work"
            ),
            None => "all is set up; see that a pull would work".to_owned(),
        };
        NextStep::new(what, &["ecr-auth doctor"])
    }

    /// Returns the `setup` command for the current state.
    fn set_up(&self, env: &Env) -> NextStep {
        let is_unknown = |it: &RegistryCredentials| it.identity.is_err() || it.is_of_instance();
        let has_hosts = self
            .rules
            .as_ref()
            .is_ok_and(|rules| rules.exact_hosts().next().is_some());
        let (has_region, is_unknown) = (
            matches!(self.region, Ok(Some(_))),
            self.credentials.iter().all(is_unknown),
        );
        match (is_unknown, self.has_token) {
            _ if has_hosts => NextStep::new("set up the registries of ecr-auth.yml", &["ecr-auth setup"]),
            (true, true) => NextStep::new(
                "name the role that trusts this job, and a registry",
                &["ecr-auth setup --role-arn arn:aws:iam::ACCOUNT:role/ROLE ACCOUNT/REGION"],
            ),
            (true, false) => NextStep::new(
                format!(
                    "name a profile that has credentials ({}an EC2 instance with a role needs none), and a registry",
                    known_profiles(env).map_or_else(String::new, |names| format!("{names}; "))
                ),
                &["ecr-auth setup --profile PROFILE ACCOUNT/REGION"],
            ),
            (false, _) if has_region => NextStep::new("set up the registry of your own account", &["ecr-auth setup"]),
            (false, _) => NextStep::new(
                "set up a registry, by account and region",
                &["ecr-auth setup ACCOUNT/REGION"],
            ),
        }
    }
}

/// Returns the files, without those that are not set up if another one of the same client is.
fn told_files(files: &[ClientFile]) -> impl Iterator<Item = &ClientFile> {
    let is_odd = |file: &ClientFile| matches!(file.state, ClientFileState::Odd(_));
    let is_served = |file: &ClientFile| files.iter().any(|other| other.kind == file.kind && other.serves());
    files
        .iter()
        .filter(move |file| file.serves() || is_odd(file) || !is_served(file))
}

fn told_hosts(who: &str, count: usize, path: &str) -> String {
    match count {
        0 => format!("not set up, in {path}"),
        1 => format!("{who} serves 1 registry, by {path}"),
        count => format!("{who} serves {count} registries, by {path}"),
    }
}

/// Returns the names and registries with which a client's file calls ecr-auth. The registry is `None` for a store.
fn calls(file: &ClientFile) -> Vec<(&str, Option<&str>)> {
    let ClientFileState::Read(settings) = &file.state else {
        return Vec::new();
    };
    let hosts = settings
        .helpers
        .iter()
        .map(|(host, name)| (name.as_str(), Some(host.as_str())));
    let store = settings.store.iter().map(|name| (name.as_str(), None));
    hosts
        .filter(|(name, _)| helper::is_ours(name))
        .chain(store.filter(|(name, _)| file.is_store() && helper::is_ours(name)))
        .collect()
}

/// Returns the step for a problem that `doctor` explains.
fn then_see(finding: &str, hint: &str) -> NextStep {
    NextStep::new(one_line(&format!("{finding}: {hint}; then see")), &["ecr-auth doctor"])
}

fn mend(registry: Option<&str>, error: &Error) -> NextStep {
    let error = Surface::CommandLine.tell(error.clone());
    let of = registry.map(|registry| format!("{registry}: ")).unwrap_or_default();
    let what = match error.hint_text() {
        Some(hint) => format!("{of}{}: {hint}", error.what()),
        None => format!("fix this: {of}{error}"),
    };
    NextStep::new(what, &["ecr-auth doctor"])
}

/// Returns the step with the lines that the job's own file needs.
fn let_have_token(ci: Option<&CiSystem>, env: &Env) -> NextStep {
    match ci.and_then(|ci| ci.missing?.lines) {
        Some(lines) => NextStep::new(lines.what, lines.lines),
        None => mend(None, &missing_token(env)),
    }
}
