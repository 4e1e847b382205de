//! `doctor`: what would happen at a pull, check by check and in that order, and why it would fail.
//!
//! Nothing is changed: no file, no cache, no configuration. A check that depends on a failed one is skipped, so that the first failure names the
//! cause.

mod again;
mod cache;
mod ci;
mod client_files;
mod client_lookup;
mod clients;
mod creation_template;
mod credentials;
mod helper;
mod image;
mod instance;
mod network;
mod overview;
mod redact;
mod report;
mod rule;
mod span;
mod subject;
mod text;
mod variable;

use std::path::Path;

pub use again::SameChecks;
pub use client_files::password_hosts;
pub use clients::passwords_before_us;
pub use helper::{fallback, in_the_way, path_line, path_line_goes};
pub use instance::{NAME_SOME, NO_CREDENTIALS, is_of_missing_instance};
pub use overview::{NextStep, Overview, look};
pub use redact::{Redactor, SharedRedactor};
pub use report::{Check, Outcome, Report};
pub use rule::says;
pub use subject::Subject;
pub use text::{ReportStyle, text};

use aws_access::PasswordPath;
use aws_access::identity::{ChainSource, CredentialSource};
use aws_access::net::{Transport, within};
use clients::Clients;
use configuration::{Config, RegistryTarget};
use context::{Context, budget};
use diagnostics::{Error, Result};
use ecr_registry::Registry;
use helper::CalledFor;
use settings::IdentitySettings;

/// The arguments of the command line.
pub struct DoctorRequest<'a> {
    /// Each IMAGE or REGISTRY. One text may hold several, separated by blanks or commas.
    pub subjects: &'a [String],
    /// `--config`.
    pub config: Option<&'a Path>,
    /// `--region`.
    pub region: Option<&'a str>,
    /// Combines the identity settings of the flags with those of a rule.
    pub identity: &'a dyn Fn(&IdentitySettings) -> Result<IdentitySettings>,
    /// Whether to begin an upload and cancel it.
    pub check_push: bool,
    /// The other flags of these checks, as words of a later command line. `None` if they cannot be written there.
    pub flags: Option<&'a [String]>,
}

impl DoctorRequest<'_> {
    fn again(&self) -> SameChecks {
        let before = match self.config.map(Path::to_str) {
            Some(Some(file)) => vec!["--config".to_owned(), file.to_owned()],
            Some(None) => return SameChecks::default(),
            None => Vec::new(),
        };
        let Some(flags) = self.flags else {
            return SameChecks::default();
        };
        let push = self.check_push.then(|| "--check-push".to_owned());
        let after: Vec<String> = push.into_iter().chain(flags.iter().cloned()).collect();
        SameChecks::new(&before, &after, self.subjects)
    }
}

/// Makes all checks.
///
/// # Errors
/// Usage errors: an argument is not a registry, or a push is to be checked without a repository. All other errors are in the report.
pub fn run(asked: &DoctorRequest<'_>, context: &mut Context<'_>) -> Result<Report> {
    let config = Config::load(&context.env, asked.config);
    let mut checkup = Checkup {
        context,
        asked,
        report: Report {
            again: asked.again(),
            ..Report::default()
        },
        registry: None,
        names_image: false,
    };
    let subjects = match subject::find(asked, config.as_ref().ok(), checkup.context)? {
        Ok(subjects) => subjects,
        Err(error) => {
            checkup.without_registry(&config, &error);
            return Ok(checkup.report);
        }
    };
    checkup.remember_configured();
    for subject in &subjects {
        checkup.report.again.add(&subject.host, &subject.to_string());
    }
    let clients: Vec<Clients> = subjects
        .iter()
        .map(|subject| checkup.clients(subject, config.as_ref().ok()))
        .collect();
    let mut helpers = CalledFor::new();
    for (subject, clients) in subjects.iter().zip(&clients) {
        for name in &clients.helpers {
            helpers.entry(name.clone()).or_default().insert(subject.host.clone());
        }
    }
    checkup.machine(&helpers);
    if let Ok(config) = &config {
        checkup.fallback(config);
    }
    for (subject, clients) in subjects.iter().zip(clients) {
        checkup.registry = Some(subject.host.clone());
        checkup.names_image = subject.image.is_some();
        checkup.remember(subject);
        // A node's kubelet needs neither docker nor podman.
        let are_needed = !is_on_node(&checkup.context.exe) || !clients.helpers.is_empty();
        for check in clients.checks.into_iter().filter(|_| are_needed) {
            checkup.add(check);
        }
        match &config {
            Ok(config) => checkup.remote(subject, config),
            Err(error) => {
                checkup.add(Check::failed("configuration", error));
                checkup.skip_after("configuration");
            }
        }
    }
    if subjects.len() > 1 {
        checkup.report.tell_once(&OF_THE_MACHINE);
    }
    Ok(checkup.report)
}

