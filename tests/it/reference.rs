//! The reference in docs/configuration.md: every key, flag and variable, from the schema, the command line's own definition, and the constants in
//! `context::variables`.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

use clap::Command;
use context::variables::{COLUMNS, GROUPS, Variable};
use regex_lite::Regex;
use serde_json::{Value, json};
use settings::table::TABLE;
use settings::{CognitoSettings, SettingGroup, ValueKind};

use crate::pages::{GeneratedPart, check_or_write, page};

const REFERENCE: GeneratedPart = GeneratedPart {
    page: "configuration.md",
    name: "reference",
    test: "the_reference_is_whole",
};
const SCHEMA: &str = "ecr-auth.schema.json";
const HEADER: &str = "| name | what it does | default |\n|---|---|---|\n";

/// Product code that may contain the names of variables: the constants themselves.
const SPELLS_NAMES: [&str; 2] = ["crates/context/src/variables.rs", "crates/ci/"];

#[test]
fn the_reference_is_whole() {
    REFERENCE.check_or_write(&reference());
}

/// The schema has the keys of the tables of settings, by their kinds.
#[test]
fn a_key_of_the_schema_is_what_its_setting_says() {
    let written = format!("{}\n", serde_json::to_string_pretty(&schema()).unwrap());
    check_or_write(SCHEMA, &written, "a_key_of_the_schema_is_what_its_setting_says");
}

/// Returns the schema of the page with the keys of the tables.
fn schema() -> Value {
    let mut schema: Value = serde_json::from_str(&page(SCHEMA)).unwrap();
    for setting in TABLE {
        let Some(description) = setting.key else { continue };
        schema["$defs"][setting.name] = schema_of(setting.kind, description);
        for keys in ["/$defs/rule/properties", "/properties/defaults/properties"] {
            schema.pointer_mut(keys).unwrap()[setting.name] = json!({"$ref": format!("#/$defs/{}", setting.name)});
        }
    }
    for setting in CognitoSettings::TABLE {
        let Some(description) = setting.key else { continue };
        schema["properties"]["cognito"]["properties"][setting.name] = schema_of(setting.kind, description);
    }
    schema
}

/// A setting of Cognito is added in its table. Each surface then has it, and nothing else. The crate `settings` tests its place in the cache key.
#[test]
fn each_setting_of_cognito_is_on_every_surface() {
    let table: BTreeSet<&str> = CognitoSettings::TABLE.iter().map(|setting| setting.name).collect();
    let schema = schema();
    let keys = schema["properties"]["cognito"]["properties"].as_object().unwrap();
    assert_eq!(keys.keys().map(String::as_str).collect::<BTreeSet<_>>(), table);

    let reference = reference();
    let (_, reference) = reference.split_once("### Keys of `cognito`").unwrap();
    let (keys, flags) = reference.split_once("### Flags").unwrap();
    let command = ecr_auth::cli::command();
    let cognito = command.find_subcommand("cognito").unwrap();
    let commands = [cognito, cognito.find_subcommand("setup").unwrap()];
    for setting in CognitoSettings::TABLE {
        let name = setting.name;
        assert!(
            keys.contains(&format!("\n| `{name}` | {}", setting.key.unwrap())),
            "{name}"
        );
        assert!(flags.contains(&format!("\n| `--{name} ")), "{name}");
        for command in &commands {
            let flag = command.get_arguments().find(|flag| flag.get_long() == Some(name));
            let help = flag.and_then(|flag| flag.get_help()).map(ToString::to_string);
            assert_eq!(help, Some(setting.flag_help()), "{} --{name}", command.get_name());
        }
    }
}

fn schema_of(kind: ValueKind, description: &str) -> Value {
    let text = json!({"type": "string", "pattern": "\\S"});
    let mut schema = match kind {
        ValueKind::Number(least, most) => json!({"type": "integer", "minimum": least, "maximum": most}),
        ValueKind::Port(default) => json!({"type": "integer", "minimum": 1, "maximum": 65535, "default": default}),
        ValueKind::Switch(_) => json!({"type": "boolean", "default": false}),
        ValueKind::Formed(form) => match form.longest {
            Some(longest) => json!({"type": "string", "pattern": form.pattern, "maxLength": longest}),
            None => json!({"type": "string", "pattern": form.pattern}),
        },
        ValueKind::OneOf(words) => {
            let words: Vec<_> = words.iter().map(|(word, _)| *word).collect();
            json!({"enum": words, "default": words[0]})
        }
        ValueKind::List(None) => json!({"type": "array", "items": text}),
        ValueKind::List(Some(most)) => json!({"type": "array", "items": text, "maxItems": most}),
        ValueKind::Tags(most, longest) => json!({
            "type": "object",
            "maxProperties": most,
            "additionalProperties": {"type": "string", "maxLength": longest},
        }),
        ValueKind::Command => json!({"type": "array", "items": {"type": "string"}, "minItems": 1}),
        ValueKind::Text | ValueKind::Region | ValueKind::Policy | ValueKind::File => text,
    };
    schema["description"] = description.into();
    schema
}

