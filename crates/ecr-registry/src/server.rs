//! The host inside what clients hand over as a server: `https://HOST:443/v2/`, `HOST/repository:tag@sha256:…`, or just a host.

/// The schemes that stand in front of a registry's host: the two of the web, and those of skopeo and helm.
const SCHEMES: [&str; 4] = ["https", "http", "docker", "oci"];

/// The name of a server as Docker's configuration has it, to compare one's own names with: `host` or `host:port`, in lower
/// case, without scheme, path and ASCII blanks around it. `None` where no such name can be told for certain.
pub fn server_name(server: &str) -> Option<String> {
    let authority = authority(server)?;
    let host = without_port(authority)?;
    let is_ip6 = host.starts_with('[')
        && host.ends_with(']')
        && host.len() > 2
        && host[1..host.len() - 1]
            .bytes()
            .all(|b| b.is_ascii_hexdigit() || b == b':' || b == b'.');
    (is_ip6 || is_dns_name(host)).then(|| authority.to_ascii_lowercase())
}

/// The names that some program may find in `server` where others find none, or another one: what stands in front of the path, without
/// users, queries and all else that is no part of a name.
pub fn possible_names(server: &str) -> impl Iterator<Item = &str> {
    let rest = server.split_once("//").map_or(server, |(_, rest)| rest);
    let authority = rest.split('/').next().unwrap_or_default();
    let is_in_names = |c: char| c.is_ascii_alphanumeric() || "-_.:[]".contains(c);
    let names = authority.split(move |c| !is_in_names(c));
    // A port is part of a name. What else follows a colon is not.
    let without_rest = |name: &'_ str| {
        let (host, rest) = name.split_once(':')?;
        rest.parse::<u16>().is_err().then_some(host.len())
    };
    names.flat_map(move |name| std::iter::once(name).chain(without_rest(name).map(|length| &name[..length])))
}

/// The DNS name in `server`, in the case it came in, without port and trailing dot.
pub(super) fn dns_name(server: &str) -> Option<&str> {
    let host = without_port(authority(server)?)?;
    let host = host.strip_suffix('.').unwrap_or(host);
    is_dns_name(host).then_some(host)
}

/// What stands between scheme and path. Programs disagree on what blanks, control characters and backslashes inside a URL
/// mean, hence on its host: text with any of them names no server.
pub(super) fn authority(server: &str) -> Option<&str> {
    let server = server.trim_matches(|c: char| c.is_ascii_whitespace());
    if server.contains(|c: char| c.is_control() || c.is_whitespace() || c == '\\') {
        return None;
    }
    let rest = match server.split_once("://") {
        Some((scheme, rest)) if SCHEMES.iter().any(|known| known.eq_ignore_ascii_case(scheme)) => rest,
        _ => server,
    };
    rest.split('/').next()
}

/// The host in front of the port, a number from 1 to 65535. `None` where something else follows the host.
fn without_port(authority: &str) -> Option<&str> {
    // The colons of an IPv6 address stand in brackets.
    let bracket = authority.rfind(']').unwrap_or(0);
    let Some(colon) = authority[bracket..].find(':') else {
        return Some(authority);
    };
    let (host, port) = authority.split_at(bracket + colon);
    let port = &port[1..];
    let is_number = port.bytes().all(|b| b.is_ascii_digit());
    (is_number && port.parse().is_ok_and(|number: u16| number != 0)).then_some(host)
}

/// Labels of letters, digits, hyphens and underscores (which DNS knows, though not for hosts), joined by dots.
fn is_dns_name(host: &str) -> bool {
    const LONGEST_NAME: usize = 253;
    let is_label = |label: &str| {
        !label.is_empty()
            && label
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
    };
    host.len() <= LONGEST_NAME && host.split('.').all(is_label)
}
