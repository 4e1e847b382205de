//! The reference in docs/configuration.md: every key, flag and variable, from the schema, the command line's own definition and the table in
//! `src/variables.rs`.

use std::collections::{BTreeMap, BTreeSet};
use std::env;
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

use clap::Command;
use ecr_auth::variables::{VARIABLES, of_ci_systems};
use regex_lite::Regex;
use serde_json::{Value, json};
use settings::Kind;
use settings::table::TABLE;

const BEGIN: &str = "<!-- The reference, written by the tests: ";
const END: &str = "<!-- The end of the reference. -->";
const UPDATE: &str = "ECR_AUTH_UPDATE_DOCS=1 cargo test --test it the_reference_is_whole";
const HEADER: &str = "| name | what it does | default |\n|---|---|---|\n";

/// What looks like a variable's name in the source and is none that is read: other things of that shape, and variables that are written, or
/// taken out of a child's environment, alone.
const NOT_READ: [&str; 8] = [
    "AWS_CONTAINER_",
    "AWS_CREDENTIAL_EXPIRATION",
    "AWS_SECURITY_TOKEN",
    "BITBUCKET_",
    "CIRCLE_OIDC_TOKEN",
    "CARGO_PKG_VERSION",
    "DOCKER_PASSWORD_",
    "DOCKER_USERNAME_",
];

/// Cognito's own words, in the rooms that speak to it, have the shape of variables too.
const COGNITO: [&str; 2] = ["src/cognito/", "src/aws/cognito"];

/// With `ECR_AUTH_UPDATE_DOCS=1` it writes the reference into the page.
#[test]
fn the_reference_is_whole() {
    let path = root().join("docs/configuration.md");
    let page = fs::read_to_string(&path).unwrap();
    let (before, rest) = page.split_once(BEGIN).expect("the page has a place for the reference");
    let (_, after) = rest.split_once(END).expect("the reference has an end");
    let written = format!("{before}{BEGIN}{UPDATE} -->\n{}{END}{after}", reference());
    if env::var_os("ECR_AUTH_UPDATE_DOCS").is_some_and(|value| value == "1") {
        fs::write(&path, &written).unwrap();
    } else {
        assert!(
            page == written,
            "docs/configuration.md is not as the code has it: run: {UPDATE}"
        );
    }
}

/// The keys of the table of settings stand in the schema as their kinds have them. With `ECR_AUTH_UPDATE_DOCS=1` they are written into it.
#[test]
fn a_key_of_the_schema_is_what_its_setting_says() {
    let path = root().join("docs/ecr-auth.schema.json");
    let text = fs::read_to_string(&path).unwrap();
    let mut schema: Value = serde_json::from_str(&text).unwrap();
    for setting in TABLE {
        let Some(description) = setting.key else { continue };
        schema["$defs"][setting.name] = schema_of(setting.kind, description);
        for keys in ["/$defs/rule/properties", "/properties/defaults/properties"] {
            schema.pointer_mut(keys).unwrap()[setting.name] = json!({"$ref": format!("#/$defs/{}", setting.name)});
        }
    }
    let written = format!("{}\n", serde_json::to_string_pretty(&schema).unwrap());
    if env::var_os("ECR_AUTH_UPDATE_DOCS").is_some_and(|value| value == "1") {
        fs::write(&path, &written).unwrap();
    } else {
        assert!(
            text == written,
            "docs/ecr-auth.schema.json is not as the table has it: run: ECR_AUTH_UPDATE_DOCS=1 cargo test --test it reference"
        );
    }
}

fn schema_of(kind: Kind, description: &str) -> Value {
    let text = json!({"type": "string", "pattern": "\\S"});
    let mut schema = match kind {
        Kind::Number(least, most) => json!({"type": "integer", "minimum": least, "maximum": most}),
        Kind::OneOf(words) => {
            let words: Vec<_> = words.iter().map(|(word, _)| *word).collect();
            json!({"enum": words, "default": words[0]})
        }
        Kind::List(None) => json!({"type": "array", "items": text}),
        Kind::List(Some(most)) => json!({"type": "array", "items": text, "maxItems": most}),
        Kind::Tags(most, longest) => json!({
            "type": "object",
            "maxProperties": most,
            "additionalProperties": {"type": "string", "maxLength": longest},
        }),
        Kind::Text | Kind::Region | Kind::Policy | Kind::File | Kind::Command => text,
    };
    schema["description"] = description.into();
    schema
}

#[test]
fn every_variable_that_is_read_is_in_the_table_and_no_other() {
    let read = names_in_the_source();
    let known: BTreeSet<String> = names_in_the_table();
    let missing: Vec<_> = read.difference(&known).collect();
    assert!(
        missing.is_empty(),
        "read, and not in src/variables.rs (or, where they are no variables that are read, in NOT_READ here): {missing:?}"
    );
    let unread: Vec<_> = known.difference(&read).collect();
    assert!(
        unread.is_empty(),
        "in src/variables.rs, and read by nothing: {unread:?}"
    );
}

