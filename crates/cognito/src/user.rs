//! The user who signs in, and the user pool.

use std::path::{Path, PathBuf};

use super::secret_hash::secret_hash;
use super::wire::Parameters;
use context::{Env, variables};
use diagnostics::{Code, Error, Result};
use private_files::{TOKEN_LIMIT, read_secret};
use secret::Secret;
use settings::cognito::table::{CLIENT_ID, USER_POOL_ID, USERNAME};
use settings::{CognitoSettings, SignIn};

/// A user of a user pool's app client, with the client's secret if it has one.
#[derive(Debug, Clone)]
pub struct User {
    /// The user pool's id.
    pub pool: String,
    /// The user pool's region.
    pub region: String,
    /// The app client's id.
    pub client_id: String,
    /// The app client's secret.
    pub client_secret: Option<Secret>,
    /// The file with the app client's secret.
    pub client_secret_file: Option<PathBuf>,
    /// The name that the user signs in with: the real one or an alias.
    pub username: String,
}

impl User {
    /// Returns the user that the settings name.
    ///
    /// # Errors
    /// Usage errors: a setting is missing, or the client's secret cannot be read.
    pub fn from_settings(settings: &CognitoSettings, username: &str, env: &Env) -> Result<Self> {
        USERNAME.check_text(username)?;
        Ok(Self {
            username: username.to_owned(),
            ..Self::without_name(settings, env)?
        })
    }

    /// Returns a user whose name is not known yet. The managed login will tell it.
    ///
    /// # Errors
    /// The errors of [`User::from_settings`].
    pub fn without_name(settings: &CognitoSettings, env: &Env) -> Result<Self> {
        let SignIn::UserPool { id, client_id } = settings.sign_in()? else {
            return Err(Error::usage(
                Code::CognitoSettings,
                "provider",
                "its users don't sign in here: its token is taken from a file",
            ));
        };
        // The id becomes part of a host name. The identity pool is not needed to change a password, and may be missing.
        USER_POOL_ID.check_text(id)?;
        CLIENT_ID.check_text(client_id)?;
        Ok(Self {
            pool: id.to_owned(),
            region: settings.user_pool_region().unwrap_or_default().to_owned(),
            client_id: client_id.to_owned(),
            client_secret: client_secret(settings.client_secret_file.as_deref(), env)?,
            client_secret_file: settings.client_secret_file.clone(),
            username: String::new(),
        })
    }

    /// Returns the part of the pool's id that is used in signatures.
    pub(super) fn pool_name(&self) -> &str {
        self.pool.split_once('_').map_or("", |(_, name)| name)
    }

    /// Returns `USERNAME`, and `SECRET_HASH` if the client has a secret.
    pub(super) fn parameters(&self, username: &str) -> Result<Parameters> {
        let mut parameters = Parameters::from([("USERNAME".to_owned(), username.into())]);
        if let Some(hash) = self.secret_hash(username)? {
            parameters.insert("SECRET_HASH".to_owned(), (&hash).into());
        }
        Ok(parameters)
    }

    pub(super) fn secret_hash(&self, username: &str) -> Result<Option<Secret>> {
        let secret = self.client_secret.as_ref();
        secret
            .map(|secret| secret_hash(secret, username, &self.client_id))
            .transpose()
    }
}

/// Returns the app client's secret, from its file or `ECR_AUTH_COGNITO_CLIENT_SECRET`.
pub(super) fn client_secret(file: Option<&Path>, env: &Env) -> Result<Option<Secret>> {
    let Some(path) = file else {
        return Ok(env.get(variables::ECR_AUTH_COGNITO_CLIENT_SECRET).map(Secret::from));
    };
    let what = format!("the app client's secret in {}", path.display());
    let text = read_secret(path, TOKEN_LIMIT);
    let text = text.map_err(|error| {
        Error::usage(Code::ClientSecret, &what, error).hint("client-secret-file names the file that holds it")
    })?;
    match text.expose().trim() {
        "" => Err(Error::usage(Code::ClientSecret, what, "the file is empty")
            .hint("write the secret into it, or leave client-secret-file out")),
        secret => Ok(Some(Secret::new(secret))),
    }
}
