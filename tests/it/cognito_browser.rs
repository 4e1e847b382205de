//! `ecr-auth cognito --browser`: the managed login of the lab, and a browser that a script plays.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::PathBuf;

use lab::cognito::{
    BROWSER_CLIENT_ID, CLIENT_ID, CLIENT_SECRET, IDENTITY_POOL_ID, SECRET_CLIENT_ID, USER_POOL_ID, UserSpec,
};
use lab::{Fault, FaultRule, Lab, Service};
use rstest::rstest;

use crate::cognito::forget_sessions;
use crate::harness::{HOST, Machine, Outcome};
use crate::lab_machine::{lab, registry_status};
use crate::terminal::{CTRL_C, Stdout, Terminal};

/// A customer of the vendor's, with a browser in which somebody is signed in already.
pub struct Customer {
    lab: Lab,
    machine: Machine,
    port: u16,
    client: &'static str,
}

impl Customer {
    pub fn new() -> Self {
        Self::of_client(BROWSER_CLIENT_ID)
    }

    fn of_client(client: &'static str) -> Self {
        let lab = lab();
        let zoe = UserSpec::new("zoe@example.com").passkey().group("licensed");
        lab.cognito().add_user(zoe).unwrap();
        lab.cognito().sign_browsers_in_as(Some("zoe@example.com"));
        let port = free_port();
        let callback = format!("http://localhost:{port}/callback");
        let signed_out = format!("http://localhost:{port}/signed-out");
        lab.cognito().set_callbacks(client, &[&callback, &signed_out]);
        let machine = Machine::new()
            .with("AWS_ENDPOINT_URL", &lab.http_url())
            .with("SSL_CERT_FILE", lab.ca_file().to_str().unwrap());
        machine.write(
            ".config/ecr-auth/ecr-auth.yml",
            &format!(
                "cognito:\n  user-pool-id: {USER_POOL_ID}\n  client-id: {client}\n  identity-pool-id: {IDENTITY_POOL_ID}\n  domain: {}\n  \
                 callback-port: {port}\n  browser: true\nregistries:\n  - match: {HOST}\n    source: cognito\n",
                lab.https_addr()
            ),
        );
        let customer = Self {
            lab,
            machine,
            port,
            client,
        };
        customer.browser(r#"follow "$1""#);
        customer
    }

    /// Plays the browser by a script. `follow ADDRESS` goes where a browser would, and keeps the page it ends on; `ends ADDRESS` prints
    /// where it would come back to, without going there.
    pub fn browser(&self, script: &str) -> PathBuf {
        let ca = self.lab.ca_file().display();
        let page = self.machine.home().join("page");
        let text = format!(
            "#!/bin/bash\nset -e\nexec 9>'{}'\nflock 9\n\
             follow() {{ curl --silent --fail --location --cacert '{ca}' --output '{}' \"$1\"; }}\n\
             ends() {{\n  local next=$1\n  while [[ $next != http://localhost:{}/* ]]; do\n    \
             next=$(curl --silent --cacert '{ca}' --output /dev/null --write-out '%{{redirect_url}}' \"$next\")\n  done\n  printf '%s' \"$next\"\n}}\n\
             {script}\n",
            self.machine.home().join("browser.lock").display(),
            page.display(),
            self.port,
        );
        let path = self.machine.write("browser", &text);
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        std::fs::set_permissions(&path, mode).unwrap();
        path
    }

    fn machine(self) -> (Lab, Machine) {
        let browser = self.machine.home().join("browser").display().to_string();
        (self.lab, self.machine.with("BROWSER", &browser))
    }

    pub fn sign_in(self, more: &[&str]) -> (Lab, Machine, Outcome) {
        let (lab, machine) = self.machine();
        let args = [&["cognito", "--browser"], more].concat();
        let outcome = machine.run(&args);
        (lab, machine, outcome)
    }
}

/// The page that the browser ended on. The command may end before the browser has written it down, so this waits for the browser's end.
fn page(machine: &Machine) -> String {
    let lock = machine.home().join("browser.lock");
    let page = machine.home().join("page");
    let read = std::process::Command::new("flock")
        .arg(lock)
        .arg("cat")
        .arg(page)
        .output()
        .unwrap();
    String::from_utf8(read.stdout).unwrap()
}

/// A free port that outgoing connections do not get: those begin at 32768.
fn free_port() -> u16 {
    let first = 10_000 + std::process::id() % 20_000;
    let mut ports = (first..first + 1000).map(|port| u16::try_from(port).unwrap());
    let is_free = |port: &u16| TcpListener::bind((Ipv4Addr::LOCALHOST, *port)).is_ok();
    ports.find(is_free).unwrap()
}

/// A sign-in that failed with this said, and left nothing.
fn refused(machine: &Machine, outcome: &Outcome, said: &str) {
    assert_eq!((outcome.status, outcome.stdout.as_str()), (1, ""), "{outcome:?}");
    assert!(
        outcome.stderr.contains("error: sign-in in the browser: "),
        "{outcome:?}"
    );
    assert!(outcome.stderr.contains(said), "{said}: {outcome:?}");
    assert!(outcome.stderr.contains("\nhint: "), "{outcome:?}");
    assert_eq!(machine.cache_files(), Vec::<PathBuf>::new());
}

#[test]
fn the_browser_signs_in_and_the_next_hours_ask_nobody() {
    let (lab, machine, outcome) = Customer::new().sign_in(&[]);
    assert_eq!(outcome.status, 0, "{outcome:?}");
    assert!(outcome.stdout.starts_with(r#"{"Version":1,"#), "{outcome:?}");
    let page = page(&machine);
    assert!(page.contains("<h1>Signed in as zoe@example.com</h1>"), "{page}");
    assert!(page.contains(&format!("Next: docker pull {HOST}/REPOSITORY")), "{page}");
    let password = machine.helper("get", HOST).password();
    assert_eq!(registry_status(&lab, HOST, &password), 200);
    // The token was rotated, and is good for more than once.
    for _ in 0..2 {
        forget_sessions(&machine);
        assert_eq!(machine.run(&["assume", "--source", "cognito"]).status, 0);
    }
    assert_eq!(lab.count("cognito-login:Token"), 1);
    assert_eq!(lab.count("cognito-idp:GetTokensFromRefreshToken"), 2);
    for file in machine.cache_files() {
        let text = std::fs::read_to_string(&file).unwrap();
        assert!(!text.contains("code_verifier"), "{file:?}");
    }
}

#[test]
fn app_clients_with_a_secret_show_it() {
    let customer = Customer::of_client(SECRET_CLIENT_ID);
    let (_lab, machine) = customer.machine();
    let without = machine.run(&["cognito", "--browser"]);
    assert!(without.stderr.contains("invalid_client [EA0705]"), "{without:?}");
    let machine = machine.with("ECR_AUTH_COGNITO_CLIENT_SECRET", CLIENT_SECRET);
    let outcome = machine.run(&["cognito", "--browser"]);
    assert_eq!(outcome.status, 0, "{outcome:?}");
}

#[rstest]
#[case::another_state(
    r#"at=$(ends "$1"); curl --silent --output page "${at/state=/state=x}""#,
    "the browser came back from another sign-in"
)]
#[case::no_state(
    r#"at=$(ends "$1"); curl --silent --output page "${at%%&state=*}""#,
    "the browser came back from another sign-in"
)]
#[case::refused_consent(
    r#"at=$(ends "$1"); state=${at##*state=}; curl --silent --output page "${at%%\?*}?error_description=User+denied+access&error=access_denied&state=$state""#,
    "the sign-in was refused: access_denied (User denied access)"
)]
#[case::no_code(
    r#"at=$(ends "$1"); state=${at##*state=}; curl --silent --output page "${at%%\?*}?state=$state""#,
    "the browser came back without a code"
)]
#[case::a_code_of_nobodys(
    r#"at=$(ends "$1"); curl --silent --output page "${at/code=/code=x}""#,
    "refuses the code: invalid_grant"
)]
fn a_browser_that_comes_back_wrong_keeps_nothing(#[case] script: &str, #[case] said: &str) {
    let customer = Customer::new();
    customer.browser(&format!("cd '{}'\n{script}", customer.machine.home().display()));
    let (_lab, machine, outcome) = customer.sign_in(&[]);
    refused(&machine, &outcome, said);
    let page = page(&machine);
    assert!(page.contains("<h1>Not signed in</h1>"), "{page}");
}

