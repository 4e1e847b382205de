//! trust-policy's forms: commands, CloudFormation, Terraform, and the permissions in them.

use lab::{ACCOUNT, Ci};
use rstest::rstest;
use serde_json::{Value, json};

use crate::harness::Machine;
use crate::jobs::start_ci;
use crate::lab_machine::lab;
use crate::python::python_tool;
use crate::trust_policy::{arguments, texts, words};

const PUSH: &str =
    "--ci github --repository octo/app --branch v* --push app --pull base/image --region eu-west-1 --role-name ci";

fn in_format(format: &str) -> String {
    let mut all = words(&format!("trust-policy --account {ACCOUNT} {PUSH}"));
    all.extend(["--format".to_owned(), format.to_owned()]);
    let all: Vec<&str> = all.iter().map(String::as_str).collect();
    let outcome = Machine::new().run(&all);
    assert_eq!(outcome.status, 0, "{outcome:?}");
    outcome.stdout
}

/// Returns the two policies as JSON.
fn policies() -> (Value, Value) {
    let both: Value = serde_json::from_str(&in_format("json")).unwrap();
    (both["TrustPolicy"].clone(), both["PermissionsPolicy"].clone())
}

#[test]
fn permissions_name_the_repositories() {
    let (_, permissions) = policies();
    let statements = permissions["Statement"].as_array().unwrap();
    let arn = |name: &str| json!([format!("arn:aws:ecr:eu-west-1:{ACCOUNT}:repository/{name}")]);
    assert_eq!(statements[0]["Action"], "ecr:GetAuthorizationToken");
    let may = |at: usize, action: &str| texts(&statements[at]["Action"]).contains(&format!("ecr:{action}"));
    assert_eq!(
        (&statements[1]["Resource"], &statements[2]["Resource"]),
        (&arn("app"), &arn("base/image"))
    );
    assert!(may(1, "PutImage") && may(1, "BatchGetImage"));
    assert!(!may(2, "PutImage") && may(2, "BatchGetImage"));
}

