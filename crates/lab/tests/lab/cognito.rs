//! Cognito through boto3 and pycognito, two independent clients.

use std::path::PathBuf;
use std::process::Command;

use lab::cognito::{
    Ambiguous, CLIENT_ID, CLIENT_SECRET, DEMO_PASSWORD, IDENTITY_POOL_ID, LICENSED_ROLE, LOGINS_KEY, LoginProvider,
    Match, Mfa, ROTATING_CLIENT_ID, RoleMapping, Rule, SECRET_CLIENT_ID, UNLICENSED_ROLE, USER_POOL_ID, UserSpec,
};
use lab::{ACCOUNT, Condition, Fault, Lab, Operator, Permissions, RoleSpec, Service, SigningAlgorithm, Trust};
use serde_json::json;

use crate::tools::{boto3, lab, python_tool};

/// The beginning of every script.
const BEGIN: &str = r#"
import time, warnings, urllib.request
warnings.filterwarnings('ignore', category=DeprecationWarning)
from pycognito.aws_srp import AWSSRP
idp, identity = boto3.client('cognito-idp'), boto3.client('cognito-identity')
def control(path, **body):
    request = urllib.request.Request(os.environ['LAB_CONTROL'] + '/' + path, json.dumps(body).encode())
    return json.load(urllib.request.urlopen(request))
def srp(name, password, client=CLIENT, secret=None):
    one = AWSSRP(name, password, POOL, client, client=idp, client_secret=secret)
    asked = idp.initiate_auth(AuthFlow='USER_SRP_AUTH', AuthParameters=one.get_auth_params(), ClientId=client)
    answer = one.process_challenge(asked['ChallengeParameters'], {'USERNAME': name})
    return answer['USERNAME'], respond('PASSWORD_VERIFIER', None, client, **answer)
def respond(name, session, client=CLIENT, **answer):
    more = {'Session': session} if session else {}
    return idp.respond_to_auth_challenge(ClientId=client, ChallengeName=name, ChallengeResponses=answer, **more)
def plain(name, password, client=CLIENT, **more):
    return idp.initiate_auth(AuthFlow='USER_PASSWORD_AUTH', ClientId=client,
                             AuthParameters={'USERNAME': name, 'PASSWORD': password, **more})
def tokens(answer): return answer['AuthenticationResult']
def said(call, *positional, **named):
    try: call(*positional, **named)
    except idp.exceptions.ClientError as error: return error.response['Error']['Code'] + ': ' + error.response['Error']['Message']
    return 'nothing'
def credentials(id_token, **more):
    logins = {LOGINS: id_token}
    one = identity.get_id(IdentityPoolId=IDENTITIES, Logins=logins)['IdentityId']
    return identity.get_credentials_for_identity(IdentityId=one, Logins=logins, **more)['Credentials']
def who(keys):
    sts = boto3.client('sts', aws_access_key_id=keys['AccessKeyId'], aws_secret_access_key=keys['SecretKey'],
                       aws_session_token=keys['SessionToken'])
    return sts.get_caller_identity()['Arn'].split('assumed-role/')[1]
"#;

/// Runs a script and returns its output. A script that fails returns its error.
fn run(lab: &Lab, script: &str) -> String {
    let names = format!(
        "POOL, CLIENT, SECRET_CLIENT, SECRET, ROTATING = '{USER_POOL_ID}', '{CLIENT_ID}', '{SECRET_CLIENT_ID}', '{CLIENT_SECRET}', '{ROTATING_CLIENT_ID}'\n\
         IDENTITIES, LOGINS, LICENSED, UNLICENSED = '{IDENTITY_POOL_ID}', '{LOGINS_KEY}', '{LICENSED_ROLE}', '{UNLICENSED_ROLE}'\n"
    );
    let control = format!("{}/_lab", lab.http_url());
    let script = format!("{names}{BEGIN}{script}");
    match boto3(lab, &lab.http_url(), None, &[("LAB_CONTROL", &control)], &script) {
        Ok(printed) => printed,
        Err(error) => panic!("{error}"),
    }
}

/// A lab with the user `bob`, who has a permanent password.
fn bobs_lab() -> Lab {
    let lab = lab();
    let bob = UserSpec::new("bob")
        .password("Bobs-Password-1")
        .attribute("email", "bob@example.com");
    lab.cognito().add_user(bob).unwrap();
    lab
}

