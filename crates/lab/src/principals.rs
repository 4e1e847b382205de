//! Accounts with their users, roles and sessions, and the access keys of these.

use std::collections::HashMap;
use std::fmt;

use serde::Serialize;

use crate::hosts::Partition;
use crate::policy::{Access, Permissions, RepositoryPolicy, RoleSpec, glob};
use crate::random::{random_text, random_upper};
use crate::session_tags::SessionTags;
use crate::{Aws, lock};

/// The account of the lab's administrator.
pub const ACCOUNT: &str = "111122223333";
/// A second account, for cross-account access.
pub const PARTNER_ACCOUNT: &str = "444455556666";

/// A set of AWS credentials. It is test data, but its `Debug` still hides the secret parts.
#[derive(Clone, PartialEq, Eq, Serialize)]
pub struct AccessKey {
    /// `AKIA…` for a user, `ASIA…` for a session.
    pub id: String,
    /// The secret access key.
    pub secret: String,
    /// The session token; only sessions have one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session_token: Option<String>,
    /// When a session ends, in seconds since the epoch by the lab's clock.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires: Option<i64>,
}

impl fmt::Debug for AccessKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AccessKey")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

/// The principal of a request: a user, or a session of a role.
#[derive(Debug, Clone)]
pub(crate) struct Principal {
    pub(crate) account: String,
    /// `arn:aws:iam::…:user/…` or `arn:aws:sts::…:assumed-role/…/…`.
    pub(crate) arn: String,
    /// `AIDA…`, or `AROA…:<session name>`.
    pub(crate) id: String,
    /// The ARN of the session's role.
    pub(crate) role: Option<String>,
    pub(crate) partition: &'static str,
    /// Session policies. All of them must allow what the session does.
    pub(crate) policies: Vec<Permissions>,
    pub(crate) tags: SessionTags,
}

/// The record of an access key.
#[derive(Debug, Clone)]
pub(crate) struct KnownKey {
    pub(crate) key: AccessKey,
    pub(crate) principal: Principal,
}

/// The record of a role.
#[derive(Debug, Clone)]
pub(crate) struct Role {
    pub(crate) arn: String,
    pub(crate) id: String,
    pub(crate) partition: &'static str,
    pub(crate) spec: RoleSpec,
}

/// A virtual MFA device (an authenticator app).
#[derive(Debug)]
pub(crate) struct MfaDevice {
    /// The ARN of the device's user.
    pub(crate) user: String,
    /// The secret, in base32.
    pub(crate) secret: String,
    /// The time step of the last accepted code. Each code is accepted once.
    pub(crate) last_step: Option<i64>,
}

/// All accounts and their contents.
#[derive(Debug, Default)]
pub(crate) struct Iam {
    partitions: HashMap<String, &'static str>,
    users: HashMap<String, Permissions>,
    pub(crate) roles: HashMap<String, Role>,
    keys: HashMap<String, KnownKey>,
    /// MFA devices by serial number.
    pub(crate) mfa_devices: HashMap<String, MfaDevice>,
    repository_policies: Vec<RepositoryPolicy>,
    /// Customer managed policies, by ARN.
    managed_policies: HashMap<String, Permissions>,
    /// Aliases of public registries, with the accounts that own them.
    pub(crate) public_aliases: HashMap<String, String>,
}

