//! The drop-in file for podman: its effect beside other files, and its removal.

use std::fs;
use std::path::PathBuf;

use rstest::rstest;
use tempfile::TempDir;

use crate::drop_in::credential_helpers;
use crate::{ClientUndoLog, DropIn};
use context::Env;

struct Home(TempDir);

impl Home {
    fn new() -> Self {
        Self(TempDir::new().unwrap())
    }

    fn env(&self) -> Env {
        // Podman does not look in this configuration folder.
        let home = self.0.path().to_str().unwrap();
        [("HOME", home), ("XDG_CONFIG_HOME", "/nowhere")].into_iter().collect()
    }

    fn path(&self, below: &str) -> PathBuf {
        self.0.path().join(".config/containers").join(below)
    }

    fn write(&self, below: &str, text: &str) {
        fs::create_dir_all(self.path(below).parent().unwrap()).unwrap();
        fs::write(self.path(below), text).unwrap();
    }

    fn log(&self) -> ClientUndoLog {
        ClientUndoLog::new(self.0.path().join("state"), "setup")
    }

    fn set_up(&self) -> DropIn {
        let plan = DropIn::plan(&self.env()).unwrap();
        let preview = plan.preview().unwrap();
        let written = plan.write(Some(&self.log())).unwrap();
        assert_eq!(written.changed, !preview.is_empty());
        assert!(written.not_recorded.is_none());
        plan
    }

    fn list(&self) -> Vec<String> {
        let text = fs::read_to_string(self.path("registries.conf.d/zz-ecr-auth.conf")).unwrap();
        credential_helpers(&text).unwrap().unwrap()
    }

    fn take_back(&self) -> bool {
        DropIn::take_back(&self.env(), Some(&self.log())).unwrap().is_some()
    }
}

#[test]
fn the_drop_in_is_created_and_removed_with_its_folders() {
    let home = Home::new();
    home.set_up();
    assert_eq!(home.list(), ["containers-auth.json", "ecr-auth"]);
    let file = home.path("registries.conf.d/zz-ecr-auth.conf");
    assert_eq!(DropIn::in_force(&home.env()).unwrap(), Some(file));
    assert!(DropIn::plan(&home.env()).unwrap().preview().unwrap().is_empty());
    assert_eq!(home.log().load().unwrap().files.len(), 1);
    assert!(home.take_back());
    assert!(!home.0.path().join(".config").exists());
    assert!(home.log().load().unwrap().files.is_empty());
    assert!(!home.take_back());
}

#[test]
fn the_users_own_list_is_kept() {
    let home = Home::new();
    home.write("registries.conf", "credential-helpers = [\"one\"]\n");
    home.write(
        "registries.conf.d/10-mine.conf",
        "credential-helpers = [ # mine\n  'two',\n  \"containers-auth.json\",\n]\n",
    );
    home.write(
        "registries.conf.d/20-other.conf",
        "[[registry]]\ncredential-helpers = [\"x\"]\n",
    );
    home.write("registries.conf.d/notes.txt", "credential-helpers = [\"y\"]\n");
    assert_eq!(home.set_up().hidden_by(), None);
    assert_eq!(home.list(), ["two", "containers-auth.json", "ecr-auth"]);
    // Only what setup created is removed.
    assert!(home.take_back());
    assert!(home.path("registries.conf.d/10-mine.conf").exists());
}

#[test]
fn a_list_that_names_the_helper_is_enough() {
    let home = Home::new();
    home.write("registries.conf.d/10.conf", "credential-helpers = [\"ecr-auth\"]\n");
    home.set_up();
    assert!(!home.path("registries.conf.d/zz-ecr-auth.conf").exists());
}

#[test]
fn a_file_that_is_read_later_is_reported() {
    let home = Home::new();
    home.write("registries.conf.d/zzz.conf", "credential-helpers = [\"late\"]\n");
    let hidden_by = home.set_up().hidden_by().map(ToOwned::to_owned);
    assert_eq!(hidden_by, Some(home.path("registries.conf.d/zzz.conf")));
    assert_eq!(DropIn::in_force(&home.env()).unwrap(), None);
}

