//! The catalogue of failures, in families that a reader can act on. Each has a code that never changes its meaning, a section in
//! `docs/troubleshooting.md`, and a way to raise it in `tests/it/troubleshooting`. Tests check that none is missing.

use std::fmt;
use std::io::{self, ErrorKind};

use serde::{Deserialize, Serialize};

/// The page with the sections, each at an anchor in lower case (`#ea0012`).
pub const PAGE: &str = concat!(env!("CARGO_PKG_REPOSITORY"), "/blob/main/docs/troubleshooting.md");

/// Makes the table: the codes as an enum, and the list of all codes.
macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $number:literal, $meaning:literal;)*) => {
        /// A family of failures. Shown as `EA` and four digits.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(into = "String", try_from = "String")]
        #[repr(u16)]
        pub enum Code {
            $($(#[$doc])* #[doc = $meaning] $name = $number,)*
        }

        impl Code {
            /// All codes, in the order of their numbers.
            pub const ALL: &[Self] = &[$(Self::$name,)*];
        }
    };
}

// A number is never used for another family. The number of a removed family stays unused.
codes! {
    // 00: the command line and ecr-auth.yml.
    CommandLine = 1, "Unknown command or flag";
    Options = 2, "Options that do not fit together";
    NoRegistry = 3, "No registry";
    NotEcr = 4, "Not an ECR registry";
    LeadingZero = 5, "Leading zero lost";
    Region = 6, "Wrong region";
    Role = 7, "Wrong role";
    SessionSetting = 8, "Wrong session settings";
    SecretOnTerminal = 9, "Secret shown on the terminal";
    Variable = 10, "Wrong variable";
    NotConfirmed = 11, "Change not confirmed";
    ConfigNotReadable = 30, "Unreadable configuration file";
    ConfigSyntax = 31, "Malformed configuration file";
    ConfigKey = 32, "Unknown key";
    ConfigValue = 33, "Wrong value";
    ConfigNumber = 34, "Unquoted text";
    ConfigRule = 35, "Contradicting settings";
    VendorFile = 37, "Forbidden key in a vendor's file";
    RuleByHand = 38, "Overriding rule";

    // 01: the configuration of Docker and Podman, and their credential stores.
    ClientConfig = 101, "Malformed client configuration";
    OtherStore = 102, "Conflicting credential store";
    StoreFailed = 103, "Failing credential store";
    HelperPlace = 104, "Helper not installed";
    HelperCall = 105, "Unknown helper action";
    HelperMissing = 106, "Helper not on PATH";
    HelperHidden = 107, "Other program found first";
    NotConfigured = 108, "No helper for the registry";
    KeyNeverMatches = 109, "Key that never matches";
    OldLogin = 110, "Old login";

    // 02: the CI's OIDC token.
    NoToken = 201, "No OIDC token";
    GithubPermission = 202, "No permission on GitHub";
    TokenFile = 203, "Unusable token file";
    TokenCommand = 204, "Token command failed";
    GithubToken = 205, "No token from GitHub";
    TokenExpired = 206, "Expired token";
    TokenMalformed = 207, "Token is not a JWT";
    TokenRejected = 208, "Invalid token";
    TokenRequest = 209, "No token from the CI";

    // 03: AWS credentials.
    NoCredentials = 301, "No AWS credentials";
    HalfPair = 302, "Half a pair of variables";
    Profile = 303, "No such profile";
    Mfa = 304, "MFA code needed";
    NobodySignedIn = 305, "Nobody is signed in to AWS";
    ProfileFailed = 306, "Failing profile";
    SharedFiles = 307, "Unreadable AWS files";
    ContainerCredentials = 308, "No container credentials";
    UnusableKeys = 309, "Odd characters in keys";
    UnknownKey = 310, "Unknown access key";
    WrongSecret = 311, "Wrong secret access key";
    SessionExpired = 312, "Expired AWS session";
    ProfileNotWritten = 313, "Profile not written";
    ProfileShadowed = 314, "Keys hide the profile";

    // 04: roles, and STS's answers about them.
    TrustPolicy = 401, "Role refuses the token";
    Audience = 402, "Audience not listed";
    NoProvider = 403, "No IAM provider";
    GithubSubject = 404, "GitHub subject with ids";
    RoleDenied = 405, "Role refuses these credentials";
    IssuerUnreachable = 406, "Unreachable issuer";
    StsRegion = 407, "STS not active";

    // 05: the network.
    Dns = 501, "Name not resolved";
    Connection = 502, "Broken connection";
    UnknownRoot = 503, "Unknown authority";
    CertificateExpired = 504, "Expired certificate";
    Certificate = 505, "Wrong certificate";
    Proxy = 506, "Proxy refuses";
    PlainHttp = 507, "Plain http";
    Timeout = 508, "No answer in time";
    Clock = 509, "Wrong clock";
    Throttled = 510, "AWS throttles";
    ServerError = 511, "Service failed";
    OddAnswer = 512, "Unexpected answer";
    RootsFile = 513, "Unusable root certificates";
    UnusableProxy = 514, "Unusable proxy";

    // 06: ECR and the registry.
    TokenDenied = 601, "Password denied";
    ExplicitDeny = 602, "Explicit deny";
    AwsRefuses = 603, "AWS refuses";
    NotVerified = 604, "Several registries failed";
    PasswordRefused = 605, "Refused password";
    NoImage = 606, "No such image or repository";
    NotAllowed = 607, "Denied pull or push";

    // 07: Cognito.
    NotSignedIn = 701, "Not signed in";
    WrongPassword = 702, "Wrong user or password";
    TooManyTries = 703, "Too many tries";
    UserState = 704, "Blocked user";
    ClientSecret = 705, "App client's secret";
    Flow = 706, "Sign-in not allowed";
    PoolUnknown = 707, "No such pool or client";
    WrongCode = 708, "Wrong or expired code";
    NewPassword = 709, "Refused new password";
    IdentityPool = 710, "Identity pool refuses";
    CognitoRefuses = 711, "Cognito refuses";
    CognitoSettings = 712, "Wrong Cognito settings";
    NoTerminal = 713, "No answer";
    PasswordSource = 714, "Password not read";
    BrowserSignIn = 715, "Browser sign-in failed";

    // 08: files, folders, the cache and the system.
    NotWritable = 801, "Not writable";
    DiskFull = 802, "Disk full";
    NotReadable = 803, "Not readable";
    FileBusy = 804, "File keeps changing";
    NoHome = 805, "No home folder";
    WaitedInVain = 806, "Locked by another process";
    ResultNotWritten = 807, "Result not written";
    System = 808, "System failure";

    // 09: what is given to a CI, to a command and to the kubelet.
    NotHidden = 901, "Secrets not masked";
    RunnerFiles = 902, "Unwritable runner files";
    ActionInput = 903, "Wrong input of the action";
    Command = 904, "Command not run";
    KubeletRequest = 921, "Wrong kubelet request";
}

impl Code {
    /// Returns the number: four digits.
    pub fn number(self) -> u16 {
        self as u16
    }

    /// Whether this failure ends a sign-in, so that what was fetched with it is no longer given out.
    pub fn ends_the_sign_in(self) -> bool {
        self == Self::NotSignedIn
    }

    /// Whether the cause alone doesn't say what is missing, so that the hint stands in every line about the failure.
    pub fn needs_its_hint(self) -> bool {
        matches!(
            self,
            Self::NoToken | Self::GithubPermission | Self::PlainHttp | Self::Mfa
        )
    }

    /// Returns the code for a file that cannot be written.
    pub fn for_write_error(error: &io::Error) -> Self {
        match error.kind() {
            ErrorKind::StorageFull | ErrorKind::QuotaExceeded => Self::DiskFull,
            _ => Self::NotWritable,
        }
    }

    /// Returns the address of the code's section.
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

    /// Parses a code such as `EA0012`.
    fn try_from(text: String) -> Result<Self, String> {
        let known = Self::ALL.iter().find(|code| code.to_string() == text);
        known.copied().ok_or_else(|| format!("{text} is not a code"))
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
