//! From a registry that the configuration knows to the plan for its password.

use aws_access::token::Plan;
use configuration::Target;
use context::Env;
use diagnostics::Result;
use settings::RoleSettings;

/// What the command line says of the identity.
#[derive(Debug)]
pub struct Override<'a> {
    /// The profile, used alone.
    pub profile: Option<&'a str>,
    /// The roles, the rule's filled in where the command line leaves them open.
    pub role: RoleSettings,
    /// Whether the command line names an identity, so that a profile of the rule doesn't count.
    pub is_whole: bool,
}

/// The plan for a registry, with the identity of its rule.
///
/// # Errors
/// As [`Plan::new`].
pub fn by_rule(env: &Env, target: &Target<'_>) -> Result<Plan> {
    Plan::new(env, target.registry(), target.profile(), target.role())
}

/// The plan for a registry, with the identity that the command line names, or else that of its rule.
///
/// # Errors
/// As [`Plan::new`].
pub fn by_command_line(env: &Env, target: &Target<'_>, given: &Override<'_>) -> Result<Plan> {
    let of_rule = target.profile().filter(|_| !given.is_whole);
    Plan::new(env, target.registry(), given.profile.or(of_rule), &given.role)
}
