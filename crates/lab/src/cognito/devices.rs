//! Remembered devices: a sign-in without a device gets the key of a new one, which the client must confirm. Without
//! confirmation the pool refuses the sign-in's refresh tokens.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use rsa::BigUint;
use serde_json::{Value, json};

use super::clients::Client;
use super::input::{Input, Map};
use super::outcome::Outcome;
use super::refusals::{invalid, not_authorized, not_found};
use super::remembered::Device;
use super::sessions::{DeviceHandshake, Step};
use super::srp::{Handshake, Identity, Verifier, hex, parse_hex};
use super::timestamp;
use super::user_pool::UserPool;
use super::{REGION, sign_in::CLOCK_SKEW};
use crate::answer::{Refusal, request_id};
use crate::random::random_text;

fn does_not_exist() -> Refusal {
    not_found("Device does not exist.")
}

impl UserPool {
    /// Creates a device for a user and returns its key.
    pub(super) fn new_device(&mut self, user: &str) -> (String, Value) {
        let key = format!("{REGION}_{}", request_id());
        let group_key = format!("-{}", random_text(8));
        let metadata = json!({"DeviceKey": key, "DeviceGroupKey": group_key});
        self.devices.insert(
            key.clone(),
            Device {
                user: user.to_owned(),
                group_key,
                verifier: None,
                is_confirmed: false,
            },
        );
        (key, metadata)
    }

    /// Creates the confirmed device of a browser's sign-in. The managed login itself keeps it, in a cookie.
    pub(super) fn browser_device(&mut self, user: &str) -> String {
        let (key, _) = self.new_device(user);
        if let Some(device) = self.devices.get_mut(&key) {
            device.is_confirmed = true;
        }
        key
    }

    /// Answers ConfirmDevice for the user of a verified access token.
    pub(super) fn confirm_device(&mut self, input: &Input, claims: &Value) -> Result<Value, Refusal> {
        let key = input.require("DeviceKey")?;
        let config = input.map("DeviceSecretVerifierConfig")?;
        let number = |name: &str| {
            let text = config.require(name)?;
            let bytes = BASE64_STANDARD.decode(text);
            bytes
                .map(|bytes| BigUint::from_bytes_be(&bytes))
                .map_err(|_| invalid(&format!("{name} is not base64")))
        };
        let (salt, verifier) = (number("Salt")?, number("PasswordVerifier")?);
        let username = claims.get("username").and_then(Value::as_str).unwrap_or_default();
        let device = self.devices.get_mut(key).filter(|device| device.user == username);
        let device = device.ok_or_else(does_not_exist)?;
        if device.verifier.is_some() {
            return Err(invalid("Device has already been confirmed."));
        }
        device.verifier = Some(Verifier::known(salt, verifier));
        device.is_confirmed = true;
        Ok(json!({"UserConfirmationNecessary": false}))
    }

    /// Whether a sign-in names a device of this user that has a verifier.
    pub(super) fn shows_device(&self, responses: Map<'_>, user: &str) -> Result<bool, Refusal> {
        let Some(key) = responses.get("DEVICE_KEY").filter(|_| self.remembers_devices) else {
            return Ok(false);
        };
        let device = self.devices.get(key).filter(|device| device.user == user);
        Ok(device.ok_or_else(does_not_exist)?.verifier.is_some())
    }

    pub(super) fn ask_for_device(&mut self, client: &Client, user: &str, now: i64) -> Outcome {
        let session = self.open(client, user, Step::Device(None), now);
        Outcome::challenge("DEVICE_SRP_AUTH", Some(session), json!({}))
    }

    /// Answers the response to `DEVICE_SRP_AUTH`.
    pub(super) fn start_device(
        &mut self,
        client: &'static Client,
        user: &str,
        responses: Map<'_>,
        now: i64,
    ) -> Result<Outcome, Refusal> {
        let key = responses.require("DEVICE_KEY")?;
        let a = parse_hex(responses.require("SRP_A")?).ok_or_else(|| invalid("SRP_A is not a hexadecimal number"))?;
        let device = self.devices.get(key).filter(|device| device.user == user);
        let verifier = device.and_then(|device| device.verifier.clone());
        let verifier = verifier.ok_or_else(does_not_exist)?;
        let handshake =
            Handshake::new(&verifier, &a, None).ok_or_else(|| invalid("SRP_A must not be a multiple of N"))?;
        let block = BASE64_STANDARD.encode(random_text(800));
        let parameters = json!({
            "SALT": hex(&verifier.salt),
            "SECRET_BLOCK": block,
            "SRP_B": hex(&handshake.public),
            "USERNAME": user,
            "DEVICE_KEY": key,
        });
        let pending = DeviceHandshake {
            handshake,
            block,
            device: key.to_owned(),
        };
        let session = self.open(client, user, Step::Device(Some(Box::new(pending))), now);
        Ok(Outcome::challenge(
            "DEVICE_PASSWORD_VERIFIER",
            Some(session),
            parameters,
        ))
    }

    /// Answers the response to `DEVICE_PASSWORD_VERIFIER`.
    pub(super) fn verify_device(
        &mut self,
        client: &'static Client,
        user: &str,
        pending: &DeviceHandshake,
        responses: Map<'_>,
        now: i64,
    ) -> Result<Outcome, Refusal> {
        let refused = || not_authorized("Incorrect username or password.");
        let key = responses.require("DEVICE_KEY")?;
        let block = responses.require("PASSWORD_CLAIM_SECRET_BLOCK")?;
        let signature = responses.require("PASSWORD_CLAIM_SIGNATURE")?;
        let time = responses.require("TIMESTAMP")?;
        let signed_at = timestamp::parse(time)
            .ok_or_else(|| invalid("TIMESTAMP format should be EEE MMM d HH:mm:ss z yyyy in english."))?;
        let device = self.devices.get(key).ok_or_else(does_not_exist)?;
        let secret_block = BASE64_STANDARD.decode(block).map_err(|_| refused())?;
        let identity = Identity {
            pool: &device.group_key,
            user: key,
        };
        let wanted = pending.handshake.signature(identity, &secret_block, time);
        let is_right = BASE64_STANDARD.decode(signature).is_ok_and(|given| given == wanted);
        if !is_right || key != pending.device || block != pending.block || (signed_at - now).abs() > CLOCK_SKEW {
            return Err(refused());
        }
        self.signed_in_with(client, user, Some(key), now)
    }

    /// Checks the device that came with a refresh token. A sign-in on a device needs that device, confirmed.
    pub(super) fn check_device(&self, needed: Option<&str>, shown: Option<&str>) -> Result<(), Refusal> {
        let Some(needed) = needed else { return Ok(()) };
        let is_confirmed = self.devices.get(needed).is_some_and(|device| device.is_confirmed);
        match is_confirmed && shown == Some(needed) {
            true => Ok(()),
            false => Err(not_authorized("Invalid Refresh Token.")),
        }
    }
}
