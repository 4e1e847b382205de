//! `USER_AUTH`: the user or the app chooses the first factor, a sent code or a password.

use serde_json::json;

use super::clients::Client;
use super::input::Map;
use super::outcome::Outcome;
use super::refusals::{invalid, not_authorized};
use super::sessions::Step;
use super::user_pool::UserPool;
use super::users::Mfa;
use crate::answer::Refusal;

impl UserPool {
    /// Returns the first factors that a user can choose from.
    fn first_factors(&mut self, name: &str) -> Result<Vec<&'static str>, Refusal> {
        let user = self.user_named(name)?;
        let is_verified = |attribute: &str| {
            user.attributes
                .get(&format!("{attribute}_verified"))
                .is_some_and(|text| text == "true")
        };
        let factors = [
            ("EMAIL_OTP", is_verified("email")),
            ("SMS_OTP", is_verified("phone_number")),
            ("PASSWORD_SRP", user.has_password()),
            ("WEB_AUTHN", user.has_passkey),
        ];
        let there = factors.into_iter().filter(|(_, is_there)| *is_there);
        Ok(there.map(|(name, _)| name).collect())
    }

    /// Answers InitiateAuth with `USER_AUTH`.
    pub(super) fn choose_first(
        &mut self,
        client: &'static Client,
        parameters: Map<'_>,
        now: i64,
    ) -> Result<Outcome, Refusal> {
        let given = parameters.require("USERNAME")?;
        client.check_hash(given, parameters.get("SECRET_HASH"))?;
        let user = self
            .user(given)
            .ok_or_else(|| not_authorized("Incorrect username or password."))?;
        user.check_usable(now)?;
        let name = user.name.clone();
        let factors = self.first_factors(&name)?;
        let preferred = parameters.get("PREFERRED_CHALLENGE");
        if let Some(factor) = factors.iter().find(|factor| Some(**factor) == preferred) {
            return self.begin_with(client, &name, factor, now);
        }
        let session = self.open(client, &name, Step::SelectFirst, now);
        let parameters = json!({"USERNAME": name});
        let Outcome::Challenge(mut answer) = Outcome::challenge("SELECT_CHALLENGE", Some(session), parameters) else {
            return Err(invalid("no challenge"));
        };
        answer["AvailableChallenges"] = json!(factors);
        Ok(Outcome::Challenge(answer))
    }

    /// Answers the response to `SELECT_CHALLENGE`.
    pub(super) fn selected_first(
        &mut self,
        client: &'static Client,
        name: &str,
        responses: Map<'_>,
        now: i64,
    ) -> Result<Outcome, Refusal> {
        let answer = responses.require("ANSWER")?;
        let factors = self.first_factors(name)?;
        let factor = factors.into_iter().find(|factor| *factor == answer);
        let factor = factor.ok_or_else(|| invalid("Challenge is not available for the user."))?;
        self.begin_with(client, name, factor, now)
    }

    fn begin_with(
        &mut self,
        client: &'static Client,
        name: &str,
        factor: &'static str,
        now: i64,
    ) -> Result<Outcome, Refusal> {
        let (medium, kind) = match factor {
            "EMAIL_OTP" => ("EMAIL", Mfa::Email),
            "SMS_OTP" => ("SMS", Mfa::Sms),
            // The lab plays these factors only up to their first challenge.
            other => {
                let session = self.open(client, name, Step::SelectFirst, now);
                return Ok(Outcome::challenge(other, Some(session), json!({"USERNAME": name})));
            }
        };
        let (code, shown) = self.send_code(name, medium)?;
        let session = self.open(client, name, Step::First(kind, code), now);
        let parameters = json!({
            "USERNAME": name,
            "CODE_DELIVERY_DELIVERY_MEDIUM": medium,
            "CODE_DELIVERY_DESTINATION": shown,
        });
        Ok(Outcome::challenge(factor, Some(session), parameters))
    }
}