/// Checks that pycognito can sign in with the cases of a seed.
fn agrees_with_pycognito(seed: u32) {
    let lab = lab();
    let script = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/srp/against_lab.py");
    let output = Command::new(python_tool("python"))
        .arg(script)
        .args(["--count", "250", "--seed", &seed.to_string()])
        .env("LAB_CONTROL", format!("{}/_lab", lab.http_url()))
        .env("AWS_ENDPOINT_URL", lab.http_url())
        .env("AWS_DEFAULT_REGION", "eu-west-1")
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["agreed"], 250);
    for kind in ["salt", "A", "B", "u", "S"] {
        assert!(report["kinds"][kind].as_u64() >= Some(2), "{kind}: {report}");
    }
}

#[test]
fn srp_agrees_with_pycognito_1() {
    agrees_with_pycognito(6);
}

#[test]
fn srp_agrees_with_pycognito_2() {
    agrees_with_pycognito(7);
}

#[test]
fn srp_agrees_with_pycognito_3() {
    agrees_with_pycognito(8);
}

#[test]
fn srp_agrees_with_pycognito_4() {
    agrees_with_pycognito(9);
}

#[test]
fn a_wrong_password_and_a_wrong_name_get_the_same_error_and_a_lockout() {
    let lab = bobs_lab();
    let script = r"
salts = {idp.initiate_auth(AuthFlow='USER_SRP_AUTH', ClientId=CLIENT, AuthParameters={'USERNAME': 'nobody', 'SRP_A': 'abc'})
         ['ChallengeParameters']['SALT'] for _ in range(3)}
print(len(salts), said(srp, 'nobody', 'x'), said(plain, 'nobody', 'x'))
for _ in range(5): print(said(srp, 'bob', 'wrong'))
print(said(srp, 'bob', 'Bobs-Password-1'), said(plain, 'bob', 'Bobs-Password-1'))
control('advance', seconds=900)
print('IdToken' in tokens(plain('bob', 'Bobs-Password-1')))";
    let wrong = "NotAuthorizedException: Incorrect username or password.";
    let locked = "NotAuthorizedException: Password attempts exceeded";
    let five = [wrong; 5].join("\n");
    assert_eq!(
        run(&lab, script),
        format!("1 {wrong} {wrong}\n{five}\n{locked} {locked}\nTrue")
    );
}

#[test]
fn the_signature_is_valid_once_for_a_limited_time_in_one_time_format() {
    let lab = bobs_lab();
    let script = r"
def start():
    one = AWSSRP('bob', 'Bobs-Password-1', POOL, CLIENT, client=idp)
    asked = idp.initiate_auth(AuthFlow='USER_SRP_AUTH', AuthParameters=one.get_auth_params(), ClientId=CLIENT)
    return one, asked['ChallengeParameters']
one, asked = start()
answer = one.process_challenge(asked, {'USERNAME': 'bob'})
print(said(respond, 'PASSWORD_VERIFIER', None, **{**answer, 'TIMESTAMP': 'Sun Nov 01 01:02:03 UTC 2026'}))
print(said(respond, 'PASSWORD_VERIFIER', None, **answer), said(respond, 'PASSWORD_VERIFIER', None, **answer))
one, asked = start()
answer = one.process_challenge(asked, {'USERNAME': 'bob'})
control('advance', seconds=200)
print(said(respond, 'PASSWORD_VERIFIER', None, **answer))";
    let wrong = "NotAuthorizedException: Incorrect username or password.";
    assert_eq!(
        run(&lab, script),
        format!(
            "InvalidParameterException: TIMESTAMP format should be EEE MMM d HH:mm:ss z yyyy in english.\nnothing {wrong}\n{wrong}"
        )
    );
}

