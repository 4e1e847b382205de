//! The block `cognito` put into the file.

use std::borrow::Cow;

use super::apply::{USUAL_INDENT, first_lines, last_lines};
use super::document::{COGNITO, Document};
use super::mapping::Mapping;
use super::render::{self, Style};
use super::text::{Splices, column, line_end};
use super::tree::{Member, Node};
use super::{Refusal, Value};
use settings::{CognitoSettings, Flow, IdentityFlow};

/// What the block `cognito` should say: these keys, and no others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CognitoEdit(Vec<(&'static str, Value)>);

impl CognitoEdit {
    /// The keys that say all of the settings. A path that is not absolute is one beside the file.
    pub fn new(settings: &CognitoSettings) -> Self {
        let one = |name, value: Option<&str>| value.map(|value| (name, Value::Text(value.to_owned())));
        let path = |path: &Option<std::path::PathBuf>| path.as_ref().map(|path| path.to_string_lossy().into_owned());
        let flow = (settings.flow != Flow::default()).then(|| settings.flow.name());
        let identity_flow = settings.identity_flow;
        let identity_flow = (identity_flow != IdentityFlow::default()).then(|| identity_flow.name());
        let keys = [
            one("user-pool-id", settings.user_pool_id.as_deref()),
            one("client-id", settings.client_id.as_deref()),
            one("identity-pool-id", Some(&settings.identity_pool_id)),
            one("username", settings.username.as_deref()),
            one("client-secret-file", path(&settings.client_secret_file).as_deref()),
            one("flow", flow),
            one("identity-flow", identity_flow),
            one("role-arn", settings.role_arn.as_deref()),
            settings.duration.map(|seconds| ("duration", Value::Number(seconds))),
            one("policy", settings.policy.as_deref()),
            one("provider", settings.provider.as_deref()),
            one("id-token-file", path(&settings.id_token_file).as_deref()),
        ];
        Self(keys.into_iter().flatten().collect())
    }

    /// Whether this is what the block says.
    pub(super) fn is(&self, block: &Node) -> bool {
        let says = |(key, value): &(&str, Value)| block.member(key).is_some_and(|member| value.is(&member.value));
        block.members().len() == self.0.len() && self.0.iter().all(says)
    }

    fn values(&self) -> impl Iterator<Item = (&'static str, Cow<'_, Value>)> {
        self.0.iter().map(|(key, value)| (*key, Cow::Borrowed(value)))
    }

    /// The keys as lines.
    fn lines(&self, column: usize, style: Style) -> String {
        let line = |(key, value): &(&str, Value)| {
            let member = render::member(key, value, column, style);
            format!("{:column$}{member}{}", "", style.newline)
        };
        self.0.iter().map(line).collect()
    }

    /// The block in one line, for people to copy.
    pub(super) fn in_one_line(&self) -> String {
        let member = |(key, value): &(&str, Value)| format!("{key}: {}", render::in_flow(value));
        let members: Vec<String> = self.0.iter().map(member).collect();
        format!("{COGNITO}: {{{}}}", members.join(", "))
    }
}

/// The file with the block in it; `None` if it is as it should be.
pub(super) fn apply(document: &Document<'_>, edit: &CognitoEdit) -> Result<Option<String>, Refusal> {
    let known = document.cognito()?;
    let style = document.style();
    Ok(match (&document.root, known) {
        (_, Some((block, _))) if edit.is(&block.value) => None,
        (_, Some((block, _))) if block.value.is_null() => Some(fill(document, block, edit)?),
        (_, Some((block, lines))) => {
            let mapping = Mapping::of(document, &block.value, lines)?;
            let mut splices = Splices::default();
            let added = mapping.set_all(edit.values(), &mut splices)?;
            mapping.remove(&|key| !edit.0.iter().any(|(named, _)| *named == key), &mut splices)?;
            if !added.is_empty() {
                let last = block
                    .value
                    .members()
                    .last()
                    .map_or(block.colon_end, |last| last.value.span.end);
                splices.insert_lines(document.text, line_end(document.text, last), &added);
            }
            Some(splices.apply(document.text))
        }
        (Some(root), None) => {
            let (outer, indent) = (column(document.text, root.span.start), document.indent(root));
            let lines = format!("{:outer$}{COGNITO}:{}{}", "", style.newline, edit.lines(indent, style));
            Some(last_lines(document, root, &lines))
        }
        (None, None) => {
            let lines = format!("{COGNITO}:{}{}", style.newline, edit.lines(USUAL_INDENT, style));
            Some(first_lines(document, &lines))
        }
    })
}

/// In the place of `~` or nothing.
fn fill(document: &Document<'_>, block: &Member, edit: &CognitoEdit) -> Result<String, Refusal> {
    let text = document.text;
    let gone = block.colon_end..block.value.span.end;
    if document.has_comment(gone.clone(), &[]) {
        return Err(Refusal("a comment stands in its empty block"));
    }
    let indent = document
        .root
        .as_ref()
        .map_or(USUAL_INDENT, |root| document.indent(root));
    let mut splices = Splices::default();
    splices.remove(gone.clone());
    splices.insert_lines(text, line_end(text, gone.end), &edit.lines(indent, document.style()));
    Ok(splices.apply(text))
}
