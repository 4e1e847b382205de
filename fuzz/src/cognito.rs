//! Cognito's answers to a sign-in with all its challenges, a change or reset of a password, a renewal of tokens, and a
//! request for credentials of an identity pool.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant, SystemTime};

use aws_access::net::within;
use aws_access::{Aws, Destination, Identity, PerCallTimeout};
use cognito::{PresetAnswers, Questions, RefreshTokenStore, SignedIn, User, passwords, sign_in};
use context::{Env, Progress};
use diagnostics::{Error, Result};
use secret::Secret;
use secret_cache::Cache;
use settings::{CognitoSettings, Flow, IdentityFlow};

use super::canned::{Answer, BUDGET, Canned, client};
use super::inputs::{in_folder, is_fit_to_read, parts, text};

const REGION: &str = "eu-west-1";
const USERNAME: &str = "maria";
const PASSWORD: &str = "Correct-horse-battery-1";
const REFRESH_TOKEN: &str = "the refresh token of an hour ago";
/// The secret text in the tokens and keys of the corpora.
const SECRET: &str = "s3cret";
/// More calls than any sign-in needs: ten challenges, and three tries of each.
const MOST_CALLS: usize = 64;

/// The input: the operation (`srp`, `password`, `change`, `forgot`, `renew`, `enhanced`, anything else: `classic`), and
/// the answers.
pub fn cognito(input: &[u8]) {
    let Some(input) = text(input) else { return };
    let [done, answers @ ..]: [&str; 9] = parts(input);
    let answers = answers.into_iter().filter(|answer| !answer.is_empty());
    let mut answers: Vec<_> = answers.map(Answer::read).collect();
    if answers.is_empty() {
        answers.push(Answer::read(""));
    }
    let canned = client(answers);
    let env = in_folder(environment);
    let asked = Asked {
        canned: &canned,
        env: &env,
        input,
    };
    match done {
        "srp" => asked.signs_in(Flow::Srp),
        "password" => asked.signs_in(Flow::UserPassword),
        "change" | "forgot" => asked.passwords(done == "change"),
        "renew" => asked.renews(),
        "enhanced" => asked.hands_out(IdentityFlow::Enhanced),
        _ => asked.hands_out(IdentityFlow::Classic),
    }
}

struct Asked<'a> {
    canned: &'a Canned,
    env: &'a Env,
    input: &'a str,
}

