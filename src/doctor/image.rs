//! The registry's own answers: whether it accepts the password, and whether the image may be pulled and pushed.

use super::Checkup;
use super::creation_template::CreationTemplates;
use super::report::Check;
use super::subject::Subject;
use crate::registry::{Image, RegistryClient, refusal};
use aws_access::PasswordPath;
use aws_access::identity::CredentialSource;
use aws_access::net::{PlainResponse, Transport};
use configuration::RegistryTarget;
use diagnostics::{Code, Error, Result};
use ecr_registry::Registry;
use secret::Secret;

/// Asks the registry, with the password or without credentials. `path` is the path to the password, if there is an identity.
pub fn checks(
    subject: &Subject,
    target: &RegistryTarget<'_>,
    path: Option<&PasswordPath>,
    password: Option<&Secret>,
    transport: Transport,
    checkup: &mut Checkup<'_, '_>,
) {
    let mut asking = PullCheck {
        client: RegistryClient::new(transport, &subject.host, password),
        host: &subject.host,
        registry: target.registry(),
        is_of_vendor: path.is_some_and(|path| matches!(path.identity().source, CredentialSource::Cognito(_))),
    };
    let ping = checkup.wait(&format!("asking {}", subject.host), asking.client.ping());
    if !checkup.add(asking.letting_in(ping)) {
        return checkup.skip_after("registry");
    }
    let Some(image) = &subject.image else { return };
    let manifest = asking.client.manifest(&image.repository, &image.reference);
    let manifest = checkup.wait(&format!("asking for {}", image.repository), manifest);
    checkup.add(asking.pull(image, manifest));
    if checkup.asked.check_push {
        let begun = asking.client.begin_upload(&image.repository);
        let begun = checkup.wait("beginning an upload", begun);
        let templates = CreationTemplates::ask(path, &image.repository, checkup);
        let push = asking.push(image, begun, &templates, checkup);
        checkup.add(push);
    }
}

struct PullCheck<'a> {
    client: RegistryClient<'a>,
    host: &'a str,
    registry: &'a Registry,
    /// Whether a user of Cognito pulls, who has no AWS account.
    is_of_vendor: bool,
}

