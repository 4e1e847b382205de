//! `ecr-auth cognito --browser`: the sign-in at the user pool's managed login, in the user's browser on this or another machine.

use std::process::Child;
use std::time::{Duration, Instant};

use super::CognitoSession;
use crate::browser::{Arrival, CallbackListener, opener};
use crate::terminal::Terminal;
use aws_access::PerCallTimeout;
use aws_access::net::to_end;
use cognito::managed_login::{BrowserSignIn, CALLBACK, name_of};
use cognito::{Questions, SignedIn, User};
use context::{Context, budget, seconds, variables};
use diagnostics::{Code, Error, Result};
use secret::Secret;

/// The default time for a person to sign in (`ECR_AUTH_BROWSER_TIMEOUT`).
const TIME_LIMIT: Duration = Duration::from_secs(5 * 60);
/// The interval for checking whether the opener has failed.
const GLANCE: Duration = Duration::from_millis(200);
const WHAT: &str = "sign-in in the browser";

/// Signs in. The last page in the browser says whether it worked, and what to do next.
///
/// # Errors
/// The port is in use, the browser is closed, the user refuses, or the managed login fails. Nothing is kept then.
pub(super) fn sign_in(user: &User, next: &str, session: &mut CognitoSession<'_, '_>) -> Result<SignedIn> {
    let domain = session.settings.domain.clone().unwrap_or_default();
    let port = session.settings.callback_port();
    let sign_in = BrowserSignIn::new(user, &domain, port)?;
    let env = &session.context.env;
    let calls = PerCallTimeout::new(env, &session.identity, budget(env)?, &session.context.progress);
    // Before any question, because two sign-ins at once cannot use the same port.
    let opener = opener(env);
    let listener = opener
        .as_ref()
        .map(|_| CallbackListener::bind(port, CALLBACK))
        .transpose()?;
    to_end(sign_in.check(&calls))?;
    let opened = opener.and_then(|opener| opener.open(&sign_in.address(), env).ok());
    let trade = |code: &Secret, calls: &PerCallTimeout<'_>| to_end(sign_in.trade(code, calls));
    if let (Some(listener), Some(child)) = (listener, opened) {
        let lines = [
            format!("Your browser opens {domain}: sign in there. Ctrl-C gives up."),
            format!("If it does not open, open this address yourself: {}", sign_in.address()),
        ];
        drop(calls);
        lines.iter().for_each(|line| session.context.say(line));
        let env = &session.context.env;
        let calls = PerCallTimeout::new(env, &session.identity, budget(env)?, &session.context.progress);
        if let Some(arrival) = wait(&listener, child, session.context)? {
            let signed_in = sign_in
                .code(arrival.query.expose())
                .and_then(|code| trade(&code, &calls));
            return told(arrival, signed_in, next);
        }
    }
    let code = pasted(&sign_in, &domain, &mut session.terminal)?;
    let env = &session.context.env;
    let calls = PerCallTimeout::new(env, &session.identity, budget(env)?, &session.context.progress);
    trade(&code, &calls)
}

/// Waits for the browser to come back. Returns `None` if the opener reports that it cannot open a browser.
fn wait(listener: &CallbackListener, mut child: Child, context: &Context<'_>) -> Result<Option<Arrival>> {
    let _waiting = context.progress.wait("waiting for the browser");
    let limit = seconds(&context.env, variables::ECR_AUTH_BROWSER_TIMEOUT)?.unwrap_or(TIME_LIMIT);
    let until = Instant::now() + limit;
    let mut runs = true;
    while Instant::now() < until {
        if let Some(arrival) = listener.next(until.min(Instant::now() + GLANCE)) {
            return Ok(Some(arrival));
        }
        if runs && let Ok(Some(status)) = child.try_wait() {
            runs = false;
            if !status.success() {
                return Ok(None);
            }
        }
    }
    Err(
        Error::failed(Code::BrowserSignIn, WHAT, format!("the browser did not come back within {} s", limit.as_secs()))
            .hint("run the command again; on a machine without a browser, set BROWSER=none: then the address is shown, and the code can be pasted"),
    )
}

/// Shows the result in the browser.
fn told(arrival: Arrival, signed_in: Result<SignedIn>, next: &str) -> Result<SignedIn> {
    match &signed_in {
        Ok(signed_in) => {
            let title = format!("Signed in as {}", name_of(signed_in));
            let text = format!("You can close this page, and go back to the terminal.\n{next}");
            arrival.show(&title, &text);
        }
        Err(error) => arrival.show(
            "Not signed in",
            &format!(
                "{}\nYou can close this page: the terminal says what to do.",
                error.cause()
            ),
        ),
    }
    signed_in
}

/// Asks for the code, which a person copies from a browser on another machine.
fn pasted(sign_in: &BrowserSignIn<'_>, domain: &str, terminal: &mut Terminal) -> Result<Secret> {
    if !terminal.is_there() {
        return Err(Error::failed(
            Code::NoTerminal,
            "no terminal",
            "there is no browser here, and no terminal to paste the code into",
        )
        .hint("run it in a terminal, or name the browser with BROWSER"));
    }
    terminal.tell(&format!(
        "Open this address in a browser on any machine, and sign in at {domain}:"
    ))?;
    terminal.tell(&sign_in.address())?;
    terminal.tell("After the sign-in, the browser shows an error page. That is expected: copy its address, which begins with http://localhost.")?;
    let text = terminal.ask_secret("Paste that address here: ")?;
    sign_in.pasted_code(text.expose())
}