#[test]
fn code_reads_variables_by_their_constants() {
    let quoted = Regex::new(r#""([A-Za-z][A-Za-z0-9_]*)(?:\{\})?""#).unwrap();
    let looked_up = Regex::new(r#"\benv\s*\.(?:get|path|is_true|is_blank)\("([^"]*)"\)"#).unwrap();
    let names: BTreeSet<&str> = constants().map(|it| it.name).collect();
    let mut found = Vec::new();
    for (path, code) in product_code() {
        // Cognito has a parameter of a challenge that is called USERNAME.
        let is_parameter = |word: &str| path.starts_with("crates/cognito/") && word == "USERNAME";
        let words = quoted.captures_iter(&code).map(|it| it[1].to_owned());
        let spelled = words.filter(|word| names.contains(word.as_str()) && !is_parameter(word));
        let others = looked_up.captures_iter(&code).map(|it| it[1].to_owned());
        found.extend(spelled.chain(others).map(|name| format!("{path}: {name}")));
    }
    assert!(
        found.is_empty(),
        "names of variables outside context::variables: {found:#?}"
    );
}

#[test]
fn every_constant_is_read() {
    let code: Vec<_> = product_code().map(|(_, code)| code).collect();
    let ci = sources("crates/ci/src", ".rs").chain(sources("action", ".js"));
    let beside: Vec<_> = ci.map(|(_, text)| text).collect();
    let constant = Regex::new(r"\bvariables::([A-Z][A-Z0-9_]*)").unwrap();
    let read: BTreeSet<String> = code
        .iter()
        .flat_map(|text| constant.captures_iter(text).map(|it| it[1].to_owned()))
        .collect();
    let is_read = |it: &Variable| {
        let by_constant = read.iter().any(|known| match it.name.strip_suffix('_') {
            Some(family) => known.starts_with(family),
            None => known == it.name,
        });
        by_constant || beside.iter().any(|text| text.contains(it.name)) || it.name == COLUMNS
    };
    let unread: Vec<_> = constants().filter(|it| !is_read(it)).map(|it| it.name).collect();
    assert!(
        unread.is_empty(),
        "in context::variables, and read by nothing: {unread:?}"
    );
}

#[test]
fn every_variable_is_documented_once() {
    let names: Vec<_> = constants()
        .map(|it| it.name)
        .chain(of_ci_systems().map(|(name, _)| name))
        .collect();
    let once: BTreeSet<_> = names.iter().collect();
    assert_eq!(once.len(), names.len());
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn reference() -> String {
    let schema = schema();
    let mut text = String::new();
    write!(
        text,
        "\n### Keys of a rule, and of `defaults`\n\n{HEADER}{}\n### Keys of `cognito`\n\n{HEADER}{}\n### Flags\n{}\n### Variables\n{}",
        keys(&schema, "/$defs/rule"),
        keys(&schema, "/properties/cognito"),
        flags(),
        variables(),
    )
    .unwrap();
    text
}

fn row(name: &str, what: &str, default: &str) -> String {
    let cell = |text: &str| text.replace('|', "\\|");
    format!("| `{}` | {} | {} |\n", cell(name), cell(what), cell(default))
}

/// Returns the rows of an object of the schema.
fn keys(schema: &Value, place: &str) -> String {
    let object = schema.pointer(place).unwrap();
    let required = object["required"].as_array().cloned().unwrap_or_default();
    let rows = object["properties"].as_object().unwrap().iter().map(|(key, value)| {
        let of = value["$ref"].as_str().map_or(value, |reference| {
            schema.pointer(reference.trim_start_matches('#')).unwrap()
        });
        let what = of["description"].as_str().expect("every key has a description");
        let default = match &of["default"] {
            Value::Null if required.contains(&Value::from(key.as_str())) => "required".to_owned(),
            Value::Null => String::new(),
            Value::String(text) => format!("`{text}`"),
            other => format!("`{other}`"),
        };
        row(key, what, &default)
    });
    rows.collect()
}

/// Returns a table of flags for each set of commands that share them.
fn flags() -> String {
    let command = ecr_auth::cli::command();
    let mut by_flag: BTreeMap<(String, String), (Vec<String>, usize)> = BTreeMap::new();
    let mut all = Vec::new();
    collect(&command, "", &mut all);
    for (place, (name, help, of)) in all.into_iter().enumerate() {
        let entry = by_flag.entry((name, help)).or_insert((Vec::new(), place));
        entry.0.push(of);
    }
    let mut groups: BTreeMap<usize, (String, Vec<(usize, String)>)> = BTreeMap::new();
    let mut of_group: BTreeMap<String, usize> = BTreeMap::new();
    for ((name, help), (of, place)) in by_flag {
        let of = of.join(", ");
        let first = *of_group.entry(of.clone()).or_insert(place);
        let (what, default) = what_and_default(&help);
        let group = groups.entry(first).or_insert((of, Vec::new()));
        group.1.push((place, row(&name, &what, &default)));
    }
    let mut sorted: Vec<_> = groups.into_values().collect();
    sorted.iter_mut().for_each(|(_, rows)| rows.sort());
    sorted.sort_by_key(|(_, rows)| rows[0].0);
    let mut text = String::new();
    for (of, rows) in sorted {
        let rows: String = rows.into_iter().map(|(_, row)| row).collect();
        write!(text, "\n{of}:\n\n{HEADER}{rows}").unwrap();
    }
    text
}

/// Collects the flags and positional arguments of a command and its subcommands, as name, help and command. `path` is the text after `ecr-auth`.
fn collect(command: &Command, path: &str, all: &mut Vec<(String, String, String)>) {
    let of = match path {
        "" => "Every command".to_owned(),
        path => format!("`{path}`"),
    };
    for argument in command.get_arguments().filter(|it| !it.is_hide_set()) {
        let shown = match (argument.get_long(), argument.get_short()) {
            (Some(long), Some(short)) => format!("--{long}, -{short}"),
            (Some(long), None) => format!("--{long}"),
            (None, _) => String::new(),
        };
        let values: Vec<_> = argument
            .get_value_names()
            .unwrap_or_default()
            .iter()
            .map(ToString::to_string)
            .collect();
        let value = if argument.get_action().takes_values() {
            values.join(" ")
        } else {
            String::new()
        };
        let mut help = argument
            .get_help()
            .map(ToString::to_string)
            .expect("every flag has help");
        let possible: Vec<_> = argument
            .get_possible_values()
            .iter()
            .map(|it| format!("`{}`", it.get_name()))
            .collect();
        if argument.get_action().takes_values() && !possible.is_empty() {
            help = format!("{help}: {}", possible.join(", "));
        }
        if let [default] = argument.get_default_values()
            && argument.get_action().takes_values()
        {
            help = format!("{help} [default: `{}`]", default.to_string_lossy());
        }
        all.push((format!("{shown} {value}").trim().to_owned(), help, of.clone()));
    }
    for below in command.get_subcommands().filter(|it| !it.is_hide_set()) {
        collect(below, format!("{path} {}", below.get_name()).trim(), all);
    }
}

/// Returns a flag's text, and the defaults of `[default: …]` and `[env: …]` in its help, in order of precedence.
fn what_and_default(help: &str) -> (String, String) {
    let marks = Regex::new(r"\s*\[(default|env): ([^\]]*)\]").unwrap();
    let found: Vec<_> = marks
        .captures_iter(help)
        .map(|it| {
            if &it[1] == "env" {
                format!("`{}`", &it[2])
            } else {
                it[2].to_owned()
            }
        })
        .collect();
    (marks.replace_all(help, "").into_owned(), found.join(", else "))
}

fn variables() -> String {
    let mut text = String::new();
    for (whose, group) in GROUPS {
        let rows: String = group.iter().map(|it| row(it.shown, it.what, it.default)).collect();
        write!(text, "\n{whose}:\n\n{HEADER}{rows}").unwrap();
    }
    let rows: String = of_ci_systems().map(|(name, what)| row(name, &what, "")).collect();
    write!(text, "\nCI systems:\n\n{HEADER}{rows}").unwrap();
    text
}

/// Returns the variables of the CI systems, from their descriptors.
fn of_ci_systems() -> impl Iterator<Item = (&'static str, String)> {
    ci::documented_variables().into_iter()
}

fn constants() -> impl Iterator<Item = &'static Variable> {
    GROUPS.iter().flat_map(|(_, group)| group.iter())
}

/// The Rust code of the product without its tests and comments, by path. The lab is not part of the product.
fn product_code() -> impl Iterator<Item = (String, String)> {
    let tests = Regex::new(r"#\[cfg\((?:all\()?test").unwrap();
    let comments = Regex::new(r"(?m)^\s*//.*$").unwrap();
    let is_left_out = |path: &str| {
        let spells_names = SPELLS_NAMES.iter().any(|start| path.starts_with(start));
        spells_names || path.starts_with("crates/lab/") || path.contains("/tests")
    };
    let all = sources("src", ".rs").chain(sources("crates", ".rs"));
    all.filter(move |(path, _)| !is_left_out(path))
        .map(move |(path, text)| {
            let code = tests.find(&text).map_or(&*text, |found| &text[..found.start()]);
            (path, comments.replace_all(code, "").into_owned())
        })
}

/// Returns the files below a folder with this ending, with their texts.
fn sources(folder: &str, ending: &'static str) -> impl Iterator<Item = (String, String)> {
    let mut found = Vec::new();
    walk(&root().join(folder), ending, &mut found);
    found.into_iter()
}

fn walk(folder: &Path, ending: &str, found: &mut Vec<(String, String)>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.strip_prefix(root()).unwrap().to_string_lossy().replace('\\', "/");
        if path.is_dir() {
            walk(&path, ending, found);
        } else if name.ends_with(ending) {
            found.push((name, fs::read_to_string(&path).unwrap()));
        }
    }
}
