//! `ecr-auth completions`.

use std::path::Path;

use crate::harness::Machine;

fn script(shell: &str) -> String {
    let outcome = Machine::new().run(&["completions", shell]);
    assert_eq!((outcome.status, outcome.stderr.as_str()), (0, ""), "{outcome:?}");
    outcome.stdout
}

/// What bash offers for the last of these words.
fn offered(words: &[&str]) -> Vec<String> {
    let complete = format!(
        "{}\nCOMP_WORDS=(\"$@\"); COMP_CWORD=$(($# - 1)); function=$(complete -p ecr-auth); function=${{function##*-F }}; \
         \"${{function%% *}}\" \"$1\" \"${{COMP_WORDS[COMP_CWORD]}}\" \"${{COMP_WORDS[COMP_CWORD - 1]}}\"\n\
         printf '%s\\n' \"${{COMPREPLY[@]}}\"\n",
        script("bash")
    );
    let args: Vec<&str> = ["-c", &complete, "bash"]
        .into_iter()
        .chain(words.iter().copied())
        .collect();
    let outcome = Machine::new().call(Path::new("/bin/bash"), &args, "");
    assert_eq!((outcome.status, outcome.stderr.as_str()), (0, ""), "{outcome:?}");
    outcome.stdout.lines().map(str::to_owned).collect()
}

#[test]
fn bash_completes_commands_flags_and_values() {
    assert_eq!(offered(&["ecr-auth", "inst"]), ["install"]);
    assert_eq!(offered(&["ecr-auth", "install", "--t"]), ["--to"]);
    assert_eq!(offered(&["ecr-auth", "login", "--format", "k8"]), ["k8s-secret"]);
    assert_eq!(offered(&["ecr-auth", "completions", "po"]), ["powershell"]);
    assert_eq!(offered(&["ecr-auth", "assume", "--source", "oi"]), ["oidc"]);
    assert_eq!(
        offered(&["ecr-auth", "assume", "--format", "pro"]),
        ["process", "profile"]
    );
    assert_eq!(offered(&["ecr-auth", "setup", "--client", "po"]), ["podman"]);
    assert_eq!(offered(&["ecr-auth", "cognito", "--flow", "u"]), ["user-password"]);
}

#[test]
fn every_shell_has_a_script_of_its_own() {
    for (shell, mark) in [
        ("zsh", "#compdef ecr-auth"),
        ("fish", "complete -c ecr-auth"),
        ("powershell", "Register-ArgumentCompleter"),
        ("elvish", "edit:completion:arg-completer[ecr-auth]"),
    ] {
        assert!(script(shell).contains(mark), "{shell}");
    }
    assert_eq!(Machine::new().run(&["completions", "tcsh"]).status, 2);
}