#[test]
fn a_client_with_a_secret_needs_the_hash_of_the_real_name() {
    let lab = lab();
    let cognito = lab.cognito();
    let added = cognito
        .add_user(UserSpec::new("kim@example.com").password("Kims-Password-1"))
        .unwrap();
    assert_eq!(added.username, added.sub);
    assert_eq!(added.sub.len(), 36);
    let script = r"
name, done = srp('kim@example.com', 'Kims-Password-1', SECRET_CLIENT, SECRET)
print(len(name), sorted(tokens(done)))
print(said(srp, 'kim@example.com', 'Kims-Password-1', SECRET_CLIENT))
print(said(srp, 'kim@example.com', 'Kims-Password-1', SECRET_CLIENT, 'other'))
print(said(srp, 'kim@example.com', 'Kims-Password-1', CLIENT, SECRET))
print(said(plain, 'kim@example.com', 'Kims-Password-1', SECRET_CLIENT))
one = AWSSRP('kim@example.com', 'Kims-Password-1', POOL, CLIENT, client=idp)
asked = idp.initiate_auth(AuthFlow='USER_SRP_AUTH', AuthParameters=one.get_auth_params(), ClientId=CLIENT)
answer = one.process_challenge(asked['ChallengeParameters'], {'USERNAME': 'kim'})
print(said(respond, 'PASSWORD_VERIFIER', None, **{**answer, 'USERNAME': 'kim@example.com'}))
token = tokens(done)['RefreshToken']
print(said(idp.get_tokens_from_refresh_token, RefreshToken=token, ClientId=SECRET_CLIENT))
print(sorted(tokens(idp.get_tokens_from_refresh_token(RefreshToken=token, ClientId=SECRET_CLIENT, ClientSecret=SECRET))))
hash = AWSSRP.get_secret_hash(name, SECRET_CLIENT, SECRET)
again = idp.initiate_auth(AuthFlow='REFRESH_TOKEN_AUTH', ClientId=SECRET_CLIENT, AuthParameters={'REFRESH_TOKEN': token, 'SECRET_HASH': hash})
print('IdToken' in tokens(again))";
    let printed = run(&lab, script);
    let lines: Vec<&str> = printed.lines().collect();
    let expected = [
        "36 ['AccessToken', 'ExpiresIn', 'IdToken', 'RefreshToken', 'TokenType']",
        "NotAuthorizedException: Client 2labsecretclient0000000000 is configured with secret but SECRET_HASH was not received",
        "NotAuthorizedException: Unable to verify secret hash for client 2labsecretclient0000000000",
        "InvalidParameterException: Client 1labpublicclient0000000000 is not configured for secret but secret hash was received",
        "InvalidParameterException: USER_PASSWORD_AUTH flow not enabled for this client",
        "NotAuthorizedException: Incorrect username or password.",
        "NotAuthorizedException: Client 2labsecretclient0000000000 is configured with secret but client secret was not received",
        "['AccessToken', 'ExpiresIn', 'IdToken', 'TokenType']",
        "True",
    ];
    assert_eq!(lines, expected);
}

#[test]
fn a_first_sign_in_sets_password_attributes_and_app_in_this_order() {
    let lab = lab();
    let cognito = lab.cognito();
    cognito.require_attributes(&["email", "name"]);
    let new = UserSpec::new("new")
        .temporary_password("Temporary-1")
        .attribute("email", "new@example.com")
        .mfa(Mfa::Setup);
    cognito.add_user(new).unwrap();
    let script = r#"
name, asked = srp('new', 'Temporary-1')
print(asked['ChallengeName'], asked['ChallengeParameters']['requiredAttributes'], json.loads(asked['ChallengeParameters']['userAttributes'])['email'])
first = asked['Session']
print(said(respond, 'SOFTWARE_TOKEN_MFA', first, USERNAME='new', SOFTWARE_TOKEN_MFA_CODE='123456'))
print(said(respond, 'NEW_PASSWORD_REQUIRED', first, USERNAME='new', NEW_PASSWORD='New-Password-2'))
name = {'USERNAME': 'new', 'userAttributes.name': 'N. Ew'}
for password in ['Short-1', 'no-capitals-1', 'NO-SMALL-1', 'No-Digit-', 'NoSymbol1']:
    print(said(respond, 'NEW_PASSWORD_REQUIRED', first, NEW_PASSWORD=password, **name))
asked = respond('NEW_PASSWORD_REQUIRED', first, NEW_PASSWORD='New-Password-2', **name)
print(asked['ChallengeName'], asked['ChallengeParameters']['MFAS_CAN_SETUP'])
print(said(respond, 'NEW_PASSWORD_REQUIRED', first, NEW_PASSWORD='New-Password-2', **name))
setup = asked['Session']
print(said(respond, 'MFA_SETUP', setup, USERNAME='new'))
app = idp.associate_software_token(Session=setup)
print(said(idp.associate_software_token, Session=setup))
print(said(idp.verify_software_token, Session=app['Session'], UserCode='000000'))
code = control('cognito/totp', secret=app['SecretCode'])['code']
verified = idp.verify_software_token(Session=app['Session'], UserCode=code, FriendlyDeviceName='phone')
done = tokens(respond('MFA_SETUP', verified['Session'], USERNAME='new'))
print(verified['Status'], done['TokenType'])
name, asked = srp('new', 'New-Password-2')
print(asked['ChallengeName'], said(respond, 'SOFTWARE_TOKEN_MFA', asked['Session'], USERNAME='new', SOFTWARE_TOKEN_MFA_CODE=code))
control('advance', seconds=60)
code = control('cognito/totp', username='new')['code']
print('IdToken' in tokens(respond('SOFTWARE_TOKEN_MFA', asked['Session'], USERNAME='new', SOFTWARE_TOKEN_MFA_CODE=code)))
name, asked = srp('new', 'New-Password-2')
control('advance', seconds=180)
print(said(respond, 'SOFTWARE_TOKEN_MFA', asked['Session'], USERNAME='new', SOFTWARE_TOKEN_MFA_CODE=code))"#;
    let once = "NotAuthorizedException: Invalid session for the user, session can only be used once.";
    let policy = |fault: &str| format!("InvalidPasswordException: Password does not conform to policy: {fault}");
    let expected = [
        r#"NEW_PASSWORD_REQUIRED ["userAttributes.name"] new@example.com"#.to_owned(),
        "NotAuthorizedException: Invalid session for the user.".into(),
        "InvalidParameterException: Invalid attributes given, name is missing".into(),
        policy("Password not long enough"),
        policy("Password must have uppercase characters"),
        policy("Password must have lowercase characters"),
        policy("Password must have numeric characters"),
        policy("Password must have symbol characters"),
        r#"MFA_SETUP ["SOFTWARE_TOKEN_MFA"]"#.into(),
        once.into(),
        "InvalidParameterException: User has not verified software token mfa".into(),
        once.into(),
        "EnableSoftwareTokenMFAException: Code mismatch".into(),
        "SUCCESS Bearer".into(),
        "SOFTWARE_TOKEN_MFA ExpiredCodeException: Your software token has already been used once.".into(),
        "True".into(),
        "NotAuthorizedException: Invalid session for the user, session is expired.".into(),
    ];
    let printed = run(&lab, script);
    assert_eq!(printed.lines().collect::<Vec<_>>(), expected);
}

