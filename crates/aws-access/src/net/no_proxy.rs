//! The hosts that are called without a proxy, from `NO_PROXY`.
//!
//! The forms are those of curl, of Go's `golang.org/x/net/http/httpproxy` and of Python's `urllib`. Where they differ, the reading with more hosts
//! is used: `.example.com` includes `example.com` (as in curl and Python), and `HOST:443` matches `https://HOST/` (as in Go).

use std::net::IpAddr;

use super::address::address_of;

/// The hosts that are called without a proxy.
#[derive(Debug, Clone, Default)]
pub struct NoProxy(Vec<Exception>);

/// One entry of the list.
#[derive(Debug, Clone)]
struct Exception {
    hosts: Hosts,
    /// The only port that the entry matches, if it has one.
    port: Option<u16>,
}

#[derive(Debug, Clone)]
enum Hosts {
    /// `*`: every host.
    All,
    /// An address, or a network of addresses as `ADDRESS/BITS`.
    Network { address: IpAddr, bits: u32 },
    /// `NAME` or `.NAME`: the name and every name below it.
    Domain(String),
    /// `*.NAME`: every name below it.
    Below(String),
}

impl NoProxy {
    /// Reads a list. Commas or blanks separate its entries.
    pub fn read(list: &str) -> Self {
        let entries = list.split([',', ' ', '\t', '\n', '\r']);
        Self(entries.filter_map(Exception::read).collect())
    }

    /// Whether this host is called without a proxy.
    pub fn has(&self, host: &str, port: u16) -> bool {
        let address = address_of(host);
        let name = plain_name(host);
        self.0.iter().any(|exception| {
            exception.port.is_none_or(|only| only == port)
                && match address {
                    Some(address) => exception.hosts.have_address(address),
                    None => exception.hosts.have_name(&name),
                }
        })
    }
}

impl Exception {
    fn read(entry: &str) -> Option<Self> {
        if let Some(hosts) = Hosts::network(entry) {
            return Some(Self { hosts, port: None });
        }
        let with_port = entry.rsplit_once(':');
        let with_port = with_port.and_then(|(host, port)| Some((host, port.parse().ok()?)));
        let (host, port) = with_port.map_or((entry, None), |(host, port)| (host, Some(port)));
        let hosts = Hosts::network(host).or_else(|| Hosts::named(host))?;
        Some(Self { hosts, port })
    }
}

impl Hosts {
    fn network(text: &str) -> Option<Self> {
        let (text, bits) = match text.split_once('/') {
            Some((address, bits)) => (address, Some(bits.parse().ok()?)),
            None => (text, None),
        };
        let address = address_of(text)?;
        let most = if address.is_ipv4() { 32 } else { 128 };
        let bits = bits.unwrap_or(most);
        (bits <= most).then_some(Self::Network { address, bits })
    }

    fn named(text: &str) -> Option<Self> {
        if text == "*" {
            return Some(Self::All);
        }
        let (name, is_below): (_, fn(String) -> Self) = match text.strip_prefix("*.") {
            Some(name) => (name, Self::Below),
            None => (text.trim_start_matches('.'), Self::Domain),
        };
        let name = plain_name(name);
        (!name.is_empty()).then(|| is_below(name))
    }

    fn have_address(&self, asked: IpAddr) -> bool {
        match self {
            Self::All => true,
            Self::Network { address, bits } => match (address, asked) {
                (IpAddr::V4(net), IpAddr::V4(asked)) => (u32::from(*net) ^ u32::from(asked)).leading_zeros() >= *bits,
                (IpAddr::V6(net), IpAddr::V6(asked)) => (u128::from(*net) ^ u128::from(asked)).leading_zeros() >= *bits,
                _ => false,
            },
            Self::Domain(_) | Self::Below(_) => false,
        }
    }

    fn have_name(&self, asked: &str) -> bool {
        let is_below = |name: &str| asked.strip_suffix(name).is_some_and(|rest| rest.ends_with('.'));
        match self {
            Self::All => true,
            Self::Network { .. } => false,
            Self::Domain(name) => asked == name || is_below(name),
            Self::Below(name) => is_below(name),
        }
    }
}

