//! The policies of a role: the trust policy, and the permissions.

use serde_json::{Map, Value, json};

use aws_access::caller;
use aws_access::identity::{self, Identity, IdentityScope};
use ci::TrustedJobs;
use context::{Context, variables};
use diagnostics::{Code, Error, Result};
use ecr_registry::{Partition, parse_region, wrong_account};
use settings::{IdentitySettings, RoleSettings, SourceChoice};

/// The region whose STS is asked if none is set.
const USUAL_REGION: &str = "us-east-1";

/// The account of the role, in its partition.
pub(super) struct Account {
    partition: &'static Partition,
    id: String,
}

impl Account {
    /// Returns the account of `--account`, else of `AWS_ROLE_ARN`, else of the AWS credentials.
    pub(super) fn find(account: Option<&str>, region: Option<&str>, context: &mut Context<'_>) -> Result<Self> {
        let role = context
            .env
            .get(variables::AWS_ROLE_ARN)
            .filter(|role| settings::is_role_arn(role));
        let partition = match (region, account, role) {
            (None, None, Some(role)) => Partition::for_arn(role),
            (region, _, _) => match identity::region(region, None, &context.env)? {
                Some(region) => Partition::for_region(&parse_region(&region)?),
                None => Partition::for_arn(role.unwrap_or_default()),
            },
        };
        let of_role = role.and_then(|role| role.split(':').nth(4));
        let Some(id) = account.or(of_role) else {
            return Self::of_caller(region, context);
        };
        match id.len() == 12 && id.bytes().all(|digit| digit.is_ascii_digit()) {
            true => Ok(Self {
                partition,
                id: id.to_owned(),
            }),
            false => {
                let why = wrong_account(id);
                Err(Error::usage(why.code, "--account", why.cause).hint(why.hint))
            }
        }
    }

    /// Returns the account of the AWS credentials that are there. A role in it need not exist yet, so a job's token is not used.
    fn of_caller(region: Option<&str>, context: &mut Context<'_>) -> Result<Self> {
        let missing = |cause: &str| {
            Error::usage(Code::Options, "--account", cause)
                .hint("name the account of the role with --account ACCOUNT, or the role in AWS_ROLE_ARN")
        };
        let settings = IdentitySettings::from(RoleSettings {
            source: SourceChoice::Chain,
            ..RoleSettings::default()
        });
        let region = match identity::region(region, None, &context.env)? {
            Some(region) => parse_region(&region)?,
            None => USUAL_REGION.to_owned(),
        };
        let identity = Identity::choose(settings, &IdentityScope::of_region(&region), &context.env);
        let caller = match identity.and_then(|identity| caller(&identity, &region, context)) {
            Ok(caller) => caller,
            Err(error) if error.code() == Code::NoCredentials => {
                return Err(missing("it is missing, and no AWS credentials tell the account"));
            }
            Err(error) => {
                let why = format!("{}: {}", error.what(), error.cause());
                return Err(missing(&format!(
                    "it is missing, and AWS does not tell the account: {why}"
                )));
            }
        };
        context.say(&format!("account {}: that of {}", caller.account, caller.arn));
        Ok(Self {
            partition: Partition::for_arn(&caller.arn),
            id: caller.account,
        })
    }

    /// Returns the prefix of IAM ARNs.
    pub(super) fn iam(&self) -> String {
        format!("arn:{}:iam::{}", self.partition.id(), self.id)
    }

