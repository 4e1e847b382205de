//! `ecr-auth trust-policy`: prints the trust policy of a role that a CI's jobs, and nobody else, may assume.

use clap::Args;
use clap::builder::PossibleValuesParser;
use serde_json::{Map, Value, json};

use aws_access::identity::{self, RoleBase};
use aws_access::{Aws, SessionPath};
use ci::{CiToken, TrustForm, TrustKey, TrustedJobs, WantedTrust};
use context::{Context, Env, budget, variables};
use diagnostics::{Code, Error, Result};
use ecr_registry::{Partition, parse_region};
use oidc_token::Claims;
use settings::{IdentitySettings, RoleSettings, SourceChoice, TokenPlace};

const EXAMPLES: &str = "\
Examples:
  ecr-auth trust-policy --account 111122223333 --ci github --repository octo/app --branch main
  ecr-auth trust-policy --account 111122223333 --ci gitlab --repository octo/app --tag 'v*'

In a CI job, without more than the account, the policy lets in jobs like this one:
  ecr-auth trust-policy --account 111122223333";

const HEADING: &str = "Which jobs";

/// Prints the trust policy of a role that a CI's jobs, and nobody else, may assume
#[derive(Debug, Clone, Args)]
#[command(after_help = EXAMPLES)]
pub struct TrustPolicyArgs {
    /// Whose jobs; without it, this job's own CI
    #[arg(long, value_parser = PossibleValuesParser::new(ci::trust_forms().map(|form| form.name)))]
    ci: Option<String>,
    /// The account of the role, 12 digits [default: that of AWS_ROLE_ARN]
    #[arg(long, value_name = "ACCOUNT")]
    account: Option<String>,
    /// A region of the role's partition, such as cn-north-1 or us-gov-west-1 [env: AWS_REGION]
    #[arg(long, value_name = "REGION")]
    region: Option<String>,
    /// The audience of the tokens [default: the CI's own, else STS's]
    #[arg(long, value_name = "AUDIENCE")]
    audience: Option<String>,
    /// The repository, project, pipeline or job, as the CI names it (repeatable)
    #[arg(long, value_name = "NAME", help_heading = HEADING)]
    repository: Vec<String>,
    /// A branch; `*` stands for any characters (repeatable)
    #[arg(long, value_name = "NAME", help_heading = HEADING)]
    branch: Vec<String>,
    /// A tag; `*` stands for any characters (repeatable)
    #[arg(long, value_name = "NAME", help_heading = HEADING)]
    tag: Vec<String>,
    /// An environment that is deployed to (repeatable)
    #[arg(long, value_name = "NAME", help_heading = HEADING)]
    environment: Vec<String>,
    /// The jobs of pull requests
    #[arg(long, help_heading = HEADING)]
    pull_request: bool,
    /// The organization or workspace
    #[arg(long, value_name = "NAME", help_heading = HEADING)]
    organization: Option<String>,
    /// The id of the owner, organization or workspace
    #[arg(long, value_name = "ID", help_heading = HEADING)]
    owner_id: Option<String>,
    /// The id of the repository or project
    #[arg(long, value_name = "ID", help_heading = HEADING)]
    repository_id: Option<String>,
    /// The issuer of the tokens, where it is not the CI's public service
    #[arg(long, value_name = "URL", help_heading = HEADING)]
    issuer: Option<String>,
    /// Azure: the service connection
    #[arg(long, value_name = "NAME", help_heading = HEADING)]
    service_connection: Option<String>,
    /// Kubernetes: the namespace
    #[arg(long, value_name = "NAME", help_heading = HEADING)]
    namespace: Option<String>,
    /// Kubernetes: the service account
    #[arg(long, value_name = "NAME", help_heading = HEADING)]
    service_account: Option<String>,
}

/// Prints the policy, and on stderr which jobs it lets in.
///
/// # Errors
/// Something that the CI's subject can't express, that is missing, or that other repositories could have; in a job, no token.
pub fn run(args: &TrustPolicyArgs, context: &mut Context<'_>) -> Result<()> {
    let account = Account::of(args, context)?;
    let wanted = wanted(args);
    let mut jobs = match (form(args), wanted.is_empty()) {
        (Some(form), false) => form.wanted(&wanted)?,
        (None, false) => return Err(no_ci("the flags don't say of which CI the jobs are")),
        (form, true) => of_this_job(form, args, &account, context)?,
    };
    if let Some(audience) = &args.audience {
        jobs.audiences = vec![audience.clone()];
    } else if jobs.audiences.is_empty() {
        jobs.audiences = vec![account.audience().to_owned()];
    }
    let policy = account.trust_policy(&jobs);
    context.say(&format!("lets in: {} (tokens of {})", jobs.described, jobs.issuer));
    let written = writeln!(context.stdout, "{policy:#}");
    written
        .and_then(|()| context.stdout.flush())
        .map_err(|error| Error::failed(Code::ResultNotWritten, "cannot write the policy", error))
}

fn form(args: &TrustPolicyArgs) -> Option<&'static TrustForm> {
    let name = args.ci.as_deref()?;
    ci::trust_forms().find(|form| form.name == name)
}

