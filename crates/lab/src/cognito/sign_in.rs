//! InitiateAuth, and the password half of RespondToAuthChallenge.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::json;

use super::clients::Client;
use super::input::{Input, Map};
use super::outcome::Outcome;
use super::refusals::{constraint, invalid, not_authorized};
use super::sessions::{CHALLENGE_LIFETIME, PendingHandshake};
use super::srp::{Handshake, Identity, Verifier, hex, parse_hex};
use super::timestamp;
use super::user_pool::UserPool;
use super::{POOL_NAME, USER_POOL_ID};
use crate::answer::Refusal;
use crate::random::random_text;

/// The largest allowed error of a client's clock, in seconds.
pub(super) const CLOCK_SKEW: i64 = 300;
const FLOWS: &str = "[USER_AUTH, ADMIN_USER_PASSWORD_AUTH, USER_SRP_AUTH, REFRESH_TOKEN_AUTH, REFRESH_TOKEN, CUSTOM_AUTH, USER_PASSWORD_AUTH, ADMIN_NO_SRP_AUTH]";

impl UserPool {
    /// Answers InitiateAuth.
    pub(super) fn initiate_auth(&mut self, input: &Input, now: i64) -> Result<Outcome, Refusal> {
        let flow = input.require("AuthFlow")?;
        let client = Client::of(input)?;
        let parameters = input.map("AuthParameters")?;
        match flow {
            "USER_SRP_AUTH" => self.start_srp(client, parameters, now),
            "USER_PASSWORD_AUTH" if client.password_flow => self.password_auth(client, parameters, now),
            "USER_PASSWORD_AUTH" => Err(invalid("USER_PASSWORD_AUTH flow not enabled for this client")),
            "REFRESH_TOKEN_AUTH" | "REFRESH_TOKEN" => self.refresh_auth(client, parameters, now),
            "USER_AUTH" if client.choice_flow => self.choose_first(client, parameters, now),
            "CUSTOM_AUTH" | "USER_AUTH" => Err(invalid(&format!("{flow} is not enabled for the client."))),
            "ADMIN_NO_SRP_AUTH" | "ADMIN_USER_PASSWORD_AUTH" => Err(invalid("Initiate Auth method not supported.")),
            other => Err(constraint(
                &format!("'{other}'"),
                "authFlow",
                &format!("satisfy enum value set: {FLOWS}"),
            )),
        }
    }

    fn start_srp(&mut self, client: &'static Client, parameters: Map<'_>, now: i64) -> Result<Outcome, Refusal> {
        let given = parameters.require("USERNAME")?;
        let a = parameters.require("SRP_A")?;
        client.check_hash(given, parameters.get("SECRET_HASH"))?;
        let a = parse_hex(a).ok_or_else(|| invalid("SRP_A is not a hexadecimal number"))?;
        let forced = self.next_b.take();
        let (user, verifier) = match self.user(given) {
            Some(user) => {
                user.check_unlocked(now)?;
                (user.name.clone(), user.verifier.clone())
            }
            None => (given.to_owned(), Verifier::of_nobody(USER_POOL_ID, given)),
        };
        let handshake =
            Handshake::new(&verifier, &a, forced).ok_or_else(|| invalid("SRP_A must not be a multiple of N"))?;
        let block = BASE64_STANDARD.encode(random_text(800));
        let parameters = json!({
            "SALT": hex(&verifier.salt),
            "SECRET_BLOCK": block,
            "SRP_B": hex(&handshake.public),
            "USERNAME": user,
            "USER_ID_FOR_SRP": user,
        });
        let pending = PendingHandshake {
            handshake,
            client: client.id,
            user,
            expires: now + CHALLENGE_LIFETIME,
        };
        self.handshakes.insert(block, pending);
        // The secret block is the whole state: AWS gives no session with this challenge.
        Ok(Outcome::challenge("PASSWORD_VERIFIER", None, parameters))
    }

    /// Answers RespondToAuthChallenge with `PASSWORD_VERIFIER`.
    pub(super) fn verify_password(
        &mut self,
        client: &'static Client,
        responses: Map<'_>,
        now: i64,
    ) -> Result<Outcome, Refusal> {
        let name = responses.require("USERNAME")?;
        let block = responses.require("PASSWORD_CLAIM_SECRET_BLOCK")?;
        let signature = responses.require("PASSWORD_CLAIM_SIGNATURE")?;
        let timestamp = responses.require("TIMESTAMP")?;
        client.check_hash(name, responses.get("SECRET_HASH"))?;
        let signed_at = timestamp::parse(timestamp)
            .ok_or_else(|| invalid("TIMESTAMP format should be EEE MMM d HH:mm:ss z yyyy in english."))?;
        let refused = || not_authorized("Incorrect username or password.");
        let pending = self.handshakes.remove(block).ok_or_else(refused)?;
        let fits = pending.client == client.id && pending.user == name;
        if !fits || pending.expires <= now || (signed_at - now).abs() > CLOCK_SKEW {
            return Err(refused());
        }
        let identity = Identity {
            pool: POOL_NAME,
            user: &pending.user,
        };
        let secret_block = BASE64_STANDARD.decode(block).map_err(|_| refused())?;
        let wanted = pending.handshake.signature(identity, &secret_block, timestamp);
        let right = BASE64_STANDARD.decode(signature).is_ok_and(|given| given == wanted);
        let user = self.user_named(&pending.user)?;
        user.attempted(right, now)?;
        user.check_usable(now)?;
        let with_device = self.shows_device(responses, &pending.user)?;
        self.after_password(client, &pending.user, with_device, now)
    }

    fn password_auth(&mut self, client: &'static Client, parameters: Map<'_>, now: i64) -> Result<Outcome, Refusal> {
        let given = parameters.require("USERNAME")?;
        let password = parameters.require("PASSWORD")?;
        client.check_hash(given, parameters.get("SECRET_HASH"))?;
        let user = self
            .user(given)
            .ok_or_else(|| not_authorized("Incorrect username or password."))?;
        user.check_unlocked(now)?;
        let right = user.verifier.matches(user.identity(), password);
        user.attempted(right, now)?;
        user.check_usable(now)?;
        let name = user.name.clone();
        let with_device = self.shows_device(parameters, &name)?;
        self.after_password(client, &name, with_device, now)
    }

    fn refresh_auth(&mut self, client: &'static Client, parameters: Map<'_>, now: i64) -> Result<Outcome, Refusal> {
        if client.rotates {
            return Err(invalid("REFRESH_TOKEN_AUTH is not enabled for the client."));
        }
        let token = parameters.require("REFRESH_TOKEN")?;
        // The hash covers the user's real name, which the token gives.
        let name = self.grants.user_of(token).map(str::to_owned).unwrap_or_default();
        client.check_hash(&name, parameters.get("SECRET_HASH"))?;
        self.refresh(client, token, parameters.get("DEVICE_KEY"), now)
    }
}