/// A shell runs the commands. `aws` is a program that notes its arguments, and knows a provider or role if a file of that command's name exists.
fn with_aws(machine: Machine) -> Machine {
    let bin = machine.path("bin");
    std::fs::create_dir(&bin).unwrap();
    let aws = bin.join("aws");
    let script = "#!/bin/sh
echo \"$@\" >>calls
[ ! -e \"$2-fails\" ] || exit 254
case $2 in
get-*) [ -e \"$2\" ] || exit 254 ;;
create-role | put-* | update-*) cat >\"$2\" ;;
esac
";
    std::fs::write(&aws, script).unwrap();
    std::fs::set_permissions(&aws, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    machine.with("PATH", &format!("{}:/usr/bin:/bin", bin.display()))
}

#[rstest]
#[case::new_role(false, "create-role")]
#[case::existing_role(true, "update-assume-role-policy")]
fn the_commands_hand_over_the_policies(#[case] exists: bool, #[case] trust: &str) {
    let machine = with_aws(Machine::new());
    if exists {
        std::fs::write(machine.path("get-role"), "").unwrap();
    }
    let commands = in_format("commands");
    let bash = "/bin/bash".as_ref();
    machine.call(bash, &["-n", "-c", &commands], "").prints("");
    machine.call(bash, &["-c", &commands], "").prints("");
    let read = |name: &str| std::fs::read_to_string(machine.path(name)).unwrap();
    let json = |name: &str| serde_json::from_str::<Value>(&read(name)).unwrap();
    assert_eq!((json(trust), json("put-role-policy")), policies());
    let url = "--url https://token.actions.githubusercontent.com --client-id-list sts.amazonaws.com";
    let calls = read("calls");
    assert!(
        calls.contains(&format!("iam create-open-id-connect-provider {url}\n")),
        "{calls}"
    );
    assert_eq!(calls.contains("iam create-role "), !exists, "{calls}");
}

/// Another pipeline may have made the role with the usual name.
#[test]
fn the_commands_leave_an_existing_role_that_nobody_named() {
    let args =
        words(&format!("trust-policy --account {ACCOUNT} {PUSH} --format commands").replace(" --role-name ci", ""));
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let commands = Machine::new().run(&args).stdout;
    assert!(commands.contains("create-role --role-name ci-push"), "{commands}");
    let machine = with_aws(Machine::new());
    std::fs::write(machine.path("get-role"), "").unwrap();
    std::fs::write(machine.path("create-role-fails"), "").unwrap();
    let outcome = machine.call("/bin/bash".as_ref(), &["-c", &commands], "");
    assert_eq!(outcome.status, 254, "{outcome:?}");
    let calls = std::fs::read_to_string(machine.path("calls")).unwrap();
    assert!(!calls.contains("update-") && !calls.contains("put-"), "{calls}");
}

/// A role that could not be made gets no permissions, and the shell in which the commands were pasted stays.
#[test]
fn the_commands_end_at_the_first_failure() {
    let machine = with_aws(Machine::new());
    std::fs::write(machine.path("create-role-fails"), "").unwrap();
    let script = format!("{}echo stays $?\n", in_format("commands"));
    let outcome = machine.call("/bin/bash".as_ref(), &["-c", &script], "");
    assert_eq!(outcome.stdout, "stays 254\n", "{outcome:?}");
    assert!(!machine.path("put-role-policy").exists());
}

#[test]
fn a_template_of_cloudformation_has_the_policies() {
    let text = in_format("cloudformation");
    let machine = Machine::new();
    let file = machine.write("template.json", &text);
    let found = machine.call(&python_tool("cfn-lint"), &[file.to_str().unwrap()], "");
    assert_eq!(found.status, 0, "{found:?}");
    let template: Value = serde_json::from_str(&text).unwrap();
    let role = &template["Resources"]["Role"]["Properties"];
    let (mut trust, permissions) = policies();
    let federated = &mut trust["Statement"][0]["Principal"]["Federated"];
    *federated = json!({"Fn::If": ["CreatesProvider", {"Ref": "Provider"}, federated.clone()]});
    assert_eq!(
        (
            &role["AssumeRolePolicyDocument"],
            &role["Policies"][0]["PolicyDocument"]
        ),
        (&trust, &permissions)
    );
    let provider = &template["Resources"]["Provider"]["Properties"];
    assert_eq!(provider["Url"], "https://token.actions.githubusercontent.com");
    assert_eq!(provider["ClientIdList"], json!(["sts.amazonaws.com"]));
}

/// Every form of every CI passes its own validator, also with names that a shell or a template could misread.
#[test]
fn every_form_passes_its_validator() {
    let lab = lab();
    let odd = words("--ci gitlab --repository octo/app --branch x$(id)`id`;'\"&|%{if}\\");
    let of_lab = |ci| arguments(&start_ci(&lab, ci));
    let lines = Ci::ALL.into_iter().map(of_lab).chain([odd]);
    let machine = Machine::new();
    let mut files: [Vec<String>; 3] = Default::default();
    for (at, line) in lines.enumerate() {
        let line: Vec<&str> = line.iter().map(String::as_str).collect();
        for (form, files) in ["commands", "terraform", "cloudformation"].iter().zip(&mut files) {
            let more = [
                "--push",
                "app",
                "--pull",
                "base/image",
                "--region",
                "eu-west-1",
                "--format",
                form,
            ];
            let outcome = machine.run(&[&["trust-policy", "--account", ACCOUNT], &line[..], &more].concat());
            assert_eq!(outcome.status, 0, "{line:?}: {outcome:?}");
            let end = if *form == "cloudformation" { "json" } else { "txt" };
            let file = machine.write(&format!("{form}-{at}.{end}"), &outcome.stdout);
            files.push(file.display().to_string());
        }
    }
    let [commands, terraform, cloudformation] = files
        .each_ref()
        .map(|files| files.iter().map(String::as_str).collect::<Vec<_>>());
    for file in commands {
        machine.call("/bin/bash".as_ref(), &["-n", file], "").prints("");
    }
    let parse = "import hcl2, sys
for file in sys.argv[1:]:
    kinds = [kind.strip('\\\"') for resource in hcl2.load(open(file))['resource'] for kind in resource]
    assert kinds == ['aws_iam_openid_connect_provider', 'aws_iam_role', 'aws_iam_role_policy'], kinds";
    let parsed = machine.call(&python_tool("python"), &[&["-c", parse], &terraform[..]].concat(), "");
    assert_eq!((parsed.status, parsed.stderr.as_str()), (0, ""), "{parsed:?}");
    let linted = machine.call(&python_tool("cfn-lint"), &cloudformation, "");
    assert_eq!(linted.status, 0, "{linted:?}");
}

/// JSON is an expression of HCL: the argument of `jsonencode` is the policy.
#[test]
fn resources_of_terraform_have_the_policies() {
    let text = in_format("terraform");
    let encoded = text.split("jsonencode(").skip(1);
    let found: Vec<Value> = encoded
        .map(|rest| {
            serde_json::from_str(
                rest.split("\n  })")
                    .next()
                    .map(|it| format!("{it}\n}}"))
                    .unwrap()
                    .as_str(),
            )
            .unwrap()
        })
        .collect();
    assert_eq!((found[0].clone(), found[1].clone()), policies());
}
