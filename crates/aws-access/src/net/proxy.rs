//! The proxy of a call, for connections and for messages.

use std::fmt;

use aws_smithy_http_client::proxy::ProxyConfig;
use http::Uri;

use super::address::is_local;
use super::no_proxy::NoProxy;
use context::{Env, variables};
use diagnostics::without_userinfo;
use secret::Secret;

/// The variables that name a proxy for https, and those for http. The first one that is set counts.
const HTTPS: [&str; 4] = [variables::HTTPS_PROXY, "https_proxy", variables::ALL_PROXY, "all_proxy"];
const HTTP: [&str; 4] = [variables::HTTP_PROXY, "http_proxy", variables::ALL_PROXY, "all_proxy"];

/// The variables that list hosts without a proxy. The first one that is set counts.
const NO_PROXY: [&str; 2] = [variables::NO_PROXY, "no_proxy"];

/// Returns all variables that decide which proxy a call takes. Some are there twice.
pub fn proxy_variables() -> impl Iterator<Item = &'static str> {
    HTTPS.into_iter().chain(HTTP).chain(NO_PROXY)
}

/// A proxy, and the variable that names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proxy {
    /// The name of the variable.
    pub variable: &'static str,
    /// The proxy's URL, with the password that it may hold.
    url: Secret,
}

/// A variable whose value is not the address of an http or https proxy. A call that would go through it fails: to go past the proxy would tell
/// the network what the user wanted to hide from it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnusableProxy {
    /// The name of the variable.
    pub variable: &'static str,
    /// The value without a password.
    shown: String,
}

impl fmt::Display for UnusableProxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {UNUSABLE}: {}", self.variable, self.shown)
    }
}

impl std::error::Error for UnusableProxy {}

/// The hint for a proxy that cannot be used.
pub const PROXY_HINT: &str = "name it as http://HOST:PORT or https://HOST:PORT, unset the variable, or list the host in NO_PROXY; \
    SOCKS proxies can't be used";

/// The words of [`UnusableProxy`] by which its code is found.
pub(super) const UNUSABLE: &str = "names no http or https proxy";

impl Proxy {
    /// Returns the proxy that the first of these variables names. Only proxies of http and https can be used. `ALL_PROXY` is skipped if it names
    /// another: it is curl's, whose SOCKS proxies are common in it, and AWS's own programs don't read it.
    fn named(env: &Env, variables: [&'static str; 4]) -> Result<Option<Self>, UnusableProxy> {
        for variable in variables {
            let Some(value) = env.get(variable) else { continue };
            match usable_url(value) {
                Some(url) => return Ok(Some(Self { variable, url })),
                None if variable.eq_ignore_ascii_case(variables::ALL_PROXY) => {}
                None => {
                    let shown = without_userinfo(value);
                    return Err(UnusableProxy { variable, shown });
                }
            }
        }
        Ok(None)
    }

    /// Returns the proxy's URL without a password, for messages.
    pub fn shown(&self) -> String {
        without_userinfo(self.url.expose())
    }

    /// Returns the proxy in the form of the SDK's connections.
    pub(super) fn config(&self) -> ProxyConfig {
        ProxyConfig::all(self.url.expose()).unwrap_or_else(|_| ProxyConfig::disabled())
    }

    pub(super) fn is_encrypted(&self) -> bool {
        self.url.expose().starts_with("https:")
    }
}

/// Returns a usable proxy's URL. A text without a scheme is an http URL, as in all programs that read these variables.
fn usable_url(text: &str) -> Option<Secret> {
    let text = text.trim();
    let uri: Uri = text.parse().ok()?;
    let host = uri.host().filter(|host| !host.is_empty())?;
    let address = uri.authority()?.as_str();
    let port = address.rsplit('@').next()?.strip_prefix(host)?;
    if !matches!(port, "" | ":") && uri.port_u16().is_none() {
        return None;
    }
    let url = match uri.scheme_str() {
        Some("http" | "https") => text.to_owned(),
        Some(_) => return None,
        None => format!("http://{text}"),
    };
    ProxyConfig::all(&url).ok()?;
    Some(Secret::new(url))
}

/// The proxies that the environment names, and the hosts that are called without one.
#[derive(Debug, Clone)]
pub struct Proxies {
    https: Result<Option<Proxy>, UnusableProxy>,
    http: Result<Option<Proxy>, UnusableProxy>,
    except: NoProxy,
}

impl Proxies {
    /// Reads `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY` and `NO_PROXY`, also in lower case.
    pub fn from_env(env: &Env) -> Self {
        Self {
            https: Proxy::named(env, HTTPS),
            http: Proxy::named(env, HTTP),
            except: NoProxy::read(not_proxied(env).map_or("", |(_, hosts)| hosts)),
        }
    }

