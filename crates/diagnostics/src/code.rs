//! The catalogue of failures: what can go wrong, in families that a reader can act on, each with a code that never changes its
//! meaning. `docs/troubleshooting.md` has a section for each, `tests/it/troubleshooting` a way to raise it; tests hold the three
//! together.

use std::fmt;
use std::io::{self, ErrorKind};

use serde::{Deserialize, Serialize};

/// Where the sections are, each at an anchor in small letters (`#ea0012`).
pub const PAGE: &str = concat!(env!("CARGO_PKG_REPOSITORY"), "/blob/main/docs/troubleshooting.md");

/// Makes the table: the codes as an enum, all of them in their order, and their titles.
macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $number:literal, $title:literal;)*) => {
        /// A family of failures. Shown as `EA` and four digits.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(into = "String", try_from = "String")]
        #[repr(u16)]
        pub enum Code {
            $($(#[$doc])* #[doc = $title] $name = $number,)*
        }

        impl Code {
            /// All of them, in the order of their numbers.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// What it is called on the page, and nowhere else: the binary has no titles in it.
            pub fn title(self) -> &'static str {
                match self {
                    $(Self::$name => $title,)*
                }
            }
        }
    };
}

// A number is never given to another family, and a family that is no more leaves its number unused.
codes! {
    // 00: the command line and ecr-auth.yml.
    CommandLine = 1, "The command line is not understood";
    Options = 2, "The options do not fit together";
    NoRegistry = 3, "No registry is named";
    NotEcr = 4, "The name is not one of an ECR registry";
    LeadingZero = 5, "An account id has lost its leading zero";
    Region = 6, "The region is missing or invalid";
    Role = 7, "The role is missing, or not named as AWS names it";
    SessionSetting = 8, "AWS gives no session like that";
    SecretOnTerminal = 9, "A secret would be shown on the terminal";
    Variable = 10, "A variable has a value that cannot be used";
    NotConfirmed = 11, "The change was not confirmed";
    ConfigNotReadable = 30, "ecr-auth.yml or setup.json cannot be read";
    ConfigSyntax = 31, "ecr-auth.yml or setup.json is malformed";
    ConfigKey = 32, "ecr-auth.yml has a key that is not known";
    ConfigValue = 33, "A value in ecr-auth.yml is wrong";
    ConfigNumber = 34, "YAML took a text for a number";
    ConfigRule = 35, "What ecr-auth.yml says contradicts itself";
    VendorFile = 37, "A vendor's file holds more than it may";
    RuleByHand = 38, "ecr-auth.yml says something else about the registry";

    // 01: the configuration of Docker and Podman, and their credential stores.
    ClientConfig = 101, "The client's configuration is malformed";
    OtherStore = 102, "Another credential store is in the way";
    StoreFailed = 103, "A credential store is missing, or failed";
    HelperPlace = 104, "The helper cannot be put in its place";
    HelperCall = 105, "The helper was called in a way it does not know";
    HelperMissing = 106, "The client does not find the helper";
    HelperHidden = 107, "Another program is called in the helper's place";
    NotConfigured = 108, "The client's configuration names no helper for the registry";
    KeyNeverMatches = 109, "A key of the client's configuration never matches";
    OldLogin = 110, "The password of an old login is used";

    // 02: the CI's OIDC token.
    NoToken = 201, "The job has no OIDC token";
    GithubPermission = 202, "The GitHub job may not ask for an OIDC token";
    TokenFile = 203, "The file of the OIDC token cannot be used";
    TokenCommand = 204, "The program that prints the OIDC token failed";
    GithubToken = 205, "GitHub gave no OIDC token";
    TokenExpired = 206, "The OIDC token has ended";
    TokenMalformed = 207, "The OIDC token is no JWT";
    TokenRejected = 208, "AWS takes the OIDC token for a wrong one";
    TokenRequest = 209, "The CI gave no OIDC token";

    // 03: AWS credentials.
    NoCredentials = 301, "There are no AWS credentials";
    HalfPair = 302, "Half of a pair of variables is set";
    Profile = 303, "The profile is not there, or holds no credentials";
    Mfa = 304, "The profile asks for an MFA code";
    SsoExpired = 305, "The SSO session has ended";
    ProfileFailed = 306, "The profile gives no credentials";
    SharedFiles = 307, "AWS's config or credentials file cannot be read";
    ContainerCredentials = 308, "The container's credentials cannot be had";
    UnusableKeys = 309, "The keys hold characters that no key has";
    UnknownKey = 310, "AWS does not know the access key";
    WrongSecret = 311, "The secret access key is wrong";
    SessionExpired = 312, "The AWS session has ended";
    ProfileNotWritten = 313, "The profile cannot be written";
    ProfileShadowed = 314, "Keys in the environment hide the profile";

    // 04: roles, and what STS says of them.
    TrustPolicy = 401, "The role does not take this OIDC token";
    Audience = 402, "The IAM provider does not list the token's audience";
    NoProvider = 403, "The account has no IAM provider for this CI";
    GithubSubject = 404, "The role does not take a GitHub subject with ids";
    RoleDenied = 405, "The role may not be assumed with these credentials";
    IssuerUnreachable = 406, "AWS cannot reach the token's issuer";
    StsRegion = 407, "STS is not active in this region";

    // 05: the network.
    Dns = 501, "A name cannot be resolved";
    Connection = 502, "The connection is refused, or breaks";
    UnknownRoot = 503, "The certificate is signed by an unknown authority";
    CertificateExpired = 504, "The certificate has expired, or is not valid yet";
    Certificate = 505, "The certificate is not the server's, or TLS fails";
    Proxy = 506, "The proxy refuses";
    PlainHttp = 507, "An address is plain http";
    Timeout = 508, "There is no answer in time";
    Clock = 509, "The clock is wrong";
    Throttled = 510, "AWS asks for fewer calls";
    ServerError = 511, "The service has an error of its own";
    OddAnswer = 512, "The answer is not what the service sends";
    RootsFile = 513, "The file of root certificates cannot be used";

    // 06: ECR and the registry.
    TokenDenied = 601, "The credentials may not fetch registry passwords";
    ExplicitDeny = 602, "A policy denies the call explicitly";
    AwsRefuses = 603, "AWS refuses the call";
    NotVerified = 604, "Not every registry gave a password";
    PasswordRefused = 605, "The registry does not take the password";
    NoImage = 606, "There is no such image or repository";
    NotAllowed = 607, "The image may not be pulled, or the repository not pushed to";

    // 07: Cognito.
    NotSignedIn = 701, "Nobody is signed in to Cognito";
    WrongPassword = 702, "The user name or the password is wrong";
    TooManyTries = 703, "Cognito asks for fewer tries";
    UserState = 704, "The user cannot sign in as things are";
    ClientSecret = 705, "The app client's secret is missing, or wrong";
    Flow = 706, "The app client does not allow this sign-in";
    PoolUnknown = 707, "Cognito knows no such pool or app client";
    WrongCode = 708, "The code is wrong, or has ended";
    NewPassword = 709, "The new password is not accepted";
    IdentityPool = 710, "The identity pool gives this user no credentials";
    CognitoRefuses = 711, "Cognito refuses, or asks for what cannot be answered";
    CognitoSettings = 712, "What is said of Cognito is incomplete, or wrong";
    NoTerminal = 713, "There is nobody to ask";
    PasswordSource = 714, "The password cannot be taken from there";
    BrowserSignIn = 715, "The sign-in in the browser did not end well";

    // 08: files, folders, the cache and the system.
    NotWritable = 801, "A file or folder cannot be written";
    DiskFull = 802, "There is no room left";
    NotReadable = 803, "A file cannot be read";
    FileBusy = 804, "Another program keeps changing the file";
    NoHome = 805, "There is no home folder";
    WaitedInVain = 806, "Another ecr-auth process is still at it";
    ResultNotWritten = 807, "The result cannot be written";
    System = 808, "The system does not do what every system does";

    // 09: what is handed to a CI, to a command and to the kubelet.
    NotHidden = 901, "The CI cannot be told what to hide";
    RunnerFiles = 902, "The runner's files and folders cannot be written";
    ActionInput = 903, "An input of the action is wrong";
    Command = 904, "The command cannot be run";
    KubeletRequest = 921, "The kubelet's request is not understood";
}