impl Iam {
    pub(crate) fn partition(&self, account: &str) -> &'static str {
        self.partitions.get(account).copied().unwrap_or("aws")
    }

    /// Returns the secret parts of every key.
    pub(crate) fn secrets(&self) -> Vec<String> {
        let of_key = |known: &KnownKey| [Some(known.key.secret.clone()), known.key.session_token.clone()];
        self.keys.values().flat_map(of_key).flatten().collect()
    }

    pub(crate) fn key(&self, id: &str) -> Option<&KnownKey> {
        self.keys.get(id)
    }

    /// Returns a key of the user with this ARN.
    pub(crate) fn key_of_user(&self, arn: &str) -> Option<AccessKey> {
        let known = self.keys.values().find(|known| known.principal.arn == arn)?;
        Some(known.key.clone())
    }

    /// Creates and stores temporary credentials for a session.
    pub(crate) fn open_session(&mut self, principal: Principal, expires: i64) -> AccessKey {
        let key = AccessKey {
            id: format!("ASIA{}", random_upper(16)),
            secret: random_text(40),
            session_token: Some(random_text(400)),
            expires: Some(expires),
        };
        let known = KnownKey {
            key: key.clone(),
            principal,
        };
        self.keys.insert(key.id.clone(), known);
        key
    }

    /// Returns the permissions of a managed policy, an account's own or one of AWS's.
    pub(crate) fn managed_policy(&self, arn: &str) -> Option<Permissions> {
        self.managed_policies.get(arn).cloned().or_else(|| aws_policy(arn))
    }

    /// Whether the principal's own policies allow the action.
    pub(crate) fn allows(&self, principal: &Principal, action: &str) -> bool {
        self.allows_on(principal, action, "*")
    }

    /// Whether all policies of the principal allow an action on this resource.
    pub(crate) fn allows_on(&self, principal: &Principal, action: &str, resource: &str) -> bool {
        self.own_permissions(principal).is_some_and(|own| {
            let allows = |policy: &Permissions| policy.allows_on(action, resource, &principal.tags);
            allows(own) && principal.policies.iter().all(allows)
        })
    }

    /// Whether one of the principal's own policies denies the action explicitly.
    pub(crate) fn denies(&self, principal: &Principal, action: &str) -> bool {
        self.own_permissions(principal).is_none_or(|own| own.denies(action))
            || principal.policies.iter().any(|policy| policy.denies(action))
    }

    fn own_permissions(&self, principal: &Principal) -> Option<&Permissions> {
        match &principal.role {
            Some(role) => self.roles.get(role).map(|role| &role.spec.permissions),
            None => self.users.get(&principal.arn),
        }
    }

    /// Whether a repository policy allows access for a principal of another account.
    pub(crate) fn repository_allows(
        &self,
        principal: &Principal,
        account: &str,
        region: &str,
        repository: &str,
        wanted: Access,
    ) -> bool {
        self.repository_policies.iter().any(|policy| {
            policy.account == account
                && policy.region == region
                && glob(&policy.repository, repository)
                && (policy.access == wanted || policy.access == Access::Push)
                && names(&policy.principal, principal)
        })
    }
}

impl Aws {
    /// Sets the partition of an account (`aws-cn`, `aws-us-gov`, …). Call this before anything is added to the account.
    /// The default is `aws`, which is also used for an unknown name.
    pub fn add_account(&self, account: &str, partition: &str) {
        let partition = Partition::named(partition).map_or("aws", |partition| partition.name);
        lock(&self.iam).partitions.insert(account.into(), partition);
    }

    /// Adds a user with all permissions and an access key.
    pub fn add_user(&self, account: &str, name: &str) -> AccessKey {
        self.add_user_with(account, name, Permissions::default())
    }

    /// Adds a user with these permissions and an access key. For an existing user, this replaces the permissions and
    /// adds a key.
    pub fn add_user_with(&self, account: &str, name: &str, permissions: Permissions) -> AccessKey {
        let mut iam = lock(&self.iam);
        let partition = iam.partition(account);
        let principal = Principal {
            account: account.into(),
            arn: format!("arn:{partition}:iam::{account}:user/{name}"),
            id: format!("AIDA{}", random_upper(16)),
            role: None,
            partition,
            policies: Vec::new(),
            tags: SessionTags::default(),
        };
        let key = AccessKey {
            id: format!("AKIA{}", random_upper(16)),
            secret: random_text(40),
            session_token: None,
            expires: None,
        };
        iam.users.insert(principal.arn.clone(), permissions);
        let known = KnownKey {
            key: key.clone(),
            principal,
        };
        iam.keys.insert(key.id.clone(), known);
        key
    }