/// The second name of the binary on a node, which kubernetes/node/install.sh makes beside it.
const NODE_NAME: &str = "ecr-auth-node";

/// Returns whether this is the binary that a node's kubelet calls.
fn is_on_node(exe: &Path) -> bool {
    exe.with_file_name(NODE_NAME).exists()
}

/// The checks of each registry that are about the machine, if their results are the same for all.
const OF_THE_MACHINE: [&str; 3] = ["proxy", "tls", "clock"];

/// Returns the name of a server without a domain. Other names are recognised by their dots.
fn short_name(host: &str) -> Option<String> {
    let name = host.split(':').next()?;
    (!name.contains('.')).then(|| name.to_owned())
}

/// The checks that need the network or the credentials, in their order.
const LATER: [&str; 13] = [
    "configuration",
    "ci",
    "credentials",
    "cache",
    "proxy",
    "tls",
    "network",
    "clock",
    "identity",
    "token",
    "registry",
    "image",
    "push",
];

struct Checkup<'a, 'w> {
    context: &'a mut Context<'w>,
    asked: &'a DoctorRequest<'a>,
    report: Report,
    /// The registry of the checks.
    registry: Option<String>,
    /// Whether an image is checked.
    names_image: bool,
}

impl Checkup<'_, '_> {
    fn add(&mut self, check: Check) -> bool {
        let went_well = check.outcome != Outcome::Fail;
        self.report.checks.push(Check {
            registry: self.registry.clone(),
            ..check
        });
        went_well
    }

    /// Notes the checks after this one as skipped.
    fn skip_after(&mut self, failed: &'static str) {
        let after = LATER.iter().skip_while(|id| **id != failed).skip(1);
        for id in after {
            let is_asked = match *id {
                "ci" => ::ci::running_in(&self.context.env).is_some(),
                "image" => self.names_image,
                "push" => self.asked.check_push,
                _ => true,
            };
            if is_asked {
                self.add(Check::skipped(id, failed));
            }
        }
    }

    /// Notes private names in a subject.
    fn remember(&mut self, subject: &Subject) {
        let names = &mut self.report.names;
        names.extend(short_name(&subject.host));
        if let Some(image) = &subject.image {
            names.extend([image.repository.clone(), image.reference.clone()]);
        }
    }

    /// Notes private names of the configured registries, which may be shown beside another one.
    fn remember_configured(&mut self) {
        let files = client_files::files(&self.context.env).unwrap_or_default();
        let hosts = files.iter().flat_map(client_files::ClientFile::hosts);
        self.report.names.extend(hosts.filter_map(short_name));
    }

    /// Notes private names in an identity.
    fn remember_identity(&mut self, path: &PasswordPath) {
        let names = &mut self.report.names;
        match &path.identity().source {
            CredentialSource::Profile(profile) | CredentialSource::Chain(ChainSource::Profile(profile)) => {
                names.push(profile.name.clone());
            }
            CredentialSource::Role(role) => names.push(role.session_name.clone()),
            CredentialSource::Cognito(settings) => {
                names.push(settings.identity_pool_id.clone());
                let rest = [&settings.username, &settings.user_pool_id, &settings.provider];
                names.extend(rest.into_iter().flatten().cloned());
            }
            CredentialSource::Chain(_) => {}
        }
    }

    /// Checks the machine: the binary, and the helpers that clients call by these names.
    fn machine(&mut self, helpers: &CalledFor) {
        let env = &self.context.env;
        let binary = helper::binary(&self.context.exe, env);
        let are_needed = !is_on_node(&self.context.exe) || !helpers.is_empty();
        let helpers = helper::checks(&self.context.exe, helpers, env);
        let helpers = helpers.into_iter().filter(|_| are_needed);
        self.report.checks.extend(std::iter::once(binary).chain(helpers));
    }

