//! What was asked of the lab: counts, a log without secrets, and waiting for a call to arrive.

use std::collections::BTreeMap;
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde::Serialize;

use crate::hosts::Service;
use crate::{Aws, lock};

/// One call, as the log keeps it.
#[derive(Debug, Clone, Serialize)]
pub struct Call {
    /// `ecr:GetAuthorizationToken` and the like.
    pub operation: String,
    /// The HTTP status of the answer; 0 where there was none (hang, reset).
    pub status: u16,
    /// ARN of the caller, once known.
    pub principal: Option<String>,
    /// The `Host` header.
    pub host: String,
    /// The region, from the signature's scope or the host name.
    pub region: Option<String>,
    /// The `User-Agent` header.
    pub user_agent: String,
    /// From when the request's head was read until its answer was ready, in microseconds.
    pub microseconds: u64,
    /// What a call of STS asked for that opens a session, whether it was given or not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session: Option<Box<SessionCall>>,
}

/// The parameters of AssumeRole or AssumeRoleWithWebIdentity, as they were given.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SessionCall {
    /// `RoleArn`.
    pub role_arn: String,
    /// `RoleSessionName`.
    pub session_name: String,
    /// `DurationSeconds`, where given.
    pub duration: Option<u64>,
    /// `ExternalId`, where given.
    pub external_id: Option<String>,
    /// Whether there was an inline session policy.
    pub policy: bool,
    /// `PolicyArns`.
    pub policy_arns: Vec<String>,
    /// `Tags`.
    pub tags: BTreeMap<String, String>,
    /// `TransitiveTagKeys`.
    pub transitive_tags: Vec<String>,
    /// What the web identity token claims, where it could be read.
    pub web_identity: Option<TokenClaims>,
}

/// Whom an OIDC token speaks of, by its own account: nothing of it is verified.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TokenClaims {
    /// The issuer.
    pub iss: String,
    /// The audience AWS looks at.
    pub aud: String,
    /// The subject.
    pub sub: String,
}

/// All calls since the start or the last reset.
#[derive(Debug, Clone, Default, Serialize)]
pub struct CallReport {
    /// Calls that arrived, by operation, whatever became of them.
    pub counts: BTreeMap<String, u64>,
    /// Of those, the ones answered with a status of 400 or more, or not at all.
    pub refused: BTreeMap<String, u64>,
    /// The finished ones, in order of their answers.
    pub log: Vec<Call>,
    /// Connections to the HTTPS port, whatever became of them.
    pub connections: u64,
}

#[derive(Debug, Default)]
pub(crate) struct Calls {
    report: Mutex<CallReport>,
    arrived: Condvar,
}

impl Calls {
    pub(crate) fn arrived(&self, operation: &str) {
        *lock(&self.report).counts.entry(operation.to_owned()).or_default() += 1;
        self.arrived.notify_all();
    }

    pub(crate) fn connected(&self) {
        lock(&self.report).connections += 1;
    }

    pub(crate) fn finished(&self, call: Call) {
        let mut report = lock(&self.report);
        if call.status == 0 || call.status >= 400 {
            *report.refused.entry(call.operation.clone()).or_default() += 1;
        }
        report.log.push(call);
    }

    pub(crate) fn reset(&self) {
        *lock(&self.report) = CallReport::default();
    }
}

/// How an operation is named in counts: `ecr:GetAuthorizationToken`.
pub(crate) fn operation_name(service: Service, operation: &str) -> String {
    format!("{}:{operation}", service.name())
}

impl Aws {
    /// Counts and log.
    pub fn calls(&self) -> CallReport {
        lock(&self.calls.report).clone()
    }

    /// How many calls of an operation (`ecr:GetAuthorizationToken`) arrived.
    pub fn count(&self, operation: &str) -> u64 {
        lock(&self.calls.report).counts.get(operation).copied().unwrap_or(0)
    }

    /// The sessions that calls of STS asked for, in order of their answers.
    pub fn session_calls(&self) -> Vec<SessionCall> {
        let report = lock(&self.calls.report);
        report
            .log
            .iter()
            .filter_map(|call| call.session.as_deref().cloned())
            .collect()
    }

    /// How many calls of an operation were refused.
    pub fn refused(&self, operation: &str) -> u64 {
        lock(&self.calls.report).refused.get(operation).copied().unwrap_or(0)
    }

    /// Waits until `count` calls of an operation have arrived, also ones that are held. False: they didn't in time.
    #[must_use]
    pub fn wait_for_calls(&self, operation: &str, count: u64, timeout: Duration) -> bool {
        let deadline = Instant::now() + timeout;
        let mut report = lock(&self.calls.report);
        while report.counts.get(operation).copied().unwrap_or(0) < count {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return false;
            }
            report = self
                .calls
                .arrived
                .wait_timeout(report, left)
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
        true
    }
}