#[test]
fn codes_are_sent_and_the_user_chooses_a_factor() {
    let lab = lab();
    let user = UserSpec::new("mia")
        .password("Mias-Password-1")
        .attribute("phone_number", "+4912345671234")
        .attribute("email", "mia@example.com")
        .mfa(Mfa::Sms)
        .mfa(Mfa::Email);
    lab.cognito().add_user(user).unwrap();
    let script = r"
for choice, key in [('SMS_MFA', 'SMS_MFA_CODE'), ('EMAIL_OTP', 'EMAIL_OTP_CODE')]:
    name, asked = srp('mia', 'Mias-Password-1')
    print(asked['ChallengeName'], asked['ChallengeParameters']['MFAS_CAN_CHOOSE'])
    asked = respond('SELECT_MFA_TYPE', asked['Session'], USERNAME='mia', ANSWER=choice)
    print(asked['ChallengeName'], asked['ChallengeParameters']['CODE_DELIVERY_DESTINATION'])
    print(said(respond, choice, asked['Session'], **{'USERNAME': 'mia', key: 'wrong'}))
    sent = control('cognito/messages', username='mia')['messages'][-1]
    print(sent['medium'], 'IdToken' in tokens(respond(choice, asked['Session'], **{'USERNAME': 'mia', key: sent['code']})))";
    let choice = r#"SELECT_MFA_TYPE ["SMS_MFA", "EMAIL_OTP"]"#.replace(", ", ",");
    let wrong = "CodeMismatchException: Invalid code or auth state for the user.";
    assert_eq!(
        run(&lab, script),
        format!(
            "{choice}\nSMS_MFA +*********1234\n{wrong}\nSMS True\n{choice}\nEMAIL_OTP m***@e***\n{wrong}\nEMAIL True"
        )
    );
}

