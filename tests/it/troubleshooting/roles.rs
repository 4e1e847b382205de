//! Failures of STS to give the session of a role.

use diagnostics::Code;

use super::Way;
use crate::denials::refused;

pub const WAYS: &[Way] = &[
    (Code::TrustPolicy, || refused("the trust policy names another subject")),
    (Code::Audience, || refused("the provider lists another audience")),
    (Code::NoProvider, || refused("the account has no such provider")),
    (Code::GithubSubject, || {
        refused("the trust policy has GitHub's old subject, the token the immutable one")
    }),
    (Code::RoleDenied, || refused("the external id is missing")),
    (Code::IssuerUnreachable, || refused("AWS can't reach the issuer")),
    (Code::StsRegion, || refused("STS is off in this region")),
];
