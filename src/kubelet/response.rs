//! `CredentialProviderResponse`.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Serialize;

use super::API_VERSION;
use ecr_registry::USERNAME;
use secret::Secret;

/// The response as JSON. The kubelet decodes it strictly, so it must not have other fields.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ResponseDocument<'a> {
    kind: &'static str,
    api_version: &'static str,
    cache_key_type: &'static str,
    cache_duration: String,
    auth: BTreeMap<&'a str, ResponseLogin<'a>>,
}

#[derive(Serialize)]
struct ResponseLogin<'a> {
    username: &'static str,
    password: &'a str,
}

/// Returns the response with a password for all of a registry, in one line. The kubelet keeps it for half of the password's remaining life.
pub fn with_password(host: &str, password: &Secret, left: Duration) -> Secret {
    let login = ResponseLogin {
        username: USERNAME,
        password: password.expose(),
    };
    answer(BTreeMap::from([(host, login)]), left / 2)
}

/// Returns the response without credentials for this image, in one line. The kubelet pulls with other credentials or anonymously, and asks again
/// next time.
pub fn without_credentials() -> Secret {
    answer(BTreeMap::new(), Duration::ZERO)
}

fn answer(auth: BTreeMap<&str, ResponseLogin<'_>>, kept: Duration) -> Secret {
    let document = ResponseDocument {
        kind: "CredentialProviderResponse",
        api_version: API_VERSION,
        cache_key_type: "Registry",
        cache_duration: go_duration(kept),
        auth,
    };
    // Serialising text keys and values cannot fail.
    let line = serde_json::to_string(&document).unwrap_or_default();
    Secret::new(line + "\n")
}

/// Returns a duration as Go writes it, in whole seconds, rounded down: `5h59m0s`, `59m30s`, `0s`.
/// <https://pkg.go.dev/time#Duration.String>
fn go_duration(duration: Duration) -> String {
    let seconds = duration.as_secs();
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    match (hours, minutes) {
        (0, 0) => format!("{seconds}s"),
        (0, _) => format!("{minutes}m{seconds}s"),
        _ => format!("{hours}h{minutes}m{seconds}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_gos() {
        for (milliseconds, text) in [
            (0, "0s"),
            (999, "0s"),
            (59_000, "59s"),
            (60_000, "1m0s"),
            (3_599_999, "59m59s"),
            (3_600_000, "1h0m0s"),
            (21_540_000, "5h59m0s"),
            (360_061_000, "100h1m1s"),
        ] {
            assert_eq!(go_duration(Duration::from_millis(milliseconds)), text);
        }
    }

    #[test]
    fn answers_to_the_letter() {
        let answer = with_password("host:443", &Secret::new("p\"w"), Duration::from_secs(43_200));
        assert_eq!(
            answer.expose(),
            "{\"kind\":\"CredentialProviderResponse\",\"apiVersion\":\"credentialprovider.kubelet.k8s.io/v1\",\
             \"cacheKeyType\":\"Registry\",\"cacheDuration\":\"6h0m0s\",\
             \"auth\":{\"host:443\":{\"username\":\"AWS\",\"password\":\"p\\\"w\"}}}\n"
        );
    }
}