#[test]
fn passwords_are_changed_and_reset() {
    let lab = bobs_lab();
    let script = r"
mine = tokens(plain('bob', 'Bobs-Password-1'))
change = lambda token, old, new: idp.change_password(AccessToken=token, PreviousPassword=old, ProposedPassword=new)
print(said(change, mine['AccessToken'], 'wrong', 'Bobs-Password-2'))
print(said(change, mine['IdToken'], 'Bobs-Password-1', 'Bobs-Password-2'))
print(said(change, mine['AccessToken'], 'Bobs-Password-1', 'weak'))
print(said(change, mine['AccessToken'], 'Bobs-Password-1', 'Bobs-Password-2'))
print(said(plain, 'bob', 'Bobs-Password-1'), said(plain, 'bob', 'Bobs-Password-2'))
print(idp.forgot_password(ClientId=CLIENT, Username='bob')['CodeDeliveryDetails']['Destination'])
print(idp.forgot_password(ClientId=CLIENT, Username='nobody')['CodeDeliveryDetails']['DeliveryMedium'])
hash = AWSSRP.get_secret_hash('bob@example.com', SECRET_CLIENT, SECRET)
print(said(idp.forgot_password, ClientId=SECRET_CLIENT, Username='bob@example.com'))
idp.forgot_password(ClientId=SECRET_CLIENT, Username='bob@example.com', SecretHash=hash)
code = control('cognito/messages', username='bob')['messages'][-1]['code']
confirm = lambda code, new: idp.confirm_forgot_password(ClientId=CLIENT, Username='bob', ConfirmationCode=code, Password=new)
print(said(confirm, '00', 'Bobs-Password-3'), said(confirm, code, 'weak'), said(confirm, code, 'Bobs-Password-3'))
print(said(confirm, code, 'Bobs-Password-4'), said(plain, 'bob', 'Bobs-Password-3'))
print(said(idp.forgot_password, ClientId=CLIENT, Username='ada'))
control('advance', seconds=3600)
print(said(change, mine['AccessToken'], 'Bobs-Password-3', 'Bobs-Password-4'))
control('cognito/reset-password', username='bob')
print(said(plain, 'bob', 'Bobs-Password-3'))";
    let wrong = "NotAuthorizedException: Incorrect username or password.";
    let weak = "InvalidPasswordException: Password does not conform to policy: Password not long enough";
    let again = "ExpiredCodeException: Invalid code provided, please request a code again.";
    let expected = [
        wrong.to_owned(),
        "NotAuthorizedException: Invalid Access Token".into(),
        weak.into(),
        "nothing".into(),
        format!("{wrong} nothing"),
        "b***@e***".into(),
        "EMAIL".into(),
        "NotAuthorizedException: Client 2labsecretclient0000000000 is configured with secret but SECRET_HASH was not received".into(),
        format!("CodeMismatchException: Invalid verification code provided, please try again. {weak} nothing"),
        format!("{again} nothing"),
        "NotAuthorizedException: User password cannot be reset in the current state.".into(),
        "NotAuthorizedException: Access Token has expired".into(),
        "PasswordResetRequiredException: Password reset required for the user".into(),
    ];
    let printed = run(&lab, script);
    assert_eq!(printed.lines().collect::<Vec<_>>(), expected);
}

#[test]
fn refresh_tokens_rotate_expire_and_are_revoked() {
    let lab = bobs_lab();
    let script = r"
def renew(token, client=ROTATING): return tokens(idp.get_tokens_from_refresh_token(RefreshToken=token, ClientId=client))
def old(token, client): return idp.initiate_auth(AuthFlow='REFRESH_TOKEN_AUTH', ClientId=client, AuthParameters={'REFRESH_TOKEN': token})
first = tokens(plain('bob', 'Bobs-Password-1', ROTATING))['RefreshToken']
print(said(old, first, ROTATING), said(renew, first, CLIENT))
control('cognito/rotation-grace', seconds=30)
second = renew(first)['RefreshToken']
print(said(renew, first))
third = renew(second)['RefreshToken']
control('advance', seconds=31)
print(said(renew, first))
print(said(renew, third))
kept = tokens(plain('bob', 'Bobs-Password-1'))
print('RefreshToken' in renew(kept['RefreshToken'], CLIENT), 'IdToken' in tokens(old(kept['RefreshToken'], CLIENT)))
print(said(idp.revoke_token, Token=kept['AccessToken'], ClientId=CLIENT))
print(said(idp.revoke_token, Token=kept['RefreshToken'], ClientId=ROTATING), said(idp.revoke_token, Token='unknown', ClientId=CLIENT))
print(said(idp.revoke_token, Token=kept['RefreshToken'], ClientId=CLIENT))
print(said(renew, kept['RefreshToken'], CLIENT))
print(said(idp.change_password, AccessToken=kept['AccessToken'], PreviousPassword='a', ProposedPassword='b'))
kept = tokens(plain('bob', 'Bobs-Password-1'))['RefreshToken']
control('cognito/expire-refresh-tokens', username='bob')
print(said(renew, kept, CLIENT))
kept = tokens(plain('bob', 'Bobs-Password-1'))['RefreshToken']
control('cognito/enabled', username='bob', enabled=False)
print(said(renew, kept, CLIENT), said(plain, 'bob', 'Bobs-Password-1'))";
    let revoked = "NotAuthorizedException: Refresh Token has been revoked";
    let expected = [
        "InvalidParameterException: REFRESH_TOKEN_AUTH is not enabled for the client. NotAuthorizedException: Invalid Refresh Token",
        "nothing",
        "RefreshTokenReuseException: Refresh token has been invalidated by refresh token rotation",
        revoked,
        "False True",
        "UnsupportedTokenTypeException: Revocation of the token type is not supported",
        "UnauthorizedException: Token is not issued to the client nothing",
        "nothing",
        revoked,
        "NotAuthorizedException: Access Token has been revoked",
        "NotAuthorizedException: Refresh Token has expired",
        "NotAuthorizedException: User is disabled. NotAuthorizedException: User is disabled.",
    ];
    let printed = run(&lab, script);
    assert_eq!(printed.lines().collect::<Vec<_>>(), expected);
}

