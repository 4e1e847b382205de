//! What `setup` warns of when its work is done: why what it wrote will not be used, or will fail.

use std::fs;

use crate::doctor;
use aws_access::PasswordPath;
use aws_access::identity::{ChainSource, CredentialSource};
use configuration::Config;
use context::{Context, variables};
use settings::Surface;

/// The maker of an EC2 instance, as its firmware has it.
const MAKER: &str = "/sys/devices/virtual/dmi/id/sys_vendor";

/// Warns of credentials that are not there, and of passwords that come before the helper. `config` is what holds now.
/// With `identities`, of credentials too: who has each token fetched sees for himself.
pub fn warn(hosts: &[String], config: &Config, identities: bool, context: &mut Context<'_>) {
    if identities {
        warn_of_identities(hosts, config, context);
    }
    if context.env.get(variables::DOCKER_AUTH_CONFIG).is_none() {
        return;
    }
    for host in hosts {
        for (finding, hint) in doctor::passwords_before_us(host, &context.env, context.now()) {
            tell(&finding, Some(&hint), context);
        }
    }
}

/// Warns once of each identity that can't be used, however many registries have it.
fn warn_of_identities(hosts: &[String], config: &Config, context: &mut Context<'_>) {
    let mut seen = Vec::new();
    for host in hosts {
        let Some(target) = config.target(host) else { continue };
        let settings = target.identity();
        if seen.contains(&settings) {
            continue;
        }
        seen.push(settings.clone());
        match PasswordPath::choose(&context.env, target.registry(), settings) {
            Err(error) => {
                let error = Surface::CommandLine.tell(error);
                tell(&format!("{host}: {error}"), error.hint_text(), context);
            }
            Ok(path) if is_of_missing_instance(&path.identity().source) => {
                let finding = format!("{host}: there are no AWS credentials here, unless a metadata service has some");
                let hint =
                    "name a profile (--profile) or a role (--role-arn), or set AWS_PROFILE where the client runs";
                tell(&finding, Some(hint), context);
            }
            Ok(_) => {}
        }
    }
}

/// Whether only the metadata service of an EC2 instance could have credentials, on a machine that is none.
fn is_of_missing_instance(source: &CredentialSource) -> bool {
    let is_elsewhere = || fs::read_to_string(MAKER).is_ok_and(|maker| maker.trim() != "Amazon EC2");
    matches!(source, CredentialSource::Chain(ChainSource::InstanceMetadata)) && is_elsewhere()
}

fn tell(finding: &str, hint: Option<&str>, context: &mut Context<'_>) {
    context.say(&format!("warning: {finding}"));
    if let Some(hint) = hint {
        context.say(&format!("hint: {hint}"));
    }
}
