//! Which configuration file a client reads, and which setting in it applies.

use std::fs;
use std::path::PathBuf;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;
use tempfile::TempDir;

use crate::{ClientCredentials, ConfigLocation, Kind, Lookup, Slip, StoredPassword, look_up};
use context::Env;
use secret::Secret;

const HOST: &str = "111122223333.dkr.ecr.eu-west-1.amazonaws.com";

struct Home(TempDir);

impl Home {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn write(&self, below: &str, content: &serde_json::Value) -> PathBuf {
        let path = self.0.path().join(below);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, content.to_string()).unwrap();
        path
    }

    fn look_up(&self, kind: Kind, vars: &[(&str, &str)]) -> Lookup {
        let home = self.0.path().display().to_string();
        let runtime = self.0.path().join("runtime").display().to_string();
        fs::create_dir_all(&runtime).unwrap();
        let env: Env = [("HOME", home.as_str()), ("XDG_RUNTIME_DIR", &runtime)]
            .into_iter()
            .chain(vars.iter().copied())
            .collect();
        look_up(kind, HOST, &env).unwrap()
    }

    fn found(&self, kind: Kind, vars: &[(&str, &str)]) -> Option<(ConfigLocation, String)> {
        let found = self.look_up(kind, vars).found?;
        let answer = match found.answer {
            ClientCredentials::Helper { name, .. } => name,
            ClientCredentials::Password(_) => "password".to_owned(),
        };
        Some((found.place, answer))
    }
}

fn password() -> serde_json::Value {
    json!({"auth": STANDARD.encode("AWS:password")})
}

fn in_file(path: PathBuf, answer: &str) -> Option<(ConfigLocation, String)> {
    Some((ConfigLocation::File(path), answer.to_owned()))
}

#[test]
fn helpers_come_before_the_store_and_the_store_before_passwords() {
    let home = Home::new();
    let path = home.write(
        ".docker/config.json",
        &json!({"credHelpers": {HOST: "one"}, "credsStore": "all", "auths": {HOST: password()}}),
    );
    assert_eq!(home.found(Kind::Docker, &[]), in_file(path.clone(), "one"));
    assert_eq!(home.look_up(Kind::Docker, &[]).shadowed.len(), 2);
    home.write(
        ".docker/config.json",
        &json!({"credsStore": "all", "auths": {HOST: password()}}),
    );
    assert_eq!(home.found(Kind::Docker, &[]), in_file(path.clone(), "all"));
    assert_eq!(
        home.found(Kind::Podman, &[]),
        in_file(path, "password"),
        "podman knows no credsStore"
    );
}

#[test]
fn docker_reads_its_variables_before_its_file() {
    let home = Home::new();
    home.write(".docker/config.json", &json!({"credHelpers": {HOST: "one"}}));
    let variable = json!({"auths": {HOST: password()}}).to_string();
    let vars = [("DOCKER_AUTH_CONFIG", variable.as_str())];
    assert_eq!(
        home.found(Kind::Docker, &vars),
        Some((ConfigLocation::Variable, "password".to_owned()))
    );
    assert_eq!(
        home.found(Kind::Docker, &[("DOCKER_AUTH_CONFIG", "{")]).unwrap().1,
        "one"
    );
    let other = home.0.path().join("other").display().to_string();
    assert_eq!(home.found(Kind::Docker, &[("DOCKER_CONFIG", &other)]), None);
}

#[test]
fn podman_reads_the_runtime_folder_its_own_file_then_dockers() {
    let home = Home::new();
    let config = json!({"credHelpers": {HOST: "one"}});
    let docker = home.write(".docker/config.json", &config);
    assert_eq!(home.found(Kind::Podman, &[]), in_file(docker, "one"));
    let lasting = home.write(".config/containers/auth.json", &config);
    assert_eq!(home.found(Kind::Podman, &[]), in_file(lasting, "one"));
    let runtime = home.write("runtime/containers/auth.json", &json!({"auths": {HOST: password()}}));
    assert_eq!(home.found(Kind::Podman, &[]), in_file(runtime, "password"));
    let named = home.write("named.json", &json!({}));
    assert_eq!(
        home.found(Kind::Podman, &[("REGISTRY_AUTH_FILE", named.to_str().unwrap())]),
        None
    );
}

#[test]
fn keys_with_a_scheme_match_for_passwords_and_never_for_helpers() {
    let home = Home::new();
    let url = format!("https://{HOST}/v2/");
    home.write(".docker/config.json", &json!({"credHelpers": {&url: "one"}}));
    let lookup = home.look_up(Kind::Docker, &[]);
    assert_eq!(lookup.found, None);
    assert_eq!(
        (lookup.near_misses[0].key.as_str(), lookup.near_misses[0].slip),
        (url.as_str(), Slip::Registry("credHelpers"))
    );
    home.write(".docker/config.json", &json!({"auths": {&url: password()}}));
    let lookup = home.look_up(Kind::Docker, &[]);
    assert!(lookup.found.is_some() && lookup.near_misses.is_empty(), "{lookup:?}");
}

