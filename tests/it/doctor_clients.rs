//! doctor about the clients' files and programs.

use std::fs;
use std::time::{Duration, SystemTime};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use rstest::rstest;
use serde_json::json;

use crate::doctor::{Scene, auth, program, stale};
use crate::harness::HOST;

/// Checks what doctor says where docker's configuration is this text. `HOST` in both texts is the registry.
#[track_caller]
fn assert_docker_is_told(config: &str, expected: &str) {
    let scene = Scene::new();
    scene
        .machine
        .write(".docker/config.json", &config.replace("HOST", HOST));
    let outcome = scene.doctor(&[HOST]);
    assert!(outcome.stdout.contains(&expected.replace("HOST", HOST)), "{outcome:?}");
}

/// A docker that doesn't read the variable goes on to its files.
#[test]
fn docker_auth_config_counts_for_a_docker_that_reads_it() {
    let mut scene = Scene::new();
    scene.breaks("DOCKER_AUTH_CONFIG wins");
    program(
        &scene.machine,
        "bin/docker",
        "echo Docker version 20.10.24+dfsg1, build 297e128",
    );
    let outcome = scene.doctor(&[HOST]);
    assert_eq!(outcome.status, 0, "{outcome:?}");
    assert!(
        outcome.stdout.contains("! docker: DOCKER_AUTH_CONFIG has a password"),
        "{outcome:?}"
    );
    assert!(
        outcome.stdout.contains("✓ docker: docker-credential-ecr-auth is asked"),
        "{outcome:?}"
    );
}

/// Files that docker reads, though no client writes them so: doctor says what docker uses there.
#[rstest]
#[case::null_members(
    r#"{"auths":{"HOST":{"auth":null,"email":"\ud800"}},"credHelpers":{"HOST":"ecr-auth"}}"#,
    "✓ docker: docker-credential-ecr-auth is asked, by credHelpers"
)]
#[case::a_login_of_the_wrong_type(
    r#"{"auths":{"ghcr.io":{"auth":5}},"credHelpers":{"HOST":"ecr-auth"}}"#,
    "! docker: docker-credential-ecr-auth is asked, by credHelpers in ~/.docker/config.json; docker warns of auth in an entry of auths that is not a string at line 1 column 29"
)]
#[case::a_brace_too_many(
    "{\"credHelpers\":{\"HOST\":\"ecr-auth\"}}\n}",
    "✓ docker: docker-credential-ecr-auth is asked"
)]
#[case::two_objects(
    r#"{"credHelpers":{"HOST":"ecr-auth"},"credHelpers":{"b.io":"y"}}"#,
    "✓ docker: docker-credential-ecr-auth is asked"
)]
#[case::empty_helper_name(
    r#"{"auths":{"HOST":{"auth":"QVdTOng="}},"credHelpers":{"HOST":""},"credsStore":"desktop"}"#,
    "✗ docker: the password in auths of ~/.docker/config.json is used"
)]
#[case::user_name_and_password(
    r#"{"auths":{"HOST":{"username":"AWS","password":"x"}}}"#,
    "✗ docker: the password in auths of ~/.docker/config.json is used"
)]
#[case::line_breaks_in_an_auth(
    r#"{"auths":{"HOST":{"auth":"QVdT\r\nOnB3cA=\n=\n"}}}"#,
    "✗ docker: the password in auths of ~/.docker/config.json is used"
)]
#[case::bits_behind_an_auth(
    r#"{"auths":{"HOST":{"auth":"QVdTOnB3cB=="}}}"#,
    "✗ docker: the password in auths of ~/.docker/config.json is used"
)]
#[case::latin_1_in_an_auth(
    r#"{"auths":{"HOST":{"auth":"QVdTOuQ="}}}"#,
    "✗ docker: the password in auths of ~/.docker/config.json is used"
)]
fn what_docker_reads_is_read_as_docker_does(#[case] config: &str, #[case] expected: &str) {
    let scene = Scene::new();
    scene
        .machine
        .write(".docker/config.json", &config.replace("HOST", HOST));
    let outcome = scene.doctor(&[HOST]);
    assert!(outcome.stdout.contains(expected), "{outcome:?}");
}

