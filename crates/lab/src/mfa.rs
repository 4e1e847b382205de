//! Virtual MFA devices of users, and the check of the codes that callers of STS send.

use crate::answer::Refusal;
use crate::principals::{Iam, MfaDevice, Principal};
use crate::{Aws, lock, totp};

impl Aws {
    /// Adds a virtual MFA device for a user, by account and user name. Returns its serial number (an ARN) and its
    /// secret, in base32.
    pub fn add_mfa_device(&self, account: &str, user: &str) -> (String, String) {
        let mut iam = lock(&self.iam);
        let partition = iam.partition(account);
        let serial = format!("arn:{partition}:iam::{account}:mfa/{user}");
        let secret = totp::new_secret();
        let device = MfaDevice {
            user: format!("arn:{partition}:iam::{account}:user/{user}"),
            secret: secret.clone(),
            last_step: None,
        };
        iam.mfa_devices.insert(serial.clone(), device);
        (serial, secret)
    }
}

/// Whether the call has a valid code of one of the caller's MFA devices. A wrong or used code, or another user's
/// device, is an error.
pub(crate) fn has_mfa(
    iam: &mut Iam,
    caller: &Principal,
    serial: Option<&str>,
    code: Option<&str>,
    now: i64,
) -> Result<bool, Refusal> {
    let denied = |why: &str| {
        let message = format!("MultiFactorAuthentication failed{why}");
        Err(Refusal::new(403, "AccessDenied", message))
    };
    let (serial, code) = match (serial, code) {
        (None, None) => return Ok(false),
        (Some(serial), Some(code)) => (serial, code),
        _ => return denied(", must provide both MFA serial number and one time pass code."),
    };
    let device = iam
        .mfa_devices
        .get_mut(serial)
        .filter(|device| device.user == caller.arn);
    let Some(device) = device else {
        return denied(
            ", unable to validate MFA code.  Please verify your MFA serial number is valid and associated with this user.",
        );
    };
    match totp::step_of(&device.secret, code, now) {
        Some(step) if device.last_step.is_none_or(|last| step > last) => {
            device.last_step = Some(step);
            Ok(true)
        }
        _ => denied(" with invalid MFA one time pass code. "),
    }
}