/// The `{}` that docker leaves beside a credential store is not a password.
#[test]
fn empty_entries_are_no_passwords() {
    let home = Home::new();
    for entry in [json!({}), json!(null), json!({"auth": ""})] {
        home.write(".docker/config.json", &json!({"auths": {HOST: entry}}));
        assert_eq!(home.found(Kind::Docker, &[]), None, "{entry}");
    }
    home.write(".docker/config.json", &json!({"auths": {HOST: {"identitytoken": "t"}}}));
    assert!(home.found(Kind::Docker, &[]).is_some());
}

/// Measured with docker 28.2 and podman 4.3.
#[test]
fn docker_uses_a_user_name_and_password_and_podman_does_not() {
    let home = Home::new();
    let path = home.write(
        ".docker/config.json",
        &json!({"auths": {HOST: {"username": "AWS", "password": "x"}}}),
    );
    assert_eq!(home.found(Kind::Docker, &[]), in_file(path, "password"));
    assert_eq!(home.found(Kind::Podman, &[]), None);
}

/// In docker, an empty name excludes a registry from the store. Podman runs `docker-credential-`.
#[test]
fn an_empty_helper_name_is_no_helper_to_docker() {
    let home = Home::new();
    for empty in [json!(""), json!(null)] {
        let config = json!({"credHelpers": {HOST: empty}, "credsStore": "desktop", "auths": {HOST: password()}});
        let path = home.write(".docker/config.json", &config);
        assert_eq!(home.found(Kind::Docker, &[]), in_file(path.clone(), "password"));
        assert_eq!(home.found(Kind::Podman, &[]), in_file(path, ""));
    }
}

#[test]
fn null_members_and_lone_surrogates_are_accepted() {
    let home = Home::new();
    let config =
        json!({"credHelpers": {HOST: "one"}, "auths": {HOST: {"auth": null, "email": "SURROGATE"}, "SURROGATE": null}});
    let path = home.write(".docker/config.json", &config);
    fs::write(&path, config.to_string().replace("SURROGATE", r"\ud800")).unwrap();
    for kind in [Kind::Docker, Kind::Podman] {
        assert_eq!(home.found(kind, &[]), in_file(path.clone(), "one"));
    }
}

#[test]
fn docker_ignores_trailing_text_and_podman_refuses_it() {
    let home = Home::new();
    let config = json!({"credHelpers": {HOST: "one"}});
    let path = home.write(".docker/config.json", &config);
    fs::write(&path, format!("{config}\n}}\n")).unwrap();
    assert_eq!(home.found(Kind::Docker, &[]), in_file(path, "one"));
    let env: Env = [("HOME", home.0.path().to_str().unwrap())].into_iter().collect();
    let error = look_up(Kind::Podman, HOST, &env).unwrap_err().to_string();
    assert!(
        error
            .contains("podman cannot read ~/.docker/config.json: something after the configuration at line 2 column 1"),
        "{error}"
    );
    let own = home.write(".config/containers/auth.json", &config);
    assert_eq!(
        home.found(Kind::Podman, &[]),
        in_file(own, "one"),
        "podman reads its own file first, and no other then"
    );
}

#[test]
fn errors_name_the_place_but_quote_no_content() {
    let home = Home::new();
    let file = home.write(".docker/config.json", &json!({"auths": {HOST: {"auth": ["s3cret"]}}}));
    let env: Env = [("HOME", home.0.path().to_str().unwrap())].into_iter().collect();
    let warned_of = look_up(Kind::Docker, HOST, &env).unwrap().warned_of.unwrap();
    assert_eq!(
        warned_of.cause.to_string(),
        "auth in an entry of auths that is not a string at line 1 column 66"
    );
    fs::write(file, format!("{{\"auths\": {{\"{HOST}\": s3cret}}}}")).unwrap();
    let error = look_up(Kind::Docker, HOST, &env).unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with("docker cannot read ~/.docker/config.json: "),
        "{error}"
    );
    assert!(
        error.to_string().contains("line 1 column") && !error.to_string().contains("s3cret"),
        "{error}"
    );
}

#[test]
fn the_expiry_of_an_ecr_password_is_read() {
    let of = |content: &str| StoredPassword::from_secret(&Secret::new(STANDARD.encode(content))).ends_at;
    let end = of(r#"{"payload":"x","version":"2","type":"DATA_KEY","expiration":1700000000}"#).unwrap();
    assert_eq!(
        end.duration_since(std::time::UNIX_EPOCH).unwrap().as_secs(),
        1_700_000_000
    );
    assert_eq!(of("{}"), None);
    assert_eq!(StoredPassword::from_secret(&"not base64".into()).ends_at, None);
}