    /// Replaces the permissions of a user or a role, by its ARN. Returns false if there is no such user or role.
    pub fn set_permissions(&self, arn: &str, permissions: Permissions) -> bool {
        let mut iam = lock(&self.iam);
        if let Some(role) = iam.roles.get_mut(arn) {
            role.spec.permissions = permissions;
            return true;
        }
        iam.users.get_mut(arn).map(|current| *current = permissions).is_some()
    }

    /// Adds a role, or replaces the role of that name. Returns its ARN.
    pub fn add_role(&self, spec: RoleSpec) -> String {
        let mut iam = lock(&self.iam);
        let partition = iam.partition(&spec.account);
        let arn = format!("arn:{partition}:iam::{}:role/{}", spec.account, spec.name);
        let role = Role {
            arn: arn.clone(),
            id: format!("AROA{}", random_upper(16)),
            partition,
            spec,
        };
        iam.roles.insert(arn.clone(), role);
        arn
    }

    /// Adds a customer managed policy (`arn:aws:iam::111122223333:policy/push`) for use as a session policy. AWS's own
    /// policies for ECR, and `AdministratorAccess`, always exist.
    pub fn add_managed_policy(&self, arn: &str, permissions: Permissions) {
        lock(&self.iam).managed_policies.insert(arn.into(), permissions);
    }

    /// Adds a repository policy: a principal (account id or ARN) of another account may pull from or push to the
    /// matching repositories.
    pub fn allow_repository(&self, account: &str, region: &str, repository: &str, principal: &str, access: Access) {
        lock(&self.iam).repository_policies.push(RepositoryPolicy {
            account: account.into(),
            region: region.into(),
            repository: repository.into(),
            principal: principal.into(),
            access,
        });
    }

    /// Assigns an alias of ECR Public (`public.ecr.aws/<alias>/…`) to an account. Only that account may push below the
    /// alias.
    pub fn add_public_alias(&self, alias: &str, account: &str) {
        lock(&self.iam).public_aliases.insert(alias.into(), account.into());
    }

    /// Deletes an access key, so that AWS no longer knows it.
    pub fn remove_key(&self, id: &str) {
        lock(&self.iam).keys.remove(id);
    }
}

/// Whether a policy's principal element names this principal.
pub(crate) fn names(element: &str, principal: &Principal) -> bool {
    element == "*"
        || element == principal.arn
        || Some(element) == principal.role.as_deref()
        || names_account(element, principal)
}

/// Whether a policy's principal element names the principal's whole account. Then the principal's own policies decide.
pub(crate) fn names_account(element: &str, principal: &Principal) -> bool {
    element == principal.account || element == format!("arn:{}:iam::{}:root", principal.partition, principal.account)
}

/// AWS's own policies for ECR (IAM, "AWS managed policies for Amazon ECR").
fn aws_policy(arn: &str) -> Option<Permissions> {
    const READ: [&str; 5] = [
        "ecr:GetAuthorizationToken",
        "ecr:BatchCheckLayerAvailability",
        "ecr:GetDownloadUrlForLayer",
        "ecr:BatchGetImage",
        "ecr:ListImages",
    ];
    const WRITE: [&str; 4] = [
        "ecr:InitiateLayerUpload",
        "ecr:UploadLayerPart",
        "ecr:CompleteLayerUpload",
        "ecr:PutImage",
    ];
    let (partition, name) = arn.strip_prefix("arn:")?.split_once(":iam::aws:policy/")?;
    Partition::named(partition)?;
    match name {
        "AdministratorAccess" => Some(Permissions::default()),
        "AmazonEC2ContainerRegistryReadOnly" => Some(Permissions::allow(READ)),
        "AmazonEC2ContainerRegistryPowerUser" => Some(Permissions::allow(READ.into_iter().chain(WRITE))),
        "AmazonEC2ContainerRegistryFullAccess" => Some(Permissions::allow(["ecr:*"])),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_hide_their_secrets() {
        let key = AccessKey {
            id: "AKIAEXAMPLE".into(),
            secret: "hush".into(),
            session_token: Some("hush".into()),
            expires: None,
        };
        let shown = format!("{key:?}");
        assert!(shown.contains("AKIAEXAMPLE") && !shown.contains("hush"));
    }
}
