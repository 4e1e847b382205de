//! Sign-ins with a scripted user pool and a scripted user.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

use super::*;
use crate::CallRefusal;
use diagnostics::Code;

/// Answers calls in order, and records them.
#[derive(Default)]
struct Script {
    answers: RefCell<VecDeque<Result<Value, CallFailure>>>,
    called: RefCell<Vec<(&'static str, Value)>>,
}

impl CognitoCalls for Script {
    async fn call(
        &self,
        _: CognitoService,
        region: &str,
        operation: &'static str,
        request: Secret,
    ) -> Result<Secret, CallFailure> {
        assert_eq!(region, "eu-west-1");
        let request = serde_json::from_str(request.expose()).unwrap();
        self.called.borrow_mut().push((operation, request));
        let answer = self.answers.borrow_mut().pop_front().unwrap();
        answer.map(|answer| Secret::new(answer.to_string()))
    }

    fn server_time(&self) -> SystemTime {
        UNIX_EPOCH
    }
}

#[derive(Default)]
struct Person {
    answers: VecDeque<&'static str>,
    heard: Vec<String>,
}

impl Questions for Person {
    fn ask(&mut self, question: &str) -> Result<String> {
        self.heard.push(question.to_owned());
        let nobody = || Error::failed(Code::NoTerminal, "no terminal", "nobody");
        self.answers.pop_front().map(str::to_owned).ok_or_else(nobody)
    }

    fn ask_secret(&mut self, question: &str) -> Result<Secret> {
        self.ask(question).map(Secret::new)
    }

