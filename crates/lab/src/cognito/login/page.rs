//! The pages of the managed login: plain forms, without scripts.

use super::super::Provider;
use crate::answer::{self, Answer, escape_xml};
use crate::sts::Parameters;

/// Escapes a text for use in an attribute or between tags.
fn inert(text: &str) -> String {
    escape_xml(text).replace('"', "&quot;")
}

fn html(status: u16, title: &str, body: &str) -> Answer {
    let page = format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>{title}</title></head><body><h1>{title}</h1>{body}</body></html>"
    );
    answer::bytes(status, "text/html; charset=utf-8", page)
}

/// The login page: password, passkey, or an identity provider.
pub(super) fn login(query: &str, username: &str, refusal: &str) -> Answer {
    let (query, username) = (inert(query), inert(username));
    let providers: String = Provider::ALL
        .iter()
        .map(|provider| {
            let name = provider.name();
            format!("<p><a id=\"{name}\" href=\"/oauth2/authorize?identity_provider={name}&amp;{query}\">Continue with {name}</a></p>")
        })
        .collect();
    let body = format!(
        "<p role=\"alert\">{}</p>\
         <form method=\"post\" action=\"/login\">{}\
         <label>E-mail <input name=\"username\" value=\"{username}\"></label>\
         <label>Password <input type=\"password\" name=\"password\"></label>\
         <button id=\"password\" name=\"with\" value=\"password\">Sign in</button>\
         <button id=\"passkey\" name=\"with\" value=\"passkey\">Sign in with a passkey</button></form>{providers}",
        inert(refusal),
        hidden(&query),
    );
    html(200, "Sign in", &body)
}

/// Returns the request's parameters as hidden fields of the form.
fn hidden(query: &str) -> String {
    let pairs = query.split("&amp;").filter_map(|pair| pair.split_once('='));
    let fields = pairs.filter(|(name, _)| *name != "login_hint").map(|(name, value)| {
        let value = percent_encoding::percent_decode_str(value).decode_utf8_lossy();
        format!("<input type=\"hidden\" name=\"{name}\" value=\"{}\">", inert(&value))
    });
    fields.collect()
}

/// The page of an identity provider: the user gives an e-mail address there, or refuses.
pub(super) fn provider(name: &str, form: &Parameters) -> Answer {
    let Some(provider) = Provider::named(name) else {
        return error("Provider does not exist");
    };
    let relay = inert(form.get("RelayState").unwrap_or_default());
    let name = provider.name();
    let body = format!(
        "<form method=\"post\" action=\"/idp/{name}\"><input type=\"hidden\" name=\"RelayState\" value=\"{relay}\">\
         <label>E-mail <input name=\"email\"></label>\
         <button id=\"allow\" name=\"consent\" value=\"yes\">Continue</button>\
         <button id=\"refuse\" name=\"consent\" value=\"no\">Cancel</button></form>"
    );
    html(200, name, &body)
}

/// Posts a provider's answer to the managed login with a form, as browsers do for SAML.
pub(super) fn post_back(to: &str, fields: &[(&str, &str)]) -> Answer {
    let fields: String = fields
        .iter()
        .map(|(name, value)| format!("<input type=\"hidden\" name=\"{name}\" value=\"{}\">", inert(value)))
        .collect();
    let body = format!(
        "<form method=\"post\" action=\"{to}\">{fields}<button id=\"go\">Go on</button></form>\
         <script>document.forms[0].submit()</script>"
    );
    html(200, "One moment", &body)
}

/// The error page of requests that have no valid callback URL.
pub(super) fn error(what: &str) -> Answer {
    let body = format!(
        "<p>An error was encountered with the requested page.</p><p>{}</p>",
        inert(what)
    );
    html(400, "Error", &body)
}
