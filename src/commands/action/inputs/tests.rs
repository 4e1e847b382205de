use proptest::prelude::*;

use super::*;

fn read(inputs: &[(&str, &str)]) -> Result<Inputs> {
    let vars = inputs
        .iter()
        .map(|(name, value)| (format!("INPUT_{}", name.to_uppercase()), (*value).to_owned()));
    Inputs::read(&vars.collect())
}

fn refusal(inputs: &[(&str, &str)]) -> String {
    let error = read(inputs).unwrap_err();
    assert_eq!(error.exit().code(), 2);
    format!("{error} | {}", error.hint_text().unwrap_or_default())
}

#[test]
fn nothing_said_is_the_helper_verified_and_cleaned_up() {
    let inputs = read(&[]).unwrap();
    assert_eq!(
        (inputs.mode, inputs.export, inputs.docker_config),
        (Mode::Helper, Export::None, DockerConfigChoice::Auto)
    );
    assert!(inputs.cleanup && inputs.verify && !inputs.mask_account_id && !inputs.output_password);
    assert!(inputs.registries.is_empty() && !inputs.identity.is_given());
    let defaults = [
        ("mode", "helper"),
        ("source", "auto"),
        ("export-credentials", "none"),
        ("profile", "ecr-auth"),
    ];
    assert_eq!(read(&defaults).unwrap(), read(&[]).unwrap(), "action.yml's defaults");
}

#[test]
fn registries_are_parted_by_lines_or_commas() {
    let text = "111122223333/eu-west-1, public\n\n 444455556666/us-east-1   role=arn:aws:iam::444455556666:role/x \n";
    let registries = read(&[("registries", text)]).unwrap().registries;
    let named: Vec<_> = registries
        .iter()
        .map(|named| (named.registry.as_str(), named.role.as_deref()))
        .collect();
    let role = Some("arn:aws:iam::444455556666:role/x");
    assert_eq!(
        named,
        [
            ("111122223333/eu-west-1", None),
            ("public", None),
            ("444455556666/us-east-1", role)
        ]
    );
    for wrong in ["a b", "a role=", "a role=x y", "a role=x role=y"] {
        let refusal = refusal(&[("registries", wrong)]);
        assert!(
            refusal.starts_with("input registries: only role=ARN may follow the registry"),
            "{refusal}"
        );
    }
}

#[test]
fn a_role_of_its_own_leaves_out_the_chain_but_no_limit() {
    let inputs = read(&[
        ("registries", "public role=own"),
        ("role-to-assume", "hub"),
        ("role-chain", "next"),
        ("session-tags", "a=b"),
        ("role-external-id", "id"),
        ("inline-session-policy", "{}"),
        ("role-duration-seconds", "900"),
    ])
    .unwrap();
    let own = inputs.identity_of(&inputs.registries[0]);
    let said: Vec<&str> = own.0.iter().map(|(setting, _)| setting.name).collect();
    assert_eq!(said, ["role-arn", "duration", "policy"]);
    assert_eq!(own.role_arn(), Some("own"));
}