/// After a member of the wrong type, docker has all others, and decodes no `auth`. It stops decoding at the first that is not base64.
#[rstest]
#[case::helper_before(
    r#"{"credHelpers":{"HOST":"ecr-auth"},"aliases":[]}"#,
    "! docker: docker-credential-ecr-auth is asked, by credHelpers in ~/.docker/config.json; docker warns of aliases that is not an object at line 1 column 86"
)]
#[case::helper_after(
    r#"{"features":{"buildkit":true},"credHelpers":{"HOST":"ecr-auth"}}"#,
    "! docker: docker-credential-ecr-auth is asked, by credHelpers in ~/.docker/config.json; docker warns of an entry of features that is not a string at line 1 column 25"
)]
#[case::helper_beside_a_wrong_helper(
    r#"{"credHelpers":{"ghcr.io":5,"HOST":"ecr-auth"}}"#,
    "! docker: docker-credential-ecr-auth is asked, by credHelpers in ~/.docker/config.json; docker warns of an entry of credHelpers that is not a string at line 1 column 27"
)]
#[case::store_beside_wrong_helpers(
    r#"{"credHelpers":[],"credsStore":"ecr-auth"}"#,
    "! docker: docker-credential-ecr-auth is asked, by credsStore in ~/.docker/config.json; docker warns of credHelpers that is not an object at line 1 column 16"
)]
#[case::helper_of_the_wrong_type(
    r#"{"credHelpers":{"HOST":5},"credsStore":"ecr-auth"}"#,
    "✗ docker: no helper is set for HOST in ~/.docker/config.json; docker warns of an entry of credHelpers that is not a string at line 1"
)]
#[case::password_before(
    r#"{"auths":{"HOST":{"auth":"QVdTOng="}},"experimental":true}"#,
    "✗ docker: the password in auths of ~/.docker/config.json is not used; docker warns of experimental (docker 28 and older) that is not a string at line 1 column 94 [EA0101]"
)]
#[case::password_after(
    r#"{"HttpHeaders":[],"auths":{"HOST":{"auth":"QVdTOng="}}}"#,
    "✗ docker: the password in auths of ~/.docker/config.json is not used; docker warns of HttpHeaders that is not an object at line 1 column 16 [EA0101]"
)]
#[case::password_that_needs_no_decoding(
    r#"{"plugins":{"x":{"y":true}},"auths":{"HOST":{"username":"AWS","password":"x"}}}"#,
    "✗ docker: the password in auths of ~/.docker/config.json is used: it is not one that ECR gives out today; docker warns of an entry of an entry of plugins that is not a string at line 1 column 22 [EA0110]"
)]
#[case::password_without_padding(
    r#"{"auths":{"HOST":{"auth":"QVdTOnB3cA"}}}"#,
    "✗ docker: the password in auths of ~/.docker/config.json is not used; docker warns of an auth that is not base64 at line 1 column 66 [EA0101]"
)]
#[case::another_password_that_cannot_be_decoded(
    r#"{"auths":{"ghcr.io":{"auth":"!"},"HOST":{"auth":"QVdTOng="}}}"#,
    "✗ docker: the password in auths of ~/.docker/config.json is used by chance, as docker decodes auths in a random order up to the first fault: it is not one that ECR gives out today; docker warns of an auth that is not base64 at line 1 column 29 [EA0110]"
)]
#[case::null_is_of_every_type(
    r#"{"aliases":null,"plugins":{"x":null},"pruneFilters":null,"unknown":5,"credHelpers":{"HOST":"ecr-auth"}}"#,
    "✓ docker: docker-credential-ecr-auth is asked"
)]
fn a_member_of_the_wrong_type_costs_what_it_costs_docker(#[case] config: &str, #[case] expected: &str) {
    assert_docker_is_told(config, expected);
}

