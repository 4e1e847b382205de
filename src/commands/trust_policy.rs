//! `ecr-auth trust-policy`: prints the trust policy of a role that only the given CI jobs may assume.

mod formats;
mod policies;

use clap::Args;
use clap::ValueEnum;
use clap::builder::PossibleValuesParser;

use aws_access::identity::RoleBase;
use aws_access::{Aws, SessionPath};
use ci::{CiToken, TrustForm, TrustKey, TrustedJobs, WantedTrust};
use context::{Context, Env, budget, variables};
use diagnostics::{Code, Error, Result};
use oidc_token::Claims;
use settings::{IdentitySettings, RoleSettings, SourceChoice, TokenPlace};

use formats::NewRole;
use policies::{Access, Account};

const EXAMPLES: &str = "\
Examples:
  ecr-auth trust-policy --account 111122223333 --ci github \\
    --repository octo/app --branch main
  ecr-auth trust-policy --account 111122223333 --ci gitlab \\
    --repository octo/app --tag 'v*'
  ecr-auth trust-policy --account 111122223333 --ci github \\
    --repository octo/app --branch main --push app --region eu-west-1 \\
    --format commands

In a CI job, without more than the account, the policy lets in jobs like this one:
  ecr-auth trust-policy --account 111122223333";

const HEADING: &str = "Which jobs";

/// How many characters IAM takes in a trust policy by default.
const USUAL_LENGTH: usize = 2048;

/// How many characters IAM takes in a trust policy at most, once the account's quota is raised.
const GREATEST_LENGTH: usize = 4096;

