//! The warnings of `setup` at its end: why what it wrote will not be used, or will fail.

use crate::doctor;
use aws_access::PasswordPath;
use configuration::Config;
use context::{Context, variables};
use diagnostics::shown_hint;
use settings::Surface;

/// Warns of passwords that clients use before the helper. `config` is the current configuration. With `identities`, also warns of missing
/// credentials. `--verify` needs no such warning.
pub fn warn(hosts: &[String], config: &Config, identities: bool, context: &mut Context<'_>) {
    if identities {
        warn_of_identities(hosts, config, context);
    }
    // In the files, the new entries come first. Checking costs one read of all files for each host.
    if context.env.get(variables::DOCKER_AUTH_CONFIG).is_none() {
        return;
    }
    for host in hosts {
        for (finding, hint) in doctor::passwords_before_us(host, &context.env, context.now()) {
            tell(&finding, Some(&hint), context);
        }
    }
}

/// Warns once of each identity that cannot be used, for any number of registries.
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
            Ok(path) if doctor::is_of_missing_instance(&path.identity().source) => {
                tell(
                    &format!("{host}: {}", doctor::NO_CREDENTIALS),
                    Some(doctor::NAME_SOME),
                    context,
                );
            }
            Ok(_) => {}
        }
    }
}

fn tell(finding: &str, hint: Option<&str>, context: &mut Context<'_>) {
    context.say(&format!("warning: {finding}"));
    for line in hint.into_iter().flat_map(shown_hint) {
        context.say(&line);
    }
}