/// Go's JSON has U+FFFD for such a byte in a string. Elsewhere, no client reads the file.
#[rstest]
#[case::in_a_value(
    b"{\"credHelpers\":{\"HOST\":\"ecr-auth\"},\"x\":\"\xff\"}",
    "✓ docker: docker-credential-ecr-auth is asked"
)]
#[case::in_a_key(
    b"{\"credHelpers\":{\"\xe4\":\"\xf6\",\"HOST\":\"ecr-auth\"}}",
    "✓ docker: docker-credential-ecr-auth is asked"
)]
#[case::behind_the_object(
    b"{\"credHelpers\":{\"HOST\":\"ecr-auth\"}}\xff",
    "✓ docker: docker-credential-ecr-auth is asked"
)]
#[case::between(
    b"{\"credHelpers\":{\"HOST\":\"ecr-auth\"},\n \xff\"x\":1}",
    "✗ docker: docker cannot read ~/.docker/config.json: key must be a string at line 2 column 2 [EA0101]"
)]
#[case::in_a_password(
    b"{\"auths\":{\"HOST\":{\"username\":\"AWS\",\"password\":\"\xff\"}}}",
    "✗ docker: the password in auths of ~/.docker/config.json is used"
)]
#[case::in_an_auth(
    b"{\"auths\":{\"HOST\":{\"auth\":\"QVdT\xff\"}}}",
    "docker warns of an auth that is not base64 at line 1 column 66"
)]
fn bytes_that_are_not_utf_8_are_read_as_docker_does(#[case] config: &[u8], #[case] expected: &str) {
    let scene = Scene::new();
    fs::write(scene.machine.home().join(".docker/config.json"), with_host(config)).unwrap();
    let outcome = scene.doctor(&[HOST]);
    assert!(outcome.stdout.contains(expected), "{outcome:?}");
}

fn with_host(config: &[u8]) -> Vec<u8> {
    let at = config.windows(4).position(|window| window == b"HOST").unwrap();
    [&config[..at], HOST.as_bytes(), &config[at + 4..]].concat()
}

/// Podman knows only `auths` and `credHelpers`, and refuses the file for a fault there.
#[rstest]
#[case::not_its_own(
    r#"{"credHelpers":{"HOST":"ecr-auth"},"credsStore":5,"aliases":[]}"#,
    "✓ podman: docker-credential-ecr-auth is asked"
)]
#[case::its_own(
    r#"{"credHelpers":{"HOST":"ecr-auth","a":5}}"#,
    "✗ podman: podman cannot read ~/.config/containers/auth.json: a helper's name that is not a string at line 1 column 79 [EA0101]"
)]
#[case::no_base64(
    r#"{"auths":{"HOST":{"auth":"QVdTOnB3cA"}}}"#,
    "✗ podman: podman cannot read ~/.config/containers/auth.json: an auth that is not base64 at line 1 column 66 [EA0101]"
)]
#[case::no_base64_beside_a_helper(
    r#"{"auths":{"HOST":{"auth":"QVdTOnB3cA"}},"credHelpers":{"HOST":"ecr-auth"}}"#,
    "✓ podman: docker-credential-ecr-auth is asked"
)]
#[case::no_base64_for_another(
    r#"{"auths":{"HOST":{"auth":"QVdTOng="},"a":{"auth":"!"}}}"#,
    "✗ podman: the password in auths of ~/.config/containers/auth.json is used before docker-credential-ecr-auth: it is not one"
)]
fn podman_reads_only_what_it_knows(#[case] config: &str, #[case] expected: &str) {
    let scene = Scene::new();
    program(&scene.machine, "bin/podman", "exit 0");
    scene
        .machine
        .write(".config/containers/auth.json", &config.replace("HOST", HOST));
    let outcome = scene.doctor(&[HOST]);
    assert!(outcome.stdout.contains(expected), "{outcome:?}");
}