impl Code {
    /// Its number: the four digits.
    pub fn number(self) -> u16 {
        self as u16
    }

    /// Whether this failure ends what was given out before: whoever signed in is no longer signed in.
    pub fn ends_the_sign_in(self) -> bool {
        self == Self::NotSignedIn
    }

    /// That of a file that cannot be written.
    pub fn for_write_error(error: &io::Error) -> Self {
        match error.kind() {
            ErrorKind::StorageFull | ErrorKind::QuotaExceeded => Self::DiskFull,
            _ => Self::NotWritable,
        }
    }

    /// The address of its section.
    pub fn link(self) -> String {
        format!("{PAGE}#ea{:04}", self.number())
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "EA{:04}", self.number())
    }
}

impl From<Code> for String {
    fn from(code: Code) -> Self {
        code.to_string()
    }
}

impl TryFrom<String> for Code {
    type Error = String;

    /// From `EA0012`.
    fn try_from(text: String) -> Result<Self, String> {
        let known = Self::ALL.iter().find(|code| code.to_string() == text);
        known.copied().ok_or_else(|| format!("{text} is no code"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_go_up_and_lead_back() {
        assert!(Code::ALL.is_sorted_by(|one, next| one.number() < next.number()));
        for code in Code::ALL {
            assert_eq!(Code::try_from(code.to_string()), Ok(*code));
        }
        assert!(Code::try_from("EA9999".to_owned()).is_err());
    }

    #[test]
    fn a_code_has_four_digits_and_a_link() {
        assert_eq!(Code::Options.to_string(), "EA0002");
        assert!(Code::KubeletRequest.link().ends_with("/docs/troubleshooting.md#ea0921"));
    }
}
