//! The record of calls to the lab: counts, a log without secrets, and a wait for a call to arrive.

use std::collections::BTreeMap;
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde::Serialize;

use crate::hosts::Service;
use crate::{Aws, lock};

/// One call in the log.
#[derive(Debug, Clone, Serialize)]
pub struct Call {
    /// `ecr:GetAuthorizationToken` and the like.
    pub operation: String,
    /// The HTTP status of the answer; 0 if the connection ended without one (hang, reset).
    pub status: u16,
    /// ARN of the caller, if known.
    pub principal: Option<String>,
    /// The `Host` header.
    pub host: String,
    /// The region, from the signature's scope or the host name.
    pub region: Option<String>,
    /// The `User-Agent` header.
    pub user_agent: String,
    /// Microseconds between reading the request's head and having the answer.
    pub microseconds: u64,
    /// The session that a call of STS requested, even if the call was refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session: Option<Box<SessionCall>>,
}

/// The parameters of AssumeRole or AssumeRoleWithWebIdentity, unchanged.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SessionCall {
    /// `RoleArn`.
    pub role_arn: String,
    /// `RoleSessionName`.
    pub session_name: String,
    /// `DurationSeconds`, if given.
    pub duration: Option<u64>,
    /// `ExternalId`, if given.
    pub external_id: Option<String>,
    /// Whether the call has an inline session policy.
    pub policy: bool,
    /// `PolicyArns`.
    pub policy_arns: Vec<String>,
    /// `Tags`.
    pub tags: BTreeMap<String, String>,
    /// `TransitiveTagKeys`.
    pub transitive_tags: Vec<String>,
    /// The claims of the web identity token, if it could be decoded.
    pub web_identity: Option<TokenClaims>,
}

/// Claims of an OIDC token that were read without verifying the token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TokenClaims {
    /// The issuer.
    pub iss: String,
    /// The audience that AWS compares.
    pub aud: String,
    /// The subject.
    pub sub: String,
}

/// All calls since the start or the last reset.
#[derive(Debug, Clone, Default, Serialize)]
pub struct CallReport {
    /// Calls that arrived, by operation, including failed ones.
    pub counts: BTreeMap<String, u64>,
    /// Calls that got a status of 400 or more, or no answer, by operation.
    pub refused: BTreeMap<String, u64>,
    /// Answered calls, in the order of their answers.
    pub log: Vec<Call>,
    /// Connections to the HTTPS port, including failed ones.
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

/// The name of an operation in counts: `ecr:GetAuthorizationToken`.
pub(crate) fn operation_name(service: Service, operation: &str) -> String {
    format!("{}:{operation}", service.name())
}

impl Aws {
    /// Returns counts and log.
    pub fn calls(&self) -> CallReport {
        lock(&self.calls.report).clone()
    }

    /// Returns how many calls of an operation (`ecr:GetAuthorizationToken`) arrived.
    pub fn count(&self, operation: &str) -> u64 {
        lock(&self.calls.report).counts.get(operation).copied().unwrap_or(0)
    }

    /// Returns the sessions that calls of STS requested, in the order of their answers.
    pub fn session_calls(&self) -> Vec<SessionCall> {
        let report = lock(&self.calls.report);
        report
            .log
            .iter()
            .filter_map(|call| call.session.as_deref().cloned())
            .collect()
    }

    /// Returns how many calls of an operation were refused.
    pub fn refused(&self, operation: &str) -> u64 {
        lock(&self.calls.report).refused.get(operation).copied().unwrap_or(0)
    }

    /// Waits until `count` calls of an operation have arrived. Held calls count as arrived. Returns false after a
    /// timeout.
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
