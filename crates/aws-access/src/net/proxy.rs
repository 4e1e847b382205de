//! Which proxy a call goes through, for who tells people what to look at. Who connects reads the same variables, with the same matcher.

use hyper_util::client::proxy::matcher::Matcher;

use super::address::is_local;
use context::{Env, variables};
use diagnostics::without_userinfo;

/// The variables that name a proxy for https, for http, and for both.
const HTTPS: [&str; 2] = [variables::HTTPS_PROXY, "https_proxy"];
const HTTP: [&str; 2] = [variables::HTTP_PROXY, "http_proxy"];
const BOTH: [&str; 2] = [variables::ALL_PROXY, "all_proxy"];

/// The variable that names the proxy through which a call of this URL goes, and the proxy without its password. `None`: it goes straight
/// there, as no proxy is named for such a URL, `NO_PROXY` takes it out, or it is plain http to this machine.
pub fn proxy_of(env: &Env, url: &str) -> Option<(&'static str, String)> {
    let uri = url.parse().ok().filter(|_| !is_local(url))?;
    let except = not_proxied(env).map_or("", |(_, hosts)| hosts);
    let is_taken = |proxy: &str| {
        Matcher::builder()
            .all(proxy)
            .no(except)
            .build()
            .intercept(&uri)
            .is_some()
    };
    let own = if uri.scheme_str() == Some("http") { HTTP } else { HTTPS };
    let mut named = [own, BOTH].into_iter().filter_map(|names| first(env, names));
    let (name, proxy) = named.find(|(_, proxy)| is_taken(proxy))?;
    Some((name, without_userinfo(proxy)))
}

/// The variable that names a proxy for https at all, and the proxy without its password: for people.
pub fn named_proxy(env: &Env) -> Option<(&'static str, String)> {
    let mut named = [HTTPS, BOTH].into_iter().filter_map(|names| first(env, names));
    let (name, proxy) = named.find(|(_, proxy)| !proxy.is_empty())?;
    Some((name, without_userinfo(proxy)))
}

/// The variable that names hosts which need no proxy, and the hosts.
pub fn not_proxied(env: &Env) -> Option<(&'static str, &str)> {
    first(env, [variables::NO_PROXY, "no_proxy"]).filter(|(_, hosts)| !hosts.is_empty())
}

/// The first of two variables that is set. To nothing is set, too: who connects doesn't look at the other one then.
fn first<'e>(env: &'e Env, names: [&'static str; 2]) -> Option<(&'static str, &'e str)> {
    let is_set = |name: &&str| env.get(name).is_some() || env.is_blank(name);
    let name = names.into_iter().find(is_set)?;
    Some((name, env.get(name).unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ECR: &str = "https://api.ecr.eu-west-1.amazonaws.com/";

    fn of(vars: &[(&str, &str)], url: &str) -> Option<(&'static str, String)> {
        proxy_of(&vars.iter().copied().collect(), url)
    }

    #[test]
    fn a_proxy_is_named_by_the_variable_of_its_scheme() {
        let both = [
            ("HTTP_PROXY", "http://plain:1"),
            ("https_proxy", "http://user:s3cret@tls:2"),
            ("ALL_PROXY", "http://all:3"),
        ];
        assert_eq!(of(&both, ECR), Some(("https_proxy", "http://tls:2".to_owned())));
        let plain = of(&both, "http://ecr.example.com/");
        assert_eq!(plain, Some(("HTTP_PROXY", "http://plain:1".to_owned())));
        assert_eq!(of(&both[2..], ECR), Some(("ALL_PROXY", "http://all:3".to_owned())));
        assert_eq!(of(&both[..1], ECR), None);
        // What is no proxy's address, or nothing, leaves it to the one for both.
        for none in ["", "ftp://p"] {
            let vars = [("HTTPS_PROXY", none), ("https_proxy", "http://tls:2"), both[2]];
            assert_eq!(of(&vars, ECR), Some(("ALL_PROXY", "http://all:3".to_owned())));
        }
    }

    #[test]
    fn what_needs_no_proxy_has_none() {
        let except = |hosts, url| of(&[("ALL_PROXY", "http://p:1"), ("NO_PROXY", hosts)], url);
        assert!(except("example.com,10.0.0.0/8", ECR).is_some());
        for hosts in [
            "*",
            "amazonaws.com",
            "localhost, .eu-west-1.amazonaws.com",
            "api.ecr.eu-west-1.amazonaws.com",
        ] {
            assert_eq!(except(hosts, ECR), None, "{hosts}");
        }
        assert_eq!(except("10.0.0.0/8", "https://10.1.2.3:8443/"), None);
        assert_eq!(except("127.0.0.1", "https://127.0.0.1:1/"), None);
        assert!(except("", "https://127.0.0.1:1/").is_some());
        for local in [
            "http://127.0.0.1:1/",
            "http://169.254.169.254/",
            "http://localhost:4566",
        ] {
            assert_eq!(except("", local), None, "{local}");
        }
        assert_eq!(except("", "not an address"), None);
    }
}
