//! `ecr-auth exists`: tells by the exit status whether an image is in its registry.

use std::path::Path;

use clap::Args;

use crate::pull::{self, PullAnswer};
use crate::registry::{Image, RegistryClient, refusal};
use aws_access::net::{PlainResponse, Transport, within};
use context::{Context, budget};
use diagnostics::{Code, Error, Exit, Result};
use ecr_registry::why_not_ecr;
use secret::Secret;
use settings::Surface;

/// Says by its exit status whether an image is in its registry: 0 yes, 1 no, 2 unknown. Prints nothing on stdout
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct ExistsArgs {
    /// The image: REGISTRY/REPOSITORY[:TAG|@DIGEST]; without a tag `latest`, as in docker
    image: String,
}

const EXAMPLES: &str = "Examples:
  ecr-auth exists 111122223333.dkr.ecr.eu-west-1.amazonaws.com/app:1.0
  ecr-auth exists -q 111122223333.dkr.ecr.eu-west-1.amazonaws.com/app:1.0 || \\
    docker build .

Exit status: 0 the image is there, 1 the registry says that it is not, 2 it is unknown: stderr says why.";

/// An image, and its registry's host as clients call it.
struct NamedImage<'a> {
    text: &'a str,
    host: &'a str,
    image: Image,
}

/// Asks the registry for the image's manifest, with the password that the credential helper would give.
pub fn run(args: &ExistsArgs, config: Option<&Path>, context: &mut Context<'_>) -> Exit {
    match look(&args.image, config, context) {
        Ok(true) => Exit::Done,
        Ok(false) => Exit::Failed,
        Err(error) => {
            Surface::CommandLine.tell(error).report(&mut context.stderr);
            Exit::Usage
        }
    }
}

fn look(text: &str, config: Option<&Path>, context: &mut Context<'_>) -> Result<bool> {
    let named = NamedImage::parse(text)?;
    let (password, ca_bundle) = password(&named, config, context)?;
    let transport = Transport::new(&context.env, ca_bundle.as_deref())?;
    let mut client = RegistryClient::new(transport, named.host, password.as_ref());
    let budget = budget(&context.env)?;
    let wait = context.progress.wait(format!("asking {}", named.host));
    let answer = within(budget, client.manifest(&named.image.repository, &named.image.reference))?;
    drop(wait);
    match answer.status {
        200 => {
            let digest = answer.header("docker-content-digest");
            let digest = digest.map_or_else(String::new, |digest| format!(" ({digest})"));
            context.say(&format!("{text} is there{digest}"));
            Ok(true)
        }
        404 => {
            context.say(&format!("{text} is not there"));
            Ok(false)
        }
        _ => Err(named.refused(&answer)),
    }
}

/// Returns the password of the image's registry, and the roots that its identity's profile names. `None` if the registry needs no password.
fn password(
    named: &NamedImage<'_>,
    config: Option<&Path>,
    context: &mut Context<'_>,
) -> Result<(Option<Secret>, Option<String>)> {
    let mut ca_bundle = None;
    let loaded = pull::load_config(named.host, config, context);
    let answer = pull::answer(named.host, named.host, config, loaded, context, |target, context| {
        let (path, cache) = pull::by_rule(target, context)?;
        ca_bundle = path.identity().setting("ca_bundle").map(str::to_owned);
        Ok((path, cache))
    })?;
    match answer {
        PullAnswer::Password(held) => Ok((Some(held.secret), ca_bundle)),
        PullAnswer::WithoutPassword(why) => {
            context.say(&why);
            Ok((None, ca_bundle))
        }
        PullAnswer::NotOurs(_) => {
            let why = why_not_ecr(named.host);
            Err(Error::usage(why.code, format!("{} is not an ECR registry", named.host), why.cause).hint(why.hint))
        }
    }
}

impl<'a> NamedImage<'a> {
    fn parse(text: &'a str) -> Result<Self> {
        let rest = text.split_once("://").map_or(text, |(_, rest)| rest);
        let parts = rest
            .split_once('/')
            .and_then(|(host, image)| Some((host, Image::parse(image)?)));
        match parts.filter(|(host, _)| !host.is_empty()) {
            Some((host, image)) => Ok(Self { text, host, image }),
            None => Err(
                Error::usage(Code::Options, "the image", format!("{text:?} is not an image name"))
                    .hint("write it as docker does: REGISTRY/REPOSITORY:TAG, in lower case except the tag"),
            ),
        }
    }

    /// Returns the error for any response other than yes or no.
    fn refused(&self, answer: &PlainResponse) -> Error {
        let code = match answer.status {
            401 => Code::PasswordRefused,
            403 => Code::NotAllowed,
            _ => Code::OddAnswer,
        };
        let said = refusal(answer).map_or_else(String::new, |said| format!(" ({said})"));
        let cause = format!("the registry answers {}{said}", answer.status);
        let hint = format!("see why: ecr-auth doctor {}", self.text);
        Error::failed(code, format!("cannot tell whether {} is there", self.text), cause).hint(hint)
    }
}