/// doctor suggests the setting or helper for a name that no client reads.
#[rstest]
#[case::setting(
    r#"{"credsHelper":{"HOST":"ecr-auth"}}"#,
    "✗ docker: the key credsHelper of ~/.docker/config.json is not a setting: did you mean credHelpers? [EA0109]"
)]
#[case::store(r#"{"credStore":"ecr-auth"}"#, "is not a setting: did you mean credsStore? [EA0109]")]
#[case::long_setting(
    r#"{"credentialHelpers":{"HOST":"ecr-auth"}}"#,
    "the key credentialHelpers of ~/.docker/config.json is not a setting: did you mean credHelpers? [EA0109]"
)]
#[case::long_store(
    r#"{"credentialsStore":"ecr-auth"}"#,
    "is not a setting: did you mean credsStore? [EA0109]"
)]
#[case::hyphens(
    r#"{"credential-helpers":["ecr-auth"]}"#,
    "is not a setting: did you mean credHelpers? [EA0109]"
)]
#[case::inside_auths(
    r#"{"auths":{"credHelpers":{"HOST":"ecr-auth"}}}"#,
    "✗ docker: credHelpers of ~/.docker/config.json is inside auths: it must be beside it [EA0109]"
)]
#[case::no_hyphen(r#"{"credHelpers":{"HOST":"ecrauth"}}"#, "did you mean ecr-auth? Clients put")]
#[case::underscore(r#"{"credsStore":"ecr_auth"}"#, "did you mean ecr-auth? Clients put")]
#[case::path(
    r#"{"credHelpers":{"HOST":"/usr/local/bin/docker-credential-ecr-auth"}}"#,
    "did you mean ecr-auth? Clients put"
)]
#[case::path_of_another(
    r#"{"credsStore":"C:\\Docker\\docker-credential-desktop.exe"}"#,
    "did you mean desktop? Clients put"
)]
#[case::whole_program(
    r#"{"credHelpers":{"HOST":"docker-credential-ecr-auth"}}"#,
    "did you mean ecr-auth? Clients put"
)]
#[case::port(
    r#"{"auths":{"HOST:443":{"auth":"QVdTOng="}}}"#,
    "the key HOST:443 in auths of ~/.docker/config.json never matches"
)]
#[case::blank_at_the_end(
    r#"{"credHelpers":{"HOST ":"ecr-auth"}}"#,
    "the key \"HOST \" in credHelpers of ~/.docker/config.json never matches: the registry is HOST, "
)]
#[case::line_break_beside_what_works(
    r#"{"credHelpers":{"HOST\n":"ecr-auth","HOST":"ecr-auth"}}"#,
    "; the key \"HOST\\n\" in credHelpers never matches"
)]
#[case::beside_what_works(
    r#"{"credHelpers":{"HOST":"ecr-auth"},"credStore":"x"}"#,
    "! docker: docker-credential-ecr-auth is asked, by credHelpers in ~/.docker/config.json; the key credStore is not a setting"
)]
#[case::store_that_is_missing(
    r#"{"credHelpers":{"HOST":"ecr-auth"},"credsStore":"desktop"}"#,
    "docker-credential-desktop of credsStore is not on PATH"
)]
fn slips_are_told_with_what_is_meant(#[case] config: &str, #[case] expected: &str) {
    assert_docker_is_told(config, expected);
}

/// Docker 28.3 and later take nothing from it then, and go on to the file.
#[rstest]
#[case::helpers(
    r#"{"auths":{},"credHelpers":{"HOST":"ecr-auth"}}"#,
    "something beside auths at line 1 column 13"
)]
#[case::quotes(
    r#"'{"auths":{"HOST":{"auth":"QVdTOng="}}}'"#,
    "quotes that belong to the value at line 1 column 1"
)]
#[case::no_auth(
    r#"{"auths":{"HOST":{"auth":""}}}"#,
    "an entry of auths without an auth at line 1 column 11"
)]
#[case::url_safe(
    r#"{"auths":{"HOST":{"auth":"QVdTOv_-Pz4="}}}"#,
    "an auth that is not base64 at line 1 column 66"
)]
#[case::no_padding(
    r#"{"auths":{"HOST":{"auth":"QVdTOnB3cA"}}}"#,
    "an auth that is not base64 at line 1 column"
)]
#[case::no_password(
    r#"{"auths":{"HOST":{"auth":"QVdT"}}}"#,
    "an auth that is not base64 of USER:PASSWORD at line 1 column 66"
)]
#[case::user_name(r#"{"auths":{"HOST":{"username":"AWS"}}}"#, "something beside auth at line 1 column")]
#[case::two(
    r#"{"auths":{}} {"auths":{}}"#,
    "something after the configuration at line 1 column 14"
)]
fn a_variable_that_docker_drops_is_told(#[case] variable: &str, #[case] expected: &str) {
    let mut scene = Scene::new();
    scene.set("DOCKER_AUTH_CONFIG", &variable.replace("HOST", HOST));
    let outcome = scene.doctor(&[HOST]);
    let told = format!("! docker: docker drops DOCKER_AUTH_CONFIG: {expected}");
    assert!(outcome.stdout.contains(&told), "{outcome:?}");
    assert!(
        outcome.stdout.contains("✓ docker: docker-credential-ecr-auth is asked"),
        "{outcome:?}"
    );
}

/// Go's base64 skips line breaks.
#[test]
fn a_variable_with_a_line_break_in_its_password_is_used() {
    let mut scene = Scene::new();
    let variable = json!({"auths": {HOST: {"auth": format!("{}\r\n", stale())}}});
    scene.set("DOCKER_AUTH_CONFIG", &variable.to_string());
    let outcome = scene.doctor(&[HOST]);
    let told =
        "✗ docker: the password in auths of DOCKER_AUTH_CONFIG is used before docker-credential-ecr-auth: it ended";
    assert!(outcome.stdout.contains(told), "{outcome:?}");
}

