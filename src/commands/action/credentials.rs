//! `export-credentials`: AWS credentials for later steps, in their environment or in a profile.

use std::path::PathBuf;
use std::time::{Instant, SystemTime};

use super::exports::Exports;
use super::inputs::{Export, Inputs, wrong};
use super::job::{JobFolder, copy_private};
use super::undo::Undo;
use crate::commands::identity::{IdentityArgs, credential_process};
use crate::commands::masks::hide;
use crate::output;
use aws_access::identity::{ChainSource, RoleBase};
use aws_access::{Identity, SessionCredentials, SessionPath};
use aws_shared_files::profile::HelperProfile;
use context::{Context, variables};
use diagnostics::{Code, Error, Result};
use ecr_registry::Registry;
use secret_cache::Cache;
use settings::table::{CHAIN, ROLE_ARN};
use settings::{IdentitySettings, SurfaceValue};

/// The credentials to export, and their identity.
#[derive(Debug)]
pub struct ExportedCredentials {
    identity: IdentityArgs,
    path: SessionPath,
    session: Option<SessionCredentials>,
}

impl ExportedCredentials {
    /// Chooses the identity, if something is to be exported: the role of all registries. Its name is completed as for the first registry.
    ///
    /// # Errors
    /// There is no role, or the profile could not be used because it would get its credentials from itself.
    pub fn plan(inputs: &Inputs, hosts: &[String], context: &Context<'_>) -> Result<Option<Self>> {
        if inputs.export == Export::None {
            return Ok(None);
        }
        let role = inputs.identity.role_arn().or(context.env.get(variables::AWS_ROLE_ARN));
        let role = role.ok_or_else(|| {
            wrong("export-credentials", "no role is named to export credentials of").hint(format!(
                "name it with {ROLE_ARN}; the runner's own credentials need no export"
            ))
        })?;
        let complete = |name: &str| complete(name, hosts);
        let mut identity = inputs.identity.clone();
        identity.0.set(&ROLE_ARN, SurfaceValue::Text(complete(role)));
        if let Some(SurfaceValue::List(chain)) = identity.0.get(&CHAIN) {
            let chain = chain.iter().map(|name| complete(name)).collect();
            identity.0.set(&CHAIN, SurfaceValue::List(chain));
        }
        let path = SessionPath::choose(&context.env, identity.identity(&IdentitySettings::default())?)?;
        let this = Self {
            identity,
            path,
            session: None,
        };
        match (inputs.export, this.base()) {
            (Export::Profile, Some(base)) if !matches!(base, ChainSource::Environment { .. }) => Err(wrong(
                "export-credentials",
                format!("the role is assumed with {base}, which the profile would replace"),
            )
            .hint("write export-credentials: env, or let the job ask for tokens (permissions: id-token: write)")),
            _ => Ok(Some(this)),
        }
    }

    /// Returns the credentials that assume the role, if it isn't the job's token.
    pub fn base(&self) -> Option<&ChainSource> {
        match &self.path.identity().role()?.base {
            RoleBase::Source(source) => Some(source),
            RoleBase::Token(_) => None,
        }
    }

    /// Returns the identity of the credentials.
    pub fn identity(&self) -> &Identity {
        self.path.identity()
    }

    /// Fetches the credentials, and masks them in the log.
    ///
    /// # Errors
    /// AWS refuses, or stderr is closed.
    pub fn fetch(&mut self, context: &mut Context<'_>) -> Result<()> {
        let cache = Cache::from_env(&context.env);
        let session = self.path.credentials(&cache, Instant::now(), context)?;
        let mut secrets = ci::of_credentials(&session.secret_access_key, session.session_token.as_ref());
        secrets.extend(self.path.identity().token());
        hide(secrets, context)?;
        self.session = Some(session);
        Ok(())
    }

    /// Returns when the credentials end, if they were fetched.
    pub fn expires_at(&self) -> Option<SystemTime> {
        self.session.as_ref()?.expires_at
    }

    /// Exports keys to the environment of later steps, if they were fetched. What is left of other credentials there becomes empty.
    pub fn to_env(&self, exports: &mut Exports, undo: &mut Undo, context: &mut Context<'_>) {
        let Some(session) = &self.session else { return };
        for (name, value) in output::credentials_assignments(session, &context.env) {
            match name {
                variables::AWS_REGION | variables::AWS_DEFAULT_REGION => {
                    exports.set(name, value.expose(), &mut context.env, undo)
                }
                _ => exports.hand_on(name, value),
            }
        }
        undo.access_key_id = Some(session.access_key_id.clone());
        if self.base().is_some() && exports.given(variables::AWS_ROLE_ARN).is_some() {
            // Programs that read it would assume the role again, with the role's own credentials.
            exports.set(variables::AWS_ROLE_ARN, "", &mut context.env, undo);
        }
    }

    /// Writes a profile that renews its credentials, into a copy of AWS's `config` file for this job.
    ///
    /// # Errors
    /// A file cannot be read or written, or another profile has the name.
    pub fn to_profile(
        &self,
        name: &str,
        job: &JobFolder,
        exports: &mut Exports,
        undo: &mut Undo,
        context: &mut Context<'_>,
    ) -> Result<()> {
        if !job.aws_config().exists()
            && let Some(config) = aws_config(context)
        {
            copy_private(&config, &job.aws_config())?;
        }
        exports.set_path(variables::AWS_CONFIG_FILE, &job.aws_config(), &mut context.env, undo)?;
        let line = credential_process(&self.identity, &self.path)?;
        HelperProfile::new(name, &context.exe, &line, &context.env)?.write(None)?;
        exports.set(variables::AWS_PROFILE, name, &mut context.env, undo);
        if let Some(region) = self.identity.region() {
            for variable in [variables::AWS_REGION, variables::AWS_DEFAULT_REGION] {
                exports.set(variable, region, &mut context.env, undo);
            }
        }
        if exports.given(variables::AWS_ACCESS_KEY_ID).is_some() {
            let error = Error::failed(
                Code::ProfileShadowed,
                format!("profile {name}"),
                "AWS's tools take AWS_ACCESS_KEY_ID from the environment before any profile",
            );
            let hint = "unset it in the steps that are to use the profile, or name the profile in their commands";
            super::annotate(ci::github::AnnotationLevel::Warning, &error.hint(hint), context);
        }
        Ok(())
    }
}

fn aws_config(context: &Context<'_>) -> Option<PathBuf> {
    let named = context.env.path(variables::AWS_CONFIG_FILE);
    named.or_else(|| Some(context.env.home()?.join(".aws/config")))
}

/// Returns a role's ARN unchanged, or completes a name with the account of the first private registry.
fn complete(role: &str, hosts: &[String]) -> String {
    let registries = hosts.iter().filter_map(|host| Registry::parse(host));
    let mut accounts = registries.filter_map(|it| Some((it.partition().id(), it.account()?.to_owned())));
    match accounts.next().filter(|_| !role.starts_with("arn:")) {
        Some((partition, account)) => format!("arn:{partition}:iam::{account}:role/{role}"),
        None => role.to_owned(),
    }
}
