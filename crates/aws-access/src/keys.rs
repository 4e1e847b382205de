//! Refuses keys that AWS cannot have given out.

use aws_credential_types::Credentials;

use diagnostics::{Code, Error, Result};

/// Refuses keys that AWS cannot have given out. Characters that a header cannot hold would make the SDK panic.
pub(crate) fn check_keys(credentials: &Credentials) -> Result<()> {
    let is_plain = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_graphic());
    let odd = match credentials.session_token() {
        _ if !is_plain(credentials.access_key_id()) => "access key id",
        _ if !is_plain(credentials.secret_access_key()) => "secret access key",
        Some(token) if !is_plain(token) => "session token",
        _ => return Ok(()),
    };
    Err(Error::failed(
        Code::UnusableKeys,
        "unusable AWS credentials",
        format!("the {odd} is empty, or there is a blank, a line break or another odd character in it"),
    )
    .hint("check what was pasted along with it where the credentials come from"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_keys_that_can_stand_in_a_header_are_used() {
        let with = |id: &str, secret: &str, token: Option<&str>| {
            check_keys(&Credentials::new(id, secret, token.map(str::to_owned), None, "test"))
        };
        assert_eq!(with("AKIA1", "s/+=", None), Ok(()));
        assert_eq!(with("AKIA1", "s/+=", Some("t/+=")), Ok(()));
        for (id, secret, token) in [
            ("AK\nIA", "s", None),
            ("AK IA", "s", None),
            ("é", "s", None),
            ("", "s", None),
            ("AKIA1", "s\t", None),
            ("AKIA1", "s", Some("t\r\nx: y")),
        ] {
            let error = with(id, secret, token).unwrap_err();
            assert!(!error.to_string().contains("IA"), "{error}");
        }
    }
}
