//! Kubernetes' projected service account tokens: the tokens that EKS issues, and the folder that the kubelet writes
//! them to.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{OpenOptionsExt, symlink};
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::json;

use crate::jwt::SigningAlgorithm;
use crate::random::random_text;
use crate::{Aws, LabError};

/// The issuer of the lab's cluster.
pub const EKS_ISSUER: &str = "https://oidc.eks.eu-west-1.amazonaws.com/id/EXAMPLED539D4633E53DE1B71EXAMPLE";

/// A service account, and the token to issue for it.
#[derive(Debug, Clone, Deserialize)]
pub struct ServiceAccount {
    /// The namespace of the service account.
    pub namespace: String,
    /// The name of the service account.
    pub name: String,
    /// `aud` of the token, which Kubernetes writes as a list.
    #[serde(default = "sts")]
    pub audience: String,
    /// Lifetime of the token, in seconds.
    #[serde(default = "a_day")]
    pub lifetime: u32,
}

fn sts() -> String {
    "sts.amazonaws.com".into()
}

fn a_day() -> u32 {
    86_400
}

impl ServiceAccount {
    /// Describes a token for STS with a lifetime of a day, as mounted by EKS.
    pub fn new(namespace: &str, name: &str) -> Self {
        Self {
            namespace: namespace.into(),
            name: name.into(),
            audience: sts(),
            lifetime: a_day(),
        }
    }

    /// Returns the subject of the token: `system:serviceaccount:<namespace>:<name>`.
    pub fn subject(&self) -> String {
        format!("system:serviceaccount:{}:{}", self.namespace, self.name)
    }
}

impl Aws {
    /// Signs a new token of a service account. From now on the lab plays [`EKS_ISSUER`].
    ///
    /// # Errors
    /// The issuer's key could not be generated.
    pub fn service_account_token(&self, account: &ServiceAccount) -> Result<String, LabError> {
        self.ensure_issuer(EKS_ISSUER, SigningAlgorithm::ES256)?;
        let now = self.now();
        let claims = json!({
            "iss": EKS_ISSUER, "sub": account.subject(), "aud": [account.audience],
            "iat": now, "nbf": now, "exp": now + i64::from(account.lifetime), "jti": random_text(16),
            "kubernetes.io": {
                "namespace": account.namespace,
                "serviceaccount": {"name": account.name, "uid": "8b6b1c9e-5d29-4b1c-8c0d-3d0e6f0a7b11"},
                "pod": {"name": "build-0", "uid": "e87d35f0-12b4-4c1e-9f51-0f2c39d1c4a2"},
            },
        });
        self.sign_jwt(EKS_ISSUER, &claims)
    }

    /// Writes a new token of a service account to a folder, replacing the previous one. Returns the token's path.
    ///
    /// # Errors
    /// The issuer's key could not be generated, or the folder not written.
    pub fn project_token(&self, account: &ServiceAccount, folder: &Path) -> Result<PathBuf, LabError> {
        let token = self.service_account_token(account)?;
        write_projected(folder, &token).map_err(|cause| LabError::new("cannot project the token", cause))
    }
}

/// Writes a token to a folder like the kubelet (`AtomicWriter`). `token` is a link to `..data/token`, and `..data` is a
/// link to a folder named after the time. A new token replaces only `..data`, by a rename. Returns the path of `token`.
///
/// # Errors
/// The folder could not be written.
pub fn write_projected(folder: &Path, token: &str) -> io::Result<PathBuf> {
    fs::create_dir_all(folder)?;
    let data = folder.join("..data");
    let replaced = fs::read_link(&data).ok();
    let written = format!("..2026_01_01_00_00_00.{}", random_text(10));
    fs::create_dir(folder.join(&written))?;
    OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(folder.join(&written).join("token"))?
        .write_all(token.as_bytes())?;
    let temporary = folder.join("..data_tmp");
    symlink(&written, &temporary)?;
    fs::rename(&temporary, &data)?;
    let path = folder.join("token");
    match replaced {
        Some(replaced) => fs::remove_dir_all(folder.join(replaced))?,
        None => symlink("..data/token", &path)?,
    }
    Ok(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_token_replaces_the_old_one_behind_the_same_path() {
        let folder = tempfile::tempdir().unwrap();
        let path = write_projected(folder.path(), "first").unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "first");
        assert_eq!(fs::read_link(&path).unwrap(), Path::new("..data/token"));
        let before = fs::read_link(folder.path().join("..data")).unwrap();
        assert_eq!(write_projected(folder.path(), "second").unwrap(), path);
        assert_eq!(fs::read_to_string(&path).unwrap(), "second");
        assert!(!folder.path().join(before).exists());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 3);
    }
}
