//! AWS's shared files: parsing them, and adding a profile.

use std::fs;
use std::path::Path;

use aws_access::Identity;
use aws_access::identity::IdentityScope;
use aws_shared_files::{SharedFiles, profile::HelperProfile};
use context::Env;
use settings::IdentitySettings;

use super::inputs::{in_folder, is_fit_to_read, parts, text};

const KEYS: [&str; 4] = ["region", "role_arn", "source_profile", "credential_process"];
const SETTING: &str = "credential_process = /opt/ecr-auth assume";

/// The input: `config`, `credentials`, a profile's name, an argument for the process of the profile.
pub fn shared_files(input: &[u8]) {
    let Some(input) = text(input) else { return };
    let [config, credentials, name, argument] = parts(input);
    let env = in_folder(|folder| environment(folder, config, credentials));
    reads(&env);
    let path = in_folder(|folder| folder.join("aws-config"));
    let args = ["assume".to_owned(), argument.to_owned()];
    let write = || HelperProfile::new(name, Path::new("/opt/ecr-auth"), &args, &env)?.write(None);
    let written = write();
    let after = fs::read_to_string(&path).unwrap_or_default();
    match written {
        Err(error) => {
            is_fit_to_read(&error);
            assert_eq!(after, config, "a refused edit changes nothing: {error}");
        }
        Ok(written) => {
            assert_eq!(written.changed, after != config);
            assert_eq!(after.matches(SETTING).count().min(1), 1);
            the_rest_stays(config, &after);
            let again = write().expect("it was written before");
            assert!(!again.changed);
            reads(&env);
        }
    }
}

/// Checks that every profile can be read, and then used or refused with an error, whatever the files contain.
fn reads(env: &Env) {
    let files = match SharedFiles::read(env) {
        Ok(files) => files,
        // Bytes that are not text.
        Err(error) => return is_fit_to_read(&error),
    };
    for name in files.profile_names() {
        let profile = files.profile(name).expect("it was named");
        for key in KEYS {
            let value = profile.get(key);
            assert!(value.is_none_or(|value| !value.is_empty() && value == value.trim_end() && !value.contains('\n')));
        }
        let _ = profile.service_endpoint("ecr");
        let resolved = profile.resolved_text();
        assert!(resolved.expose().contains(&format!("Profile {name:?}")));
        let settings = IdentitySettings {
            profile: Some(name.to_owned()),
            ..IdentitySettings::default()
        };
        match Identity::choose(settings, &IdentityScope::of_region("eu-west-1"), env) {
            Ok(identity) => assert!(identity.key_fields().len() >= 3),
            Err(error) => is_fit_to_read(&error),
        }
    }
}

fn environment(folder: &Path, config: &str, credentials: &str) -> Env {
    let file = |name: &str, content: &str| {
        let path = folder.join(name);
        fs::write(&path, content).expect("a file in our folder");
        path.to_str().expect("a path of text").to_owned()
    };
    [
        ("AWS_CONFIG_FILE", file("aws-config", config)),
        ("AWS_SHARED_CREDENTIALS_FILE", file("aws-credentials", credentials)),
    ]
    .into_iter()
    .collect()
}

/// Checks that only one piece changed, which was empty or a setting of ours before.
fn the_rest_stays(before: &str, after: &str) {
    let (old, new) = (before.as_bytes(), after.as_bytes());
    let same_start = old.iter().zip(new).take_while(|(old, new)| old == new).count();
    let rest = old.len().min(new.len()) - same_start;
    let same_end = old
        .iter()
        .rev()
        .zip(new.iter().rev())
        .take(rest)
        .take_while(|(old, new)| old == new)
        .count();
    let taken = String::from_utf8_lossy(&old[same_start..old.len() - same_end]);
    let is_ours = before.to_lowercase().contains("credential_process") && before.contains("assume");
    assert!(taken.is_empty() || is_ours, "{taken:?} went");
}