#[test]
fn the_role_comes_from_a_group_a_claim_or_the_default() {
    let lab = bobs_lab();
    let cognito = lab.cognito();
    cognito
        .add_user(
            UserSpec::new("cleo")
                .password("Cleos-Password-1")
                .group("licensed")
                .group("unlicensed"),
        )
        .unwrap();
    let script = r"
bob, cleo = (tokens(plain(*one)) for one in [('bob', 'Bobs-Password-1'), ('cleo', 'Cleos-Password-1')])
print(who(credentials(bob['IdToken'])), who(credentials(cleo['IdToken'])), who(credentials(cleo['IdToken'], CustomRoleArn=UNLICENSED)))
print(said(credentials, bob['IdToken'], CustomRoleArn=LICENSED))";
    let not_allowed = "NotAuthorizedException: The role in CustomRoleArn is not allowed for this identity.";
    let session = "CognitoIdentityCredentials";
    assert_eq!(
        run(&lab, script),
        format!("authenticated/{session} licensed-pull/{session} unlicensed/{session}\n{not_allowed}")
    );
    let by_rule = r"
bob = tokens(plain('bob', 'Bobs-Password-1'))['IdToken']
print(who(credentials(bob)), said(credentials, bob, CustomRoleArn=LICENSED))
control('cognito/attributes', username='bob', name='email', value='bob@elsewhere.example')
print(said(credentials, tokens(plain('bob', 'Bobs-Password-1'))['IdToken']))";
    cognito.set_role_mapping(RoleMapping::Rules {
        rules: vec![Rule {
            claim: "email".into(),
            operator: Match::Contains,
            value: "@example.com".into(),
            role: UNLICENSED_ROLE.into(),
        }],
        ambiguous: Ambiguous::Deny,
    });
    let printed = run(&lab, by_rule);
    assert!(
        printed.starts_with(&format!("unlicensed/{session} {not_allowed}\n")),
        "{printed}"
    );
    assert!(printed.contains("\nNotAuthorizedException: Token does not contain a role"));
}

#[test]
fn the_identity_pool_only_accepts_tokens_of_its_providers() {
    let lab = bobs_lab();
    let (google, sub) = ("https://accounts.google.com", "110169484474386276334");
    lab.add_issuer(google, SigningAlgorithm::RS256).unwrap();
    lab.cognito().add_login_provider(LoginProvider {
        key: "accounts.google.com".into(),
        issuer: google.into(),
        audiences: vec!["app".into()],
    });
    let google_token = |aud: &str, exp: i64| {
        let claims = json!({"iss": google, "sub": sub, "aud": aud, "exp": exp});
        lab.sign_jwt(google, &claims).unwrap()
    };
    let (good, elsewhere) = (google_token("app", lab.now() + 60), google_token("x", lab.now() + 60));
    let late = google_token("app", lab.now() - 1);
    let script = format!(
        r"
bob = tokens(plain('bob', 'Bobs-Password-1'))
get = lambda key, token: identity.get_id(IdentityPoolId=IDENTITIES, Logins={{key: token}})
print(said(get, LOGINS, bob['AccessToken']))
print(said(get, LOGINS, 'x.y.z'))
head, body, signature = bob['IdToken'].split('.')
print(said(get, LOGINS, '.'.join([head, body, signature[::-1]])))
print(said(get, LOGINS.replace('Pool01', 'Pool02'), bob['IdToken']))
print(said(get, 'accounts.google.com', bob['IdToken']))
print(said(get, 'accounts.google.com', '{elsewhere}'))
print(said(get, 'accounts.google.com', '{late}').split(':')[1:3])
print(said(identity.get_id, IdentityPoolId=IDENTITIES), said(identity.get_id, IdentityPoolId='eu-west-1:00'))
one, two = get(LOGINS, bob['IdToken'])['IdentityId'], get('accounts.google.com', '{good}')['IdentityId']
print(one == get(LOGINS, bob['IdToken'])['IdentityId'], one != two)
print(said(identity.get_credentials_for_identity, IdentityId=two, Logins={{LOGINS: bob['IdToken']}}))
keys = identity.get_credentials_for_identity(IdentityId=two, Logins={{'accounts.google.com': '{good}'}})['Credentials']
print(who(keys), 3590 < keys['Expiration'].timestamp() - time.time() < 3610)
control('advance', seconds=3600)
print(said(get, LOGINS, bob['IdToken']).split(':')[1:3])"
    );
    let unsupported = "NotAuthorizedException: Token is not from a supported provider of this identity pool.";
    let expected = [
        "NotAuthorizedException: Invalid login token. Missing a required claim: aud",
        "NotAuthorizedException: Invalid login token. Not a valid OpenId Connect identity token.",
        "NotAuthorizedException: Invalid login token. Token signature invalid.",
        unsupported,
        "NotAuthorizedException: Invalid login token. Issuer doesn't match providerName",
        unsupported,
        "[' Invalid login token. Token expired', ' ",
        "NotAuthorizedException: Unauthenticated access is not supported for this identity pool. ResourceNotFoundException: IdentityPool 'eu-west-1:00' not found.",
        "True True",
        "NotAuthorizedException: Logins don't match. Please include at least one valid login for this identity or identity pool.",
        "authenticated/CognitoIdentityCredentials True",
        "[' Invalid login token. Token expired', ' ",
    ];
    let printed = run(&lab, &script);
    for (line, wanted) in printed.lines().zip(expected) {
        assert!(line.starts_with(wanted), "{line}\n{wanted}");
    }
    assert_eq!(printed.lines().count(), expected.len(), "{printed}");
}

