//! Damages texts of each language.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::state::State;

/// The language of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Language {
    /// Docker's and podman's configuration.
    DockerJson,
    /// Our own notes, and the cache.
    OurJson,
    Yaml,
    Ini,
    /// One word: a token.
    Token,
    Pem,
}

use Language::*;

const MANY: usize = 100_000;
const TEN_MEGABYTES: usize = 10_000_000;

impl Language {
    /// Returns the good text with this fault.
    pub fn spoilt(self, state: State, good: &str) -> Vec<u8> {
        match state {
            State::Empty => Vec::new(),
            State::Null => b"null\n".to_vec(),
            State::ByteOrderMark => format!("\u{feff}{good}").into_bytes(),
            State::Crlf => good.replace('\n', "\r\n").into_bytes(),
            State::NotUtf8 => [good.as_bytes(), b"# \xff\n"].concat(),
            State::WrongTypes => self.wrong_types(good).into_bytes(),
            State::Duplicates => self.duplicates(good).into_bytes(),
            State::TenMegabytes => self.long(good).into_bytes(),
            State::DeeplyNested => self.deep(good).into_bytes(),
            _ => unreachable!("{state:?} is not about the text"),
        }
    }

    fn wrong_types(self, good: &str) -> String {
        match self {
            DockerJson => "{\"credHelpers\": [1], \"auths\": 7, \"credsStore\": {}}\n".to_owned(),
            OurJson => "{\"version\": \"1\", \"key\": 5, \"files\": 7, \"token\": [], \"links\": null}".to_owned(),
            Yaml => "registries: 7\n".to_owned(),
            Ini => format!("not in a section\n= = =\n[\n{good}"),
            Token => "{\"token\": 7}".to_owned(),
            Pem => "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n".to_owned(),
        }
    }

    fn duplicates(self, good: &str) -> String {
        match self {
            DockerJson => "{\"credHelpers\": {}, \"auths\": {}, \"credHelpers\": {}, \"auths\": {}}\n".to_owned(),
            OurJson => good.replacen(
                '{',
                "{\"version\": 1, \"version\": 1, \"files\": {}, \"files\": {}, ",
                1,
            ),
            Yaml => format!("defaults:\n  region: eu-west-1\n  region: eu-west-1\n{good}"),
            Ini | Token | Pem => format!("{good}{good}"),
        }
    }

    /// Returns ten megabytes with the same meaning.
    fn long(self, good: &str) -> String {
        let comments = || "# padding\n".repeat(TEN_MEGABYTES / 10);
        match self {
            DockerJson | OurJson => {
                good.replacen('{', &format!("{{\"padding\": \"{}\", ", "x".repeat(TEN_MEGABYTES)), 1)
            }
            Yaml | Ini | Pem => comments() + good,
            Token => good.to_owned() + &"\n".repeat(TEN_MEGABYTES),
        }
    }

    fn deep(self, good: &str) -> String {
        let (open, close) = ("[".repeat(MANY), "]".repeat(MANY));
        match self {
            DockerJson | OurJson => good.replacen('{', &format!("{{\"deep\": {open}{close}, "), 1),
            Yaml => format!("deep: {open}{close}\n{good}"),
            Ini => format!("{open}{close}\n{good}"),
            Token => format!("e30.{}.c2ln", URL_SAFE_NO_PAD.encode(&open[..MANY / 3])),
            Pem => format!("{open}{close}\n{good}"),
        }
    }
}
