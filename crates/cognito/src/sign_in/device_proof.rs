//! Devices that the user pool remembers: confirming a new one (ConfirmDevice), and using one in a sign-in (`DEVICE_SRP_AUTH`).

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use cognito_srp::device_verifier;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::{AuthAnswer, CallFailure, CognitoCalls, SigningIn, ephemeral};
use crate::device::Device;
use crate::wire::{NewDeviceMetadata, Parameters, ReceivedSecret, SecretText};
use diagnostics::{Code, Error, Result};
use secret::Secret;

/// The number of random bytes of a device's password, as in Cognito's own clients.
const PASSWORD_BYTES: usize = 40;

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct ConfirmDevice<'a> {
    access_token: SecretText,
    device_key: &'a str,
    device_name: &'static str,
    device_secret_verifier_config: VerifierConfig,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct VerifierConfig {
    salt: String,
    password_verifier: String,
}

#[derive(Deserialize)]
struct ConfirmDeviceResponse {}

impl<C: CognitoCalls> SigningIn<'_, C> {
    pub(super) fn has_device_password(&self) -> bool {
        self.device.as_ref().is_some_and(|device| device.password.is_some())
    }

    /// Signs in with a remembered device, by `DEVICE_SRP_AUTH` and `DEVICE_PASSWORD_VERIFIER`.
    pub(super) async fn by_device(&mut self, session: Option<ReceivedSecret>) -> Result<AuthAnswer, CallFailure> {
        let ephemeral = ephemeral()?;
        let responses = Parameters::from([("SRP_A".to_owned(), ephemeral.public().as_str().into())]);
        let answer = self.respond("DEVICE_SRP_AUTH", responses, session).await?;
        let is_verifier = answer.challenge_name.as_deref() == Some("DEVICE_PASSWORD_VERIFIER");
        let Some((device, password)) = self
            .device
            .as_ref()
            .and_then(|device| Some((device, device.password.as_ref()?)))
            .filter(|_| is_verifier)
        else {
            return Ok(answer);
        };
        let challenge = answer.challenge_parameters.unwrap_or_default();
        let whose = (device.group_key.expose(), device.key.expose());
        let responses = self.proof(&ephemeral, whose, password, &challenge)?;
        self.respond("DEVICE_PASSWORD_VERIFIER", responses, answer.session)
            .await
    }

    /// Confirms a new device. Its refresh token does not work before that.
    pub(super) async fn confirm(
        &self,
        metadata: NewDeviceMetadata,
        access_token: &Secret,
    ) -> Result<Device, CallFailure> {
        let password = Secret::new(STANDARD.encode(*random::<PASSWORD_BYTES>()?));
        let (key, group_key) = (metadata.device_key, metadata.device_group_key);
        let made = device_verifier(&group_key, &key, password.expose(), &*random()?);
        let request = ConfirmDevice {
            access_token: access_token.into(),
            device_key: &key,
            device_name: "ecr-auth",
            device_secret_verifier_config: VerifierConfig {
                salt: made.salt,
                password_verifier: made.verifier,
            },
        };
        // The response may say that the user should be asked whether to remember the device. Only the user pool's own pages ask that.
        let ConfirmDeviceResponse {} = self.call("ConfirmDevice", &request).await?;
        Ok(Device {
            key: Secret::new(key),
            group_key: Secret::new(group_key),
            password: Some(password),
        })
    }
}

fn random<const LENGTH: usize>() -> Result<Zeroizing<[u8; LENGTH]>> {
    let mut bytes = Zeroizing::new([0; LENGTH]);
    getrandom::fill(&mut *bytes)
        .map_err(|error| Error::failed(Code::System, "no random number from the system", error))?;
    Ok(bytes)
}
