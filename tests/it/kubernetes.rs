//! The files in kubernetes/: configurations that the kubelet accepts, and scripts that work. `make check` checks the objects of the API itself.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde::Deserialize;

use crate::harness::{HOST, Machine, Outcome, binary};
use crate::lab_machine;

/// `CredentialProviderConfig` of `kubelet.config.k8s.io/v1`, every field that is documented and no other: the kubelet doesn't start with
/// one it doesn't know. <https://kubernetes.io/docs/reference/config-api/kubelet-config.v1/>
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct CredentialProviderConfig {
    api_version: String,
    kind: String,
    providers: Vec<CredentialProvider>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct CredentialProvider {
    name: String,
    match_images: Vec<String>,
    default_cache_duration: String,
    api_version: String,
    args: Vec<String>,
    #[serde(default)]
    env: Vec<ExecEnvVar>,
    token_attributes: Option<TokenAttributes>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ExecEnvVar {
    name: String,
    value: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct TokenAttributes {
    service_account_token_audience: String,
    cache_type: String,
    require_service_account: bool,
    #[serde(default)]
    required_service_account_annotation_keys: BTreeSet<String>,
    #[serde(default)]
    optional_service_account_annotation_keys: BTreeSet<String>,
}

fn shipped(below: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("kubernetes").join(below)
}

fn read(below: &str) -> String {
    fs::read_to_string(shipped(below)).unwrap()
}

/// The checks that the kubelet makes of a configuration as it starts (its `validateCredentialProviderConfig`).
#[track_caller]
fn config(yaml: &str) -> CredentialProviderConfig {
    let config: CredentialProviderConfig = serde_saphyr::from_str(yaml).unwrap();
    assert_eq!(config.api_version, "kubelet.config.k8s.io/v1");
    assert_eq!(config.kind, "CredentialProviderConfig");
    let names: BTreeSet<&str> = config.providers.iter().map(|it| it.name.as_str()).collect();
    assert_eq!(names.len(), config.providers.len());
    for provider in &config.providers {
        assert!(!provider.name.contains(['/', ' ']) && ![".", ".."].contains(&provider.name.as_str()));
        assert_eq!(provider.api_version, "credentialprovider.kubelet.k8s.io/v1");
        assert_eq!(provider.args, ["kubelet"]);
        assert_eq!(provider.default_cache_duration, "0s");
        assert!(!provider.match_images.is_empty());
        assert!(
            provider
                .env
                .iter()
                .all(|it| it.name.starts_with("ECR_AUTH_") && it.value.starts_with('/'))
        );
        if let Some(token) = &provider.token_attributes {
            assert!(["ServiceAccount", "Token"].contains(&token.cache_type.as_str()));
            assert!(!token.service_account_token_audience.is_empty());
            let (required, optional) = (
                &token.required_service_account_annotation_keys,
                &token.optional_service_account_annotation_keys,
            );
            assert!(required.is_disjoint(optional));
            assert!(required.is_empty() || token.require_service_account);
        }
    }
    config
}

/// Whether the kubelet asks this provider for an image. It compares label by label. Our patterns have no stars within a label.
fn is_asked(provider: &CredentialProvider, host: &str) -> bool {
    provider.match_images.iter().any(|pattern| {
        let (pattern, host): (Vec<_>, Vec<_>) = (pattern.split('.').collect(), host.split('.').collect());
        pattern.len() == host.len() && pattern.iter().zip(&host).all(|(it, label)| *it == "*" || it == label)
    })
}

#[test]
fn the_kubelet_takes_the_configurations() {
    let ambient = config(&read("kubelet/credential-provider-config.yaml"));
    assert_eq!(ambient.providers[0].name, "ecr-auth");
    for host in [
        HOST,
        "111122223333.dkr.ecr-fips.us-east-1.amazonaws.com",
        "111122223333.dkr-ecr.eu-west-1.on.aws",
        "111122223333.dkr-ecr-fips.us-east-1.on.aws",
        "111122223333.dkr.ecr.us-gov-west-1.amazonaws.com",
        "111122223333.dkr.ecr.cn-north-1.amazonaws.com.cn",
        "111122223333.dkr-ecr.cn-north-1.on.amazonwebservices.com.cn",
        "111122223333.dkr.ecr.eusc-de-east-1.amazonaws.eu",
        "111122223333.dkr-ecr.eusc-de-east-1.on.amazonwebservices.eu",
        "111122223333.dkr.ecr.us-iso-east-1.c2s.ic.gov",
        "111122223333.dkr.ecr.us-isob-east-1.sc2s.sgov.gov",
        "111122223333.dkr.ecr.eu-isoe-west-1.cloud.adc-e.uk",
        "111122223333.dkr.ecr.us-isof-south-1.csp.hci.ic.gov",
        "public.ecr.aws",
        "ecr-public.aws.com",
    ] {
        assert!(is_asked(&ambient.providers[0], host), "{host}");
        assert!(ecr_registry::Registry::parse(host).is_some(), "{host}");
    }
    assert!(!is_asked(&ambient.providers[0], "quay.io"));
    let by_pod = config(&read("kubelet/credential-provider-config-service-account.yaml"));
    let [pod, node] = by_pod.providers.as_slice() else {
        panic!("two providers");
    };
    let token = pod.token_attributes.as_ref().unwrap();
    assert!(
        token
            .required_service_account_annotation_keys
            .contains("eks.amazonaws.com/ecr-role-arn")
    );
    assert!(node.token_attributes.is_none() && is_asked(node, HOST) && is_asked(pod, HOST));
    assert!(pod.env.is_empty(), "nothing of a pod's is kept");
}

#[test]
fn the_check_of_configurations_is_strict() {
    let good = read("kubelet/credential-provider-config.yaml");
    for (from, to) in [
        ("matchImages", "matchimages"),
        ("    args: [kubelet]\n", "    args: [kubelet]\n    installHint: none\n"),
        ("    defaultCacheDuration: \"0s\"\n", ""),
    ] {
        let bad = good.replacen(from, to, 1);
        assert_ne!(bad, good);
        assert!(
            serde_saphyr::from_str::<CredentialProviderConfig>(&bad).is_err(),
            "{from}"
        );
    }
}

#[test]
fn an_image_build_leaves_a_node_that_answers() {
    let root = tempfile::tempdir().unwrap();
    let script = shipped("node/install.sh");
    let file = shipped("kubelet/credential-provider-config-service-account.yaml");
    // As on the page: the binary is in the folder where the script is called, under its release name.
    let folder = tempfile::tempdir().unwrap();
    fs::copy(binary(), folder.path().join("ecr-auth-x86_64-unknown-linux-musl")).unwrap();
    for _ in 0..2 {
        let output = Command::new(&script)
            .arg("ecr-auth-x86_64-unknown-linux-musl")
            .arg(&file)
            .current_dir(folder.path())
            .env("ROOT", root.path())
            .output()
            .unwrap();
        assert_eq!(Outcome::of(&output).status, 0, "{output:?}");
    }
    let installed = fs::read_to_string(root.path().join("etc/ecr-auth/credential-provider-config.yaml")).unwrap();
    for provider in config(&installed).providers {
        let program = root.path().join("usr/local/libexec/ecr-auth").join(&provider.name);
        let request = "{\"kind\":\"CredentialProviderRequest\",\"apiVersion\":\"credentialprovider.kubelet.k8s.io/v1\",\"image\":\"quay.io/app\"}";
        let args: Vec<&str> = provider.args.iter().map(String::as_str).collect();
        let answer = Machine::new().call(&program, &args, request);
        assert!(
            answer.status == 0 && answer.stdout.contains("\"auth\":{}"),
            "{answer:?}"
        );
    }
    let without = Command::new(&script).output().unwrap();
    assert_eq!(without.status.code(), Some(2));
}

/// Returns the part of a MIME multipart text with this content type.
fn part(text: &str, content_type: &str) -> String {
    let part = text.split("\n--//").find(|part| part.contains(content_type)).unwrap();
    part.split_once("\n\n").unwrap().1.to_owned()
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct NodeConfig {
    api_version: String,
    kind: String,
    spec: BTreeMap<String, BTreeMap<String, Vec<String>>>,
}

#[test]
fn user_data_and_its_flags_agree() {
    let user_data = read("node/user-data.txt");
    let script = part(&user_data, "text/x-shellscript");
    let parsed = Command::new("bash").args(["-n", "-c", &script]).output().unwrap();
    assert_eq!(
        Outcome::of(&parsed),
        Outcome::of(&Command::new("true").output().unwrap())
    );
    let (_, inside) = script.split_once("<<'CONFIG'\n").unwrap();
    let inside = config(inside.split_once("CONFIG\n").unwrap().0);
    assert_eq!(inside.providers[0].name, "ecr-auth");
    // Either configuration finds its programs, whether a node was made by the one script or by the other.
    for provider in config(&read("kubelet/credential-provider-config-service-account.yaml")).providers {
        for (script, folder) in [
            (&script, "/usr/local/libexec/ecr-auth"),
            (&read("node/install.sh"), "\"$bin"),
        ] {
            let link = format!("ln -sfn ecr-auth {folder}/{}", provider.name);
            assert!(provider.name == "ecr-auth" || script.contains(&link), "{link}");
        }
    }
    let node: NodeConfig = serde_saphyr::from_str(&part(&user_data, "application/node.eks.aws")).unwrap();
    assert_eq!(
        (node.api_version.as_str(), node.kind.as_str()),
        ("node.eks.aws/v1alpha1", "NodeConfig")
    );
    for flag in &node.spec["kubelet"]["flags"] {
        let (name, path) = flag.split_once('=').unwrap();
        assert!(name.starts_with("--image-credential-provider-"), "{name}");
        assert!(
            script.contains(&format!(" {path}\n")) || script.contains(&format!(">{path} ")),
            "{path}"
        );
    }
}

/// Returns the arguments of a container, one a line.
fn args(manifest: &str, container: &str) -> Vec<String> {
    let (_, container) = manifest
        .split_once(&format!("- name: {container}\n              image: "))
        .unwrap();
    let (_, args) = container.split_once("args:\n").unwrap();
    let args = args.lines().map_while(|line| line.trim().strip_prefix("- "));
    args.map(str::to_owned).collect()
}

#[test]
fn the_refresher_writes_the_secret_that_it_may_change() {
    let lab = lab_machine::lab();
    let machine = lab_machine::machine(&lab).with("ECR_AUTH_CACHE", "off");
    let work = machine.path("work");
    fs::create_dir(&work).unwrap();
    let manifest = read("pull-secret/refresher.yaml");
    let args: Vec<String> = args(&manifest, "fetch")
        .iter()
        .map(|arg| arg.replace("/data/", &format!("{}/", work.display())))
        .collect();
    let outcome = machine.run(&args.iter().map(String::as_str).collect::<Vec<_>>());
    assert_eq!(outcome.status, 0, "{outcome:?}");
    let secret: serde_json::Value =
        serde_json::from_str(&fs::read_to_string(work.join("secret.json")).unwrap()).unwrap();
    assert_eq!(
        (&secret["metadata"]["name"], &secret["metadata"]["namespace"]),
        (&"ecr-auth".into(), &"shop".into())
    );
    for (file, line) in [
        (&manifest, "resourceNames: [ecr-auth]"),
        (&manifest, "verbs: [patch]"),
        (
            &read("pull-secret/secret.yaml"),
            "  name: ecr-auth\n  namespace: shop\ntype: kubernetes.io/dockerconfigjson\n",
        ),
    ] {
        assert!(file.contains(line), "{line}");
    }
    assert_eq!(secret["type"], "kubernetes.io/dockerconfigjson");
}
