//! The drop-in by which podman asks the helper, beside files of any content: TOML as another program reads it.

use std::path::Path;

use rstest::rstest;

use crate::harness::{Machine, Outcome};
use crate::python::python_tool;

const DROP_IN: &str = ".config/containers/registries.conf.d/zz-ecr-auth.conf";

fn setup(machine: &Machine) -> Outcome {
    let bin = machine.home().join("bin").display().to_string();
    machine.run(&["setup", "--all", "--client", "podman", "--bin-dir", &bin])
}

/// All that a file of TOML says, as Python's own parser reads it.
fn parsed(machine: &Machine, file: &Path) -> serde_json::Value {
    let script = "import json, sys, tomllib; print(json.dumps(tomllib.load(open(sys.argv[1], 'rb'))))";
    let args = ["-c", script, file.to_str().unwrap()];
    let outcome = machine.call(&python_tool("python"), &args, "");
    assert_eq!(outcome.status, 0, "{outcome:?}");
    serde_json::from_str(&outcome.stdout).unwrap()
}

#[test]
fn no_name_in_a_list_becomes_anything_else() {
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
        "a\"]\ncredential-helpers = [\"evil",
        "x'] #",
        "]\n[[registry]]\nlocation = \"evil.example\"",
        "\u{0}\u{1b}[2J\r",
        "\\u0022",
        "",
    ];
    let machine = Machine::new();
    let quoted = |name: &&str| serde_json::to_string(name).unwrap().replace('\u{7f}', "\\u007f");
    let list: Vec<String> = names.iter().map(quoted).collect();
    machine.write(
        ".config/containers/registries.conf",
        &format!(
            "\"credential\\u002Dhelpers\" = [ # all\n{},\n]\n",
            list.join(", # one\n")
        ),
    );
    let outcome = setup(&machine);
    assert_eq!(outcome.status, 0, "{outcome:?}");
    let written = parsed(&machine, &machine.home().join(DROP_IN));
    let wanted = [&names[..], &["ecr-auth"]].concat();
    assert_eq!(written, serde_json::json!({ "credential-helpers": wanted }));
    assert_eq!(machine.run(&["logout"]).status, 0);
    assert!(!machine.home().join(DROP_IN).exists());
}

#[rstest]
#[case::text("credential-helpers = \"a\"\n", "line 1: credential-helpers is not a list of names")]
#[case::number(
    "\ncredential-helpers = [\"a\", 1]\n",
    "line 2: credential-helpers is not a list of names"
)]
#[case::twice("credential-helpers = []\ncredential-helpers = []\n", "line 2: duplicate key")]
#[case::open("credential-helpers = [\n\"a\"\n", "10-mine.conf: line ")]
fn what_podman_cannot_read_is_an_error_that_names_the_line(#[case] text: &str, #[case] told: &str) {
    let machine = Machine::new();
    machine.write(".config/containers/registries.conf.d/10-mine.conf", text);
    let outcome = setup(&machine);
    assert_eq!((outcome.status, outcome.stdout.as_str()), (1, ""), "{outcome:?}");
    assert!(outcome.stderr.contains(told), "{outcome:?}");
    assert!(!machine.home().join(DROP_IN).exists() && !machine.home().join("bin").exists());
}

/// Text that looks like the list, and is none.
#[rstest]
#[case::comment("# credential-helpers = [\"evil\"]\n")]
#[case::table("[x]\ncredential-helpers = [\"evil\"]\n")]
#[case::longer("credential-helpers-x = [\"evil\"]\n")]
#[case::in_a_text("x = \"\"\"\ncredential-helpers = [\"evil\"]\n\"\"\"\n")]
fn what_looks_like_a_list_is_none(#[case] text: &str) {
    let machine = Machine::new();
    machine.write(".config/containers/registries.conf", text);
    assert_eq!(setup(&machine).status, 0);
    let written = parsed(&machine, &machine.home().join(DROP_IN));
    let wanted = ["containers-auth.json", "ecr-auth"];
    assert_eq!(written, serde_json::json!({ "credential-helpers": wanted }));
}
