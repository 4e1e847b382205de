//! The types that docker's members must have, and what docker reads of a file in which one has another type.
//!
//! Go's encoding/json goes on after a value of the wrong type: all other members count, before and after it. `LoadFromReader` of docker/cli then
//! returns without decoding any `auth`, and docker prints `Error parsing config file`.

use std::borrow::Cow;
use std::ops::Range;

use serde_json::value::RawValue;

use super::json::{Malformed, Object};
use super::members::{NULL, or_empty};

/// A type of Go.
enum GoType {
    /// `string`
    Text,
    /// `[]string`
    Texts,
    /// `map[string]T`
    Map(&'static GoType),
    /// A struct: the members that it knows. It ignores others.
    Struct(&'static [(&'static str, GoType)]),
}

use GoType::{Map, Struct, Text, Texts};

/// `ConfigFile` of docker/cli (cli/config/configfile/file.go).
static CONFIG_FILE: &[(&str, GoType)] = &[
    ("auths", Map(&Struct(AUTH_CONFIG))),
    ("HttpHeaders", Map(&Text)),
    ("psFormat", Text),
    ("imagesFormat", Text),
    ("networksFormat", Text),
    ("pluginsFormat", Text),
    ("volumesFormat", Text),
    ("statsFormat", Text),
    ("detachKeys", Text),
    ("credsStore", Text),
    ("credHelpers", Map(&Text)),
    ("serviceInspectFormat", Text),
    ("servicesFormat", Text),
    ("tasksFormat", Text),
    ("secretFormat", Text),
    ("configFormat", Text),
    ("nodesFormat", Text),
    ("pruneFilters", Texts),
    ("proxies", Map(&Struct(PROXY_CONFIG))),
    ("experimental", Text),
    ("currentContext", Text),
    ("cliPluginsExtraDirs", Texts),
    ("plugins", Map(&Map(&Text))),
    ("aliases", Map(&Text)),
    ("features", Map(&Text)),
];

/// `AuthConfig` of docker/cli (cli/config/types/authconfig.go).
static AUTH_CONFIG: &[(&str, GoType)] = &[
    ("username", Text),
    ("password", Text),
    ("auth", Text),
    ("email", Text),
    ("serveraddress", Text),
    ("identitytoken", Text),
    ("registrytoken", Text),
];

/// `ProxyConfig` of docker/cli.
static PROXY_CONFIG: &[(&str, GoType)] = &[
    ("httpProxy", Text),
    ("httpsProxy", Text),
    ("noProxy", Text),
    ("ftpProxy", Text),
    ("allProxy", Text),
];

/// Members that docker 29 no longer knows.
const UNTIL_28: [&str; 2] = ["experimental", "email"];

/// What docker reads of a file.
pub(super) struct DockerView<'a> {
    /// The file's text. Values of the wrong type are replaced by what docker has in their place.
    pub text: Cow<'a, str>,
    /// The first value of the wrong type.
    pub fault: Option<Malformed>,
}

impl<'a> DockerView<'a> {
    /// Reads a configuration.
    ///
    /// # Errors
    /// The text is not JSON, or not an object.
    pub fn of_text(text: &'a str) -> Result<Self, Malformed> {
        let text = or_empty(text);
        let top = Object::first(text)?;
        let mut check = TypeCheck {
            text,
            replaced: Vec::new(),
            fault: None,
        };
        check.object(&top, None, &Struct(CONFIG_FILE));
        let TypeCheck { replaced, fault, .. } = check;
        Ok(Self {
            text: with_replaced(text, &replaced),
            fault,
        })
    }
}

/// Returns the text with other values at these places, which are in their order.
fn with_replaced<'a>(text: &'a str, replaced: &[(Range<usize>, &str)]) -> Cow<'a, str> {
    if replaced.is_empty() {
        return text.into();
    }
    let (mut out, mut end) = (String::with_capacity(text.len()), 0);
    for (place, value) in replaced {
        out.push_str(&text[end..place.start]);
        out.push_str(value);
        end = place.end;
    }
    (out + &text[end..]).into()
}

struct TypeCheck<'a> {
    text: &'a str,
    replaced: Vec<(Range<usize>, &'static str)>,
    fault: Option<Malformed>,
}

impl TypeCheck<'_> {
    /// Checks a value. `name` is for the error message. `is_in_map`: a value of the wrong type is a new, empty one for docker; elsewhere, an earlier
    /// value stays.
    fn value(&mut self, place: &Range<usize>, name: &str, of: &GoType, is_in_map: bool) {
        let own = &self.text[place.clone()];
        if own == NULL {
            return;
        }
        let (kind, empty) = match of {
            Text if own.starts_with('"') => return,
            Text => ("a string", if is_in_map { "\"\"" } else { NULL }),
            Texts => match serde_json::from_str::<Vec<&RawValue>>(own) {
                Ok(values) => {
                    let start = self.text.as_ptr().addr();
                    for value in values.into_iter().map(RawValue::get) {
                        let at = value.as_ptr().addr() - start;
                        self.value(&(at..at + value.len()), &format!("an entry of {name}"), &Text, true);
                    }
                    return;
                }
                Err(_) => ("a list", NULL),
            },
            Map(_) | Struct(_) => match Object::at(self.text, place.clone(), "") {
                Ok(object) => return self.object(&object, Some(name), of),
                Err(_) => ("an object", "{}"),
            },
        };
        let what = format!("{name} that is not {kind}");
        self.fault
            .get_or_insert_with(|| Malformed::at(self.text, place.start, &what));
        self.replaced.push((place.clone(), empty));
    }

    fn object(&mut self, object: &Object<'_>, name: Option<&str>, of: &GoType) {
        for member in &object.members {
            let place = &member.value_span;
            match of {
                Map(of) => self.value(place, &format!("an entry of {}", name.unwrap_or_default()), of, true),
                Struct(known) => {
                    let known = known.iter().find(|(known, _)| known.eq_ignore_ascii_case(&member.key));
                    let Some((known, of)) = known else { continue };
                    let versions = match UNTIL_28.contains(known) {
                        true => " (docker 28 and older)",
                        false => "",
                    };
                    let name = match name {
                        None => format!("{known}{versions}"),
                        Some(outer) => format!("{known}{versions} in {outer}"),
                    };
                    self.value(place, &name, of, false);
                }
                Text | Texts => {}
            }
        }
    }
}