    fn tell(&mut self, line: &str) -> Result<()> {
        self.heard.push(line.to_owned());
        Ok(())
    }
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    runtime.unwrap().block_on(future)
}

fn user(client_secret: Option<&str>) -> User {
    User {
        pool: "eu-west-1_AbC".into(),
        region: "eu-west-1".into(),
        client_id: "client".into(),
        client_secret: client_secret.map(Secret::from),
        client_secret_file: None,
        username: "alias@example.com".into(),
    }
}

fn challenge(name: &str, session: &str, parameters: &Value) -> Result<Value, CallFailure> {
    Ok(json!({"ChallengeName": name, "Session": session, "ChallengeParameters": parameters}))
}

fn tokens() -> Result<Value, CallFailure> {
    Ok(
        json!({"AuthenticationResult": {"IdToken": "id", "AccessToken": "access", "RefreshToken": "refresh", "ExpiresIn": 3600}}),
    )
}

fn refused(operation: &'static str, code: &str) -> Result<Value, CallFailure> {
    Err(CallFailure::Refused(CallRefusal {
        service: CognitoService::UserPool,
        region: "eu-west-1".into(),
        operation,
        code: code.into(),
        message: "no".into(),
    }))
}

fn verifier() -> Result<Value, CallFailure> {
    verifier_with("abcd")
}

fn verifier_with(server_public: &str) -> Result<Value, CallFailure> {
    let parameters = json!({"USER_ID_FOR_SRP": "real", "SALT": "ab", "SRP_B": server_public, "SECRET_BLOCK": "AAAA"});
    challenge("PASSWORD_VERIFIER", "one", &parameters)
}

struct Done {
    result: Result<SignedIn>,
    called: Vec<(&'static str, Value)>,
    heard: Vec<String>,
}

fn run(user: &User, flow: Flow, script: Vec<Result<Value, CallFailure>>, answers: &[&'static str]) -> Done {
    let calls = Script {
        answers: RefCell::new(script.into()),
        ..Script::default()
    };
    let mut person = Person {
        answers: answers.iter().copied().collect(),
        ..Person::default()
    };
    let result = block_on(sign_in(user, flow, PresetAnswers::default(), None, &calls, &mut person));
    assert!(calls.answers.borrow().is_empty(), "all of the script is played");
    Done {
        result,
        called: calls.called.into_inner(),
        heard: person.heard,
    }
}

#[test]
fn the_password_is_asked_for_first_and_never_sent() {
    let done = run(&user(None), Flow::Srp, vec![verifier(), tokens()], &["s3cret"]);
    let signed_in = done.result.unwrap();
    assert_eq!(
        (signed_in.username.as_str(), signed_in.id_token.expose()),
        ("real", "id")
    );
    assert_eq!(done.heard, ["Password of alias@example.com: "]);
    let [(_, first), (_, second)] = &done.called[..] else {
        panic!("{:?}", done.called)
    };
    assert_eq!(
        (&first["AuthFlow"], &first["AuthParameters"]["USERNAME"]),
        (&json!("USER_SRP_AUTH"), &json!("alias@example.com"))
    );
    let responses = &second["ChallengeResponses"];
    assert_eq!(
        (&responses["USERNAME"], &second["Session"]),
        (&json!("real"), &json!("one"))
    );
    assert_eq!(responses["TIMESTAMP"], "Thu Jan 1 00:00:00 UTC 1970");
    assert!(!format!("{:?}", done.called).contains("s3cret"));
}

/// If the client accepted this value, a server could compute the session's key without the password.
#[test]
fn a_number_that_leaves_no_secret_gets_no_proof() {
    let done = run(&user(None), Flow::Srp, vec![verifier_with("00")], &["s3cret"]);
    assert!(done.result.unwrap_err().to_string().contains("SRP_B"));
    assert_eq!(done.called.len(), 1, "{:?}", done.called);
}

#[test]
fn every_answer_has_the_secret_hash_of_the_real_name() {
    let done = run(
        &user(Some("client secret")),
        Flow::Srp,
        vec![verifier(), tokens()],
        &["p"],
    );
    done.result.unwrap();
    let hash = |name| crate::secret_hash::secret_hash(&Secret::new("client secret"), name, "client").unwrap();
    let sent = |at: usize, map: &str| done.called[at].1[map]["SECRET_HASH"].clone();
    assert_eq!(sent(0, "AuthParameters"), hash("alias@example.com").expose());
    assert_eq!(sent(1, "ChallengeResponses"), hash("real").expose());
}

#[test]
fn every_answer_carries_the_session_of_its_challenge() {
    let script = vec![
        challenge(
            "NEW_PASSWORD_REQUIRED",
            "1",
            &json!({"USER_ID_FOR_SRP": "real", "requiredAttributes": "[\"userAttributes.family_name\"]"}),
        ),
        refused("RespondToAuthChallenge", "InvalidPasswordException"),
        challenge(
            "SELECT_MFA_TYPE",
            "2",
            &json!({"MFAS_CAN_CHOOSE": "[\"SMS_MFA\",\"SOFTWARE_TOKEN_MFA\"]"}),
        ),
        challenge("SMS_MFA", "3", &json!({"CODE_DELIVERY_DESTINATION": "+***1"})),
        refused("RespondToAuthChallenge", "CodeMismatchException"),
        tokens(),
    ];
    let answers = ["old", "a", "a", "Curie", "b", "b", "1", "12 34", "5678"];
    let done = run(&user(None), Flow::UserPassword, script, &answers);
    done.result.unwrap();
    let sent: Vec<_> = done.called[1..]
        .iter()
        .map(|(_, request)| (request["Session"].as_str().unwrap(), &request["ChallengeResponses"]))
        .collect();
    let sessions: Vec<&str> = sent.iter().map(|(session, _)| *session).collect();
    assert_eq!(sessions, ["1", "1", "2", "3", "3"]);
    assert_eq!(sent[1].1["userAttributes.family_name"], "Curie");
    assert_eq!(
        (&sent[0].1["NEW_PASSWORD"], &sent[1].1["NEW_PASSWORD"]),
        (&json!("a"), &json!("b"))
    );
    assert_eq!(sent[2].1["ANSWER"], "SMS_MFA");
    assert_eq!(
        (&sent[3].1["SMS_MFA_CODE"], &sent[4].1["SMS_MFA_CODE"]),
        (&json!("1234"), &json!("5678"))
    );
    assert_eq!(
        done.heard
            .iter()
            .filter(|line| line.starts_with("Your family name"))
            .count(),
        1
    );
}

#[test]
fn an_authenticator_is_set_up_with_the_sessions_in_order() {
    let script = vec![
        challenge("MFA_SETUP", "1", &json!({"MFAS_CAN_SETUP": "[\"SOFTWARE_TOKEN_MFA\"]"})),
        Ok(json!({"SecretCode": "KEY", "Session": "2"})),
        refused("VerifySoftwareToken", "EnableSoftwareTokenMFAException"),
        Ok(json!({"Status": "SUCCESS", "Session": "3"})),
        tokens(),
    ];
    let done = run(&user(None), Flow::UserPassword, script, &["p", "1", "2"]);
    done.result.unwrap();
    let calls: Vec<_> = done.called[1..]
        .iter()
        .map(|(name, request)| (*name, request["Session"].as_str().unwrap()))
        .collect();
    assert_eq!(
        calls,
        [
            ("AssociateSoftwareToken", "1"),
            ("VerifySoftwareToken", "2"),
            ("VerifySoftwareToken", "2"),
            ("RespondToAuthChallenge", "3")
        ]
    );
    let uri = "otpauth://totp/Cognito:alias%40example%2Ecom?secret=KEY&issuer=Cognito";
    assert!(done.heard.iter().any(|line| line.contains(uri)), "{:?}", done.heard);
}

#[test]
fn the_number_of_wrong_answers_is_limited() {
    let wrong = || refused("RespondToAuthChallenge", "CodeMismatchException");
    let script = vec![challenge("EMAIL_OTP", "1", &json!({})), wrong(), wrong(), wrong()];
    let done = run(&user(None), Flow::UserPassword, script, &["p", "1", "2", "3"]);
    assert!(done.result.unwrap_err().to_string().contains("CodeMismatchException"));
}

#[test]
fn a_code_that_was_given_is_tried_once_and_chooses_the_authenticator() {
    let calls = Script {
        answers: RefCell::new(VecDeque::from([
            challenge(
                "SELECT_MFA_TYPE",
                "1",
                &json!({"MFAS_CAN_CHOOSE": "[\"SMS_MFA\",\"SOFTWARE_TOKEN_MFA\"]"}),
            ),
            challenge("SOFTWARE_TOKEN_MFA", "2", &json!({})),
            refused("RespondToAuthChallenge", "CodeMismatchException"),
        ])),
        ..Script::default()
    };
    let given = PresetAnswers {
        password: Some(Secret::new("p")),
        code: Some(Secret::new("123456")),
        ..PresetAnswers::default()
    };
    let mut nobody = Person::default();
    let result = block_on(sign_in(
        &user(None),
        Flow::UserPassword,
        given,
        None,
        &calls,
        &mut nobody,
    ));
    assert!(result.unwrap_err().to_string().contains("CodeMismatchException"));
    assert!(nobody.heard.is_empty(), "{:?}", nobody.heard);
}

#[test]
fn an_unsupported_challenge_is_named() {
    for (name, parameters) in [
        ("CUSTOM_CHALLENGE", json!({})),
        ("MFA_SETUP", json!({"MFAS_CAN_SETUP": "[\"SMS_MFA\"]"})),
    ] {
        let script = vec![challenge(name, "1", &parameters)];
        let error = run(&user(None), Flow::UserPassword, script, &["p"]).result.unwrap_err();
        let named = if name == "MFA_SETUP" { "SMS_MFA" } else { name };
        assert!(error.to_string().contains(named), "{error}");
        assert!(error.hint_text().is_some());
    }
    let neither = run(&user(None), Flow::UserPassword, vec![Ok(json!({}))], &["p"]).result;
    assert!(
        neither
            .unwrap_err()
            .to_string()
            .contains("neither tokens nor a challenge")
    );
}

#[test]
fn a_server_with_endless_challenges_is_an_error() {
    let script = (0..MOST_CHALLENGES + 1)
        .map(|_| challenge("EMAIL_OTP", "1", &json!({})))
        .collect();
    let answers = ["1"; MOST_CHALLENGES + 1];
    let error = run(&user(None), Flow::UserPassword, script, &answers)
        .result
        .unwrap_err();
    assert!(error.to_string().contains("without an end"), "{error}");
}