/// Whoever saw the code trades it first: the second one to do so gets nothing, and the first one loses what it got.
#[test]
fn a_code_counts_once() {
    let customer = Customer::new();
    let ca = customer.lab.ca_file().display().to_string();
    let token = format!("https://{}/oauth2/token", customer.lab.https_addr());
    let port = customer.port;
    customer.browser(&format!(
        "at=$(ends \"$1\"); code=${{at#*code=}}; code=${{code%%&*}}\n\
         curl --silent --cacert '{ca}' --output /dev/null --data \"grant_type=authorization_code&client_id={BROWSER_CLIENT_ID}&code=$code\" \
         --data-urlencode 'redirect_uri=http://localhost:{port}/callback' '{token}'\n\
         follow \"$at\""
    ));
    let (lab, machine, outcome) = customer.sign_in(&[]);
    // Without the verifier the thief gets nothing, and the user is not disturbed.
    assert_eq!(outcome.status, 0, "{outcome:?}");
    assert_eq!(lab.refused("cognito-login:Token"), 1);
    drop(machine);

    // The address is opened again, by somebody who reads the browser's history.
    let customer = Customer::new();
    let page = customer.machine.home().join("at");
    customer.browser(&format!(
        "at=$(ends \"$1\"); printf %s \"$at\" >'{}'; follow \"$at\"",
        page.display()
    ));
    let (_lab, machine) = customer.machine();
    assert_eq!(machine.run(&["cognito", "--browser"]).status, 0);
    assert_eq!(machine.run(&["logout"]).status, 0);
    let used = machine.read("at");
    let code = used
        .split("code=")
        .nth(1)
        .unwrap()
        .split('&')
        .next()
        .unwrap()
        .to_owned();
    let machine = machine.with("BROWSER", "none");
    let mut terminal = Terminal::run(&machine, &["cognito"], Stdout::Terminal);
    terminal.expect("shows an error page. That is expected: copy its address, which begins with http://localhost.");
    terminal.expect("Paste that address here: ").answer(&code);
    terminal.expect("refuses the code: invalid_grant");
    assert_eq!(terminal.end().status, 1);
}

