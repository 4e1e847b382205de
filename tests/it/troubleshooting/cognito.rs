//! Failures with Cognito.

use diagnostics::Code;
use lab::cognito::{CLIENT_ID, SECRET_CLIENT_ID, USER_POOL_ID};
use lab::{Fault, FaultRule, Service};

use super::Way;
use crate::cognito::{PASSWORD, configure, lab_with_user, machine, run};
use crate::cognito_browser::Customer;
use crate::harness::{HOST, Machine, Outcome};

pub const WAYS: &[Way] = &[
    (Code::NotSignedIn, || {
        let lab = lab_with_user();
        let machine = machine(&lab);
        configure(&machine);
        machine.helper("get", HOST)
    }),
    (Code::WrongPassword, || {
        let lab = lab_with_user();
        run(
            &machine(&lab).with("ECR_AUTH_COGNITO_PASSWORD", "wrong-Password-1"),
            CLIENT_ID,
            &[],
        )
    }),
    (Code::TooManyTries, || {
        refused("InitiateAuth", "NotAuthorizedException", "Password attempts exceeded")
    }),
    (Code::UserState, || {
        refused("InitiateAuth", "UserNotConfirmedException", "User is not confirmed.")
    }),
    (Code::ClientSecret, || with_password(SECRET_CLIENT_ID, &[])),
    (Code::Flow, || {
        let message = "USER_SRP_AUTH is not enabled for the client.";
        refused("InitiateAuth", "InvalidParameterException", message)
    }),
    (Code::PoolUnknown, || with_password("9unknownclient", &[])),
    (Code::WrongCode, || forgot_password("000000", "Another-horse-battery-2")),
    (Code::NewPassword, || {
        let message = "Password did not conform with policy: Password not long enough";
        let rule = fault("ConfirmForgotPassword", "InvalidPasswordException", message);
        forgot_password_where(Some(rule), "000000", "short")
    }),
    (Code::IdentityPool, || {
        let message = "Token is not from a supported provider of this identity pool.";
        let rule = FaultRule {
            service: Service::CognitoIdentity,
            ..fault("GetId", "NotAuthorizedException", message)
        };
        refused_by(rule)
    }),
    (Code::CognitoRefuses, || {
        refused(
            "InitiateAuth",
            "UserLambdaValidationException",
            "PreAuthentication failed",
        )
    }),
    (Code::CognitoSettings, || {
        let args = [
            "cognito",
            "--user-pool-id",
            USER_POOL_ID,
            "--client-id",
            CLIENT_ID,
            "--identity-pool-id",
            "none",
            "--username",
            "maria",
        ];
        Machine::new().run(&args)
    }),
    (Code::NoTerminal, || run(&machine(&lab_with_user()), CLIENT_ID, &[])),
    (Code::BrowserSignIn, || {
        let customer = Customer::new();
        customer.browser("exec curl --silent --output /dev/null \"$(ends \"$1\" | sed s/state=/state=x/)\"");
        customer.sign_in(&[]).2
    }),
    (Code::PasswordSource, || {
        with_password(CLIENT_ID, &["--password=s3cret"])
    }),
];

fn with_password(client_id: &str, more: &[&str]) -> Outcome {
    let lab = lab_with_user();
    run(
        &machine(&lab).with("ECR_AUTH_COGNITO_PASSWORD", PASSWORD),
        client_id,
        more,
    )
}

fn fault(operation: &str, code: &str, message: &str) -> FaultRule {
    FaultRule {
        service: Service::CognitoIdp,
        operation: Some(operation.to_owned()),
        calls: None,
        fault: Fault::Error {
            status: 400,
            code: code.to_owned(),
            message: message.to_owned(),
        },
    }
}

/// Runs a sign-in that the user pool refuses with this error.
fn refused(operation: &str, code: &str, message: &str) -> Outcome {
    refused_by(fault(operation, code, message))
}

fn refused_by(rule: FaultRule) -> Outcome {
    let lab = lab_with_user();
    lab.add_fault(rule);
    run(
        &machine(&lab).with("ECR_AUTH_COGNITO_PASSWORD", PASSWORD),
        CLIENT_ID,
        &[],
    )
}

fn forgot_password(code: &str, new: &str) -> Outcome {
    forgot_password_where(None, code, new)
}

fn forgot_password_where(rule: Option<FaultRule>, code: &str, new: &str) -> Outcome {
    let lab = lab_with_user();
    if let Some(rule) = rule {
        lab.add_fault(rule);
    }
    let machine = machine(&lab);
    configure(&machine);
    let file = machine.write("new", new).display().to_string();
    machine.run(&[
        "cognito",
        "forgot-password",
        "--code",
        code,
        "--new-password-file",
        &file,
    ])
}