#[test]
fn every_variable_stands_there_once() {
    let named = VARIABLES.iter().flat_map(|(_, group)| group.iter().map(|it| it.name));
    let names: Vec<_> = named.chain(of_ci_systems().map(|(name, _)| name)).collect();
    let once: BTreeSet<_> = names.iter().collect();
    assert_eq!(once.len(), names.len());
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn reference() -> String {
    let schema = fs::read_to_string(root().join("docs/ecr-auth.schema.json")).unwrap();
    let schema: Value = serde_json::from_str(&schema).unwrap();
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

/// The rows of an object of the schema.
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

/// A table of flags for each set of commands that share them.
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

/// The flags and positional arguments of a command and those below it, as name, help and command.
fn collect(command: &Command, above: &str, all: &mut Vec<(String, String, String)>) {
    let name = format!("{above} {}", command.get_name()).trim().to_owned();
    let of = if above.is_empty() {
        "Every command".to_owned()
    } else {
        format!("`{name}`")
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
            .filter(|it| !it.is_hide_set())
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
        collect(below, &name, all);
    }
}

/// What a flag does, and what `[default: …]` and `[env: …]` in its help say, in the order in which they count.
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
    for (whose, group) in VARIABLES {
        let rows: String = group.iter().map(|it| row(it.name, it.what, it.default)).collect();
        write!(text, "\nOf {whose}:\n\n{HEADER}{rows}").unwrap();
    }
    let rows: String = of_ci_systems().map(|(name, what)| row(name, &what, "")).collect();
    write!(text, "\nOf CI systems:\n\n{HEADER}{rows}").unwrap();
    text
}

/// The names of the table, as the source has them: a name that ends in `<SERVICE>` is put together there.
fn names_in_the_table() -> BTreeSet<String> {
    let names = VARIABLES.iter().flat_map(|(_, group)| group.iter().map(|it| it.name));
    names.chain(of_ci_systems().map(|(name, _)| name)).map(stem).collect()
}

fn stem(name: &str) -> String {
    name.split('<').next().unwrap_or_default().to_owned()
}

/// Every name that the code looks up, of the product and of the action's shim, but not of tests.
fn names_in_the_source() -> BTreeSet<String> {
    let mut names: BTreeSet<String> = ["COLUMNS"].map(str::to_owned).into(); // clap's own
    let composed: Vec<String> = names_in_the_table()
        .into_iter()
        .filter(|name| name.ends_with('_'))
        .collect();
    for (path, text) in sources() {
        let found = if path.ends_with(".js") {
            of_the_shim(&text)
        } else {
            of_rust(&path, &text)
        };
        names.extend(found.into_iter().map(|name| {
            let stem = composed.iter().find(|stem| name.starts_with(stem.as_str()));
            stem.map_or(name.clone(), Clone::clone)
        }));
    }
    for name in NOT_READ {
        assert!(
            names.remove(name),
            "{name}: NOT_READ has it, and the source has no such word"
        );
    }
    names
}

/// In Rust: whatever is written like a variable's name of several words, alone between quotes; of one word where it is looked up, or where it is one
/// that the table knows.
fn of_rust(path: &str, text: &str) -> Vec<String> {
    let tests = Regex::new(r"#\[cfg\((?:all\()?test").unwrap();
    let code = tests.find(text).map_or(text, |found| &text[..found.start()]);
    let is_cognitos = COGNITO.iter().any(|room| path.starts_with(room));
    let quoted = Regex::new(r#""([A-Z][A-Z0-9]*(?:_[A-Z0-9]+)*_?)(?:\{\})?""#).unwrap();
    let looked_up = Regex::new(r#"env\.(?:get|path|is_true)\("([A-Z][A-Z0-9_]*)"\)"#).unwrap();
    let known = names_in_the_table();
    let is_name = |word: &String| known.contains(word) || (word.contains('_') && !is_cognitos);
    let words = quoted.captures_iter(code).map(|it| it[1].to_owned()).filter(is_name);
    words
        .chain(looked_up.captures_iter(code).map(|it| it[1].to_owned()))
        .collect()
}

fn of_the_shim(text: &str) -> Vec<String> {
    let looked_up = Regex::new(r"\benv\.([A-Z][A-Za-z_]+)").unwrap();
    let names = looked_up.captures_iter(text).map(|it| it[1].to_owned());
    // The names of proxies stand there in both cases.
    names.collect()
}

fn sources() -> Vec<(String, String)> {
    let mut found = Vec::new();
    walk(&root().join("src"), &mut found);
    walk(&root().join("action"), &mut found);
    found
}

fn walk(folder: &Path, found: &mut Vec<(String, String)>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.strip_prefix(root()).unwrap().to_string_lossy().replace('\\', "/");
        if path.is_dir() {
            walk(&path, found);
        } else if (name.ends_with(".rs") || name.ends_with(".js"))
            && !name.contains("/tests")
            && name != "src/variables.rs"
        {
            found.push((name, fs::read_to_string(&path).unwrap()));
        }
    }
}
