//! Finds the host in a server name of a client: `https://HOST:443/v2/`, `HOST/repository:tag@sha256:…`, or just a host.

/// The schemes that may come before a registry's host: the two of the web, and those of skopeo and helm.
const SCHEMES: [&str; 4] = ["https", "http", "docker", "oci"];

/// Returns the name of a server as in Docker's configuration, for comparing aliases: `host` or `host:port`, in lower case, without scheme, path and
/// surrounding ASCII blanks. Returns `None` if the name is ambiguous.
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

/// Returns the names that some program may find in an ambiguous `server`: the text before the path, without users, queries and other parts that do
/// not belong to a name.
pub fn possible_names(server: &str) -> impl Iterator<Item = &str> {
    let rest = server.split_once("//").map_or(server, |(_, rest)| rest);
    let authority = rest.split('/').next().unwrap_or_default();
    let is_in_names = |c: char| c.is_ascii_alphanumeric() || "-_.:[]".contains(c);
    let names = authority.split(move |c| !is_in_names(c));
    // A port belongs to a name. Other text after a colon does not.
    let without_rest = |name: &'_ str| {
        let (host, rest) = name.split_once(':')?;
        rest.parse::<u16>().is_err().then_some(host.len())
    };
    names.flat_map(move |name| std::iter::once(name).chain(without_rest(name).map(|length| &name[..length])))
}

/// Returns the DNS name in `server`, in its original case, without port and trailing dot.
pub(super) fn dns_name(server: &str) -> Option<&str> {
    let host = without_port(authority(server)?)?;
    let host = host.strip_suffix('.').unwrap_or(host);
    is_dns_name(host).then_some(host)
}

/// Returns the text between scheme and path. Programs disagree on blanks, control characters and backslashes inside a URL, so a text with any of
/// them has no host.
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

/// Returns the host before the port, a number from 1 to 65535. Returns `None` if other text follows the host.
fn without_port(authority: &str) -> Option<&str> {
    // The colons of an IPv6 address are in brackets.
    let bracket = authority.rfind(']').unwrap_or(0);
    let Some(colon) = authority[bracket..].find(':') else {
        return Some(authority);
    };
    let (host, port) = authority.split_at(bracket + colon);
    let port = &port[1..];
    let is_number = port.bytes().all(|b| b.is_ascii_digit());
    (is_number && port.parse().is_ok_and(|number: u16| number != 0)).then_some(host)
}

/// Whether a text consists of labels joined by dots. Labels have letters, digits, hyphens and underscores (which DNS allows, though not for hosts).
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
