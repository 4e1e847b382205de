//! Checks addresses: whether one is this machine's own, and whether a secret may be sent there.

use std::net::IpAddr;

use context::{Env, variables};
use diagnostics::{Code, Error, Result, with_its_ends, without_userinfo};

/// Whether an address is this machine's own: loopback, the instance metadata service (169.254.169.254, fd00:ec2::254), or a container's credentials
/// (169.254.170.2, 169.254.170.23, fd00:ec2::23). No proxy can reach these, and no other machine can read along.
pub fn is_local(url: &str) -> bool {
    let Ok(uri) = url.parse::<http::Uri>() else {
        return false;
    };
    let host = uri.host().unwrap_or_default();
    let is_local_host = match address_of(host) {
        Some(IpAddr::V4(ip)) => ip.is_loopback() || ip.is_link_local(),
        Some(IpAddr::V6(ip)) => ip.is_loopback() || ip.segments()[..2] == [0xfd00, 0xec2],
        None => host.eq_ignore_ascii_case("localhost"),
    };
    is_local_host && matches!(uri.scheme_str(), Some("http" | "https"))
}

/// Returns whether a container of this machine gets credentials at this address: loopback, 169.254.170.2 (ECS), 169.254.170.23 or
/// fd00:ec2::23 (EKS).
pub fn is_of_container(url: &str) -> bool {
    let is_agent = |address: IpAddr| match address {
        IpAddr::V4(ip) => [[169, 254, 170, 2], [169, 254, 170, 23]].contains(&ip.octets()),
        IpAddr::V6(ip) => ip.segments() == [0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x23],
    };
    let uri = url.parse::<http::Uri>().ok().filter(|_| is_local(url));
    uri.is_some_and(|uri| {
        let host = uri.host().unwrap_or_default();
        is_loopback(host) || address_of(host).is_some_and(is_agent)
    })
}

/// Returns the IP address that a host is. An IPv6 address may be in brackets. An IPv4 address may be written as an IPv6 address.
pub fn address_of(host: &str) -> Option<IpAddr> {
    let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    let address: IpAddr = bare.unwrap_or(host).parse().ok()?;
    Some(address.to_canonical())
}

/// Refuses an address whose traffic others on the network could read.
///
/// # Errors
/// The text is not a URL, or it is plain http to another machine and `ECR_AUTH_ALLOW_HTTP` is not 1.
pub fn refuse_plain_http(url: &str, env: &Env) -> Result<()> {
    let what = "the endpoint that the settings name";
    let shown = with_its_ends(&without_userinfo(url));
    let uri: http::Uri = url.parse().map_err(|_| {
        Error::usage(Code::Variable, what, format!("{shown} is not a URL")).hint("write it as https://HOST[:PORT]")
    })?;
    match uri.scheme_str() {
        Some("https") => Ok(()),
        Some("http")
            if is_loopback(uri.host().unwrap_or_default()) || env.get(variables::ECR_AUTH_ALLOW_HTTP) == Some("1") =>
        {
            Ok(())
        }
        Some("http") => Err(Error::usage(
            Code::PlainHttp,
            what,
            format!("{shown} is plain http: others on the network could read the answer"),
        )
        .hint("use https, or set ECR_AUTH_ALLOW_HTTP=1 if you trust the network")),
        _ => Err(
            Error::usage(Code::Variable, what, format!("{shown} is neither http nor https"))
                .hint("write it as https://HOST[:PORT]"),
        ),
    }
}

fn is_loopback(host: &str) -> bool {
    match address_of(host) {
        Some(address) => address.is_loopback(),
        None => host.eq_ignore_ascii_case("localhost"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_machines_addresses_are_told_from_all_others() {
        for local in [
            "http://127.0.0.1:4566/",
            "https://127.0.0.1/",
            "http://[::ffff:127.0.0.1]/",
            "http://localhost/x",
            "http://[::1]:80/",
            "http://169.254.169.254/latest",
            "http://169.254.170.2/v2",
            "http://169.254.170.23/v1",
            "http://[fd00:ec2::254]/",
            "http://[fd00:ec2::23]/v1",
        ] {
            assert!(is_local(local), "{local}");
        }
        for other in [
            "http://169.254.169.254/",
            "http://169.254.170.3/",
            "http://[fd00:ec2::254]/",
            "http://[fd00:ec2:0:1::23]/",
        ] {
            assert!(is_local(other) && !is_of_container(other), "{other}");
        }
        for container in [
            "http://localhost/x",
            "http://169.254.170.2/v2",
            "http://[fd00:ec2::23]/v1",
        ] {
            assert!(is_of_container(container), "{container}");
        }
        for other in [
            "ftp://127.0.0.1/",
            "http://10.0.0.1/",
            "http://127.0.0.1.example.com/",
            "http://[fd00:ec3::23]/",
            "https://api.ecr.eu-west-1.amazonaws.com/",
            "not an address",
        ] {
            assert!(!is_local(other), "{other}");
        }
    }
}
