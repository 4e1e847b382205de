//! The registries through skopeo and curl.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use lab::{ACCOUNT, Access, Lab, Options, PARTNER_ACCOUNT, Permissions};
use serde_json::json;
use sha2::{Digest, Sha256};

use crate::tools::{Got, curl, lab};

const HOST: &str = "111122223333.dkr.ecr.eu-west-1.amazonaws.com";
const OTHER_REGION: &str = "111122223333.dkr.ecr.us-east-1.amazonaws.com";

fn get(lab: &Lab, host: &str, path: &str, password: Option<&str>) -> Got {
    let url = format!("https://{host}{path}");
    match password {
        None => curl(lab, &[&url]),
        Some(password) => curl(lab, &["--user", &format!("AWS:{password}"), &url]),
    }
}

#[test]
fn requests_without_a_password_get_a_challenge() {
    let lab = lab();
    for password in [None, Some("of nobody")] {
        let got = get(&lab, HOST, "/v2/", password);
        assert_eq!(got.status, 401);
        let wanted = format!("www-authenticate: Basic realm=\"https://{HOST}/\",service=\"ecr.amazonaws.com\"");
        assert!(got.text.contains(&wanted), "{}", got.text);
    }
}

#[test]
fn a_token_is_valid_in_its_region_until_it_expires() {
    let lab = lab();
    let password = lab.issue_token(lab.admin(), Some("eu-west-1")).unwrap();
    assert_eq!(get(&lab, HOST, "/v2/", Some(&password)).status, 200);
    assert_eq!(get(&lab, OTHER_REGION, "/v2/", Some(&password)).status, 401);
    lab.advance(Duration::from_secs(12 * 3600));
    let got = get(&lab, HOST, "/v2/", Some(&password));
    assert_eq!(got.status, 403);
    assert!(
        got.text
            .contains("Your authorization token has expired. Reauthenticate and try again.")
    );
    let fresh = lab.issue_token(lab.admin(), Some("eu-west-1")).unwrap();
    assert_eq!(get(&lab, HOST, "/v2/", Some(&fresh)).status, 200);
    lab.revoke_tokens();
    assert_eq!(get(&lab, HOST, "/v2/", Some(&fresh)).status, 401);
}

#[test]
fn the_principal_is_authorised_on_the_repository() {
    let lab = lab();
    let partner = lab.issue_token(lab.partner(), Some("eu-west-1")).unwrap();
    let manifest = |repository: &str, password: &str| {
        get(&lab, HOST, &format!("/v2/{repository}/manifests/1"), Some(password)).status
    };
    assert_eq!(manifest("shared/app", &partner), 403, "no repository policy");
    lab.allow_repository(ACCOUNT, "eu-west-1", "shared/*", PARTNER_ACCOUNT, Access::Pull);
    assert_eq!(
        manifest("shared/app", &partner),
        404,
        "allowed, and the lab has no registry behind"
    );
    assert_eq!(manifest("other/app", &partner), 403);
    let upload = |password: &str| {
        let user = format!("AWS:{password}");
        let url = format!("https://{HOST}/v2/shared/app/blobs/uploads/");
        curl(&lab, &["--user", &user, "--request", "POST", &url]).status
    };
    assert_eq!(upload(&partner), 403, "pull is not push");
    lab.allow_repository(ACCOUNT, "eu-west-1", "shared/*", PARTNER_ACCOUNT, Access::Push);
    assert_eq!(upload(&partner), 404);

    let reader = lab.add_user_with(ACCOUNT, "reader", Permissions::allow(["ecr:Get*", "ecr:Batch*"]));
    let reader = lab.issue_token(&reader, Some("eu-west-1")).unwrap();
    assert_eq!(manifest("app", &reader), 404);
    assert_eq!(upload(&reader), 403);
}

