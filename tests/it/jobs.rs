//! Jobs of every CI, as the lab starts them: a machine with only the variables that the CI sets, and roles that trust the job.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use lab::{Ci, CiJob, Condition, EKS_ISSUER, JobSpec, Lab, Operator, Permissions, RoleSpec, ServiceAccount, Trust};
use tempfile::TempDir;

use crate::harness::Machine;

pub const WITH_TOKEN: &str = "sts:AssumeRoleWithWebIdentity";
pub const PARTNER_HOST: &str = "444455556666.dkr.ecr.eu-west-1.amazonaws.com";

/// A CI or another source of a job's token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Github,
    Gitlab,
    Circleci,
    /// Without its program on PATH.
    CircleciAlone,
    Bitbucket,
    Buildkite,
    Jenkins,
    JenkinsFile,
    Forgejo,
    Gitea,
    Azure,
    /// A projected service account's token that a rule's `token-file` names.
    Kubernetes,
    /// A variable of any CI that a rule's `token-env` names.
    Variable,
}

impl Kind {
    /// Returns what the hint for a job without a token names.
    pub fn missing_piece(self) -> &'static str {
        match self {
            Self::Github | Self::Gitea => "id-token: write",
            Self::Gitlab => "id_tokens",
            Self::Circleci => "a context",
            Self::Bitbucket => "oidc: true",
            Self::Buildkite => "BUILDKITE_AGENT_ACCESS_TOKEN",
            Self::Jenkins => "credentialsId of withEcrAuth",
            Self::Forgejo => "enable-openid-connect: true",
            Self::Azure => "SYSTEM_ACCESSTOKEN: $(System.AccessToken)",
            Self::CircleciAlone | Self::JenkinsFile | Self::Kubernetes | Self::Variable => {
                panic!("{self:?} is not a job of a CI alone")
            }
        }
    }

    fn ci(self) -> Option<Ci> {
        Some(match self {
            Self::Github => Ci::Github,
            Self::Gitlab => Ci::Gitlab,
            Self::Circleci | Self::CircleciAlone => Ci::Circleci,
            Self::Bitbucket => Ci::Bitbucket,
            Self::Buildkite => Ci::Buildkite,
            Self::Jenkins | Self::JenkinsFile => Ci::Jenkins,
            Self::Forgejo => Ci::Forgejo,
            Self::Gitea => Ci::Gitea,
            Self::Azure => Ci::Azure,
            Self::Kubernetes | Self::Variable => return None,
        })
    }

    /// Returns the session name that CloudTrail shows for build 42 of octo/app.
    pub fn session_name(self) -> &'static str {
        match self {
            Self::Github => "gha-octo-app-42-1",
            Self::Gitlab => "gitlab-octo-app-42",
            Self::Circleci | Self::CircleciAlone => "circleci-app-42",
            Self::Bitbucket => "bitbucket-app-42",
            Self::Buildkite => "buildkite-app-42",
            Self::Jenkins | Self::JenkinsFile => "jenkins-octo-app-42",
            Self::Forgejo => "forgejo-octo-app-42-1",
            Self::Gitea => "gitea-octo-app-42-1",
            Self::Azure => "azure-app-42",
            Self::Kubernetes | Self::Variable => "ecr-auth",
        }
    }
}

/// A running job.
pub struct Job {
    kind: Kind,
    pub issuer: String,
    pub subject: String,
    /// The audience that STS expects.
    pub audience: String,
    env: BTreeMap<String, String>,
    secrets: Vec<String>,
    /// More lines for a rule with `role-arn`.
    pub rule: String,
    account: ServiceAccount,
    folder: TempDir,
}

impl Job {
    /// Starts build 42 of `octo/<project>`.
    pub fn start(lab: &Lab, kind: Kind, project: &str) -> Self {
        Self::start_with(lab, kind, project, None)
    }

    /// Starts a build whose tokens live this many seconds, if given.
    pub fn start_with(lab: &Lab, kind: Kind, project: &str, lifetime: Option<u32>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut account = ServiceAccount::new("ci", project);
        account.lifetime = lifetime.unwrap_or(3600);
        let mut job = Self {
            kind,
            issuer: EKS_ISSUER.to_owned(),
            subject: account.subject(),
            audience: "sts.amazonaws.com".to_owned(),
            env: BTreeMap::new(),
            secrets: Vec::new(),
            rule: String::new(),
            account,
            folder,
        };
        match kind.ci() {
            Some(ci) => job.start_of_ci(lab, ci, project, lifetime),
            None if kind == Kind::Kubernetes => {
                job.rotate(lab);
                job.rule = format!("    token-file: {}\n", job.token_file().display());
            }
            None => {
                let token = lab.service_account_token(&job.account).unwrap();
                job.rule = "    token-env: MY_TOKEN\n".to_owned();
                job.secrets.push(token.clone());
                job.env.insert("MY_TOKEN".to_owned(), token);
            }
        }
        job
    }

    fn start_of_ci(&mut self, lab: &Lab, ci: Ci, project: &str, lifetime: Option<u32>) {
        let mut spec = JobSpec::new(ci).project("octo", project);
        if let Some(seconds) = lifetime {
            spec = spec.lifetime(seconds);
        }
        if self.kind == Kind::JenkinsFile {
            spec = spec.token_file(self.token_file());
        }
        let job = lab.start_job(&spec).unwrap();
        self.secrets = job.secrets().into_iter().map(str::to_owned).collect();
        if !matches!(ci, Ci::Github | Ci::Forgejo | Ci::Gitea | Ci::Buildkite) {
            // The others issue tokens for a fixed audience, these for the requested one.
            self.audience = job.audience;
        }
        (self.issuer, self.subject, self.env) = (job.issuer, job.subject, job.environment);
        if self.kind != Kind::CircleciAlone {
            let path = format!("{}:/usr/bin:/bin", job.programs.display());
            self.env.insert("PATH".to_owned(), path);
        }
    }