/// A code that another app client was given is good for that one alone.
#[test]
fn a_code_of_another_client_is_refused() {
    let customer = Customer::new();
    let other = format!("http://localhost:{}/callback", customer.port);
    customer.lab.cognito().set_callbacks(CLIENT_ID, &[&other]);
    customer.browser(&format!(
        "other=$(ends \"${{1/{BROWSER_CLIENT_ID}/{CLIENT_ID}}}\"); follow \"$other\" || true"
    ));
    let (_lab, machine, outcome) = customer.sign_in(&[]);
    refused(&machine, &outcome, "refuses the code: invalid_grant");
}

#[test]
fn an_app_client_without_that_address_is_told_before_a_browser_opens() {
    let customer = Customer::new();
    let (client, port) = (customer.client, customer.port);
    customer
        .lab
        .cognito()
        .set_callbacks(client, &["http://localhost:1/callback"]);
    let (_lab, machine, outcome) = customer.sign_in(&[]);
    let said = format!(
        "the app client {BROWSER_CLIENT_ID} does not send browsers back to http://localhost:{port}/callback [EA0715]"
    );
    refused(&machine, &outcome, &said);
    let hint = "or give its port with `callback-port:` under `cognito:`\n";
    assert!(outcome.stderr.contains(hint), "{outcome:?}");
    assert!(!machine.home().join("page").exists());
}

