//! ChangePassword, ForgotPassword, ConfirmForgotPassword.

use serde_json::{Value, json};

use super::clients::Client;
use super::input::Input;
use super::refusals::{invalid, mismatch, not_authorized};
use super::tokens::ADMIN_SCOPE;
use super::user_pool::UserPool;
use super::users::Status;
use crate::answer::Refusal;

/// Lifetime of a code for a forgotten password in seconds: an hour.
const RESET_CODE: i64 = 3600;

impl UserPool {
    /// Answers ChangePassword for the user of a verified access token.
    pub(super) fn change_password(&mut self, input: &Input, claims: &Value, now: i64) -> Result<Value, Refusal> {
        let claim = |name: &str| claims.get(name).and_then(Value::as_str).unwrap_or_default();
        if claim("token_use") != "access" {
            return Err(not_authorized("Invalid Access Token"));
        }
        if claims.get("exp").and_then(Value::as_i64).unwrap_or_default() <= now {
            return Err(not_authorized("Access Token has expired"));
        }
        if self.grants.is_revoked(claim("origin_jti")) {
            return Err(not_authorized("Access Token has been revoked"));
        }
        if !claim("scope").split(' ').any(|scope| scope == ADMIN_SCOPE) {
            return Err(not_authorized("Access Token does not have required scopes"));
        }
        let proposed = input.require("ProposedPassword")?;
        let previous = input.require("PreviousPassword")?;
        let user = self.user_named(claim("username"))?;
        user.check_unlocked(now)?;
        let right = user.verifier.matches(user.identity(), previous);
        user.attempted(right, now)?;
        user.check_usable(now)?;
        user.set_password(proposed)?;
        Ok(json!({}))
    }

    /// Answers ForgotPassword: sends a code. The response is the same for an unknown user.
    pub(super) fn forgot_password(&mut self, input: &Input, now: i64) -> Result<Value, Refusal> {
        let given = input.require("Username")?;
        let client = Client::of(input)?;
        client.check_hash(given, input.text("SecretHash")?)?;
        let Some(user) = self.user(given) else {
            return Ok(delivery("EMAIL", "email", "a***@e***"));
        };
        if !user.enabled {
            return Err(not_authorized("User is disabled."));
        }
        if user.status == Status::ForceChangePassword {
            return Err(not_authorized("User password cannot be reset in the current state."));
        }
        let verified = |name: &str| user.attributes.get(name).map(String::as_str) == Some("true");
        let (medium, attribute) = match (verified("phone_number_verified"), verified("email_verified")) {
            (true, _) => ("SMS", "phone_number"),
            (_, true) => ("EMAIL", "email"),
            _ => {
                let message =
                    "Cannot reset password for the user as there is no registered/verified email or phone_number";
                return Err(invalid(message));
            }
        };
        let name = user.name.clone();
        let (code, shown) = self.send_code(&name, medium)?;
        self.user_named(&name)?.reset_code = Some((code, now + RESET_CODE));
        Ok(delivery(medium, attribute, &shown))
    }

    /// Answers ConfirmForgotPassword.
    pub(super) fn confirm_forgot_password(&mut self, input: &Input, now: i64) -> Result<Value, Refusal> {
        let given = input.require("Username")?;
        let code = input.require("ConfirmationCode")?;
        let password = input.require("Password")?;
        let client = Client::of(input)?;
        client.check_hash(given, input.text("SecretHash")?)?;
        let gone = || {
            let message = "Invalid code provided, please request a code again.";
            Refusal::new(400, "ExpiredCodeException", message)
        };
        let user = self.user(given).ok_or_else(gone)?;
        let (wanted, ends) = user.reset_code.clone().ok_or_else(gone)?;
        if ends <= now {
            return Err(gone());
        }
        if wanted != code {
            return Err(mismatch("Invalid verification code provided, please try again."));
        }
        user.set_password(password)?;
        user.reset_code = None;
        Ok(json!({}))
    }
}

fn delivery(medium: &str, attribute: &str, destination: &str) -> Value {
    json!({"CodeDeliveryDetails": {
        "AttributeName": attribute, "DeliveryMedium": medium, "Destination": destination,
    }})
}
