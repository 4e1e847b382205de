//! `cognito:` of `ecr-auth.yml`: the pools and the user. It holds no commands and no secrets.

use std::path::Path;

use serde_saphyr::Spanned;

use super::keys::BlockKeys;
use super::{at, wrong};
use diagnostics::Result;
use settings::CognitoSettings;

/// The keys of the block.
pub(super) type CognitoKeys = BlockKeys<CognitoSettings>;

/// Returns the checked settings. An error about a value has the value's place. An error about a missing key has the block's.
pub(super) fn settings(path: &Path, keys: Spanned<CognitoKeys>) -> Result<CognitoSettings> {
    let (place, mut keys) = (keys.referenced, keys.value);
    keys.check(path)?;
    let settings = keys.over(path, CognitoSettings::default())?;
    if settings.identity_pool_id.is_empty() {
        return Err(wrong(path, &place, "the key \"identity-pool-id\" is missing"));
    }
    settings.check().map_err(|error| at(path, &place, &error))?;
    Ok(settings)
}