#[test]
fn old_names_mean_the_new_ones() {
    let new = |inputs: &[(&str, &str)]| read(inputs).unwrap();
    for (old, same) in [
        (vec![("registry-type", "public")], vec![("registries", "public")]),
        (vec![("registry-type", "PUBLIC")], vec![("registries", "public")]),
        (
            vec![("registry-type", "Public"), ("registries", "111122223333")],
            vec![("registries", "public")],
        ),
        (vec![("registry-type", "private")], vec![]),
        (
            vec![("registry-type", "Private"), ("registries", "111122223333")],
            vec![("registries", "111122223333")],
        ),
        (vec![("skip-logout", "true")], vec![("cleanup", "false")]),
        (vec![("skip-logout", "tRue")], vec![("cleanup", "False")]),
        (vec![("skip-logout", "false")], vec![]),
        (vec![("mask-password", "false")], vec![]),
        (vec![("role-chaining", "true")], vec![("source", "chain")]),
        (
            vec![("custom-tags", r#"{"a":"b"}"#), ("role-chain", "r")],
            vec![("session-tags", "a = b"), ("role-chain", "r")],
        ),
        (
            vec![("custom-tags", r#"{"build": 42, "ok":true, "d": 1.50, "e": "a\u0062"}"#)],
            vec![("session-tags", "build=42\nd=1.50\ne=ab\nok=true")],
        ),
        (vec![("mask-aws-account-id", "true")], vec![("mask-account-id", "true")]),
        (
            vec![("output-env-credentials", "true")],
            vec![("export-credentials", "env")],
        ),
        (vec![("output-env-credentials", "false")], vec![]),
        (
            vec![("aws-profile", "ci")],
            vec![("export-credentials", "profile"), ("profile", "ci")],
        ),
    ] {
        assert_eq!(new(&old), new(&same), "{old:?}");
    }
    let proxies = new(&[("http-proxy", "http://p:1"), ("no-proxy", "a")]).proxies;
    let expected = [
        ("HTTPS_PROXY", "http://p:1"),
        ("HTTP_PROXY", "http://p:1"),
        ("NO_PROXY", "a"),
    ];
    assert_eq!(proxies, expected.map(|(variable, value)| (variable, value.to_owned())));
}

#[test]
fn what_is_not_allowed_is_told_with_what_is() {
    for (inputs, told) in [
        (
            vec![("verify", "yes")],
            "input verify: \"yes\" is not allowed [EA0903] | write true or false",
        ),
        (
            vec![("mask-password", "0")],
            "input mask-password: \"0\" is not allowed [EA0903] | write true or false",
        ),
        (
            vec![("source", "OIDC")],
            "input source: \"OIDC\" is not allowed [EA0903] | write auto, oidc or chain",
        ),
        (
            vec![("export-credentials", "both")],
            "input export-credentials: \"both\" is not allowed [EA0903] | write none, env or profile",
        ),
        (
            vec![("registry-type", "Internal")],
            "input registry-type: \"Internal\" is not allowed [EA0903] | write private or public",
        ),
        (
            vec![("role-duration-seconds", "1h")],
            "input role-duration-seconds: \"1h\" is not a session length [EA0903] | write a whole number of seconds, 900 to 43200",
        ),
        (
            vec![("role-duration-seconds", "60")],
            "input role-duration-seconds: \"60\" is not a session length [EA0903] | write a whole number of seconds, 900 to 43200",
        ),
        (
            vec![("allowed-account-ids", "public")],
            "input allowed-account-ids: \"public\" is not an account id [EA0903] | write 12 digits",
        ),
        (
            vec![("session-tags", "a")],
            "input session-tags: \"a\" has no = [EA0903] | write one KEY=VALUE a line, or a JSON object whose values are texts, numbers, true or false",
        ),
        (
            vec![("role-chaining", "true"), ("source", "oidc")],
            "input role-chaining: it uses the credentials that the job has, and source: oidc takes only the job's token [EA0903] | leave role-chaining out, or write source: chain",
        ),
        (
            vec![("aws-profile", "x"), ("export-credentials", "env")],
            "input aws-profile: credentials go to a profile or to the environment, not to both [EA0903] | write export-credentials: profile and profile: NAME, or export-credentials: env",
        ),
        (
            vec![("docker-config", "~/.docker")],
            "input docker-config: \"~/.docker\" begins with ~, which only a shell replaces [EA0903] | write the whole path",
        ),
        (
            vec![("web-identity-token-file", "~/token")],
            "input web-identity-token-file: \"~/token\" begins with ~, which only a shell replaces [EA0903] | write the whole path",
        ),
        (
            vec![("aws-secret-access-key", "not shown")],
            "input aws-secret-access-key: the log shows inputs, so keys are only taken from the environment [EA0903] | write it as AWS_SECRET_ACCESS_KEY under the step's env:, or leave keys out and name a role-to-assume",
        ),
    ] {
        assert_eq!(refusal(&inputs), told);
    }
    let keys = refusal(&[("aws-access-key-id", "AKIA"), ("role-to-assume", "r")]);
    assert!(keys.contains("AWS_ACCESS_KEY_ID") && !keys.contains("AKIA\""), "{keys}");
    for inputs in [
        [("allowed-account-ids", "11122223333")],
        [("aws-region", "eu-west")],
        [("custom-tags", "{\"a\":null}")],
        [("custom-tags", "{\"a\":[\"b\"]}")],
        [("custom-tags", "{\"a\":{}}")],
        [("custom-tags", "{\"a\":01}")],
    ] {
        assert!(refusal(&inputs).starts_with(&format!("input {}: ", inputs[0].0)));
    }
    let eleven = refusal(&[("allowed-account-ids", "11122223333")]);
    assert!(eleven.contains("leading zero"), "{eleven}");
}

/// What the runner takes for its commands begins a line of the log.
#[test]
fn no_input_that_may_be_shown_holds_a_line_of_its_own() {
    for (name, text) in [
        ("docker-config", "/x\n::stop-commands::t"),
        ("role-to-assume", "arn:aws:iam::111122223333:role/x\n::warning::y"),
        ("role-chain", "arn:aws:iam::111122223333:role/x\r::warning::y"),
        ("registries", "public role=x\u{1b}[2K"),
        ("role-session-name", "a\nb"),
        ("profile", "a]\nb"),
        ("aws-profile", "a\rb"),
        ("http-proxy", "http://p\n::warning::y"),
    ] {
        let told = "it is not one line of text [EA0903] | write it without line ends and control characters";
        assert_eq!(refusal(&[(name, text)]), format!("input {name}: {told}"));
    }
    assert!(
        read(&[
            ("inline-session-policy", "{\n}"),
            ("registries", "public\trole=x\r\npublic")
        ])
        .is_ok()
    );
}

/// Those that the shim reads, before there is a binary.
const OF_THE_SHIM: [&str; 2] = ["binary-path", "download-base-url"];

#[test]
fn every_input_of_the_definition_is_read() {
    let definition = include_str!("../../../../action.yml").replace('\r', "");
    let inputs = definition.split("\ninputs:\n").nth(1).unwrap();
    let inputs = inputs.split("\noutputs:\n").next().unwrap();
    let names: Vec<_> = inputs
        .lines()
        .filter_map(|line| line.strip_prefix("  ")?.strip_suffix(':'))
        .filter(|name| !name.starts_with([' ', '#']) && !OF_THE_SHIM.contains(name))
        .collect();
    assert!(names.len() > 30, "{names:?}");
    let of_settings: Vec<&str> = TABLE.iter().flat_map(|setting| setting.inputs).copied().collect();
    for name in &of_settings {
        assert!(names.contains(name), "{name} is not in action.yml");
    }
    let reader = include_str!("../inputs.rs");
    for name in names.iter().filter(|name| !of_settings.contains(name)) {
        assert!(reader.contains(&format!("\"{name}\"")), "{name} is not read");
    }
}

const NAMES: [&str; 12] = [
    "registries",
    "aws-region",
    "role-duration-seconds",
    "session-tags",
    "custom-tags",
    "mode",
    "export-credentials",
    "allowed-account-ids",
    "docker-config",
    "cleanup",
    "registry-type",
    "source",
];

proptest! {
    /// Whatever is written, it is read or refused by the name of an input, and a refusal can be shown in one line.
    #[test]
    fn any_text_is_read_or_refused(name in prop::sample::select(&NAMES[..]), text in "[a-z0-9={}\":,/ \n\\PC]{0,40}") {
        if let Err(error) = read(&[(name, &text)]) {
            prop_assert_eq!(error.what(), format!("input {name}"));
            prop_assert!(!error.to_string().contains('\n'));
        }
    }

    #[test]
    fn registries_are_read_as_they_are_written(
        named in prop::collection::vec(("[a-z0-9./-]{1,20}", prop::option::of("[a-zA-Z0-9:/-]{1,20}")), 1..5),
        between in prop::sample::select(vec![",", "\n", " ,\n ", "\n\n"]),
    ) {
        let entry = |(registry, role): &(String, Option<String>)| match role {
            Some(role) => format!("{registry} role={role}"),
            None => registry.clone(),
        };
        let text = named.iter().map(entry).collect::<Vec<_>>().join(between);
        let found = read(&[("registries", &text)]).unwrap().registries;
        let found: Vec<_> = found.into_iter().map(|it| (it.registry, it.role)).collect();
        prop_assert_eq!(found, named);
    }
}