/// Prints the trust policy of a role that only the given CI jobs may assume
#[derive(Debug, Clone, Args)]
#[command(after_help = EXAMPLES)]
pub struct TrustPolicyArgs {
    /// Whose jobs; without it, this job's own CI
    #[arg(long, value_parser = PossibleValuesParser::new(ci::trust_forms().map(|form| form.name)))]
    ci: Option<String>,
    /// The account of the role, 12 digits [default: that of AWS_ROLE_ARN, else that of the AWS credentials]
    #[arg(long, value_name = "ACCOUNT")]
    account: Option<String>,
    /// A region of the role's partition, such as cn-north-1 or us-gov-west-1 [env: AWS_REGION]
    #[arg(long, value_name = "REGION")]
    region: Option<String>,
    /// What is printed
    #[arg(long, value_enum, default_value_t)]
    format: PolicyFormat,
    /// Let the jobs push to this repository of the account, and pull from it (repeatable)
    #[arg(long, value_name = "REPOSITORY")]
    push: Vec<String>,
    /// Let the jobs pull from this repository of the account (repeatable)
    #[arg(long, value_name = "REPOSITORY")]
    pull: Vec<String>,
    /// The name of the role [default: that of AWS_ROLE_ARN, else ci-push or ci-pull]
    #[arg(long, value_name = "NAME")]
    role_name: Option<String>,
    /// The audience of the tokens [default: the CI's own, else STS's]
    #[arg(long, value_name = "AUDIENCE")]
    audience: Option<String>,
    /// The repository, project, pipeline or job, as the CI names it; Jenkins: also the job's address (repeatable)
    #[arg(long, value_name = "NAME", help_heading = HEADING)]
    repository: Vec<String>,
    /// A branch; `*` matches any characters (repeatable)
    #[arg(long, value_name = "NAME", help_heading = HEADING)]
    branch: Vec<String>,
    /// A tag; `*` matches any characters (repeatable)
    #[arg(long, value_name = "NAME", help_heading = HEADING)]
    tag: Vec<String>,
    /// An environment that is deployed to (repeatable)
    #[arg(long, value_name = "NAME", help_heading = HEADING)]
    environment: Vec<String>,
    /// The jobs of pull requests
    #[arg(long, help_heading = HEADING)]
    pull_request: bool,
    /// The organization or workspace; GitHub, GitLab: all repositories of an organization or group
    #[arg(long, value_name = "NAME", help_heading = HEADING)]
    organization: Option<String>,
    /// The id of the owner, organization or workspace
    #[arg(long, value_name = "ID", help_heading = HEADING)]
    owner_id: Option<String>,
    /// The id of the repository or project
    #[arg(long, value_name = "ID", help_heading = HEADING)]
    repository_id: Option<String>,
    /// GitHub: the workflow file that defines the job, such as OWNER/NAME/.github/workflows/push.yml@refs/heads/main
    #[arg(long, value_name = "WORKFLOW", help_heading = HEADING)]
    workflow: Option<String>,
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

/// Prints the policy, and on stderr the jobs that it lets in.
///
/// # Errors
/// Something cannot be expressed in the CI's subject, is missing, or could belong to other repositories; or, in a job, there is no token.
pub fn run(args: &TrustPolicyArgs, context: &mut Context<'_>) -> Result<()> {
    let account = Account::find(args.account.as_deref(), args.region.as_deref(), context)?;
    let access = [(Access::Push, &args.push[..]), (Access::Pull, &args.pull[..])];
    let permissions = account.permissions(&access, args.region.as_deref(), context)?;
    let (name, is_named) = role_name(args, context)?;
    let wanted = wanted(args);
    let by_token = wanted.is_empty() && has_token(&context.env);
    let here = || ci::running_in(&context.env).and_then(|ci| ci.trust.as_ref());
    let named = form(args);
    let form = named.or_else(here);
    let mut jobs = match (form, by_token) {
        (Some(form), false) => form.wanted(&wanted)?,
        (None, false) => {
            return Err(no_ci("the flags don't say which CI runs the jobs"));
        }
        (_, true) => of_this_job(named, args, &account, context)?,
    };
    if let Some(audience) = &args.audience {
        jobs.audiences = vec![audience.clone()];
    } else if jobs.audiences.is_empty() {
        jobs.audiences = vec![account.audience().to_owned()];
    }
    jobs.audiences
        .iter()
        .try_for_each(|audience| check_audience(audience))?;
    let role = NewRole {
        name,
        is_named,
        provider_arn: account.provider_arn(&jobs),
        trust: account.trust_policy(&jobs),
        permissions,
        issuer: jobs.issuer,
        audiences: jobs.audiences,
    };
    let text = match args.format {
        PolicyFormat::Json => role.json(),
        PolicyFormat::Commands => role.commands(),
        PolicyFormat::Terraform => role.terraform(),
        PolicyFormat::Cloudformation => role.cloudformation(),
    };
    context.say(&format!("lets in: {} (tokens of {})", jobs.described, role.issuer));
    warn_of_length(&role, form, context);
    let written = context.stdout.write_all(text.as_bytes());
    written
        .and_then(|()| context.stdout.flush())
        .map_err(|error| Error::failed(Code::ResultNotWritten, "cannot write the policy", error))
}

/// Refuses an audience that is not plain text: a token may name anything, and people paste the policy.
fn check_audience(audience: &str) -> Result<()> {
    let is_plain =
        audience.chars().all(|c| c.is_ascii_graphic()) && !["##", "${"].iter().any(|odd| audience.contains(odd));
    match is_plain && (1..=255).contains(&audience.len()) {
        true => Ok(()),
        false => Err(Error::usage(
            Code::Options,
            "the audience",
            format!("{audience:?} is not an audience that IAM takes"),
        )
        .hint("name another with --audience")),
    }
}

/// IAM refuses a trust policy that is too long: <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html>. Its white space
/// doesn't count.
fn warn_of_length(role: &NewRole, form: Option<&TrustForm>, context: &mut Context<'_>) {
    let length = role.trust.to_string().chars().filter(|c| !c.is_whitespace()).count();
    if length <= USUAL_LENGTH {
        return;
    }
    let by_workflow = form.is_some_and(|form| form.takes.contains(&TrustKey::Workflow));
    let narrower = match by_workflow {
        true => "let in the whole organization by one workflow (--organization with --workflow), or use several roles",
        false => "use several roles",
    };
    let (limit, way_out) = match length <= GREATEST_LENGTH {
        true => (
            format!("{USUAL_LENGTH} unless you raise its quota"),
            format!(
                "{narrower}, or raise the quota \"Role trust policy length\" of IAM to {GREATEST_LENGTH} in Service Quotas"
            ),
        ),
        false => (format!("{GREATEST_LENGTH} at most"), narrower.to_owned()),
    };
    context.say(&format!(
        "warning: the trust policy has {length} characters without white space, and IAM takes {limit}"
    ));
    context.say(&format!("hint: {way_out}"));
}

/// Returns the name from `--role-name`, else from `AWS_ROLE_ARN`, else the usual one; and whether it was named.
fn role_name(args: &TrustPolicyArgs, context: &Context<'_>) -> Result<(String, bool)> {
    let usual = if args.push.is_empty() { "ci-pull" } else { "ci-push" };
    let of_env = context
        .env
        .get(variables::AWS_ROLE_ARN)
        .and_then(|role| role.rsplit('/').next());
    let named = args.role_name.as_deref().or(of_env);
    let name = named.unwrap_or(usual);
    let is_known = |c: char| c.is_ascii_alphanumeric() || "+=,.@_-".contains(c);
    match (1..=64).contains(&name.len()) && name.chars().all(is_known) {
        true => Ok((name.to_owned(), named.is_some())),
        false => Err(Error::usage(
            Code::Role,
            "--role-name",
            format!("{name:?} is not a role name"),
        )),
    }
}

/// The format of the output.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum PolicyFormat {
    /// The trust policy; with --push or --pull an object of both policies
    #[default]
    Json,
    /// Commands of the AWS CLI; an existing role gets the policies only if it is named
    Commands,
    /// Resources of Terraform
    Terraform,
    /// A template of CloudFormation
    Cloudformation,
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
        .with(TrustKey::Workflow, args.workflow.as_slice())
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
    let claims = claims(args, account, context)?;
    let form = form.or_else(|| TrustForm::for_token(&claims, &context.env));
    form.ok_or_else(|| no_ci("it is not known whose token this is"))?
        .like(&claims)
}

/// Returns the claims of this job's token, for the audience of a role in this account.
fn claims(args: &TrustPolicyArgs, account: &Account, context: &Context<'_>) -> Result<Claims> {
    let role = RoleSettings {
        // Only the account's audience follows from it, so the role need not exist yet.
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
            format!("{name} is not a JWT"),
        )
    })
}

/// Returns whether this is a job with a token, or one that should have a token.
fn has_token(env: &Env) -> bool {
    ci::gives_tokens(env) || !CiToken::all(env).is_empty() || pair_of_aws(env).is_some()
}

/// Returns the token file that is a source of AWS credentials together with `AWS_ROLE_ARN`. If the job has no other token, STS gets this one.
fn pair_of_aws(env: &Env) -> Option<TokenPlace> {
    let file = env.path(variables::AWS_WEB_IDENTITY_TOKEN_FILE);
    file.filter(|_| CiToken::all(env).is_empty()).map(TokenPlace::File)
}