    /// Checks the clients' configuration of the registry.
    fn clients(&self, subject: &Subject, config: Option<&Config>) -> Clients {
        let is_open = Registry::parse(&subject.host).is_some_and(|registry| registry.is_public());
        let is_for_all = config.is_some_and(|config| config.fallback().is_some());
        clients::look(
            &subject.host,
            is_open,
            is_for_all,
            &self.context.env,
            self.context.now(),
        )
    }

    /// Checks the fallback store.
    fn fallback(&mut self, config: &Config) {
        if config.fallback().is_none() {
            return;
        }
        let env = &self.context.env;
        let files = client_files::files(env).unwrap_or_default();
        let check = match client_files::LostStore::find(config, &files, env) {
            Some(lost) => Some(lost.check(env)),
            None => helper::fallback(config, env),
        };
        if let Some(check) = check {
            self.add(check);
        }
    }

    /// Makes the general checks, if no registry is known.
    fn without_registry(&mut self, config: &Result<Config>, error: &Error) {
        let files = client_files::files(&self.context.env).unwrap_or_default();
        self.machine(&overview::called_for(&files));
        if let Ok(config) = config {
            self.fallback(config);
        }
        match config {
            Err(error) => self.add(Check::failed("configuration", error)),
            Ok(_) => self.add(Check::failed(ci::check_without_identity(error), error)),
        };
    }

    /// Makes the checks from the rule to the registry's answer.
    fn remote(&mut self, subject: &Subject, config: &Config) {
        let Some(target) = config.target(&subject.host) else {
            let error = rule::unknown(&subject.host);
            self.add(Check::failed("configuration", &error));
            return self.skip_after("configuration");
        };
        self.report.names.extend(rule::names(&target));
        self.add(rule::check(
            &target,
            &subject.host,
            config,
            self.asked.config,
            &self.context.env,
        ));
        let path = match self.path(&target) {
            Ok(path) => path,
            Err(error) => return self.without_path(&error, &target, subject),
        };
        self.remember_identity(&path);
        let is_optional = target.is_optional();
        let soften = |check: Check| if is_optional { check.at_most_warn() } else { check };
        if let Some(check) = ci::check(&path, self) {
            let check = soften(check);
            if !self.add(check) {
                return self.skip_after("ci");
            }
        }
        self.add(credentials::chosen(&path, &self.context.env));
        self.add(cache::check(&path, self.context));
        let (checks, transport) = network::checks(&path, self);
        for check in checks {
            self.add(soften(check));
        }
        let Some(transport) = transport else {
            return match is_optional {
                true => self.as_anybody(subject, &target),
                false => self.skip_after("network"),
            };
        };
        let password = credentials::fetch(&path, self, is_optional);
        if password.is_some() || is_optional {
            image::checks(subject, &target, Some(&path), password.as_ref(), transport, self);
        }
    }

    fn path(&self, target: &RegistryTarget<'_>) -> Result<PasswordPath> {
        let settings = (self.asked.identity)(&target.identity())?;
        PasswordPath::choose(&self.context.env, target.registry(), settings)
    }

    fn without_path(&mut self, error: &Error, target: &RegistryTarget<'_>, subject: &Subject) {
        let id = ci::check_without_identity(error);
        let check = Check::failed(id, error);
        if !target.is_optional() {
            self.add(check);
            return self.skip_after(id);
        }
        self.add(check.at_most_warn());
        self.as_anybody(subject, target);
    }

    /// Asks the registry without credentials, if there is no identity.
    fn as_anybody(&mut self, subject: &Subject, target: &RegistryTarget<'_>) {
        match Transport::new(&self.context.env, None) {
            Ok(transport) => image::checks(subject, target, None, None, transport, self),
            Err(error) => {
                self.add(Check::failed("registry", &error));
                self.skip_after("registry");
            }
        }
    }

    /// Runs a call until it ends or its time is up. A terminal shows what is waited for.
    fn wait<T>(&mut self, what: &str, call: impl Future<Output = Result<T>>) -> Result<T> {
        let budget = budget(&self.context.env)?;
        let _wait = self.context.progress.wait(what);
        within(budget, call)
    }
}
