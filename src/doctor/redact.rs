//! Makes a report publishable: replaces the names of accounts, people, machines and projects by words. A name gets the same word everywhere.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use ::ci::TokenIssuer;
use context::{Env, variables};

/// Public hosts of AWS and of this machine, with all hosts below them. The public issuers come from the descriptors of the CI systems.
const PUBLIC_HOSTS: [&str; 14] = [
    "amazonaws.com",
    "amazonaws.com.cn",
    "amazonaws.eu",
    "on.aws",
    "api.aws",
    "amazonwebservices.com.cn",
    "amazonwebservices.eu",
    "public.ecr.aws",
    "ecr-public.aws.com",
    "c2s.ic.gov",
    "sc2s.sgov.gov",
    "cloud.adc-e.uk",
    "csp.hci.ic.gov",
    "localhost",
];

/// Endings of file names, which hosts do not have.
const FILE_ENDINGS: [&str; 9] = ["json", "yml", "yaml", "pem", "crt", "sh", "exe", "toml", "md"];

/// Folders whose contents are not private.
const SYSTEM_FOLDERS: [&str; 8] = ["/usr/", "/etc/", "/opt/", "/bin/", "/sbin/", "/run/", "/tmp/", "/v2/"];

/// Words in subjects that are not private, besides those in the CIs' own forms.
const SUBJECT_WORDS: [&str; 2] = ["main", "master"];

/// Variables with names of people and machines. Those of the CI systems come from their descriptors.
const NAMES: [&str; 8] = [
    variables::USER,
    variables::LOGNAME,
    variables::SUDO_USER,
    variables::USERNAME,
    variables::HOSTNAME,
    variables::AWS_PROFILE,
    variables::AWS_DEFAULT_PROFILE,
    variables::AWS_ROLE_SESSION_NAME,
];

/// Words of the report that may also be names. Replacing them would only make the report unreadable.
const NO_NAMES: [&str; 9] = [
    "default",
    "latest",
    "root",
    "main",
    "docker",
    "podman",
    "ecr",
    "ecr-auth",
    "localhost",
];

/// One redactor for the messages and for the report, so that a name is the same word in both.
pub type SharedRedactor = Rc<RefCell<Redactor>>;

/// Replaces names by words, and remembers the words.
#[derive(Debug)]
pub struct Redactor {
    home: Option<String>,
    /// The known names, the longest first.
    names: Vec<String>,
    /// The word for each name.
    words: BTreeMap<String, String>,
    /// The number of words of each kind.
    counts: BTreeMap<&'static str, usize>,
}

impl Redactor {
    /// Returns a redactor that knows these names and the names in the environment.
    pub fn new(env: &Env, names: &[String]) -> Self {
        let home = env
            .home()
            .map(|home| home.display().to_string())
            .filter(|home| home.len() > 1);
        let of_home = home
            .as_deref()
            .and_then(|home| home.rsplit('/').next())
            .map(str::to_owned);
        let of_ci = ::ci::ALL.into_iter().flat_map(|ci| ci.names);
        let of_env = NAMES.iter().chain(of_ci).filter_map(|name| env.get(name));
        let of_env = of_env.map(str::to_owned);
        let mut redactor = Self {
            home,
            names: Vec::new(),
            words: BTreeMap::new(),
            counts: BTreeMap::new(),
        };
        redactor.learn(of_env.chain(of_home).chain(names.iter().cloned()));
        redactor
    }

    /// Adds these names and their parts.
    pub fn learn(&mut self, names: impl IntoIterator<Item = String>) {
        let parts = |name: String| {
            let parts: Vec<String> = name.split('/').map(str::to_owned).collect();
            std::iter::once(name).chain(parts)
        };
        let is_name = |name: &String| name.len() > 1 && !NO_NAMES.contains(&name.as_str()) && !name.starts_with("arn:");
        self.names.extend(names.into_iter().flat_map(parts).filter(is_name));
        self.names.sort_by(|a, b| b.len().cmp(&a.len()).then(a.cmp(b)));
        self.names.dedup();
    }