#[test]
fn a_changed_drop_in_stays() {
    let home = Home::new();
    home.set_up();
    home.write(
        "registries.conf.d/zz-ecr-auth.conf",
        "credential-helpers = [\"mine\", \"ecr-auth\"]\n",
    );
    assert!(!home.take_back());
    assert_eq!(home.list(), ["mine", "ecr-auth"]);
    assert!(home.log().load().unwrap().files.is_empty());
}

#[rstest]
#[case("", None)]
#[case("unqualified-search-registries = [\"docker.io\"]\n", None)]
#[case("credential-helpers=['a','b'] # \"c\"\n", Some(vec!["a", "b"]))]
#[case("  \"credential-helpers\" = [\n\n\"a\" # one\n, # \"two\"\n\"b\"]\nx = [\"c\"]", Some(vec!["a", "b"]))]
#[case("# credential-helpers = [\"a\"]\n", None)]
#[case("credential-helpers-x = [\"a\"]\n", None)]
#[case("[registries.search]\ncredential-helpers = [\"a\"]\n", None)]
#[case("x = \"\"\"\ncredential-helpers = ['a']\n\"\"\"\n", None)]
#[case("x = '''\n[y]\n'''\ncredential-helpers = ['a']\n", Some(vec!["a"]))]
#[case("\"credential\\u002Dhelpers\" = [\"\\u0061]#\", '''b''']\n", Some(vec!["a]#", "b"]))]
#[case("credential-helpers = [\"a\\\"b\", 'c\"', \"\\u200b\\\\\"]\n", Some(vec!["a\"b", "c\"", "\u{200b}\\"]))]
#[case("Credential-Helpers = ['a']\n", Some(vec!["a"]))]
#[case("\r\ncredential-helpers = []\r\n", Some(vec![]))]
fn the_list_in_a_file(#[case] text: &str, #[case] expected: Option<Vec<&str>>) {
    let expected = expected.map(|list| list.into_iter().map(str::to_owned).collect());
    assert_eq!(credential_helpers(text).unwrap(), expected);
}

#[rstest]
#[case("credential-helpers = 'a'\n", "line 1: credential-helpers is not a list of names")]
#[case(
    "\ncredential-helpers = ['a', 1]\n",
    "line 2: credential-helpers is not a list of names"
)]
#[case("x = 1\nx = 2\n", "line 2: duplicate key")]
#[case("\n\n[x\n", "line 3: unclosed table, expected `]`")]
fn what_is_wrong_with_a_file(#[case] text: &str, #[case] expected: &str) {
    assert_eq!(credential_helpers(text).unwrap_err(), expected);
}

/// Podman's own parser must read back the same names.
#[test]
fn every_name_is_written_as_it_was() {
    let names = [
        "zero\u{200b}width",
        "quo\"te",
        "ba\\ck",
        "tab\t",
        "line\nbreak",
        "del\u{7f}",
        "a'''b\"\"\"c",
        "\u{1f511}",
        "[",
    ];
    let home = Home::new();
    let quoted = |name: &&str| serde_json::to_string(name).unwrap().replace('\u{7f}', "\\u007f");
    let list: Vec<String> = names.iter().map(quoted).collect();
    home.write(
        "registries.conf",
        &format!("credential-helpers = [\n{},\n]\n", list.join(",\n")),
    );
    home.set_up();
    assert_eq!(home.list(), [&names[..], &["ecr-auth"]].concat());
}

#[test]
fn a_file_that_podman_cannot_read_is_an_error() {
    let home = Home::new();
    home.write("registries.conf.d/10-mine.conf", "credential-helpers = [\n'a'\n");
    let error = DropIn::plan(&home.env()).unwrap_err();
    assert!(error.to_string().contains("10-mine.conf: line "), "{error}");
    assert!(!home.path("registries.conf.d/zz-ecr-auth.conf").exists());
    assert!(!home.take_back());
}