impl PullCheck<'_> {
    fn letting_in(&self, ping: Result<PlainResponse>) -> Check {
        let answer = match ping {
            Ok(answer) => answer,
            Err(error) => return Check::failed("registry", &self.unreachable(error)),
        };
        let finding = format!("{} answers {}{}", self.host, answer.status, said(&answer));
        match answer.status {
            200 => Check::pass("registry", format!("{} accepts the token", self.host)),
            401 => Check::fail(
                "registry",
                Code::PasswordRefused,
                format!("{finding}: it refuses the token"),
                "the token is of another region or partition than the registry, or a proxy takes the Authorization header out",
            ),
            _ => Check::fail(
                "registry",
                Code::OddAnswer,
                finding,
                format!("see which server answers: curl -i https://{}/v2/", self.host),
            ),
        }
    }

    fn pull(&self, image: &Image, manifest: Result<PlainResponse>) -> Check {
        let name = self.name(image);
        let answer = match manifest {
            Ok(answer) => answer,
            Err(error) => return Check::failed("image", &error),
        };
        match answer.status {
            200 => {
                let digest = answer
                    .header("docker-content-digest")
                    .map_or_else(String::new, |digest| format!(" ({digest})"));
                Check::pass("image", format!("{name} may be pulled{digest}"))
            }
            404 => Check::fail(
                "image",
                Code::NoImage,
                format!("there is no {name}: the registry answers 404"),
                self.look_for(image),
            ),
            403 | 401 => Check::fail(
                "image",
                Code::NotAllowed,
                format!(
                    "{name} may not be pulled: the registry answers {}{}",
                    answer.status,
                    said(&answer)
                ),
                match self.is_of_vendor {
                    true => {
                        "if the images are not yours, ask whoever sent you the file for the sign-in: your license may not include this image\nif they are yours, allow the user's role ecr:BatchGetImage and ecr:GetDownloadUrlForLayer"
                    }
                    false => {
                        "allow the principal ecr:BatchGetImage and ecr:GetDownloadUrlForLayer\nfor a registry of another account, its repository policy has to allow them as well"
                    }
                },
            ),
            status => Check::fail(
                "image",
                Code::OddAnswer,
                format!("{name}: the registry answers {status}{}", said(&answer)),
                format!("see which server answers: curl -i https://{}/v2/", self.host),
            ),
        }
    }

    fn push(
        &self,
        image: &Image,
        begun: Result<PlainResponse>,
        templates: &CreationTemplates,
        checkup: &mut Checkup<'_, '_>,
    ) -> Check {
        let repository = format!("{}/{}", self.host, image.repository);
        let answer = match begun {
            Ok(answer) => answer,
            Err(error) => return Check::failed("push", &error),
        };
        match answer.status {
            202 => {
                let cancelled = self.cancel(&answer, checkup);
                Check::pass(
                    "push",
                    format!(
                        "{repository} may be pushed to: an upload was begun, {cancelled}{}",
                        templates.beside_success()
                    ),
                )
            }
            404 => Check::fail(
                "push",
                Code::NoImage,
                format!(
                    "there is no repository {repository}{}{}",
                    said(&answer),
                    templates.beside_failure()
                ),
                self.make(image),
            ),
            403 | 401 => Check::fail(
                "push",
                Code::NotAllowed,
                format!(
                    "{repository} may not be pushed to: the registry answers {}{}",
                    answer.status,
                    said(&answer)
                ),
                "allow the principal ecr:InitiateLayerUpload, ecr:UploadLayerPart, ecr:CompleteLayerUpload, ecr:PutImage and ecr:BatchCheckLayerAvailability",
            ),
            status => Check::fail(
                "push",
                Code::OddAnswer,
                format!("{repository}: the registry answers {status}{}", said(&answer)),
                format!("see which server answers: curl -i https://{}/v2/", self.host),
            ),
        }
    }

    fn cancel(&self, begun: &PlainResponse, checkup: &mut Checkup<'_, '_>) -> &'static str {
        let location = begun.header("location").unwrap_or_default();
        match checkup.wait("cancelling the upload", self.client.cancel(location)) {
            Ok(Some(answer)) if answer.status < 300 => "and cancelled",
            _ => "and not cancelled: ECR drops it by itself",
        }
    }

    fn name(&self, image: &Image) -> String {
        let separator = if image.reference.contains(':') { '@' } else { ':' };
        format!("{}/{}{separator}{}", self.host, image.repository, image.reference)
    }

    /// Returns the error of a registry that cannot be reached, although ECR's API can.
    fn unreachable(&self, error: Error) -> Error {
        match self.registry.account() {
            Some(_) => error.hint_lines([
                format!(
                    "ECR's API answers and its registry doesn't: look at what lets {} through (proxy, firewall)",
                    self.host
                ),
                format!(
                    "In a VPC without a way out each has an endpoint of its own. The registry's is com.amazonaws.{}.ecr.dkr, with private DNS",
                    self.registry.region()
                ),
            ]),
            None => error,
        }
    }

    /// Returns the hint for a missing image.
    fn look_for(&self, image: &Image) -> String {
        let look = format!(
            "check the repository, tag and region: {}",
            self.describe("describe-images", image)
        );
        match self.registry.account() {
            Some(_) => format!(
                "{look}\nAn archived image gets the same answer, and so does an image behind a pull-through cache rule on its first pull \
                 if the principal lacks ecr:BatchImportUpstreamImage or ecr:CreateRepository"
            ),
            None => look,
        }
    }

    /// Returns the hint for a missing repository: create it, or let ECR create it on the first push.
    fn make(&self, image: &Image) -> String {
        let make = format!("make it: {}", self.describe("create-repository", image));
        match self.registry.account() {
            Some(_) => format!(
                "{make}; or, once for all repositories, let ECR make them on the first push: aws ecr create-repository-creation-template \
                 --region {} --prefix ROOT --applied-for CREATE_ON_PUSH",
                self.registry.region()
            ),
            None => make,
        }
    }

    /// Returns a command of the AWS CLI about this repository.
    fn describe(&self, action: &str, image: &Image) -> String {
        let (repository, region) = (&image.repository, self.registry.region());
        match self.registry.account() {
            Some(account) => {
                format!("aws ecr {action} --registry-id {account} --region {region} --repository-name {repository}")
            }
            None => format!("aws ecr-public {action} --region {region} --repository-name {repository}"),
        }
    }
}

fn said(answer: &PlainResponse) -> String {
    refusal(answer).map_or_else(String::new, |said| format!(" ({said})"))
}
