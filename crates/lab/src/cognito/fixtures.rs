//! The fixtures of every lab: groups, their roles, and two users for the demo.

use super::{
    AUTHENTICATED_ROLE, BROWSER_CLIENT_ID, DEMO_PASSWORD, IDENTITY_POOL_ID, LICENSED_ROLE, UNLICENSED_ROLE, UserSpec,
};
use crate::jwt::IDENTITY_PROVIDER;
use crate::policy::{Condition, Operator, Permissions, RoleSpec, Trust};
use crate::principals::ACCOUNT;
use crate::{Aws, LabError};

const SIGN_IN: &str = "ecr:GetAuthorizationToken";
const PULL: [&str; 4] = [
    "ecr:BatchCheckLayerAvailability",
    "ecr:BatchGetImage",
    "ecr:GetDownloadUrlForLayer",
    "ecr:ListImages",
];

impl Aws {
    /// Adds the roles, groups and users that every lab has.
    pub(crate) fn add_cognito_fixtures(&self) -> Result<(), LabError> {
        let both = Permissions::allow([SIGN_IN].into_iter().chain(PULL));
        let by_tag = Permissions::allow([SIGN_IN]).allow_tagged("license", &["active"], PULL);
        for (arn, permissions) in [
            (LICENSED_ROLE, both),
            (UNLICENSED_ROLE, Permissions::allow([SIGN_IN])),
            (AUTHENTICATED_ROLE, by_tag),
        ] {
            let name = arn.rsplit('/').next().unwrap_or(arn).to_owned();
            self.add_role(RoleSpec {
                account: ACCOUNT.into(),
                name,
                trust: trust_of_the_pool(),
                max_duration: 3600,
                permissions,
            });
        }
        let cognito = self.cognito();
        let local = |path: &str| format!("http://localhost:8719/{path}");
        let (callback, signed_out) = (local("callback"), local("signed-out"));
        cognito.set_callbacks(BROWSER_CLIENT_ID, &[&callback, &signed_out]);
        cognito.add_group("licensed", Some(LICENSED_ROLE), 10);
        cognito.add_group("unlicensed", Some(UNLICENSED_ROLE), 20);
        cognito.add_user(
            UserSpec::new("ada")
                .temporary_password(DEMO_PASSWORD)
                .attribute("email", "ada@example.com")
                .group("licensed"),
        )?;
        let eve = UserSpec::new("eve")
            .password(DEMO_PASSWORD)
            .attribute("email", "eve@example.com")
            .attribute("custom:license", "none");
        cognito.add_user(eve).map(|_| ())
    }
}

/// The trust policy of a role for signed-in users of the pool, as in AWS's documentation.
fn trust_of_the_pool() -> Vec<Trust> {
    let condition = |operator, claim: &str, value: &str| Condition {
        operator,
        claim: claim.into(),
        values: vec![value.into()],
    };
    vec![
        Trust::WebIdentity {
            provider: IDENTITY_PROVIDER.into(),
            conditions: vec![
                condition(Operator::StringEquals, "aud", IDENTITY_POOL_ID),
                condition(Operator::ForAnyValueStringLike, "amr", "authenticated"),
            ],
        },
        Trust::TagSession {
            principals: vec![IDENTITY_PROVIDER.into()],
        },
    ]
}