    /// Returns the text without private names.
    pub fn redact(&mut self, text: &str) -> String {
        let text = match &self.home {
            Some(home) => text.replace(home, "~"),
            None => text.to_owned(),
        };
        let mut out = String::new();
        // A subject follows the word `sub`, or `PROVIDER:sub =`. Other claims follow `CLAIM =`.
        let (mut before, mut after_sub) = (String::new(), false);
        for word in text.split_inclusive(' ') {
            let is_around = |c: char| " ,;()\"'`".contains(c);
            let core = word.trim_start_matches(is_around);
            let core = core.trim_end_matches(|c| is_around(c) || c == ':');
            let redacted = match core {
                core if after_sub => self.subject(core),
                core if core.contains("arn:") => self.with_arn(core),
                core if core.starts_with('/') => self.path(core),
                core => self.known(core),
            };
            let start = word.find(core).unwrap_or_default();
            out.extend([&word[..start], &redacted, &word[start + core.len()..]]);
            after_sub = core == "sub" || (core == "=" && (before.ends_with(":sub") || is_claim(&before)));
            before = core.to_owned();
        }
        out
    }

    /// Redacts the last part of a path outside the home, unless it is a system path.
    fn path(&mut self, path: &str) -> String {
        let known = SYSTEM_FOLDERS.iter().any(|folder| path.starts_with(folder));
        match path.rsplit_once('/') {
            Some((folder, name)) if !known && folder.len() > 1 => {
                let name = self.known(name);
                format!("{}/{name}", self.word("FOLDER", folder))
            }
            _ => self.known(path),
        }
    }

    /// Redacts an ARN, with the text before it.
    fn with_arn(&mut self, text: &str) -> String {
        let (before, arn) = text.split_at(text.find("arn:").unwrap_or_default());
        self.known(before) + &self.arn(arn)
    }

    /// Redacts `arn:PARTITION:SERVICE:REGION:ACCOUNT:TYPE/NAME…`. The text after the type is private.
    fn arn(&mut self, arn: &str) -> String {
        let parts: Vec<&str> = arn.splitn(6, ':').collect();
        let [_, _, _, _, _, resource] = parts.as_slice() else {
            return self.known(arn);
        };
        let mut segments = resource.split('/');
        let kind = segments.next().unwrap_or_default();
        let names: Vec<String> = segments.map(|name| self.word("NAME", name)).collect();
        let resource = match kind {
            _ if names.is_empty() && kind != "root" && kind != "*" => self.word("NAME", kind),
            kind => std::iter::once(kind.to_owned())
                .chain(names)
                .collect::<Vec<_>>()
                .join("/"),
        };
        let before = self.known(&parts[..5].join(":"));
        format!("{before}:{resource}")
    }

    /// Redacts a subject such as `repo:OWNER/NAME:ref:refs/heads/main`.
    fn subject(&mut self, subject: &str) -> String {
        let mut out = String::new();
        for part in subject.split_inclusive([':', '/', '@']) {
            let name = part.trim_end_matches([':', '/', '@']);
            let is_word = name.is_empty() || is_subject_word(name);
            match is_word {
                true => out.push_str(part),
                false => out.push_str(&part.replacen(name, &self.word("NAME", name), 1)),
            }
        }
        out
    }

    /// Redacts known names, then everything that looks like an account, a key, a host or an address.
    fn known(&mut self, text: &str) -> String {
        let mut text = text.to_owned();
        let compound: Vec<String> = self
            .names
            .iter()
            .filter(|name| !name.chars().all(is_atom))
            .cloned()
            .collect();
        for name in compound
            .iter()
            .filter(|name| text.contains(name.as_str()))
            .collect::<Vec<_>>()
        {
            let word = self.word("NAME", name);
            text = text.replace(name.as_str(), &word);
        }
        let mut out = String::new();
        let mut rest = text.as_str();
        while !rest.is_empty() {
            let is_dot = |c: char| c == '.';
            let start = rest.find(|c| is_atom(c) && !is_dot(c)).unwrap_or(rest.len());
            let (before, atom) = rest.split_at(start);
            let end = atom.find(|c| !is_atom(c)).unwrap_or(atom.len());
            let atom = atom[..end].trim_end_matches(is_dot);
            rest = &rest[start + atom.len()..];
            out.push_str(before);
            let redacted = match rest.starts_with('@') && !atom.is_empty() {
                true => self.word("NAME", atom),
                false => self.atom(atom, &out),
            };
            out.push_str(&redacted);
        }
        out
    }

