//! The endpoints of the matrix: a machine that needs only this endpoint for a password, and the endpoint's name.

use std::time::{Duration, Instant, SystemTime};

use cognito::{RefreshTokenStore, SignedIn, User};
use lab::cognito::{CLIENT_ID, IDENTITY_POOL_ID, LICENSED_ROLE, USER_POOL_ID, UserSpec};
use lab::{ACCOUNT, ContainerCredentials, Fault, FaultRule, Lab, Service};
use secret::Secret;
use secret_cache::Cache;

use crate::harness::{HOST, Machine};
use crate::jobs::{Job, Kind, write_rules};
use crate::lab_machine::{PATIENCE, machine, role};

/// The user who signs in to Cognito.
const USER: &str = "maria";

/// A server that a `get` may call for a password.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Endpoint {
    Ecr,
    EcrPublic,
    Sts,
    Issuer,
    Imds,
    Container,
    UserPool,
    IdentityPool,
    PoolCredentials,
    PoolToken,
}

/// An endpoint, with everything that a `get` needs before it calls the endpoint.
pub struct Scene {
    endpoint: Endpoint,
    pub lab: Lab,
    /// The job, if a job's token is needed. A lab with an issuer has to make a key, which takes most of a test's time.
    job: Option<Job>,
    container: ContainerCredentials,
    /// The refresh token of a user of Cognito.
    refresh_token: Option<Secret>,
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
            Self::UserPool => "The Cognito user pool",
            Self::IdentityPool => "The Cognito identity pool",
            Self::PoolCredentials => "The identity pool's credentials",
            Self::PoolToken => "The identity pool's token",
        }
    }

    /// Returns for the page how the endpoint comes to be called.
    pub fn setting(self) -> &'static str {
        match self {
            Self::Ecr => "`GetAuthorizationToken` with an access key.",
            Self::EcrPublic => {
                "`GetAuthorizationToken` of ECR Public. The client gets `credentials not found in native keychain` and pulls without a \
                 password; stderr has the line."
            }
            Self::Sts => "`AssumeRoleWithWebIdentity` with a CI job's token, before ECR.",
            Self::Issuer => "GitHub's address for OIDC tokens (`ACTIONS_ID_TOKEN_REQUEST_URL`), before STS.",
            Self::Imds => {
                "IMDSv2 on an EC2 instance, before ECR, within [its time limit](network.md#metadata-services)."
            }
            Self::Container => "`AWS_CONTAINER_CREDENTIALS_FULL_URI` of an ECS task or an EKS pod, before ECR.",
            Self::UserPool => {
                "`GetTokensFromRefreshToken`, an hour after a sign-in, before the identity pool. Only `NotAuthorizedException` and \
                 `RefreshTokenReuseException` end the sign-in."
            }
            Self::IdentityPool => "`GetId`, the identity pool's first call.",
            Self::PoolCredentials => "`GetCredentialsForIdentity`, the second call, before ECR.",
            Self::PoolToken => "`GetOpenIdToken`, the second call with `identity-flow: classic`, before STS.",
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
            Self::UserPool => Service::CognitoIdp,
            Self::IdentityPool | Self::PoolCredentials | Self::PoolToken => Service::CognitoIdentity,
        }
    }

    /// Returns the operation of the endpoint that fails, if a `get` calls several of that service.
    fn operation(self) -> Option<&'static str> {
        match self {
            Self::IdentityPool => Some("GetId"),
            Self::PoolCredentials => Some("GetCredentialsForIdentity"),
            Self::PoolToken => Some("GetOpenIdToken"),
            _ => None,
        }
    }

    /// Makes every call of the endpoint fail.
    pub fn fail(self, lab: &Lab, fault: Fault) {
        // A clock is that of the whole service.
        let is_of_all = matches!(fault, Fault::Skew { .. });
        let operation = self.operation().filter(|_| !is_of_all);
        lab.add_fault(FaultRule {
            service: self.service(),
            operation: operation.map(str::to_owned),
            calls: None,
            fault,
        });
    }

    /// Returns the registry whose password is requested.
    pub fn host(self) -> &'static str {
        match self {
            Self::EcrPublic => "public.ecr.aws",
            _ => HOST,
        }
    }

    /// Returns the endpoint's name in errors.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ecr => "Amazon ECR (eu-west-1)",
            Self::EcrPublic => "Amazon ECR Public (us-east-1)",
            Self::Sts => "AWS STS (eu-west-1)",
            Self::Issuer => "GitHub's OIDC token",
            Self::Imds => "the instance metadata service",
            Self::Container => "the container's credentials",
            Self::UserPool => "Amazon Cognito",
            Self::IdentityPool | Self::PoolCredentials | Self::PoolToken => "Amazon Cognito identity pools (eu-west-1)",
        }
    }

    /// Returns the start of most of its errors.
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
            Self::UserPool => "Amazon Cognito user pools (eu-west-1) GetTokensFromRefreshToken: ",
            Self::IdentityPool => "Amazon Cognito identity pools (eu-west-1) GetId: ",
            Self::PoolCredentials => "Amazon Cognito identity pools (eu-west-1) GetCredentialsForIdentity: ",
            Self::PoolToken => "Amazon Cognito identity pools (eu-west-1) GetOpenIdToken: ",
        }
    }

    pub fn is_cognito(self) -> bool {
        self == Self::UserPool || self.service() == Service::CognitoIdentity
    }

    /// Whether it is called after another call at the same address.
    pub fn is_second(self) -> bool {
        matches!(self, Self::PoolCredentials | Self::PoolToken)
    }

    /// Whether it never uses TLS.
    pub fn is_http_only(self) -> bool {
        self == Self::Imds
    }
}

