//! The forms of the ids and names of Cognito.

use ecr_registry::parse_region;

/// The longest id of a pool, in characters.
/// <https://docs.aws.amazon.com/cognito-user-identity-pools/latest/APIReference/API_UserPoolType.html>
pub(super) const LONGEST_POOL_ID: usize = 55;
/// The longest id of an app client and the longest user name, in characters.
/// <https://docs.aws.amazon.com/cognito-user-identity-pools/latest/APIReference/API_InitiateAuth.html>
pub(super) const LONGEST_NAME: usize = 128;
/// The number of digits in each part of a UUID.
const UUID: [usize; 5] = [8, 4, 4, 4, 12];

/// Whether a text is the id of a user pool.
pub(super) fn is_user_pool(id: &str) -> bool {
    let parts = id.split_once('_');
    parts.is_some_and(|(region, name)| {
        is_region(region) && !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric())
    }) && id.len() <= LONGEST_POOL_ID
}

/// Whether a text is the id of an identity pool.
pub(super) fn is_identity_pool(id: &str) -> bool {
    let parts = id.split_once(':');
    parts.is_some_and(|(region, uuid)| {
        let groups: Vec<&str> = uuid.split('-').collect();
        let is_hex = |group: &&str| group.bytes().all(|b| b.is_ascii_hexdigit());
        is_region(region) && groups.iter().map(|group| group.len()).eq(UUID) && groups.iter().all(is_hex)
    })
}

/// Whether a text is a host in lower case, with an optional port. It must not hold a path or a user name, because an https URL is made from it.
pub(super) fn is_domain(text: &str) -> bool {
    let (host, port) = text
        .split_once(':')
        .map_or((text, None), |(host, port)| (host, Some(port)));
    let is_label = |label: &str| {
        !label.is_empty()
            && label.len() <= 63
            && label
                .bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    let is_port =
        |port: &str| port.len() <= 5 && !port.starts_with('0') && port.parse::<u16>().is_ok_and(|port| port > 0);
    host.len() <= 253 && host.split('.').all(is_label) && port.is_none_or(is_port)
}

/// Whether a text has the form of an AWS region. Regions become part of host names.
fn is_region(text: &str) -> bool {
    parse_region(text).is_ok_and(|region| region == text)
}

/// Whether a text is the ARN of a role. ARNs are logged, so a line end is refused.
pub fn is_role_arn(arn: &str) -> bool {
    let parts: Vec<&str> = arn.splitn(6, ':').collect();
    let is_account = |account: &str| account.len() == 12 && account.bytes().all(|b| b.is_ascii_digit());
    matches!(parts[..], ["arn", partition, "iam", "", account, resource]
        if partition.starts_with("aws") && is_account(account)
            && resource.strip_prefix("role/").is_some_and(|name| !name.is_empty())
            && arn.bytes().all(|b| b.is_ascii_graphic()))
}

/// Whether a text is the id of an app client.
pub(super) fn is_client(id: &str) -> bool {
    is_short(id) && id.bytes().all(|b| b.is_ascii_alphanumeric())
}

/// Whether a text may be the name of a user.
pub(super) fn is_username(name: &str) -> bool {
    is_short(name) && !name.trim().is_empty() && !name.chars().any(char::is_control)
}

/// Whether a text may be an identity pool's key for a provider.
pub(super) fn is_provider(key: &str) -> bool {
    is_short(key) && key.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._/:".contains(&b))
}

fn is_short(text: &str) -> bool {
    (1..=LONGEST_NAME).contains(&text.chars().count())
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use crate::{CognitoSettings, SettingValues};
    use diagnostics::Result;

    fn check(name: &str, text: &str) -> Result<()> {
        SettingValues::<CognitoSettings>::setting(name)
            .unwrap()
            .check_text(text)
    }

    #[rstest]
    #[case("user-pool-id", "us-gov-west-1_x1", true)]
    #[case("user-pool-id", "eu-west-1_", false)]
    #[case("user-pool-id", "eu-west-1", false)]
    #[case("user-pool-id", "EU-WEST-1_AbCdEfGhI", false)]
    #[case("user-pool-id", "evil.example/_AbC", false)]
    #[case("user-pool-id", "eu-west-1_a-b", false)]
    #[case("user-pool-id", "eu-west-1_a_b", false)]
    #[case("identity-pool-id", "eu-west-1:12345678-ABCD-1234-abcd-123456789012", true)]
    #[case("identity-pool-id", "eu-west-1:12345678-abcd-1234-abcd-12345678901", false)]
    #[case("identity-pool-id", "eu-west-1:12345678abcd1234abcd123456789012", false)]
    #[case("identity-pool-id", "evil.example#:12345678-abcd-1234-abcd-123456789012", false)]
    #[case("identity-pool-id", "12345678-abcd-1234-abcd-123456789012", false)]
    #[case("client-id", "a", true)]
    #[case("client-id", "", false)]
    #[case("client-id", "a b", false)]
    #[case("username", "zoë@example.com", true)]
    #[case("username", " ", false)]
    #[case("username", "a\u{1b}[2J", false)]
    #[case("domain", "login.example.com", true)]
    #[case("domain", "northwind.auth.eu-west-1.amazoncognito.com", true)]
    #[case("domain", "127.0.0.1:8443", true)]
    #[case("domain", "https://login.example.com", false)]
    #[case("domain", "login.example.com/", false)]
    #[case("domain", "maria@login.example.com", false)]
    #[case("domain", "login.example.com:0", false)]
    #[case("domain", "login.example.com:443:1", false)]
    #[case("domain", "Login.example.com", false)]
    #[case("domain", "-x.example.com", false)]
    #[case("domain", "", false)]
    #[case("role-arn", "arn:aws:iam::111122223333:role/path/pull", true)]
    #[case("role-arn", "pull", false)]
    #[case("role-arn", "arn:aws:iam::111122223333:user/pull", false)]
    #[case("provider", "accounts.google.com", true)]
    #[case("provider", "https://accounts google", false)]
    fn ids_have_a_shape(#[case] name: &'static str, #[case] text: &str, #[case] is_right: bool) {
        let checked = check(name, text);
        assert_eq!(checked.is_ok(), is_right, "{checked:?}");
        if let Err(error) = checked {
            assert_eq!((error.exit().code(), error.what()), (2, name));
            assert!(error.hint_text().is_some());
        }
    }

    #[test]
    fn names_are_not_endless() {
        assert!(check("client-id", &"x".repeat(128)).is_ok());
        assert!(check("client-id", &"x".repeat(129)).is_err());
        assert!(check("username", &"é".repeat(128)).is_ok());
        assert!(check("username", &"é".repeat(129)).is_err());
        assert!(check("user-pool-id", &format!("eu-west-1_{}", "x".repeat(46))).is_err());
    }
}
