//! `cognito:` of `ecr-auth.yml`: the pools and the user. It holds no commands and no secrets.

use std::path::Path;

use serde::Deserialize;
use serde_saphyr::Spanned;

use super::rule::YamlBool;
use super::{at, beside, given, policy, text, wrong};
use diagnostics::{Error, Result};
use settings::{CognitoSettings, Flow, IdentityFlow, check_cognito_text};

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub(super) struct CognitoKeys {
    #[serde(deserialize_with = "given")]
    user_pool_id: Option<Spanned<String>>,
    #[serde(deserialize_with = "given")]
    client_id: Option<Spanned<String>>,
    #[serde(deserialize_with = "given")]
    identity_pool_id: Option<Spanned<String>>,
    #[serde(deserialize_with = "given")]
    username: Option<Spanned<String>>,
    #[serde(deserialize_with = "given")]
    client_secret_file: Option<Spanned<String>>,
    #[serde(deserialize_with = "given")]
    domain: Option<Spanned<String>>,
    #[serde(deserialize_with = "given")]
    browser: Option<YamlBool>,
    #[serde(deserialize_with = "given")]
    callback_port: Option<u16>,
    #[serde(deserialize_with = "given")]
    flow: Option<Flow>,
    #[serde(deserialize_with = "given")]
    identity_flow: Option<IdentityFlow>,
    #[serde(deserialize_with = "given")]
    role_arn: Option<Spanned<String>>,
    #[serde(deserialize_with = "given")]
    duration: Option<u32>,
    #[serde(deserialize_with = "given")]
    policy: Option<Spanned<String>>,
    #[serde(deserialize_with = "given")]
    provider: Option<Spanned<String>>,
    #[serde(deserialize_with = "given")]
    id_token_file: Option<Spanned<String>>,
}

/// Returns the checked settings. An error about a value has the value's place. An error about a missing key has the block's.
pub(super) fn settings(path: &Path, keys: Spanned<CognitoKeys>) -> Result<CognitoSettings> {
    let place = keys.referenced;
    let keys = keys.value;
    let file = |key, given| Ok::<_, Error>(text(path, key, given)?.map(|file| beside(path, &file)));
    let settings = CognitoSettings {
        user_pool_id: checked(path, "user-pool-id", keys.user_pool_id)?,
        client_id: checked(path, "client-id", keys.client_id)?,
        identity_pool_id: checked(path, "identity-pool-id", keys.identity_pool_id)?.unwrap_or_default(),
        username: checked(path, "username", keys.username)?,
        client_secret_file: file("client-secret-file", keys.client_secret_file)?,
        domain: checked(path, "domain", keys.domain)?,
        browser: keys.browser.is_some_and(|it| it.0),
        callback_port: keys.callback_port,
        flow: keys.flow.unwrap_or_default(),
        identity_flow: keys.identity_flow.unwrap_or_default(),
        role_arn: checked(path, "role-arn", keys.role_arn)?,
        duration: keys.duration,
        policy: policy(path, keys.policy)?,
        provider: checked(path, "provider", keys.provider)?,
        id_token_file: file("id-token-file", keys.id_token_file)?,
    };
    if settings.identity_pool_id.is_empty() {
        return Err(wrong(path, &place, "the key \"identity-pool-id\" is missing"));
    }
    settings.check().map_err(|error| at(path, &place, &error))?;
    Ok(settings)
}

fn checked(path: &Path, key: &'static str, given: Option<Spanned<String>>) -> Result<Option<String>> {
    let Some(given) = given else { return Ok(None) };
    check_cognito_text(key, &given.value).map_err(|error| at(path, &given.referenced, &error))?;
    Ok(Some(given.value))
}
