//! The endpoints of the matrix: a machine that needs just this one for a password, and how it is named to people.

use lab::{ACCOUNT, ContainerCredentials, Lab, Service};

use crate::harness::{HOST, Machine};
use crate::jobs::{Job, Kind, write_rules};
use crate::lab_machine::{machine, role};

/// Whom a `get` asks on its way to a password.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Endpoint {
    Ecr,
    EcrPublic,
    Sts,
    Issuer,
    Imds,
    Container,
}

/// An endpoint with all that a `get` needs to come as far as to ask it.
pub struct Scene {
    endpoint: Endpoint,
    pub lab: Lab,
    job: Job,
    container: ContainerCredentials,
}

impl Endpoint {
    pub fn title(self) -> &'static str {
        match self {
            Self::Ecr => "Amazon ECR",
            Self::EcrPublic => "Amazon ECR Public",
            Self::Sts => "AWS STS",
            Self::Issuer => "The OIDC issuer",
            Self::Imds => "The instance metadata service",
            Self::Container => "The container's credentials",
        }
    }

    /// How it comes to be asked, for the page.
    pub fn setting(self) -> &'static str {
        match self {
            Self::Ecr => "`GetAuthorizationToken` with an access key.",
            Self::EcrPublic => {
                "`GetAuthorizationToken` of ECR Public with an access key. The client hears `credentials not found in native keychain` and \
                 pulls as anybody may; this is the line on stderr."
            }
            Self::Sts => "`AssumeRoleWithWebIdentity` with a CI job's token, before ECR is asked.",
            Self::Issuer => {
                "GitHub's address for the job's OIDC token (`ACTIONS_ID_TOKEN_REQUEST_URL`), before STS is asked."
            }
            Self::Imds => "IMDSv2 on an EC2 instance, before ECR is asked. It gets 1.7 seconds in all.",
            Self::Container => {
                "`AWS_CONTAINER_CREDENTIALS_FULL_URI` of an ECS task or an EKS pod, before ECR is asked."
            }
        }
    }

    pub fn service(self) -> Service {
        match self {
            Self::Ecr => Service::Ecr,
            Self::EcrPublic => Service::EcrPublic,
            Self::Sts => Service::Sts,
            Self::Issuer => Service::Github,
            Self::Imds => Service::Imds,
            Self::Container => Service::Container,
        }
    }

    /// Whose password is asked for.
    pub fn host(self) -> &'static str {
        match self {
            Self::EcrPublic => "public.ecr.aws",
            _ => HOST,
        }
    }

    /// How an error names it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ecr => "Amazon ECR (eu-west-1)",
            Self::EcrPublic => "Amazon ECR Public (us-east-1)",
            Self::Sts => "AWS STS (eu-west-1)",
            Self::Issuer => "GitHub's OIDC token",
            Self::Imds => "the instance metadata service",
            Self::Container => "the container's credentials",
        }
    }

    /// What most of its errors begin with.
    pub fn start(self) -> &'static str {
        match self {
            Self::Ecr => "Amazon ECR (eu-west-1) GetAuthorizationToken: ",
            Self::EcrPublic => "Amazon ECR Public (us-east-1) GetAuthorizationToken: ",
            Self::Sts => "AWS STS (eu-west-1) AssumeRoleWithWebIdentity: ",
            Self::Issuer => "GitHub's OIDC token: ",
            Self::Imds => {
                "no AWS credentials: none in the environment, the shared files, a web identity or a container's variables, and "
            }
            Self::Container => "cannot get the container's credentials from ",
        }
    }

    /// Without TLS by its nature.
    pub fn is_http_only(self) -> bool {
        matches!(self, Self::Imds | Self::Container)
    }
}

impl Scene {
    pub fn new(endpoint: Endpoint) -> Self {
        let lab = crate::lab_machine::lab();
        let kind = match endpoint {
            Endpoint::Issuer => Kind::Github,
            _ => Kind::Gitlab,
        };
        let job = Job::start(&lab, kind, "app");
        job.role(&lab, ACCOUNT, "push");
        let puller = role(&lab, "puller");
        lab.set_instance_role(Some(&puller));
        Self {
            endpoint,
            container: lab.add_container(&puller),
            job,
            lab,
        }
    }

    /// A machine that asks the endpoint at this address, and all others where they are.
    pub fn machine(&self, address: &str) -> Machine {
        let lab = &self.lab;
        match self.endpoint {
            Endpoint::Ecr => machine(lab).with("AWS_ENDPOINT_URL_ECR", address),
            Endpoint::EcrPublic => machine(lab).with("AWS_ENDPOINT_URL_ECR_PUBLIC", address),
            Endpoint::Sts => self.in_job().with("AWS_ENDPOINT_URL_STS", address),
            Endpoint::Issuer => {
                let variable = "ACTIONS_ID_TOKEN_REQUEST_URL";
                let url = self.job.variables()[variable].replace(&lab.http_url(), address);
                self.in_job().with(variable, &url)
            }
            Endpoint::Imds => self
                .bare()
                .without("AWS_EC2_METADATA_DISABLED")
                .with("AWS_EC2_METADATA_SERVICE_ENDPOINT", address),
            Endpoint::Container => {
                let uri = format!("{address}{}", self.container.path);
                self.bare()
                    .with("AWS_CONTAINER_CREDENTIALS_FULL_URI", &uri)
                    .with("AWS_CONTAINER_AUTHORIZATION_TOKEN", &self.container.token)
            }
        }
        .with("AWS_CA_BUNDLE", &lab.ca_file().display().to_string())
    }

    fn bare(&self) -> Machine {
        Machine::new().with("AWS_ENDPOINT_URL", &self.lab.http_url())
    }

    fn in_job(&self) -> Machine {
        let machine = self.job.machine(&self.lab);
        write_rules(&machine, &self.job.rule(HOST, "push"));
        machine
    }
}