/// Checks the registry's answer to credentials from the enhanced and from the classic flow.
#[test]
fn a_licence_claim_decides_whether_a_pull_is_allowed() {
    let lab = bobs_lab();
    let script = r"
import base64
def pull(keys):
    ecr = boto3.client('ecr', aws_access_key_id=keys['AccessKeyId'], aws_secret_access_key=keys.get('SecretKey') or keys['SecretAccessKey'],
                       aws_session_token=keys['SessionToken'])
    token = ecr.get_authorization_token()['authorizationData'][0]['authorizationToken']
    request = urllib.request.Request(os.environ['AWS_ENDPOINT_URL'] + '/v2/vendor/app/manifests/1',
        headers={'Host': '111122223333.dkr.ecr.eu-west-1.amazonaws.com', 'Authorization': 'Basic ' + token})
    try: urllib.request.urlopen(request)
    except urllib.error.HTTPError as error: return error.code, json.load(error)['errors'][0]['message']
def classic(token):
    one = identity.get_id(IdentityPoolId=IDENTITIES, Logins={LOGINS: token})['IdentityId']
    open_id = identity.get_open_id_token(IdentityId=one, Logins={LOGINS: token})['Token']
    return boto3.client('sts').assume_role_with_web_identity(RoleArn=LICENSED.replace('licensed-pull', 'authenticated'),
        RoleSessionName='bob', WebIdentityToken=open_id, DurationSeconds=900)['Credentials']
for license in ['active', 'none']:
    control('cognito/attributes', username='bob', name='custom:license', value=license)
    token = tokens(plain('bob', 'Bobs-Password-1'))['IdToken']
    print(*pull(credentials(token)))
    print(*pull(classic(token)))";
    // The registry is empty, so an accepted request gets the error that the repository is unknown.
    let denied = |session: &str| {
        format!(
            "403 User: arn:aws:sts::111122223333:assumed-role/authenticated/{session} is not authorized to perform: ecr:BatchGetImage on resource: arn:aws:ecr:eu-west-1:111122223333:repository/vendor/app because no identity-based policy allows the ecr:BatchGetImage action"
        )
    };
    let through = "404 The lab runs without a registry behind";
    let expected = format!(
        "{through}\n{through}\n{}\n{}",
        denied("CognitoIdentityCredentials"),
        denied("bob")
    );
    assert_eq!(run(&lab, script), expected);
}