    fn atom(&mut self, atom: &str, before: &str) -> String {
        if self.names.iter().any(|name| name == atom) {
            return self.word("NAME", atom);
        }
        if is_account(atom) {
            return self.word("ACCOUNT", atom);
        }
        if is_key_id(atom) {
            return self.word("KEY", atom);
        }
        if let Ok(address) = atom.parse::<std::net::Ipv4Addr>() {
            let is_anybodys = address.is_loopback() || address.is_link_local();
            return if is_anybodys {
                atom.to_owned()
            } else {
                self.word("ADDRESS", atom)
            };
        }
        let is_of_url = before.ends_with("//") && !atom.is_empty();
        match is_of_url || (looks_like_host(atom) && !before.ends_with('/')) {
            true => self.host(atom),
            false => self.accounts_within(atom),
        }
    }

    /// Redacts the accounts in a word, such as a flag that holds one.
    fn accounts_within(&mut self, word: &str) -> String {
        let runs = word.split_inclusive(|c: char| !c.is_ascii_digit());
        let redacted = runs.map(|run| {
            let digits = run.trim_end_matches(|c: char| !c.is_ascii_digit());
            match is_account(digits) {
                true => self.word("ACCOUNT", digits) + &run[digits.len()..],
                false => run.to_owned(),
            }
        });
        redacted.collect()
    }

    /// Redacts a host. Of a public host, only the account's and the endpoint's own labels.
    fn host(&mut self, host: &str) -> String {
        let lower = host.to_ascii_lowercase();
        let of_issuers = ::ci::issuers().filter_map(TokenIssuer::host);
        let is_public = PUBLIC_HOSTS.into_iter().chain(of_issuers).any(|public| {
            let before = lower.strip_suffix(public);
            before.is_some_and(|before| before.is_empty() || before.ends_with('.'))
        });
        if !is_public {
            return self.word("HOST", host);
        }
        let labels = host.split('.').map(|label| match label {
            label if is_account(label) => self.word("ACCOUNT", label),
            label if label.starts_with("vpce-") => self.word("ENDPOINT", label),
            label => label.to_owned(),
        });
        labels.collect::<Vec<_>>().join(".")
    }

    /// Returns the word for a text: the one that it has, or the next of its kind.
    fn word(&mut self, kind: &'static str, text: &str) -> String {
        if let Some(word) = self.words.get(text) {
            return word.clone();
        }
        let count = self.counts.entry(kind).or_default();
        *count += 1;
        let word = format!("{kind}-{count}");
        self.words.insert(text.to_owned(), word.clone());
        word
    }
}

/// Whether a claim of this name may appear in a denial.
fn is_claim(name: &str) -> bool {
    ::ci::issuers().any(|issuer| issuer.checked_claims.contains(&name))
}

fn is_subject_word(word: &str) -> bool {
    let mut of_issuers = ::ci::issuers().flat_map(TokenIssuer::subject_words);
    word == "https" || SUBJECT_WORDS.contains(&word) || of_issuers.any(|known| known == word)
}

fn is_atom(c: char) -> bool {
    c.is_alphanumeric() || "._-".contains(c)
}

fn is_account(text: &str) -> bool {
    text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Whether a text is the id of a key: <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html#identifiers-unique-ids>
fn is_key_id(text: &str) -> bool {
    let is_prefix = ["AKIA", "ASIA", "AROA", "AIDA"]
        .iter()
        .any(|prefix| text.starts_with(prefix));
    is_prefix
        && text.len() >= 12
        && text
            .bytes()
            .all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit())
}

/// The labels between account and region in ECR's hosts, which hints about their form show alone.
const ECR_LABELS: [&str; 2] = ["dkr.ecr", "dkr.ecr-fips"];

