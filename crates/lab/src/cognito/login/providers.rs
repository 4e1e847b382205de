//! The identity providers behind the managed login: a company's own (SAML), and Google.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;

use super::super::srp::mac;
use super::super::user_pool::UserPool;
use super::super::{Provider, USER_POOL_ID};
use super::page;
use crate::answer::{Answer, escape_xml};
use crate::sts::Parameters;

/// The key that providers sign with, in place of a certificate.
const KEY: &[u8] = b"the providers of the lab";

/// The answer of a provider's page: an assertion signed for this pool and this request, or the user's refusal.
pub(super) fn answer(name: &str, form: &Parameters) -> Answer {
    let Some(provider) = Provider::named(name) else {
        return page::error("Provider does not exist");
    };
    let relay = form.get("RelayState").unwrap_or_default();
    let said = match form.get("consent") {
        Some("yes") => assertion(provider, relay, form.get("email").unwrap_or_default()),
        _ => "access_denied".to_owned(),
    };
    let said = BASE64_STANDARD.encode(said);
    let to = match provider {
        Provider::Saml => "/saml2/idpresponse",
        Provider::Google => "/oauth2/idpresponse",
    };
    let fields = [
        ("provider", provider.name()),
        ("response", &said),
        ("RelayState", relay),
    ];
    page::post_back(to, &fields)
}

/// Returns the signed `<Assertion>` of a subject, for this pool and this request.
fn assertion(provider: Provider, relay: &str, email: &str) -> String {
    let email = escape_xml(email);
    let statement = format!(
        "<Assertion Issuer=\"{}\" InResponseTo=\"{relay}\"><Audience>urn:amazon:cognito:sp:{USER_POOL_ID}</Audience><NameID>{email}</NameID></Assertion>",
        provider.name()
    );
    let signature = BASE64_STANDARD.encode(mac(KEY, &[statement.as_bytes()]));
    format!("{statement}<Signature>{signature}</Signature>")
}

impl UserPool {
    /// Answers `POST /saml2/idpresponse` and `/oauth2/idpresponse`, after checking the provider's whole answer.
    pub(super) fn idp_response(&mut self, form: &Parameters, now: i64) -> Answer {
        let relay = form.get("RelayState").unwrap_or_default();
        let Some(request) = self.login.relays.remove(relay) else {
            return page::error("Invalid relayState from identity provider");
        };
        let said = form.get("response").and_then(|text| BASE64_STANDARD.decode(text).ok());
        let said = String::from_utf8(said.unwrap_or_default()).unwrap_or_default();
        if said == "access_denied" {
            let description = "User denied access";
            return request.back(&[("error_description", description), ("error", "access_denied")]);
        }
        let provider = Provider::named(form.get("provider").unwrap_or_default());
        let subject = said
            .split_once("<NameID>")
            .and_then(|(_, rest)| Some(rest.split_once('<')?.0.to_owned()));
        let (Some(provider), Some(email)) = (provider, subject) else {
            return request.back(&[("error_description", "Invalid response"), ("error", "invalid_request")]);
        };
        if assertion(provider, relay, &email) != said {
            return request.back(&[("error_description", "Invalid signature"), ("error", "invalid_request")]);
        }
        let user = self.federated(provider, &email).filter(|user| user.enabled);
        match user.map(|user| user.name.clone()) {
            Some(user) => self.send_back(&request, &user, now),
            None => request.back(&[("error_description", "User is disabled"), ("error", "server_error")]),
        }
    }
}