#[test]
fn guests_have_no_access_to_ecr() {
    let lab = lab();
    let condition = |operator, claim: &str, value: &str| Condition {
        operator,
        claim: claim.into(),
        values: vec![value.into()],
    };
    let guests = lab.add_role(RoleSpec {
        account: ACCOUNT.into(),
        name: "guests".into(),
        trust: vec![Trust::WebIdentity {
            provider: "cognito-identity.amazonaws.com".into(),
            conditions: vec![
                condition(Operator::StringEquals, "aud", IDENTITY_POOL_ID),
                condition(Operator::ForAnyValueStringLike, "amr", "unauthenticated"),
            ],
        }],
        max_duration: 3600,
        permissions: Permissions::default(),
    });
    let script = r"
one = identity.get_id(IdentityPoolId=IDENTITIES)['IdentityId']
def ask():
    keys = identity.get_credentials_for_identity(IdentityId=one)['Credentials']
    return boto3.client('ecr', aws_access_key_id=keys['AccessKeyId'], aws_secret_access_key=keys['SecretKey'],
                        aws_session_token=keys['SessionToken']).get_authorization_token()
print(said(ask))";
    lab.cognito().set_guest_role(Some(&guests));
    assert_eq!(
        run(&lab, script),
        "AccessDeniedException: User: arn:aws:sts::111122223333:assumed-role/guests/CognitoIdentityCredentials is not authorized to perform: ecr:GetAuthorizationToken on resource: * with an explicit deny in an identity-based policy"
    );
    // This role's trust policy requires `amr` to contain `authenticated`.
    lab.cognito().set_guest_role(Some(LICENSED_ROLE));
    assert_eq!(
        run(&lab, script),
        "InvalidIdentityPoolConfigurationException: Invalid identity pool configuration. Check assigned IAM roles for this pool."
    );
}

#[test]
fn at_awss_host_names_the_pools_are_in_their_region() {
    let lab = bobs_lab();
    let script = r"
def ask(host, target, **body):
    request = urllib.request.Request(os.environ['AWS_ENDPOINT_URL'], json.dumps(body).encode(),
        {'Host': host + '.amazonaws.com', 'X-Amz-Target': target, 'Content-Type': 'application/x-amz-json-1.1'})
    try: return json.load(urllib.request.urlopen(request))
    except urllib.error.HTTPError as error: return json.load(error)
for region in ['eu-west-1', 'us-east-1']:
    done = ask('cognito-idp.' + region, 'AWSCognitoIdentityProviderService.InitiateAuth', ClientId=CLIENT,
               AuthFlow='USER_PASSWORD_AUTH', AuthParameters={'USERNAME': 'bob', 'PASSWORD': 'Bobs-Password-1'})
    print(done.get('message', sorted(done)))
    token = done['AuthenticationResult']['IdToken'] if 'message' not in done else token
    done = ask('cognito-identity.' + region, 'AWSCognitoIdentityService.GetId', IdentityPoolId=IDENTITIES, Logins={LOGINS: token})
    print(done.get('message', sorted(done)))
print(ask('cognito-idp.eu-west-1', 'AWSCognitoIdentityProviderService.SignUp')['__type'])
print(ask('cognito-identity.eu-west-1', 'AWSCognitoIdentityProviderService.InitiateAuth')['__type'])";
    assert_eq!(
        run(&lab, script),
        format!(
            "['AuthenticationResult', 'ChallengeParameters']\n['IdentityId']\n\
             User pool client {CLIENT_ID} does not exist.\nIdentityPool '{IDENTITY_POOL_ID}' not found.\n\
             UnknownOperationException\nUnknownOperationException"
        )
    );
}

#[test]
fn calls_are_public_counted_and_fail_on_demand() {
    let lab = bobs_lab();
    lab.fail_next(Service::CognitoIdp, 1, Fault::Throttle);
    let script = r"
print(said(plain, 'bob', 'Bobs-Password-1'))
print(said(idp.initiate_auth, AuthFlow='USER_AUTH', ClientId=CLIENT, AuthParameters={}))
print(said(idp.initiate_auth, AuthFlow='USER_SRP_AUTH', ClientId='nobodys', AuthParameters={}))
signed = boto3.client('cognito-idp', aws_access_key_id='AKIAX', aws_secret_access_key='x')
print(said(signed.admin_get_user, UserPoolId=POOL, Username='bob'))";
    assert_eq!(
        run(&lab, script),
        "TooManyRequestsException: Rate exceeded\n\
         InvalidParameterException: USER_AUTH is not enabled for the client.\n\
         ResourceNotFoundException: User pool client nobodys does not exist.\n\
         UnrecognizedClientException: The security token included in the request is invalid."
    );
    assert_eq!(lab.count("cognito-idp:InitiateAuth"), 3);
    assert_eq!(lab.refused("cognito-idp:InitiateAuth"), 3);
    assert_eq!(lab.count("cognito-idp:AdminGetUser"), 1);
}

#[test]
fn the_users_of_the_demo_exist() {
    let lab = lab();
    let script = format!(
        "print(srp('ada', '{DEMO_PASSWORD}')[1]['ChallengeName'], 'IdToken' in tokens(srp('eve', '{DEMO_PASSWORD}')[1]))"
    );
    assert_eq!(run(&lab, &script), "NEW_PASSWORD_REQUIRED True");
}
