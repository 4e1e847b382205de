//! The connection to AWS: proxy, DNS, TLS roots, and the server's clock.

use std::time::{Duration, SystemTime};

use super::Checkup;
use super::report::{Check, Outcome};
use super::span::roughly;
use crate::registry::probe;
use aws_access::PasswordPath;
use aws_access::net::{PROXY_HINT, Transport, named_proxy, named_roots, not_proxied, proxy_of};
use context::Env;
use diagnostics::{Code, Error, without_userinfo};
use ecr_registry::region_of_server_meant;

/// The most that a signature's time may be off: <https://docs.aws.amazon.com/IAM/latest/UserGuide/signing-elements.html>
const SIGNATURES: Duration = Duration::from_secs(300);
/// The clock difference from which there is a warning.
const DRIFT: Duration = Duration::from_secs(60);

/// Returns the checks, and the connections for further calls if AWS answers at all.
pub fn checks(path: &PasswordPath, checkup: &mut Checkup<'_, '_>) -> (Vec<Check>, Option<Transport>) {
    let env = checkup.context.env.clone();
    let address = match path.endpoint().address() {
        Ok(address) => address,
        Err(error) => return (vec![Check::failed("network", &error)], None),
    };
    let shown = without_userinfo(&address);
    let ca_bundle = path.identity().setting("ca_bundle");
    let proxy = proxy(&env, &address);
    if proxy.outcome == Outcome::Fail {
        return (vec![proxy], None);
    }
    let mut checks = vec![proxy, roots(&env, ca_bundle)];
    let transport = Transport::new(&env, ca_bundle);
    let answer = transport.and_then(|transport| {
        let answer = checkup.wait(&format!("probing {shown}"), probe(&transport, &address))?;
        Ok((answer, transport))
    });
    match answer {
        Ok((answer, transport)) => {
            checks.push(Check::pass("network", format!("{shown} answers")));
            checks.extend(answer.date().map(|theirs| clock(theirs, checkup.context.now())));
            (checks, Some(transport))
        }
        Err(error) => {
            checks.push(Check::failed("network", &through(&env, &address, &error)));
            (checks, None)
        }
    }
}

fn proxy(env: &Env, address: &str) -> Check {
    let used = match proxy_of(env, address) {
        Ok(used) => used,
        Err(unusable) => return Check::fail("proxy", Code::UnusableProxy, unusable.to_string(), PROXY_HINT),
    };
    let finding = match (used, named_proxy(env)) {
        (Some(proxy), _) => {
            let except = not_proxied(env).map(|(name, hosts)| format!(", except {hosts} ({name})"));
            let (name, url, except) = (proxy.variable, proxy.shown(), except.unwrap_or_default());
            format!("{name} has ecr-auth go through {url}{except}; docker's daemon has settings of its own")
        }
        (None, Some((name, url))) => {
            let except = not_proxied(env).map(|(name, hosts)| format!("; {name} is {hosts}"));
            let (host, except) = (without_userinfo(address), except.unwrap_or_default());
            format!("{name} names {url}, but {} is asked without it{except}", host_of(&host))
        }
        (None, None) => "no proxy is set".to_owned(),
    };
    Check::pass("proxy", finding)
}

fn roots(env: &Env, ca_bundle: Option<&str>) -> Check {
    let finding = match named_roots(env, ca_bundle) {
        Some((setting, path)) => format!("certificates are checked by {path} ({setting})"),
        None => "certificates are checked by the system's roots, or Mozilla's where it has none".to_owned(),
    };
    Check::pass("tls", finding)
}

/// Returns the error for an address that cannot be reached, with the proxy that was used, and a hint.
fn through(env: &Env, address: &str, error: &Error) -> Error {
    let cause = error.cause();
    if cause.contains("certificate") {
        return error.clone();
    }
    match proxy_of(env, address).ok().flatten() {
        Some(proxy) => Error::failed(
            error.code(),
            error.what(),
            format!("by the proxy {} ({}): {cause}", proxy.shown(), proxy.variable),
        )
        .hint(format!(
            "check that the proxy runs and lets this host through, or unset {}; NO_PROXY takes hosts that need none",
            proxy.variable
        )),
        None if cause.contains("lookup") => error.clone().hint(unresolved(host_of(&without_userinfo(address)))),
        None if error.code() == Code::Timeout => error.clone().hint(format!(
            "{}. {PRIVATE_LINK}",
            error.hint_text().unwrap_or("check the network")
        )),
        None => error.clone(),
    }
}

/// The hint for a VPC without internet access.
const PRIVATE_LINK: &str = "In a VPC without a way out, ECR takes two interface endpoints with private DNS, ecr.api and ecr.dkr, and S3's \
    gateway endpoint for the layers";