    /// Returns the proxy for a call of this URL. An address of this machine is called without one.
    ///
    /// # Errors
    /// The call needs a proxy, and the variable for it names none that can be used.
    pub fn of(&self, url: &str) -> Result<Option<&Proxy>, UnusableProxy> {
        let Some(uri) = url.parse::<Uri>().ok().filter(|_| !is_local(url)) else {
            return Ok(None);
        };
        let (proxy, usual_port) = match uri.scheme_str() {
            Some("https") => (&self.https, 443),
            Some("http") => (&self.http, 80),
            _ => return Ok(None),
        };
        let port = uri.port_u16().unwrap_or(usual_port);
        if uri.host().is_none_or(|host| self.except.has(host, port)) {
            return Ok(None);
        }
        proxy.as_ref().map(Option::as_ref).map_err(Clone::clone)
    }
}

/// Returns the proxy for a call of this URL.
///
/// # Errors
/// The call needs a proxy, and the variable for it names none that can be used.
pub fn proxy_of(env: &Env, url: &str) -> Result<Option<Proxy>, UnusableProxy> {
    Ok(Proxies::from_env(env).of(url)?.cloned())
}

/// Returns the variable that names a proxy for https, and its value without a password. The value of `ALL_PROXY` may be unusable.
pub fn named_proxy(env: &Env) -> Option<(&'static str, String)> {
    let (name, proxy) = HTTPS.into_iter().find_map(|name| Some((name, env.get(name)?)))?;
    Some((name, without_userinfo(proxy)))
}

/// Returns the variable that lists hosts without a proxy, and the list.
pub fn not_proxied(env: &Env) -> Option<(&'static str, &str)> {
    NO_PROXY.into_iter().find_map(|name| Some((name, env.get(name)?)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ECR: &str = "https://api.ecr.eu-west-1.amazonaws.com/";

    fn of(vars: &[(&str, &str)], url: &str) -> Option<(&'static str, String)> {
        let proxy = proxy_of(&vars.iter().copied().collect(), url).unwrap()?;
        Some((proxy.variable, proxy.shown()))
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
    }

    /// A CI passes on variables without a value.
    #[test]
    fn a_variable_without_a_value_leaves_it_to_the_next() {
        let vars = [
            ("HTTPS_PROXY", ""),
            ("https_proxy", "http://tls:2"),
            ("ALL_PROXY", "http://all:3"),
        ];
        assert_eq!(of(&vars, ECR), Some(("https_proxy", "http://tls:2".to_owned())));
        assert_eq!(
            of(&[vars[0], vars[2]], ECR),
            Some(("ALL_PROXY", "http://all:3".to_owned()))
        );
        assert_eq!(of(&vars[..1], ECR), None);
        let lists = [
            ("ALL_PROXY", "http://p:1"),
            ("NO_PROXY", ""),
            ("no_proxy", "amazonaws.com"),
        ];
        assert_eq!(of(&lists, ECR), None);
    }

    #[test]
    fn a_proxy_that_cannot_be_used_is_an_error_where_one_is_needed() {
        for none in [
            "ftp://p",
            "socks5://p:1080",
            "://",
            "http://",
            "http:/p:1",
            ":8080",
            "http://pröxy:1",
            "http://p:99999",
        ] {
            let vars = [
                ("HTTPS_PROXY", none),
                ("https_proxy", "http://tls:2"),
                ("NO_PROXY", "a.test"),
            ];
            let asked = |url| proxy_of(&vars.into_iter().collect(), url);
            let refused = asked(ECR).unwrap_err();
            assert_eq!(
                refused.to_string(),
                format!("HTTPS_PROXY names no http or https proxy: {none}")
            );
            for url in ["https://a.test/", "http://ecr.example.com/", "https://127.0.0.1:1/"] {
                assert_eq!(asked(url), Ok(None), "{none} {url}");
            }
            assert_eq!(
                of(&[("ALL_PROXY", none), ("all_proxy", "http://p:1")], ECR),
                Some(("all_proxy", "http://p:1".to_owned()))
            );
            assert_eq!(of(&[("ALL_PROXY", none)], ECR), None, "{none}");
        }
        let secret = [("https_proxy", "socks5://user:s3cret@p:1")];
        let refused = proxy_of(&secret.into_iter().collect(), ECR).unwrap_err();
        assert_eq!(
            refused.to_string(),
            "https_proxy names no http or https proxy: socks5://p:1"
        );
    }

    #[test]
    fn a_proxy_may_have_no_scheme() {
        for (text, shown) in [
            ("p", "http://p"),
            ("p:3128", "http://p:3128"),
            ("user:s3cret@p:3128", "http://p:3128"),
            ("127.0.0.1:3128", "http://127.0.0.1:3128"),
            (" http://p:1 ", "http://p:1"),
        ] {
            assert_eq!(
                of(&[("HTTPS_PROXY", text)], ECR),
                Some(("HTTPS_PROXY", shown.to_owned()))
            );
        }
    }

    #[test]
    fn what_needs_no_proxy_has_none() {
        let except = |hosts, url| of(&[("ALL_PROXY", "http://p:1"), ("NO_PROXY", hosts)], url);
        assert!(except("example.com,10.0.0.0/8", ECR).is_some());
        for hosts in [
            "*",
            "amazonaws.com",
            "*.amazonaws.com",
            "localhost, .eu-west-1.amazonaws.com",
            "api.ecr.eu-west-1.amazonaws.com",
            "api.ecr.eu-west-1.amazonaws.com:443",
        ] {
            assert_eq!(except(hosts, ECR), None, "{hosts}");
        }
        assert!(except("api.ecr.eu-west-1.amazonaws.com:80", ECR).is_some());
        assert_eq!(except("ecr.example.com:80", "http://ecr.example.com/"), None);
        assert_eq!(except("10.0.0.0/8", "https://10.1.2.3:8443/"), None);
        assert_eq!(except("2001:db8::/32", "https://[2001:db8::1]/"), None);
        assert_eq!(except("", "not an address"), None);
    }

    /// The scheme does not matter: a container's credentials may also be served over https.
    #[test]
    fn this_machine_needs_no_proxy() {
        for local in [
            "http://127.0.0.1:1/",
            "https://127.0.0.1:1/",
            "https://localhost:1/creds",
            "https://[::1]/",
            "http://169.254.169.254/",
            "http://[fd00:ec2::23]/v1/credentials",
            "http://localhost:4566",
        ] {
            assert_eq!(of(&[("ALL_PROXY", "http://p:1")], local), None, "{local}");
        }
    }
}