fn looks_like_host(text: &str) -> bool {
    if ECR_LABELS.contains(&text) {
        return false;
    }
    let labels: Vec<&str> = text.split('.').collect();
    let last = labels.last().copied().unwrap_or_default();
    labels.len() > 1
        && labels.iter().all(|label| !label.is_empty())
        && last.len() > 1
        && last.chars().all(|c| c.is_ascii_alphabetic())
        && !FILE_ENDINGS.contains(&last)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn redactor(names: &[&str]) -> Redactor {
        let env: Env = [
            ("HOME", "/home/alice"),
            ("USER", "alice"),
            ("GITHUB_REPOSITORY", "octo/app"),
        ]
        .into_iter()
        .collect();
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        Redactor::new(&env, &names)
    }

    #[test]
    fn what_names_somebody_is_replaced() {
        let mut redactor = redactor(&["team/shop", "partner"]);
        let issuer = "iss https://token.actions.githubusercontent.com, sub";
        for (text, shown) in [
            (
                "111122223333.dkr.ecr.eu-west-1.amazonaws.com/team/shop:1",
                "ACCOUNT-1.dkr.ecr.eu-west-1.amazonaws.com/NAME-1:1",
            ),
            (
                "docker cannot read /home/alice/.docker/config.json: x",
                "docker cannot read ~/.docker/config.json: x",
            ),
            (
                "(arn:aws:sts::111122223333:assumed-role/push/gha-42):",
                "(arn:aws:sts::ACCOUNT-1:assumed-role/NAME-2/NAME-3):",
            ),
            ("arn:aws:iam::111122223333:root", "arn:aws:iam::ACCOUNT-1:root"),
            ("profile partner: no", "profile NAME-4: no"),
            ("key AKIAIOSFODNN7EXAMPLE.", "key KEY-1."),
            (
                "https://registry.corp.example/v2/ by http://10.1.2.3:3128",
                "https://HOST-1/v2/ by http://ADDRESS-1:3128",
            ),
            (
                &format!("{issuer} repo:octo/app:ref:refs/heads/main; x"),
                &format!("{issuer} repo:NAME-5/NAME-6:ref:refs/heads/main; x"),
            ),
            (
                "gitlab.com:sub = project_path:octo/app",
                "gitlab.com:sub = project_path:NAME-5/NAME-6",
            ),
            (
                "repository = octo/app, environment = octo, ref = refs/heads/main;",
                "repository = NAME-5/NAME-6, environment = NAME-5, ref = refs/heads/main;",
            ),
            ("octo/app, alice", "NAME-7, NAME-8"),
            (
                "/builds/group/thing/token and /usr/bin/docker",
                "FOLDER-1/token and /usr/bin/docker",
            ),
            (
                "version 0.1.0 of ecr-auth.yml in ~/.config",
                "version 0.1.0 of ecr-auth.yml in ~/.config",
            ),
        ] {
            assert_eq!(redactor.redact(text), shown, "{text}");
        }
    }

    #[test]
    fn the_same_name_is_the_same_word_throughout() {
        let mut redactor = redactor(&[]);
        let first = redactor.redact("444455556666 111122223333");
        assert_eq!(first, "ACCOUNT-1 ACCOUNT-2");
        assert_eq!(redactor.redact("111122223333"), "ACCOUNT-2");
    }

    proptest! {
        #[test]
        fn no_known_name_is_left(
            name in "[a-z]{5,12}", account in "[0-9]{12}", host in "[a-z]{3,9}\\.[a-z]{3,9}\\.example",
            before in "[ -~]{0,20}", after in "[ -~]{0,20}",
        ) {
            let mut redactor = redactor(&[&name]);
            let shown = redactor.redact(&format!("{before} {name} {account}: https://{host}/ arn:aws:iam::{account}:role/{name} {after}"));
            let kept = format!("{before} {after}");
            prop_assert!(kept.contains(&account) || !shown.contains(&account), "{}", shown);
            prop_assert!(kept.contains(&host) || !shown.contains(&host), "{}", shown);
            prop_assert!(kept.contains(&name) || !shown.contains(&name), "{}", shown);
        }
    }
}