#[test]
fn a_key_with_a_scheme_never_matches_in_the_variable() {
    let mut scene = Scene::new();
    let variable = json!({"auths": {format!("https://{HOST}"): {"auth": stale()}}});
    scene.set("DOCKER_AUTH_CONFIG", &variable.to_string());
    let outcome = scene.doctor(&[HOST]);
    let told = format!("; the key https://{HOST} in auths of DOCKER_AUTH_CONFIG never matches");
    assert!(outcome.stdout.contains(&told), "{outcome:?}");
    assert!(!outcome.stdout.contains("is used"), "{outcome:?}");
}

/// One client is used here, and the other only installed.
#[test]
fn a_client_that_is_not_used_is_no_failure() {
    let scene = Scene::new();
    program(&scene.machine, "bin/podman", "exit 0");
    fs::remove_file(scene.machine.home().join(".docker/config.json")).unwrap();
    let config = json!({"credHelpers": {HOST: "ecr-auth"}});
    scene.machine.write(".config/containers/auth.json", &config.to_string());
    let outcome = scene.doctor(&[HOST]);
    assert_eq!(outcome.status, 0, "{outcome:?}");
    assert!(outcome.stdout.contains("! docker: no helper is set"), "{outcome:?}");
    assert!(outcome.stdout.contains("✓ podman: "), "{outcome:?}");
}

/// What another store holds is as good as what a login left there.
#[rstest]
#[case::nothing(
    1,
    "✗ docker: docker-credential-keychain is asked, by credsStore in ~/.docker/config.json, and has nothing for"
)]
#[case::a_password(
    0,
    "! docker: the password that a login left in keychain is used: it ends in 11 hours"
)]
fn another_store_is_asked_what_it_has(#[case] works: i32, #[case] expected: &str) {
    let scene = Scene::new();
    scene.docker(&json!({"credsStore": "keychain"}));
    let end = SystemTime::now() + Duration::from_secs(11 * 3600);
    let password = String::from_utf8(BASE64_STANDARD.decode(auth(end)).unwrap()).unwrap();
    let answer = json!({"ServerURL": HOST, "Username": "AWS", "Secret": password.strip_prefix("AWS:").unwrap()});
    let says = match works {
        0 => format!("echo '{answer}'"),
        _ => "echo 'credentials not found in native keychain'; exit 1".to_owned(),
    };
    program(&scene.machine, "bin/docker-credential-keychain", &says);
    let outcome = scene.doctor(&[HOST]);
    assert_eq!(outcome.status, works, "{outcome:?}");
    assert!(outcome.stdout.contains(expected), "{outcome:?}");
}

#[test]
fn a_helper_that_is_not_installed_is_to_be_replaced() {
    let scene = Scene::new();
    scene.docker(&json!({"credHelpers": {HOST: "ecr-login"}}));
    let outcome = scene.doctor(&[HOST]);
    let told = "✗ helper: docker-credential-ecr-login isn't installed, ";
    assert!(outcome.stdout.contains(told), "{outcome:?}");
    assert!(
        outcome
            .stdout
            .contains(&format!("    Replace it: ecr-auth setup {HOST}\n")),
        "{outcome:?}"
    );
    scene.docker(&json!({"credHelpers": {HOST: "gcloud"}}));
    let outcome = scene.doctor(&[HOST]);
    assert!(
        outcome.stdout.contains("docker-credential-gcloud is not on PATH"),
        "{outcome:?}"
    );
    assert!(
        outcome
            .stdout
            .contains(&format!("    replace it for this registry: ecr-auth setup {HOST}\n")),
        "{outcome:?}"
    );
}

/// Other programs read docker's file: that it is right says nothing of a docker that isn't there.
#[test]
fn a_docker_that_is_not_installed_gets_no_tick() {
    let scene = Scene::new();
    fs::remove_file(scene.machine.path("bin/docker")).unwrap();
    let outcome = scene.doctor(&[HOST]);
    assert!(!outcome.stdout.contains("✓ docker"), "{outcome:?}");
    assert!(
        outcome
            .stdout
            .contains("! docker: docker is not on PATH; for other programs"),
        "{outcome:?}"
    );
    assert_eq!(outcome.status, 0, "{outcome:?}");
}
