//! The results of the sign-in: the step's outputs and the run's summary.

use std::path::Path;
use std::time::SystemTime;

use super::inputs::Inputs;
use super::principal::Principal;
use super::summary::{self, SummaryRow};
use crate::commands::identity::IdentityArgs;
use crate::commands::masks::hide;
use crate::commands::passwords;
use crate::output::{self, RegistryPassword};
use ci::github;
use configuration::Config;
use context::Context;
use diagnostics::{Code, Error, Result};
use secret::Secret;

/// The principals and passwords of the sign-in.
#[derive(Debug)]
pub struct ActionSignIn {
    /// The registries.
    pub hosts: Vec<String>,
    /// One principal for each registry. `None` if STS was not asked.
    pub principals: Vec<Option<Principal>>,
    /// The principal of the whole job.
    pub first: Option<Principal>,
    /// The passwords that were fetched.
    pub passwords: Vec<RegistryPassword>,
    /// The outputs for `container:` and `services:` of later jobs.
    pub container: Vec<(String, Secret)>,
    /// When the first password or credential ends.
    pub expires_at: Option<SystemTime>,
}

impl ActionSignIn {
    /// Writes the outputs and the summary. `folder` is docker's folder, if its configuration was written.
    ///
    /// # Errors
    /// The runner's file cannot be written.
    pub fn write(&self, inputs: &Inputs, folder: Option<&Path>, context: &mut Context<'_>) -> Result<()> {
        let mut outputs = self.outputs(folder)?;
        if inputs.output_password {
            outputs.extend(self.passwords()?);
        }
        outputs.extend(self.container.iter().cloned());
        github::write(&context.env, github::CommandFile::Output, &outputs)?;
        let summary = summary::table(inputs.mode, &self.rows()?);
        if let Err(error) = github::add_summary(&context.env, &summary) {
            // Some runners do not have that file.
            context.detail(|| error.to_string());
        }
        Ok(())
    }

    fn outputs(&self, folder: Option<&Path>) -> Result<Vec<(String, Secret)>> {
        let json = serde_json::to_string(&self.hosts);
        let json = json.map_err(|error| Error::failed(Code::ResultNotWritten, "cannot write the outputs", error))?;
        let first = self.first.as_ref();
        let named = [
            ("registry", self.hosts.first().cloned()),
            ("registries", Some(json)),
            ("aws-account-id", first.map(|it| it.account.clone())),
            ("authenticated-arn", first.map(|it| it.arn.clone())),
            ("expiration", self.expires_at.map(output::rfc3339).transpose()?),
            ("docker-config", folder.map(|it| it.to_string_lossy().into_owned())),
            ("version", Some(env!("CARGO_PKG_VERSION").to_owned())),
        ];
        let named = named.into_iter();
        Ok(named
            .filter_map(|(name, value)| Some((name.to_owned(), Secret::new(value?))))
            .collect())
    }

    /// Returns the outputs with passwords, which are already masked in the log.
    fn passwords(&self) -> Result<Vec<(String, Secret)>> {
        let mut outputs = Vec::new();
        let of_first = |it: &&RegistryPassword| self.hosts.first() == Some(&it.host);
        if let Some(first) = self.passwords.iter().find(of_first) {
            let username = Secret::new(ecr_registry::USERNAME);
            outputs.push(("docker-username".to_owned(), username));
            outputs.push(("docker-password".to_owned(), first.password.clone()));
        }
        output::check_names(&self.hosts)?;
        outputs.extend(output::passwords_outputs(&self.passwords));
        Ok(outputs)
    }

    fn rows(&self) -> Result<Vec<SummaryRow<'_>>> {
        let mut rows = Vec::new();
        for (host, principal) in self.hosts.iter().zip(&self.principals) {
            let password = self.passwords.iter().find(|it| it.host == *host);
            rows.push(SummaryRow {
                registry: host,
                principal: principal.as_ref(),
                until: password.map(|it| output::rfc3339(it.expires_at)).transpose()?,
            });
        }
        Ok(rows)
    }
}

/// Fetches a password for each registry, by the current rules. The failure of an optional registry is a warning.
///
/// # Errors
/// A password cannot be fetched.
pub fn fetch(hosts: &[String], config: &Config, context: &mut Context<'_>) -> Result<Vec<RegistryPassword>> {
    let fetched = passwords::fetch(&IdentityArgs::default(), hosts, config, None, context)?;
    hide(fetched.secrets(), context)?;
    for (host, error) in fetched.failed {
        let what = format!("{host}: going on without it: {}", error.templates().0);
        let warning = error.about(what);
        super::annotate(github::AnnotationLevel::Warning, &warning, context);
    }
    Ok(fetched.passwords)
}