impl Asked<'_> {
    fn signs_in(&self, flow: Flow) {
        let identity = identity(&settings(), self.env);
        let given = PresetAnswers {
            password: Some(Secret::from(PASSWORD)),
            ..PresetAnswers::default()
        };
        let mut person = Person::default();
        let user = user(self.env);
        match within(
            BUDGET,
            sign_in(&user, flow, given, None, &self.aws(&identity), &mut person),
        ) {
            Ok(signed_in) => {
                self.is_from_an_answer(&signed_in);
                assert!(!signed_in.login(&user).key.starts_with("https://"));
            }
            Err(error) => self.says_no_secret(&error),
        }
        let requests = self.canned.requests();
        assert!(requests.len() <= MOST_CALLS, "{} calls", requests.len());
        let is_sent = requests.iter().any(|request| request.contains(PASSWORD));
        assert_eq!(is_sent, flow == Flow::UserPassword, "{requests:?}");
    }

    fn passwords(&self, is_known: bool) {
        let identity = identity(&settings(), self.env);
        let (aws, user) = (self.aws(&identity), user(self.env));
        let [before, new] = [PASSWORD, "a new one"].map(Secret::from);
        let done = within(BUDGET, async {
            match is_known {
                true => passwords::change(&user, &before, &before, &new, &aws).await,
                false => match passwords::send_code(&user, &aws).await {
                    Ok(_) => passwords::replace(&user, &before, &new, &aws).await,
                    Err(failure) => Err(failure),
                },
            }
            .map_err(Error::from)
        });
        if let Err(error) = done {
            self.says_no_secret(&error);
        }
    }

    /// Checks that a stored sign-in survives every answer, except one that says that the sign-in is over.
    fn renews(&self) {
        let settings = settings();
        let identity = identity(&settings, self.env);
        let user = user(self.env);
        let cache = Cache::open(Cache::folder(self.env));
        let progress = Progress::default();
        let address = PerCallTimeout::new(self.env, &identity, BUDGET, &progress).address(REGION);
        let kept = RefreshTokenStore::for_user(&cache, &user, &address.expect("no settings"));
        let (now, deadline) = (SystemTime::now(), Instant::now() + BUDGET);
        kept.keep(&user, &an_old_sign_in(), now - Duration::from_secs(3600), deadline);
        assert!(kept.is_there(now));
        let aws = self.aws(&identity);
        let clock = || now;
        let renewed = kept.tokens(&user, &aws, &clock, deadline);
        match within(BUDGET, async { renewed.await.map_err(Error::from) }) {
            Ok(signed_in) => {
                self.is_from_an_answer(&signed_in);
                assert!(kept.is_there(now));
            }
            Err(error) => {
                self.says_no_secret(&error);
                let over = ["NotAuthorizedException", "RefreshTokenReuseException"];
                assert!(kept.is_there(now) || error.to_string().contains("is no longer signed in"));
                assert!(kept.is_there(now) || over.iter().any(|code| self.could_say(code)));
            }
        }
    }

    fn hands_out(&self, identity_flow: IdentityFlow) {
        let token_file = in_folder(|folder| folder.join("id-token"));
        fs::write(&token_file, "e30.e30.c2ln").expect("a file in our folder");
        let settings = CognitoSettings {
            identity_flow,
            provider: Some("accounts.google.com".to_owned()),
            id_token_file: Some(token_file),
            role_arn: (identity_flow == IdentityFlow::Classic)
                .then(|| "arn:aws:iam::111122223333:role/ci-push".to_owned()),
            ..settings()
        };
        let identity = identity(&settings, self.env);
        match within(BUDGET, self.aws(&identity).credentials(Destination::in_region(REGION))) {
            Ok(credentials) => {
                let keys = [
                    credentials.access_key_id(),
                    credentials.secret_access_key(),
                    credentials.session_token().expect("a session"),
                ];
                // Otherwise the SDK would panic at the next request.
                assert!(
                    keys.iter()
                        .all(|key| !key.is_empty() && key.bytes().all(|byte| byte.is_ascii_graphic()))
                );
                assert!(credentials.expiry().is_some());
            }
            Err(error) => self.says_no_secret(&error),
        }
    }

    fn aws<'a>(&'a self, identity: &'a Identity) -> Aws<'a> {
        Aws::answered_by(self.canned.clone(), self.env, identity, BUDGET).expect("nothing to set up")
    }

    /// Checks that the tokens come from the answers.
    fn is_from_an_answer(&self, signed_in: &SignedIn) {
        let tokens = [&signed_in.id_token, &signed_in.access_token];
        let plain = |token: &&&Secret| token.expose().chars().all(|char| char.is_ascii_alphanumeric());
        for token in tokens.iter().filter(plain) {
            assert!(self.input.contains(token.expose()) || self.input.contains("\\u"));
        }
    }

    /// Checks that an error shows nothing of an answer except AWS's own code and message.
    fn says_no_secret(&self, error: &Error) {
        is_fit_to_read(error);
        assert!(!error.to_string().contains(PASSWORD), "{error}");
        let is_shown = ["message", "code", "type", "challenge", "error", "\\u"];
        if !is_shown.iter().any(|word| self.input.to_lowercase().contains(word)) {
            assert!(!error.to_string().contains(SECRET), "{error}");
        }
    }

    /// Whether a response contains this word, unchanged or escaped.
    fn could_say(&self, word: &str) -> bool {
        self.input.contains(word) || self.input.contains("\\u")
    }
}

/// Answers every prompt, so that a sign-in goes on as long as the server wants.
#[derive(Default)]
struct Person {
    answers: usize,
}

impl Questions for Person {
    fn ask(&mut self, _: &str) -> Result<String> {
        self.answers += 1;
        assert!(self.answers <= MOST_CALLS * 8, "it never ends asking");
        Ok("1".to_owned())
    }

    fn ask_secret(&mut self, question: &str) -> Result<Secret> {
        self.ask(question).map(Secret::new)
    }

    fn tell(&mut self, _: &str) -> Result<()> {
        Ok(())
    }
}

fn an_old_sign_in() -> SignedIn {
    SignedIn {
        username: USERNAME.to_owned(),
        id_token: Secret::from("an ID token"),
        access_token: Secret::from("an access token"),
        refresh_token: Some(Secret::from(REFRESH_TOKEN)),
        device: None,
        login_place: None,
    }
}

fn settings() -> CognitoSettings {
    CognitoSettings {
        user_pool_id: Some("eu-west-1_AbCdEfGhI".to_owned()),
        client_id: Some("1h57kf5cpq17m0eml12EXAMPLE".to_owned()),
        identity_pool_id: "eu-west-1:12345678-abcd-1234-abcd-123456789012".to_owned(),
        username: Some(USERNAME.to_owned()),
        ..CognitoSettings::default()
    }
}

fn user(env: &Env) -> User {
    User::from_settings(&settings(), USERNAME, env).expect("all of it is there")
}

fn identity(settings: &CognitoSettings, env: &Env) -> Identity {
    Identity::of_cognito(settings, env).expect("settings that can be")
}

fn environment(folder: &Path) -> Env {
    let cache = folder.join("cognito").display().to_string();
    let set = [
        ("ECR_AUTH_CACHE_DIR", cache.as_str()),
        ("ECR_AUTH_COGNITO_CLIENT_SECRET", "the app client's secret"),
        ("AWS_MAX_ATTEMPTS", "1"),
        ("AWS_REGION", REGION),
    ];
    set.into_iter().collect()
}