#[test]
fn an_unknown_app_client_is_told_before_a_browser_opens() {
    let customer = Customer::new();
    let domain = customer.lab.https_addr().to_string();
    let pools = ["--user-pool-id", USER_POOL_ID, "--identity-pool-id", IDENTITY_POOL_ID];
    let args = [&pools[..], &["--client-id", "unknown", "--domain", &domain]].concat();
    let (_lab, machine, outcome) = customer.sign_in(&args);
    refused(&machine, &outcome, "says: Client does not exist");
    let hint = "hint: check --client-id and --domain: they must be of the same user pool\n";
    assert!(outcome.stderr.contains(hint), "{outcome:?}");
}

#[test]
fn a_busy_port_is_told_before_a_browser_opens() {
    let customer = Customer::new();
    let _held = TcpListener::bind((Ipv4Addr::LOCALHOST, customer.port)).unwrap();
    let said = format!("cannot listen on port {} of this machine", customer.port);
    let port = customer.port.to_string();
    let (_lab, machine, outcome) = customer.sign_in(&[]);
    refused(&machine, &outcome, &said);
    let hint = "or give another port with `callback-port:` under `cognito:` that the app client allows\n";
    assert!(outcome.stderr.contains(hint), "{outcome:?}");
    let outcome = machine.run(&["cognito", "--browser", "--callback-port", &port]);
    let hint = "or give another port with --callback-port that the app client allows\n";
    assert!(outcome.stderr.contains(hint), "{outcome:?}");
    assert!(!machine.home().join("page").exists());
}

#[test]
fn a_domain_of_another_pool_is_refused() {
    let customer = Customer::new();
    let domain = customer.lab.https_addr().to_string();
    let pools = [
        "--user-pool-id",
        "eu-west-1_Another1",
        "--identity-pool-id",
        IDENTITY_POOL_ID,
    ];
    let port = customer.port.to_string();
    let more = [
        "--client-id",
        BROWSER_CLIENT_ID,
        "--domain",
        &domain,
        "--callback-port",
        &port,
    ];
    let (_lab, machine, outcome) = customer.sign_in(&[&pools[..], &more].concat());
    refused(
        &machine,
        &outcome,
        "signs users in to another user pool than eu-west-1_Another1",
    );
    let hint = "hint: check --domain, --user-pool-id and --client-id: they must belong together\n";
    assert!(outcome.stderr.contains(hint), "{outcome:?}");
}

#[test]
fn a_browser_that_is_signed_in_as_somebody_else_is_told() {
    let (_lab, machine, outcome) = Customer::new().sign_in(&["--username", "max@example.com"]);
    refused(
        &machine,
        &outcome,
        "the browser signed zoe@example.com in, and the user name that is set is max@example.com",
    );
    assert!(outcome.stderr.contains(", or correct --username\n"), "{outcome:?}");
}

/// Ctrl-C and a terminal that is closed end the wait; nothing stays, and the port is free again.
#[test]
fn giving_up_leaves_nothing() {
    let customer = Customer::new();
    customer.browser("exit 0");
    let port = customer.port;
    let (_lab, machine) = customer.machine();
    let mut terminal = Terminal::run(&machine, &["cognito"], Stdout::Terminal);
    terminal.expect("Your browser opens ").expect("waiting for the browser");
    terminal.press(CTRL_C);
    let ended = terminal.end();
    assert_ne!(ended.status, 0, "{ended:?}");
    assert_eq!(machine.cache_files(), Vec::<PathBuf>::new());
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).unwrap();
}