/// Writes an OCI image layout with one image of one empty layer. Returns the digest of its manifest.
fn write_image(folder: &Path) -> String {
    let blobs = folder.join("blobs/sha256");
    fs::create_dir_all(&blobs).unwrap();
    let add = |bytes: &[u8], kind: &str| {
        let hex: String = Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect();
        fs::write(blobs.join(&hex), bytes).unwrap();
        json!({"mediaType": kind, "digest": format!("sha256:{hex}"), "size": bytes.len()})
    };
    // Two blocks of zeros are an empty tar archive.
    let layer = add(&[0; 1024], "application/vnd.oci.image.layer.v1.tar");
    let config = json!({
        "architecture": "amd64", "os": "linux",
        "rootfs": {"type": "layers", "diff_ids": [layer["digest"]]},
    });
    let config = add(
        config.to_string().as_bytes(),
        "application/vnd.oci.image.config.v1+json",
    );
    let kind = "application/vnd.oci.image.manifest.v1+json";
    let manifest = json!({"schemaVersion": 2, "mediaType": kind, "config": config, "layers": [layer]});
    let mut manifest = add(manifest.to_string().as_bytes(), kind);
    let digest = manifest["digest"].as_str().unwrap().to_owned();
    manifest["annotations"] = json!({"org.opencontainers.image.ref.name": "1"});
    fs::write(
        folder.join("index.json"),
        json!({"schemaVersion": 2, "manifests": [manifest]}).to_string(),
    )
    .unwrap();
    fs::write(folder.join("oci-layout"), r#"{"imageLayoutVersion":"1.0.0"}"#).unwrap();
    digest
}

struct Skopeo {
    folder: tempfile::TempDir,
}

impl Skopeo {
    /// Passwords are read from a file, certificates from a folder.
    fn new(lab: &Lab, passwords: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let auths: serde_json::Map<_, _> = passwords
            .iter()
            .map(|(host, password)| {
                let auth = BASE64_STANDARD.encode(format!("AWS:{password}"));
                ((*host).to_owned(), json!({"auth": auth}))
            })
            .collect();
        fs::write(folder.path().join("auth.json"), json!({"auths": auths}).to_string()).unwrap();
        fs::create_dir(folder.path().join("certs")).unwrap();
        fs::write(folder.path().join("certs/ca.crt"), lab.ca_pem()).unwrap();
        Self { folder }
    }

    fn run(&self, arguments: &[&str]) -> Result<String, String> {
        let output = Command::new("skopeo")
            .args(arguments)
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .env("HOME", self.folder.path())
            .env("REGISTRY_AUTH_FILE", self.folder.path().join("auth.json"))
            .output()
            .unwrap();
        if output.status.success() {
            Ok(String::from_utf8(output.stdout).unwrap())
        } else {
            Err(String::from_utf8_lossy(&output.stderr).into_owned())
        }
    }

    fn certs(&self) -> String {
        self.folder.path().join("certs").display().to_string()
    }
}

#[test]
fn skopeo_pushes_pulls_mounts_and_lists() {
    let lab = Lab::start(Options::default()).unwrap();
    // Two names of this machine are aliases for the registries of two regions.
    let port = lab.https_addr().port();
    let (here, there) = (format!("127.0.0.1:{port}"), format!("localhost:{port}"));
    lab.add_host_alias(&here, HOST).unwrap();
    lab.add_host_alias(&there, OTHER_REGION).unwrap();
    let password = lab.issue_token(lab.admin(), Some("eu-west-1")).unwrap();
    let other = lab.issue_token(lab.admin(), Some("us-east-1")).unwrap();
    let skopeo = Skopeo::new(&lab, &[(&here, &password), (&there, &other)]);
    let certs = skopeo.certs();
    let image = tempfile::tempdir().unwrap();
    let digest = write_image(image.path());
    let source = format!("oci:{}:1", image.path().display());

    for repository in ["team/app", "team/copy"] {
        let target = format!("docker://{here}/{repository}:1");
        skopeo
            .run(&[
                "--insecure-policy",
                "copy",
                "--preserve-digests",
                "--dest-cert-dir",
                &certs,
                &source,
                &target,
            ])
            .unwrap();
    }
    let pushed = format!("docker://{here}/team/app:1");
    let said = skopeo
        .run(&["inspect", "--cert-dir", &certs, "--format", "{{.Digest}}", &pushed])
        .unwrap();
    assert_eq!(said.trim(), digest);
    let tags = skopeo
        .run(&["list-tags", "--cert-dir", &certs, &format!("docker://{here}/team/app")])
        .unwrap();
    let tags: serde_json::Value = serde_json::from_str(&tags).unwrap();
    assert_eq!(tags["Tags"], json!(["1"]));
    let got = get(&lab, HOST, "/v2/team/app/tags/list", Some(&password));
    assert!(got.text.contains(r#"{"name":"team/app","tags":["1"]}"#), "{}", got.text);

    let elsewhere = format!("docker://{there}/team/app:1");
    let error = skopeo.run(&["inspect", "--cert-dir", &certs, &elsewhere]).unwrap_err();
    assert!(
        error.contains("manifest unknown") || error.contains("name unknown"),
        "{error}"
    );

    let pulled = tempfile::tempdir().unwrap();
    let target = format!("dir:{}", pulled.path().display());
    skopeo
        .run(&["--insecure-policy", "copy", "--src-cert-dir", &certs, &pushed, &target])
        .unwrap();
    assert!(pulled.path().join("manifest.json").exists());

    lab.advance(Duration::from_secs(12 * 3600));
    let error = skopeo.run(&["inspect", "--cert-dir", &certs, &pushed]).unwrap_err();
    assert!(error.contains("token has expired"), "{error}");
    assert!(lab.count("registry:Push") > 0 && lab.refused("registry:Push") == 0);
}

#[test]
fn anybody_can_pull_from_ecr_public_and_only_the_owner_can_push() {
    let lab = lab();
    lab.add_public_alias("team", ACCOUNT);
    let got = curl(&lab, &["https://public.ecr.aws/v2/"]);
    assert_eq!(got.status, 401);
    assert!(
        got.text.contains("Bearer realm=\"https://public.ecr.aws/token/\""),
        "{}",
        got.text
    );
    let bearer = |arguments: &[&str]| {
        let mut all = arguments.to_vec();
        all.push("https://public.ecr.aws/token/?service=public.ecr.aws&scope=aws");
        let got = curl(&lab, &all);
        let (_, rest) = got.text.split_once("{\"token\":\"").unwrap();
        format!("Authorization: Bearer {}", rest.split('"').next().unwrap())
    };
    let anybody = bearer(&[]);
    let owner = lab.issue_token(lab.admin(), None).unwrap();
    let owner = bearer(&["--user", &format!("AWS:{owner}")]);
    let partner = lab.issue_token(lab.partner(), None).unwrap();
    let partner = bearer(&["--user", &format!("AWS:{partner}")]);
    let upload = |header: &str| {
        let url = "https://public.ecr.aws/v2/team/app/blobs/uploads/";
        curl(&lab, &["--header", header, "--request", "POST", url]).status
    };
    let pull = |header: &str| {
        curl(
            &lab,
            &["--header", header, "https://public.ecr.aws/v2/team/app/manifests/1"],
        )
        .status
    };
    assert_eq!(
        (pull(&anybody), pull(&owner)),
        (404, 404),
        "admitted; nothing is behind"
    );
    assert_eq!((upload(&anybody), upload(&partner), upload(&owner)), (403, 403, 404));
    let private = lab.issue_token(lab.admin(), Some("eu-west-1")).unwrap();
    let got = curl(
        &lab,
        &["--user", &format!("AWS:{private}"), "https://public.ecr.aws/token/"],
    );
    assert_eq!(got.status, 401, "a private registry's token is no public one");
}
