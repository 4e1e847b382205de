//! `NO_PROXY` and the variables for proxies.

use aws_access::net::{Proxy, named_proxy, not_proxied, proxy_of};
use context::Env;

use super::inputs::{parts, text};

const PROXY: &str = "http://proxy.example.com:3128";
const SECRET: &str = "s3cret";

/// The input: a list, another list, a host with an optional port, a proxy.
pub fn proxies(input: &[u8]) {
    let Some(input) = text(input) else { return };
    let [list, other, host, proxy] = parts(input);
    let url = format!("https://{host}/");
    let of = |list: &str| of(PROXY, list, &url);
    let found = of(list);
    assert_eq!(found, of(&list.to_ascii_uppercase()));
    assert_eq!(found, of(&format!(" {list} ,")));
    // A further entry never removes a host, and the order does not matter.
    let both = of(&format!("{list},{other}"));
    assert_eq!(both, of(&format!("{other},{list}")));
    assert_eq!(both.is_some(), found.is_some() && of(other).is_some());
    assert_eq!(of(&format!("{list},*")), None);
    if is_name(host) {
        assert_eq!(of(host), None, "{host}");
    }
    let env: Env = [("HTTPS_PROXY", proxy), ("NO_PROXY", list)].into_iter().collect();
    let _ = (named_proxy(&env), not_proxied(&env));
    if let Ok(Some(found)) = proxy_of(&env, &url) {
        assert!(
            !found.shown().contains(SECRET) || !proxy.contains(&format!(":{SECRET}@")),
            "{}",
            found.shown()
        );
    }
}

fn of(proxy: &str, list: &str, url: &str) -> Option<Proxy> {
    let env: Env = [("HTTPS_PROXY", proxy), ("NO_PROXY", list)].into_iter().collect();
    proxy_of(&env, url).ok().flatten()
}

/// Whether an entry with this host matches only this host.
fn is_name(host: &str) -> bool {
    !host.is_empty() && host.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}