fn wanted(args: &TrustPolicyArgs) -> WantedTrust {
    let pull_request: &[String] = if args.pull_request { &[String::new()] } else { &[] };
    WantedTrust::default()
        .with(TrustKey::Repository, &args.repository)
        .with(TrustKey::Branch, &args.branch)
        .with(TrustKey::Tag, &args.tag)
        .with(TrustKey::Environment, &args.environment)
        .with(TrustKey::PullRequest, pull_request)
        .with(TrustKey::Organization, args.organization.as_slice())
        .with(TrustKey::OwnerId, args.owner_id.as_slice())
        .with(TrustKey::RepositoryId, args.repository_id.as_slice())
        .with(TrustKey::Issuer, args.issuer.as_slice())
        .with(TrustKey::ServiceConnection, args.service_connection.as_slice())
        .with(TrustKey::Namespace, args.namespace.as_slice())
        .with(TrustKey::ServiceAccount, args.service_account.as_slice())
}

fn no_ci(cause: &str) -> Error {
    let names: Vec<_> = ci::trust_forms().map(|form| form.name).collect();
    Error::usage(Code::Options, "--ci", cause).hint(format!("name one: {}", names.join(", ")))
}

fn of_this_job(
    form: Option<&'static TrustForm>,
    args: &TrustPolicyArgs,
    account: &Account,
    context: &Context<'_>,
) -> Result<TrustedJobs> {
    let of_job = || ci::running_in(&context.env).and_then(|ci| ci.trust.as_ref());
    let claims = claims(args, account, context)?;
    let is_pod = claims.sub.starts_with("system:serviceaccount:");
    let of_pod = || ci::trust_forms().find(|form| is_pod && form.name == "kubernetes");
    let form = form.or_else(of_pod).or_else(of_job);
    form.ok_or_else(|| no_ci("it is not known whose token this is"))?
        .like(&claims)
}

/// What this job's token says, for the audience that a role of this account gets.
fn claims(args: &TrustPolicyArgs, account: &Account, context: &Context<'_>) -> Result<Claims> {
    let role = RoleSettings {
        // Only the account's audience follows from it: the role need not be there yet.
        role_arn: Some(format!("{}:role/ecr-auth", account.iam())),
        audience: args.audience.clone(),
        region: args.region.clone(),
        source: SourceChoice::Oidc,
        token: pair_of_aws(&context.env),
        ..RoleSettings::default()
    };
    let path = SessionPath::choose(&context.env, IdentitySettings::from(role))?;
    let aws = Aws::new(&context.env, path.identity(), budget(&context.env)?)?.shown_on(&context.progress);
    let name = match path.identity().role().map(|role| &role.base) {
        Some(RoleBase::Token(token)) => token.name().to_owned(),
        _ => String::new(),
    };
    let claims = aws.within(aws.claims())?;
    claims.ok_or_else(|| {
        Error::failed(
            Code::TokenMalformed,
            "no trust policy for this job",
            format!("{name} is no JWT"),
        )
    })
}

/// Beside `AWS_ROLE_ARN` the file is a source of AWS credentials; its token is the one that STS gets there, where the job has no other.
fn pair_of_aws(env: &Env) -> Option<TokenPlace> {
    let file = env.path(variables::AWS_WEB_IDENTITY_TOKEN_FILE);
    file.filter(|_| CiToken::all(env).is_empty()).map(TokenPlace::File)
}

/// The account of the role, in its partition.
struct Account {
    partition: &'static Partition,
    id: String,
}

impl Account {
    /// That of `--account`, else of `AWS_ROLE_ARN`.
    fn of(args: &TrustPolicyArgs, context: &Context<'_>) -> Result<Self> {
        let role = context
            .env
            .get(variables::AWS_ROLE_ARN)
            .filter(|role| settings::is_role_arn(role));
        let partition = match (&args.region, &args.account, role) {
            (None, None, Some(role)) => Partition::for_arn(role),
            (region, _, _) => match identity::region(region.as_deref(), &context.env)? {
                Some(region) => Partition::for_region(&parse_region(&region)?),
                None => Partition::for_arn(role.unwrap_or_default()),
            },
        };
        let of_role = role.and_then(|role| role.split(':').nth(4));
        let id = args.account.as_deref().or(of_role).ok_or_else(|| {
            Error::usage(Code::Options, "--account", "it is missing")
                .hint("name the account of the role with --account ACCOUNT, or the role in AWS_ROLE_ARN")
        })?;
        match id.len() == 12 && id.bytes().all(|digit| digit.is_ascii_digit()) {
            true => Ok(Self {
                partition,
                id: id.to_owned(),
            }),
            false => Err(Error::usage(
                Code::Options,
                "--account",
                format!("{id:?} is no account id of 12 digits"),
            )),
        }
    }

    /// What ARNs of IAM begin with.
    fn iam(&self) -> String {
        format!("arn:{}:iam::{}", self.partition.id(), self.id)
    }

    /// The audience of STS.
    fn audience(&self) -> &'static str {
        match self.partition.id() {
            "aws-cn" => "sts.amazonaws.com.cn",
            _ => "sts.amazonaws.com",
        }
    }

    fn trust_policy(&self, jobs: &TrustedJobs) -> Value {
        let provider = jobs.issuer.trim_start_matches("https://");
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
                "Principal": {"Federated": format!("{}:oidc-provider/{provider}", self.iam())},
                "Condition": condition,
            }],
        })
    }
}

fn one_or_all(values: &[String]) -> Value {
    match values {
        [one] => json!(one),
        all => json!(all),
    }
}