    /// Returns the token's file.
    pub fn token_file(&self) -> PathBuf {
        self.folder.path().join("token")
    }

    /// Renews the token, as the kubelet does.
    pub fn rotate(&self, lab: &Lab) {
        lab.project_token(&self.account, self.folder.path()).unwrap();
    }

    /// Returns the variables that its CI sets.
    pub fn variables(&self) -> BTreeMap<String, String> {
        self.env.clone()
    }

    /// Returns a step of the job, with only the variables that its CI sets.
    pub fn machine(&self, lab: &Lab) -> Machine {
        Machine::new()
            .with("AWS_ENDPOINT_URL", &lab.http_url())
            .with_all(self.env.clone())
    }

    /// Returns a step whose token has the same claims, but another signature.
    pub fn machine_with_forged_token(&self, lab: &Lab) -> Machine {
        let forged = |token: &str| {
            let (signed, signature) = token.rsplit_once('.').unwrap();
            let reversed: String = signature.chars().rev().collect();
            format!("{signed}.{reversed}")
        };
        if let Ok(token) = fs::read_to_string(self.token_file()) {
            fs::write(self.token_file(), forged(&token)).unwrap();
        }
        let mut env = self.env.clone();
        for token in env.values_mut().filter(|value| self.secrets.contains(value)) {
            *token = forged(token);
        }
        Machine::new().with("AWS_ENDPOINT_URL", &lab.http_url()).with_all(env)
    }

    /// Returns the environment without the token and all variables that could get one.
    pub fn machine_without_token(&self, lab: &Lab) -> Machine {
        let _ = fs::remove_file(self.token_file());
        let is_secret = |value: &String| self.secrets.contains(value);
        let kept = self.env.clone().into_iter().filter(|(_, value)| !is_secret(value));
        Machine::new().with("AWS_ENDPOINT_URL", &lab.http_url()).with_all(kept)
    }

    /// Returns trust in only this job, and adds its issuer to the account.
    pub fn trusted(&self, lab: &Lab, account: &str) -> Trust {
        lab.add_oidc_provider(account, &self.issuer, &[&self.audience]);
        let condition = |claim: &str, value: &str| Condition {
            operator: Operator::StringEquals,
            claim: claim.into(),
            values: vec![value.into()],
        };
        Trust::WebIdentity {
            provider: self.issuer.trim_start_matches("https://").into(),
            conditions: vec![condition("aud", &self.audience), condition("sub", &self.subject)],
        }
    }

    /// Adds a role that only this job may assume.
    pub fn role(&self, lab: &Lab, account: &str, name: &str) -> String {
        role_with(lab, account, name, vec![self.trusted(lab, account)])
    }

    /// Returns a rule for a registry.
    pub fn rule(&self, pattern: &str, role: &str) -> String {
        format!("  - match: '{pattern}'\n    role-arn: {role}\n{}", self.rule)
    }
}

/// Adds a role with this trust policy, for sessions of an hour at most.
pub fn role_with(lab: &Lab, account: &str, name: &str, trust: Vec<Trust>) -> String {
    lab.add_role(RoleSpec {
        account: account.into(),
        name: name.into(),
        trust,
        max_duration: 3600,
        permissions: Permissions::default(),
    })
}

/// Writes `ecr-auth.yml` with these rules.
pub fn write_rules(machine: &Machine, rules: &str) {
    machine.write(".config/ecr-auth/ecr-auth.yml", &format!("registries:\n{rules}"));
}

/// Starts a job of this CI.
pub fn start_ci(lab: &Lab, ci: Ci) -> CiJob {
    lab.start_job(&JobSpec::new(ci)).unwrap()
}

/// Returns the machine of a job.
pub fn ci_machine(lab: &Lab, job: &CiJob) -> Machine {
    Machine::new()
        .with("AWS_ENDPOINT_URL", &lab.http_url())
        .with("PATH", &format!("{}:/usr/bin:/bin", job.programs.display()))
        .with_all(job.environment.clone())
}

/// Adds a role that only this job may assume with its token.
pub fn ci_role(lab: &Lab, job: &CiJob, account: &str, name: &str) -> String {
    lab.add_oidc_provider(account, &job.issuer, &["sts.amazonaws.com", &job.audience]);
    let trust = Trust::WebIdentity {
        provider: job.issuer.trim_start_matches("https://").into(),
        conditions: vec![Condition {
            operator: Operator::StringEquals,
            claim: "sub".into(),
            values: vec![job.subject.clone()],
        }],
    };
    role_with(lab, account, name, vec![trust])
}

/// Returns a job of a CI, and its machine with a role of the lab's account in `AWS_ROLE_ARN`.
pub fn in_job(lab: &Lab, ci: Ci) -> (CiJob, Machine) {
    let job = start_ci(lab, ci);
    let role = ci_role(lab, &job, lab::ACCOUNT, "ci");
    let machine = ci_machine(lab, &job).with("AWS_ROLE_ARN", &role);
    (job, machine)
}