fn unresolved(host: &str) -> String {
    const DNS: &str = "look at the DNS of this machine or container (/etc/resolv.conf), and at a VPC's private DNS";
    if host.split(['.', '-']).any(|part| part == "fips") {
        return format!(
            "the name can't be resolved: ECR has FIPS endpoints in some regions only, most of them in the United States. In another region use \
             the host without -fips, and unset AWS_USE_FIPS_ENDPOINT; otherwise {DNS}"
        );
    }
    match region_of_server_meant(host) {
        Some(meant) => format!("{meant} The name can't be resolved; if the region is right, {DNS}"),
        None => format!("the name can't be resolved: {DNS}"),
    }
}

/// Returns `HOST[:PORT]` of a URL, without `user:password@`.
fn host_of(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    rest.split('/').next().unwrap_or_default()
}

fn clock(theirs: SystemTime, ours: SystemTime) -> Check {
    let (off, way) = match ours.duration_since(theirs) {
        Ok(ahead) => (ahead, "ahead of"),
        Err(behind) => (behind.duration(), "behind"),
    };
    let finding = format!("this machine's clock is {} {way} AWS's", roughly(off));
    let hint = "set the clock right: timedatectl set-ntp true, or the host's clock where this is a container or a virtual machine";
    match off {
        off if off >= SIGNATURES => Check::fail(
            "clock",
            Code::Clock,
            format!("{finding}: signatures and tokens that are 5 minutes off count as wrong"),
            hint,
        ),
        off if off >= DRIFT => Check::warn("clock", finding, hint),
        _ => Check::pass("clock", "this machine's clock agrees with AWS's"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_cannot_be_resolved_and_proxies_have_ways_out_of_their_own() {
        let hint = |cause: &str, vars: &[(&str, &str)]| {
            let error = Error::failed(Code::Connection, "cannot reach https://x/", cause).hint("check the network");
            let env: Env = vars.iter().copied().collect();
            through(&env, "https://api.ecr.eu-west-1.amazonaws.com", &error)
                .hint_text()
                .unwrap()
                .to_owned()
        };
        let lookup = "failed to lookup address information: Name or service not known";
        assert!(hint(lookup, &[]).contains("DNS"));
        assert!(hint(lookup, &[("https_proxy", "http://p:1")]).contains("unset https_proxy"));
        let certificate = "invalid peer certificate: UnknownIssuer";
        assert_eq!(hint(certificate, &[("https_proxy", "http://p:1")]), "check the network");
        let refused = "the connection was refused";
        assert_eq!(hint(refused, &[]), "check the network");
        let past = [("https_proxy", "http://p:1"), ("no_proxy", ".amazonaws.com")];
        assert_eq!(hint(refused, &past), "check the network");
        assert!(hint(lookup, &past).contains("DNS"));
        let slow = Error::failed(Code::Timeout, "cannot reach https://x/", "no answer within 5 s").hint("check it");
        let hint = through(&Env::default(), "https://api.ecr.eu-west-1.amazonaws.com", &slow);
        assert!(hint.hint_text().unwrap().starts_with("check it. In a VPC"), "{hint:?}");
        let fips = unresolved("api.ecr-fips.eu-west-1.amazonaws.com");
        assert!(fips.contains("without -fips"), "{fips}");
    }

    #[test]
    fn the_proxy_is_told_by_what_is_asked() {
        let told = |vars: &[(&str, &str)], address: &str| proxy(&vars.iter().copied().collect(), address).finding;
        let ecr = "https://api.ecr.eu-west-1.amazonaws.com";
        let vars = [
            ("HTTPS_PROXY", "http://user:s3cret@p:1"),
            ("NO_PROXY", "api.ecr.eu-west-1.amazonaws.com"),
        ];
        assert_eq!(
            told(&vars[..1], ecr),
            "HTTPS_PROXY has ecr-auth go through http://p:1; docker's daemon has settings of its own"
        );
        assert_eq!(
            told(&vars, "https://ecr.example.com"),
            "HTTPS_PROXY has ecr-auth go through http://p:1, except api.ecr.eu-west-1.amazonaws.com (NO_PROXY); docker's daemon has settings of its own"
        );
        assert_eq!(
            told(&vars, ecr),
            "HTTPS_PROXY names http://p:1, but api.ecr.eu-west-1.amazonaws.com is asked without it; NO_PROXY is api.ecr.eu-west-1.amazonaws.com"
        );
        assert_eq!(
            told(&vars[..1], "http://127.0.0.1:4566"),
            "HTTPS_PROXY names http://p:1, but 127.0.0.1:4566 is asked without it"
        );
        assert_eq!(told(&[], ecr), "no proxy is set");
    }

    #[test]
    fn a_clock_may_be_a_little_off() {
        let now = SystemTime::now();
        let outcome = |ours: SystemTime| clock(now, ours).outcome;
        let off = Duration::from_secs;
        assert_eq!(outcome(now + off(59)), Outcome::Pass);
        assert_eq!(outcome(now - off(60)), Outcome::Warn);
        assert_eq!(outcome(now + off(299)), Outcome::Warn);
        assert_eq!(outcome(now - off(300)), Outcome::Fail);
        assert!(clock(now, now + off(3600)).finding.contains("60 minutes ahead of"));
    }
}