#[test]
fn a_closed_browser_ends_with_the_time_limit() {
    let customer = Customer::new();
    customer.browser("exit 0");
    let (_lab, machine) = customer.machine();
    let machine = machine.with("ECR_AUTH_BROWSER_TIMEOUT", "1");
    let outcome = machine.run(&["cognito", "--browser"]);
    refused(&machine, &outcome, "the browser did not come back within 1 s");
}

/// Without a browser the address is shown, and what somebody else's browser ended on is pasted.
#[rstest]
#[case::none(Some("none"))]
#[case::an_opener_that_fails(None)]
fn without_a_browser_the_address_is_pasted(#[case] browser: Option<&str>) {
    let customer = Customer::new();
    let ends = customer.browser("if [ \"$2\" ]; then ends \"$2\"; else exit 3; fi");
    let (lab, mut machine) = customer.machine();
    if let Some(browser) = browser {
        machine.set("BROWSER", browser);
    }
    let mut terminal = Terminal::run(&machine, &["cognito"], Stdout::Terminal);
    terminal.expect("Open this address in a browser").expect("https://");
    terminal.expect("Paste that address here: ");
    let shown = terminal.shown().rsplit("https://").next().unwrap();
    let address = format!("https://{}", shown.split_whitespace().next().unwrap());
    let came_back = std::process::Command::new(ends).args(["-", &address]).output().unwrap();
    let came_back = String::from_utf8(came_back.stdout).unwrap();
    assert!(came_back.starts_with("http://localhost:"), "{came_back}");
    terminal.answer(&came_back).expect("Signed in as zoe@example.com.");
    let ended = terminal.end();
    assert_eq!(ended.status, 0, "{ended:?}");
    assert!(!ended.shown.contains("code="), "what is pasted is not shown: {ended:?}");
    let password = machine.helper("get", HOST).password();
    assert_eq!(registry_status(&lab, HOST, &password), 200);
}

#[test]
fn no_program_opens_a_browser_behind_somebodys_back() {
    let (_lab, machine) = Customer::new().machine();
    let outcome = machine.run(&["cognito"]);
    assert_eq!((outcome.status, outcome.stdout.as_str()), (1, ""), "{outcome:?}");
    assert!(
        outcome
            .stderr
            .contains("nobody is signed in, and there is no terminal to sign in from"),
        "{outcome:?}"
    );
    assert!(
        outcome.stderr.contains("hint: run in a terminal: ecr-auth cognito"),
        "{outcome:?}"
    );
    assert!(!machine.home().join("page").exists());
    let helper = machine.helper("get", HOST);
    assert!(helper.stdout.contains("nobody is signed in"), "{helper:?}");
}

#[test]
fn a_password_of_the_browsers_is_not_changed_here() {
    let (_lab, machine) = Customer::new().machine();
    let outcome = machine.run(&["cognito", "change-password"]);
    assert_eq!((outcome.status, outcome.stdout.as_str()), (1, ""), "{outcome:?}");
    assert!(
        outcome
            .stderr
            .contains("you sign in in the browser, and the password is changed there"),
        "{outcome:?}"
    );
}

