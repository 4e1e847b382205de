//! Kubernetes pull secrets, and the configuration of Docker that they hold.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;
use zeroize::Zeroizing;

use super::RegistryPassword;
use diagnostics::{Code, Error, Result};
use secret::Secret;

/// The name of a Secret, and its namespace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecretName {
    name: String,
    namespace: Option<String>,
}

impl SecretName {
    /// Checks both as Kubernetes does: <https://kubernetes.io/docs/concepts/overview/working-with-objects/names/>. Without a namespace, `kubectl`
    /// uses its current one.
    ///
    /// # Errors
    /// A usage error for a name that Kubernetes would refuse.
    pub fn new(name: &str, namespace: Option<&str>) -> Result<Self> {
        if !is_subdomain(name) {
            return Err(Error::usage(
                Code::Options,
                format!("--name {name}"),
                "Kubernetes does not accept this name for a Secret",
            )
            .hint(
                "use at most 253 lower-case letters, digits, '-' and '.', each part beginning and ending with a letter or digit",
            ));
        }
        if let Some(namespace) = namespace.filter(|namespace| !is_label(namespace)) {
            return Err(Error::usage(
                Code::Options,
                format!("--namespace {namespace}"),
                "Kubernetes does not accept this name for a namespace",
            )
            .hint("use at most 63 lower-case letters, digits and '-', beginning and ending with a letter or digit"));
        }
        Ok(Self {
            name: name.to_owned(),
            namespace: namespace.map(str::to_owned),
        })
    }
}

/// Whether a text is a DNS subdomain name (RFC 1123).
fn is_subdomain(text: &str) -> bool {
    text.len() <= 253 && text.split('.').all(is_part)
}

/// Whether a text is a DNS label name (RFC 1123).
fn is_label(text: &str) -> bool {
    text.len() <= 63 && is_part(text)
}

fn is_part(text: &str) -> bool {
    let is_inner = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    !text.is_empty() && text.chars().all(is_inner) && !text.starts_with('-') && !text.ends_with('-')
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Manifest<'a> {
    api_version: &'a str,
    kind: &'a str,
    metadata: Metadata<'a>,
    r#type: &'a str,
    data: SecretData<'a>,
}

#[derive(Serialize)]
struct Metadata<'a> {
    name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    namespace: Option<&'a str>,
}

#[derive(Serialize)]
struct SecretData<'a> {
    #[serde(rename = ".dockerconfigjson")]
    docker_config: &'a str,
}

/// Docker's `config.json`, as `kubectl create secret docker-registry` makes it.
#[derive(Serialize)]
struct DockerConfigJson<'a> {
    auths: BTreeMap<&'a str, RegistryAuth<'a>>,
}

#[derive(Serialize)]
struct RegistryAuth<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    username: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    password: Option<&'a str>,
    auth: &'a str,
}

/// Returns the passwords for `--format k8s-secret`: a Secret of type `kubernetes.io/dockerconfigjson`, for `kubectl apply -f -`. It is JSON, which
/// is also YAML, so that a name such as `on` or `1e3` is read as text.
///
/// # Errors
/// Only those of the JSON writer.
pub fn k8s_secret(passwords: &[RegistryPassword], name: &SecretName) -> Result<Secret> {
    let data = k8s_data(passwords)?;
    json(&Manifest {
        api_version: "v1",
        kind: "Secret",
        metadata: Metadata {
            name: &name.name,
            namespace: name.namespace.as_deref(),
        },
        r#type: "kubernetes.io/dockerconfigjson",
        data: SecretData {
            docker_config: data.expose(),
        },
    })
}

/// Returns the only value of that Secret: the base64 of Docker's `config.json`. It is another encoding of the passwords, so a log has to hide it
/// too.
///
/// # Errors
/// Only those of the JSON writer.
pub fn k8s_data(passwords: &[RegistryPassword]) -> Result<Secret> {
    let config = config_json(passwords, true)?;
    Ok(Secret::new(STANDARD.encode(config.expose())))
}

/// Returns the passwords as Docker's `config.json` keeps them, for `--format docker --output FILE`.
///
/// # Errors
/// Only those of the JSON writer.
pub fn docker_config(passwords: &[RegistryPassword]) -> Result<Secret> {
    config_json(passwords, false)
}

fn config_json(passwords: &[RegistryPassword], has_usernames: bool) -> Result<Secret> {
    let basic: Vec<Secret> = passwords.iter().map(basic).collect();
    let auths = passwords.iter().zip(&basic).map(|(it, basic)| {
        let auth = RegistryAuth {
            username: has_usernames.then_some(ecr_registry::USERNAME),
            password: has_usernames.then(|| it.password.expose()),
            auth: basic.expose(),
        };
        (it.host.as_str(), auth)
    });
    let auths = auths.collect();
    json(&DockerConfigJson { auths })
}

/// Returns the base64 of `user:password`.
fn basic(it: &RegistryPassword) -> Secret {
    let plain = Zeroizing::new(format!("{}:{}", ecr_registry::USERNAME, it.password.expose()));
    Secret::new(STANDARD.encode(plain.as_bytes()))
}

fn json(value: &impl Serialize) -> Result<Secret> {
    let text = serde_json::to_string(value)
        .map_err(|error| Error::failed(Code::Options, "cannot write the passwords", error))?;
    Ok(Secret::new(text + "\n"))
}
