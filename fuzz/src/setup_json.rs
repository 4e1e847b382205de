//! `setup.json`: looking up one host must give the same answer as parsing the whole file, whatever the file contains.

use std::fs;
use std::path::Path;

use configuration::Config;
use context::Env;

use super::inputs::{in_folder, is_fit_to_read, text};

/// The hosts to look up.
const HOSTS: [&str; 3] = [
    "111122223333.dkr.ecr.eu-west-1.amazonaws.com",
    "444455556666.dkr.ecr.eu-west-1.amazonaws.com",
    "images.northwind.example",
];

/// The input: the file.
pub fn setup_json(input: &[u8]) {
    let Some(input) = text(input) else { return };
    let people = in_folder(|folder| folder.join("setup-json").join("ecr-auth.yml"));
    let folder = people.parent().expect("a folder");
    fs::create_dir_all(folder).expect("a folder in ours");
    fs::write(&people, "").expect("a file in our folder");
    fs::write(folder.join("setup.json"), input).expect("a file in our folder");
    let env = in_folder(environment);
    let whole = match Config::load(&env, Some(&people)) {
        Ok(config) => config,
        Err(error) => {
            is_fit_to_read(&error);
            assert_eq!(error.exit().code(), 2);
            assert!(error.what().contains("setup.json"), "{error}");
            return;
        }
    };
    for host in HOSTS {
        let only = Config::load_for(&env, Some(&people), host, None).expect("the whole file is right");
        assert_eq!(only.target(host), whole.target(host), "{host}");
    }
}

fn environment(home: &Path) -> Env {
    [("HOME", home.to_str().expect("a path of text"))].into_iter().collect()
}
