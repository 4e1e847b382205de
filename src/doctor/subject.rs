//! The subjects of the checks: an image, a registry, or all configured registries.

use std::fmt;

use super::{DoctorRequest, client_files};
use crate::registry::Image;
use aws_access::{identity, own_registry};
use configuration::Config;
use context::Context;
use diagnostics::{Code, Error, Result};
use ecr_registry::{server_name, split_arguments};

/// A registry, and an image in it if one is named.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subject {
    /// The host as clients call it: ECR's, or an alias with its port.
    pub host: String,
    /// The image.
    pub image: Option<Image>,
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.image {
            None => write!(f, "{}", self.host),
            Some(image) => write!(f, "{}/{image}", self.host),
        }
    }
}

/// Returns the registries to check. The inner error says why none is known, which is a finding.
///
/// # Errors
/// Usage errors: an argument is neither a registry nor an image in one.
pub fn find(
    asked: &DoctorRequest<'_>,
    config: Option<&Config>,
    context: &mut Context<'_>,
) -> Result<Result<Vec<Subject>>> {
    if asked.subjects.is_empty() {
        if asked.check_push {
            return Err(no_repository());
        }
        return Ok(configured_or_own(asked, config.unwrap_or(&Config::default()), context));
    }
    let mut subjects: Vec<Subject> = Vec::new();
    for named in asked.subjects.iter().flat_map(|text| split_arguments(text)) {
        let subject = named_subject(named, asked, config, context)?;
        if asked.check_push && subject.image.is_none() {
            return Err(no_repository());
        }
        if !subjects.contains(&subject) {
            subjects.push(subject);
        }
    }
    if subjects.is_empty() {
        return Err(Error::usage(Code::NoRegistry, "no registry", "the argument is empty")
            .hint("name an image or a registry, or leave the argument out for all that is configured"));
    }
    Ok(Ok(subjects))
}

fn named_subject(
    named: &str,
    asked: &DoctorRequest<'_>,
    config: Option<&Config>,
    context: &Context<'_>,
) -> Result<Subject> {
    let without_rules = Config::default();
    let rules = config.unwrap_or(&without_rules);
    if let Some(subject) = of_image(named, rules) {
        return subject;
    }
    let profile = (asked.identity)(&rules.own_identity()).ok().and_then(|it| it.profile);
    let region = identity::region(asked.region, profile.as_deref(), &context.env)
        .ok()
        .flatten();
    let host = match rules.host_named(named, region.as_deref()) {
        // It may be an alias in a configuration file that cannot be read.
        Err(_) if config.is_none() => server_name(named).unwrap_or_else(|| named.to_owned()),
        host => host?,
    };
    Ok(Subject { host, image: None })
}

fn no_repository() -> Error {
    Error::usage(
        Code::Options,
        "--check-push",
        "no repository is named that could be pushed to",
    )
    .hint("name an image: ecr-auth doctor --check-push REGISTRY/REPOSITORY:TAG")
}

/// Parses `HOST/repository:tag`, if the host is a registry's. Returns `None` if the text names no image.
fn of_image(named: &str, config: &Config) -> Option<Result<Subject>> {
    let rest = named.split_once("://").map_or(named, |(_, rest)| rest);
    let (host, image) = rest.split_once('/').filter(|(_, image)| !image.is_empty())?;
    let target = config.target(host)?;
    let host = match config.host_named(host, None) {
        Ok(host) => host,
        Err(_) => target.registry().host().to_owned(),
    };
    let image = Image::parse(image).ok_or_else(|| {
        Error::usage(
            Code::Options,
            format!("cannot read the image {image}"),
            "no repository and tag have that form",
        )
        .hint("write it as docker does: REGISTRY/REPOSITORY:TAG, in lower case except the tag")
    });
    Some(image.map(|image| Subject {
        host,
        image: Some(image),
    }))
}

/// Returns the registries that the rules or the clients' files name, else the caller's own.
fn configured_or_own(asked: &DoctorRequest<'_>, config: &Config, context: &mut Context<'_>) -> Result<Vec<Subject>> {
    let mut hosts: Vec<String> = config.exact_hosts().map(str::to_owned).collect();
    for host in client_files::configured_hosts(&context.env) {
        // A key that is not a registry's name is checked with the registry that it was meant for.
        let host = server_name(&host).unwrap_or(host);
        if !hosts.contains(&host) && config.target(&host).is_some() {
            hosts.push(host);
        }
    }
    if hosts.is_empty() {
        let settings = (asked.identity)(&config.own_identity())?;
        let own = own_registry(asked.region, settings, context)?;
        hosts.push(own.host().to_owned());
    }
    Ok(hosts.into_iter().map(|host| Subject { host, image: None }).collect())
}