/// The configuration has a browser, but the user signed in with a password.
#[test]
fn a_password_that_was_signed_in_with_is_changed() {
    const PASSWORD: &str = "Correct-horse-battery-1";
    let customer = Customer::of_client(CLIENT_ID);
    let user = UserSpec::new("maria").password(PASSWORD).group("licensed");
    customer.lab.cognito().add_user(user).unwrap();
    let (_lab, mut machine) = customer.machine();
    let old = machine.write("old", PASSWORD).display().to_string();
    let new = machine.write("new", "Another-horse-battery-2").display().to_string();
    let args = [
        "cognito",
        "--flow",
        "srp",
        "--username",
        "maria",
        "--password-file",
        &old,
    ];
    let outcome = machine.run(&args);
    assert_eq!(outcome.status, 0, "{outcome:?}");
    let change = [
        "cognito",
        "change-password",
        "--password-file",
        &old,
        "--new-password-file",
        &new,
    ];
    let outcome = machine.run(&change);
    assert_eq!(outcome.status, 0, "{outcome:?}");
    assert_eq!(outcome.stderr, "the password of maria is changed\n");
    let zoe = machine.run(&["cognito", "--browser", "--username", "zoe@example.com"]);
    assert_eq!(zoe.status, 0, "{zoe:?}");
    machine.set("ECR_AUTH_COGNITO_PASSWORD", PASSWORD);
    let zoe = machine.run(&["cognito", "change-password", "--username", "zoe@example.com"]);
    assert!(zoe.stderr.contains("the password is changed there"), "{zoe:?}");
}

#[test]
fn the_browser_gets_no_secrets() {
    let customer = Customer::new();
    let seen = customer.machine.home().join("seen");
    customer.browser(&format!("env >'{}'; follow \"$1\"", seen.display()));
    let (_lab, machine) = customer.machine();
    let machine = machine.with("ECR_AUTH_COGNITO_PASSWORD", "s3cret-of-somebody");
    let outcome = machine.run(&["cognito", "--browser"]);
    assert_eq!(outcome.status, 0, "{outcome:?}");
    let seen = machine.read("seen");
    assert!(seen.contains("HOME=") && !seen.contains("s3cret"), "{seen}");
}

#[test]
fn logout_revokes_at_the_managed_login_and_ends_the_browsers_session() {
    let (lab, machine, outcome) = Customer::new().sign_in(&[]);
    assert_eq!(outcome.status, 0, "{outcome:?}");
    let out = machine.run(&["logout", "--browser"]);
    assert_eq!(out.status, 0, "{out:?}");
    assert!(out.stderr.contains("cognito: zoe@example.com signed out of"), "{out:?}");
    assert_eq!(lab.count("cognito-login:Revoke"), 1);
    assert_eq!(lab.refused("cognito-login:Revoke"), 0);
    assert_eq!(lab.count("cognito-idp:RevokeToken"), 0);
    assert_eq!(lab.count("cognito-login:Logout"), 1);
    assert!(page(&machine).contains("<h1>Signed out</h1>"));
    let left = machine
        .cache_files()
        .into_iter()
        .filter(|file| !file.ends_with(".pruned"));
    assert_eq!(left.count(), 0);
}

#[test]
fn a_managed_login_that_fails_is_told() {
    let customer = Customer::new();
    customer.lab.add_fault(FaultRule {
        service: Service::CognitoLogin,
        operation: Some("Token".into()),
        calls: None,
        fault: Fault::Status { status: 503 },
    });
    let (_lab, machine, outcome) = customer.sign_in(&[]);
    refused(&machine, &outcome, "refuses the code: HTTP status 503");
}

/// What a page in the browser could send to the port, in another tab.
#[test]
fn other_requests_to_the_port_disturb_nobody() {
    let customer = Customer::new();
    let port = customer.port;
    customer.browser(&format!(
        "curl --silent http://localhost:{port}/favicon.ico --output /dev/null\n\
         curl --silent --request POST http://localhost:{port}/callback?code=x --output /dev/null || true\n\
         follow \"$1\""
    ));
    let (_lab, machine, outcome) = customer.sign_in(&[]);
    assert_eq!(outcome.status, 0, "{outcome:?}");
    // The port is closed again.
    let gone = TcpStream::connect((Ipv4Addr::LOCALHOST, port));
    let heard = gone.map(|mut stream| {
        let _ = stream.write_all(b"GET /callback HTTP/1.1\r\n\r\n");
        stream.read(&mut [0; 1]).unwrap_or(0)
    });
    assert_eq!(heard.unwrap_or(0), 0);
    drop(machine);
}