/// Returns a name in the form that is compared: in lower case, without the dot of the root.
fn plain_name(text: &str) -> String {
    text.strip_suffix('.').unwrap_or(text).to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The hosts that each list matches, and hosts that it does not match.
    const TABLE: &[(&str, &[&str], &[&str])] = &[
        ("", &[], &["a.com", "127.0.0.1", "[::1]"]),
        (" , ,,", &[], &["a.com"]),
        ("*", &["a.com", "10.0.0.1", "[2001:db8::1]:8443"], &[]),
        ("b.org, *", &["a.com"], &[]),
        ("*:8443", &["a.com:8443", "10.0.0.1:8443"], &["a.com"]),
        (
            "a.com",
            &["a.com", "A.COM", "a.com.", "x.a.com", "x.y.a.com"],
            &["xa.com", "a.com.org", "com"],
        ),
        ("A.Com", &["a.com", "x.a.com"], &["b.com"]),
        (".a.com", &["a.com", "x.a.com"], &["xa.com"]),
        ("*.a.com", &["x.a.com", "x.y.a.com"], &["a.com", "xa.com"]),
        ("*a.com", &[], &["a.com", "xa.com", "x.a.com"]),
        ("a.com:443", &["a.com", "x.a.com", "a.com:443"], &["a.com:8443"]),
        ("a.com:8443", &["a.com:8443"], &["a.com"]),
        ("*.a.com:8443", &["x.a.com:8443"], &["a.com:8443", "x.a.com"]),
        ("a.com:", &[], &["a.com"]),
        ("b.org a.com\tc.net", &["a.com", "b.org", "c.net"], &["d.com"]),
        ("b.org ,\n a.com ,", &["a.com", "b.org"], &["d.com"]),
        (
            "10.1.2.3",
            &["10.1.2.3", "10.1.2.3:8443"],
            &["10.1.2.4", "x.10.1.2.3.com"],
        ),
        ("10.1.2.3:8443", &["10.1.2.3:8443"], &["10.1.2.3"]),
        (
            "10.0.0.0/8",
            &["10.0.0.0", "10.255.255.255"],
            &["11.0.0.0", "9.255.255.255", "ten.com"],
        ),
        ("10.1.2.3/8", &["10.9.9.9"], &["11.0.0.0"]),
        ("192.0.2.128/25", &["192.0.2.128", "192.0.2.255"], &["192.0.2.127"]),
        ("0.0.0.0/0", &["10.1.2.3"], &["[::1]", "a.com"]),
        ("10.1.2.3/32", &["10.1.2.3"], &["10.1.2.2"]),
        ("10.1.2.3/33", &[], &["10.1.2.3"]),
        ("::/0", &["[::1]", "[2001:db8::1]"], &["10.1.2.3"]),
        ("2001:db8::1", &["[2001:db8::1]", "[2001:DB8:0::1]"], &["[2001:db8::2]"]),
        ("[2001:db8::1]", &["[2001:db8::1]"], &["[2001:db8::2]"]),
        ("[2001:db8::1]:8443", &["[2001:db8::1]:8443"], &["[2001:db8::1]"]),
        ("2001:db8::/32", &["[2001:db8:1::9]"], &["[2001:db9::]"]),
        ("2001:db8::/129", &[], &["[2001:db8::]"]),
        ("::ffff:10.1.2.3", &["10.1.2.3", "[::ffff:10.1.2.3]"], &["10.1.2.4"]),
        ("10.0.0.0/8", &["[::ffff:10.1.2.3]"], &["[::ffff:11.1.2.3]"]),
        ("1", &[], &["10.1.2.1"]),
        (".", &[], &["a.com"]),
        ("*.", &[], &["a.com"]),
    ];

    fn has(list: &NoProxy, host: &str, usual_port: u16) -> bool {
        match host.rsplit_once(':').filter(|(_, port)| !port.contains(']')) {
            Some((host, port)) => list.has(host, port.parse().unwrap()),
            None => list.has(host, usual_port),
        }
    }

    #[test]
    fn each_form_takes_its_hosts_out_and_no_others() {
        for (text, hosts, others) in TABLE {
            let list = NoProxy::read(text);
            for host in *hosts {
                assert!(has(&list, host, 443), "{text:?} has {host}");
            }
            for host in *others {
                assert!(!has(&list, host, 443), "{text:?} has no {host}");
            }
        }
    }

    /// The table of golang.org/x/net/http/httpproxy (`UseProxyTests`), the library that Amazon's credential helper uses. It says that `.barbaz.net`
    /// does not match `barbaz.net`. curl and Python say that it does.
    #[test]
    fn go_sees_the_same_hosts() {
        let list = NoProxy::read(
            "foobar.com, .barbaz.net, *.wildcard.io, 192.168.1.1, 192.168.1.2:81, 192.168.1.3:80, 10.0.0.0/30, 2001:db8::52:0:1, \
             [2001:db8::52:0:2]:443, [2001:db8::52:0:3]:80, 2002:db8:a::45/64",
        );
        for (host, is_proxied) in [
            ("[::2]", true),
            ("192.168.1.1", false),
            ("192.168.1.2", true),
            ("192.168.1.2:81", false),
            ("192.168.1.3", false),
            ("192.168.1.4", true),
            ("10.0.0.2", false),
            ("[2001:db8::52:0:1]", false),
            ("[2001:db8::52:0:2]", true),
            ("[2001:db8::52:0:2]:443", false),
            ("[2001:db8::52:0:3]", false),
            ("[2002:db8:a::123]", false),
            ("[fe80::424b:c8be:1643:a1b6]", true),
            ("www.barbaz.net", false),
            ("foobar.com", false),
            ("www.foobar.com", false),
            ("foofoobar.com", true),
            ("baz.com", true),
            ("localhost.net", true),
            ("local.localhost", true),
            ("barbarbaz.net", true),
            ("wildcard.io", true),
            ("nested.wildcard.io", false),
            ("awildcard.io", true),
        ] {
            assert_eq!(!has(&list, host, 80), is_proxied, "{host}");
        }
    }
}