impl Scene {
    pub fn new(endpoint: Endpoint) -> Self {
        let lab = crate::lab_machine::lab();
        let kind = match endpoint {
            Endpoint::Issuer => Some(Kind::Github),
            Endpoint::Sts => Some(Kind::Gitlab),
            _ => None,
        };
        let job = kind.map(|kind| Job::start(&lab, kind, "app"));
        if let Some(job) = &job {
            job.role(&lab, ACCOUNT, "push");
        }
        let puller = role(&lab, "puller");
        lab.set_instance_role(Some(&puller));
        Self {
            endpoint,
            container: lab.add_container(&puller),
            refresh_token: endpoint.is_cognito().then(|| refresh_token(&lab, endpoint)),
            job,
            lab,
        }
    }

    /// Returns a machine that calls this endpoint at `address`, and all others at their own addresses.
    pub fn machine(&self, address: &str) -> Machine {
        let lab = &self.lab;
        match self.endpoint {
            Endpoint::Ecr => machine(lab).with("AWS_ENDPOINT_URL_ECR", address),
            Endpoint::EcrPublic => machine(lab).with("AWS_ENDPOINT_URL_ECR_PUBLIC", address),
            Endpoint::Sts => self.in_job().with("AWS_ENDPOINT_URL_STS", address),
            Endpoint::Issuer => {
                let variable = "ACTIONS_ID_TOKEN_REQUEST_URL";
                let url = self.job().variables()[variable].replace(&lab.http_url(), address);
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
            Endpoint::UserPool => self
                .of_user()
                .with("AWS_ENDPOINT_URL_COGNITO_IDENTITY_PROVIDER", address),
            Endpoint::IdentityPool | Endpoint::PoolCredentials | Endpoint::PoolToken => {
                self.of_user().with("AWS_ENDPOINT_URL_COGNITO_IDENTITY", address)
            }
        }
        .with("AWS_CA_BUNDLE", &lab.ca_file().display().to_string())
    }

    /// Puts a sign-in of an hour ago into the machine's cache, if there is one.
    pub fn sign_in(&self, machine: &Machine) {
        let Some(refresh_token) = self.refresh_token.clone() else {
            return;
        };
        let user = User {
            pool: USER_POOL_ID.to_owned(),
            region: "eu-west-1".to_owned(),
            client_id: CLIENT_ID.to_owned(),
            client_secret: None,
            client_secret_file: None,
            username: USER.to_owned(),
        };
        let signed_in = SignedIn {
            username: USER.to_owned(),
            // These are too old to be used.
            id_token: Secret::from("an ID token"),
            access_token: Secret::from("an access token"),
            refresh_token: Some(refresh_token),
            device: None,
            login_place: None,
        };
        let cache = Cache::open(Cache::folder(&machine.env()));
        let address = machine.variable("AWS_ENDPOINT_URL_COGNITO_IDENTITY_PROVIDER");
        let address = address.or(machine.variable("AWS_ENDPOINT_URL")).unwrap();
        let an_hour_ago = SystemTime::now() - Duration::from_secs(3600);
        RefreshTokenStore::for_user(&cache, &user, address).keep(
            &user,
            &signed_in,
            an_hour_ago,
            Instant::now() + PATIENCE,
        );
    }

    fn of_user(&self) -> Machine {
        let machine = self.bare();
        write_cognito(&machine, self.endpoint);
        machine
    }

    fn bare(&self) -> Machine {
        Machine::new().with("AWS_ENDPOINT_URL", &self.lab.http_url())
    }

    fn job(&self) -> &Job {
        self.job.as_ref().unwrap()
    }

    fn in_job(&self) -> Machine {
        let machine = self.job().machine(&self.lab);
        write_rules(&machine, &self.job().rule(HOST, "push"));
        machine
    }
}

fn write_cognito(machine: &Machine, endpoint: Endpoint) {
    let flow = match endpoint {
        Endpoint::PoolToken => format!("  identity-flow: classic\n  role-arn: {LICENSED_ROLE}\n"),
        _ => String::new(),
    };
    let rules = format!(
        "cognito:\n  user-pool-id: {USER_POOL_ID}\n  client-id: {CLIENT_ID}\n  identity-pool-id: {IDENTITY_POOL_ID}\n  username: {USER}\n\
         {flow}registries:\n  - match: {HOST}\n    source: cognito\n"
    );
    machine.write(".config/ecr-auth/ecr-auth.yml", &rules);
}

/// Signs in, up to the credentials, and returns the refresh token that was kept.
fn refresh_token(lab: &Lab, endpoint: Endpoint) -> Secret {
    let password = "Correct-horse-battery-1";
    lab.cognito().add_user(UserSpec::new(USER).password(password)).unwrap();
    let machine = Machine::new()
        .with("AWS_ENDPOINT_URL", &lab.http_url())
        .with("ECR_AUTH_COGNITO_PASSWORD", password)
        // Many cells run at once, and the lab makes its keys meanwhile, which takes seconds.
        .with("ECR_AUTH_TIMEOUT", "60");
    write_cognito(&machine, endpoint);
    let outcome = machine.run(&["cognito"]);
    assert_eq!(outcome.status, 0, "{outcome:?}");
    let kept = RefreshTokenStore::all(&Cache::open(Cache::folder(&machine.env())), SystemTime::now());
    kept[0].refresh_token.clone()
}