    /// Returns the audience of STS.
    pub(super) fn audience(&self) -> &'static str {
        self.partition.sts_audience()
    }

    /// Returns the ARN of the provider.
    pub(super) fn provider_arn(&self, jobs: &TrustedJobs) -> String {
        format!("{}:oidc-provider/{}", self.iam(), provider(jobs))
    }

    /// Returns the trust policy.
    pub(super) fn trust_policy(&self, jobs: &TrustedJobs) -> Value {
        let provider = provider(jobs);
        let key = |claim: &str| format!("{provider}:{claim}");
        let mut equals = Map::new();
        let mut condition = Map::new();
        equals.insert(key("aud"), one_or_all(&jobs.audiences));
        for (claim, value) in &jobs.claims {
            equals.insert(key(claim), json!(value));
        }
        let subjects = one_or_all(&jobs.subjects);
        if jobs.are_patterns {
            condition.insert("StringLike".to_owned(), json!({ key("sub"): subjects }));
        } else {
            equals.insert(key("sub"), subjects);
        }
        condition.insert("StringEquals".to_owned(), Value::Object(equals));
        json!({
            "Version": "2012-10-17",
            "Statement": [{
                "Effect": "Allow",
                "Action": "sts:AssumeRoleWithWebIdentity",
                "Principal": {"Federated": self.provider_arn(jobs)},
                "Condition": condition,
            }],
        })
    }
}

/// Returns the issuer as IAM names it.
fn provider(jobs: &TrustedJobs) -> &str {
    jobs.issuer.trim_start_matches("https://")
}

/// The access of a role to repositories.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Access {
    Push,
    Pull,
}

impl Access {
    fn flag(self) -> &'static str {
        match self {
            Self::Push => "--push",
            Self::Pull => "--pull",
        }
    }

    fn actions(self) -> Vec<&'static str> {
        let upload = [
            "ecr:InitiateLayerUpload",
            "ecr:UploadLayerPart",
            "ecr:CompleteLayerUpload",
            "ecr:PutImage",
        ];
        let pull = [
            "ecr:BatchCheckLayerAvailability",
            "ecr:BatchGetImage",
            "ecr:GetDownloadUrlForLayer",
        ];
        match self {
            Self::Push => [&pull[..], &upload].concat(),
            Self::Pull => pull.to_vec(),
        }
    }
}

impl Account {
    /// Returns the permissions for these repositories of the account, or `None` without any.
    ///
    /// # Errors
    /// The region is missing, or a name is not a repository name.
    pub(super) fn permissions(
        &self,
        wanted: &[(Access, &[String])],
        region: Option<&str>,
        context: &Context<'_>,
    ) -> Result<Option<Value>> {
        let mut statements = vec![json!({"Effect": "Allow", "Action": "ecr:GetAuthorizationToken", "Resource": "*"})];
        for (access, repositories) in wanted.iter().filter(|(_, all)| !all.is_empty()) {
            let region = identity::region(region, None, &context.env)?.ok_or_else(|| {
                Error::usage(Code::Region, access.flag(), "the region of the repository is missing")
                    .hint("name it with --region REGION")
            })?;
            let region = parse_region(&region)?;
            let arn = |name: &String| match is_repository(name) {
                true => Ok(format!(
                    "arn:{}:ecr:{region}:{}:repository/{name}",
                    self.partition.id(),
                    self.id
                )),
                false => Err(no_repository(*access, name)),
            };
            let arns: Vec<String> = repositories.iter().map(arn).collect::<Result<_>>()?;
            statements.push(json!({"Effect": "Allow", "Action": access.actions(), "Resource": arns}));
        }
        let policy = || json!({"Version": "2012-10-17", "Statement": statements});
        Ok((statements.len() > 1).then(policy))
    }
}

fn no_repository(access: Access, name: &str) -> Error {
    let flag = access.flag();
    match name.contains(['*', '?']) {
        true => Error::usage(
            Code::Options,
            flag,
            format!("{name:?} has a wildcard, which is refused"),
        )
        .hint(format!("name each repository, with {flag} before each")),
        false => Error::usage(Code::Options, flag, format!("{name:?} is not an ECR repository"))
            .hint("name the repository alone: not the registry, and no tag"),
    }
}

/// Whether a text is a repository name of ECR: words of lower-case letters and digits, with `/`, `.`, `_` and `-` between them.
fn is_repository(name: &str) -> bool {
    let is_known = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "._-".contains(c);
    let is_word = |word: &str| word.starts_with(|c: char| c.is_ascii_alphanumeric()) && word.chars().all(is_known);
    name.split('/').all(is_word)
}

fn one_or_all(values: &[String]) -> Value {
    match values {
        [one] => json!(one),
        all => json!(all),
    }
}
