//! The files, and the commands that use them.

use super::stage::Stage;
use super::state::State;
use super::text::Language::{self, *};

/// A file or folder that gets every fault.
pub struct Subject {
    pub name: &'static str,
    /// The path below the home. A `*` matches the only name with the ending after it.
    path: &'static str,
    /// The language of the file. `None` for a folder.
    pub language: Option<Language>,
    /// The contents of the home before anything is run.
    pub files: &'static [(&'static str, &'static str)],
    pub columns: &'static [Column],
}

/// A command. `~` is replaced by the home, and `{…}` by values of the ground.
pub struct Column {
    pub name: &'static str,
    pub vars: &'static [(&'static str, &'static str)],
    pub files: &'static [(&'static str, &'static str)],
    /// The commands that run before the fault.
    pub before: &'static [&'static [&'static str]],
    pub args: &'static [&'static str],
    /// The command that undoes it.
    pub undo: &'static [&'static str],
}

impl Subject {
    /// Whether it can have this fault.
    pub fn has(&self, state: State) -> bool {
        self.language.is_some() || state.is_of_folders()
    }

    /// Returns the path below the home.
    pub fn path_in(&self, stage: &Stage) -> String {
        let Some((folder, end)) = self.path.split_once('*') else {
            return self.path.to_owned();
        };
        let names = std::fs::read_dir(stage.seen(folder)).unwrap();
        let mut names = names.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        folder.to_owned() + &names.find(|name| name.ends_with(end)).unwrap()
    }
}

const KEYS: &[(&str, &str)] = &[("AWS_ACCESS_KEY_ID", "{key}"), ("AWS_SECRET_ACCESS_KEY", "{secret}")];
const PROFILE: &[(&str, &str)] = &[("AWS_PROFILE", "fire")];

const GET: Column = Column {
    name: "get",
    vars: KEYS,
    files: &[],
    before: &[],
    args: &["helper", "get"],
    undo: &[],
};
const SETUP: Column = Column {
    name: "setup",
    args: &["setup", "--client", "docker", "--bin-dir", "~/bin", "{host}"],
    undo: &["logout", "--client", "docker"],
    ..GET
};
const SETUP_RULE: Column = Column {
    name: "setup --role-arn",
    args: &[
        "setup",
        "--client",
        "docker",
        "--bin-dir",
        "~/bin",
        "--role-arn",
        "{role}",
        "{host}",
    ],
    undo: &["logout", "--client", "docker"],
    ..GET
};
const LOGIN: Column = Column {
    name: "login",
    args: &["login", "--client", "docker", "{host}"],
    undo: &["logout", "--client", "docker"],
    ..GET
};
const PASSWORD: Column = Column {
    name: "login --format password",
    args: &["login", "--format", "password", "{host}"],
    ..GET
};
const LOGOUT: Column = Column {
    name: "logout",
    before: &[SETUP.args],
    args: &["logout", "--client", "docker"],
    ..GET
};
const WRITE_PROFILE: Column = Column {
    name: "assume --format profile",
    args: &[
        "assume",
        "--format",
        "profile",
        "--profile",
        "ci",
        "--role-arn",
        "{role}",
        "--source",
        "chain",
    ],
    ..GET
};

pub const SUBJECTS: &[Subject] = &[
    Subject {
        name: "config.json",
        path: ".docker/config.json",
        language: Some(DockerJson),
        files: &[(".docker/config.json", "{\n\t\"psFormat\": \"table\"\n}\n")],
        columns: &[SETUP, LOGIN, LOGOUT],
    },
    Subject {
        name: "auth.json",
        path: ".config/containers/auth.json",
        language: Some(DockerJson),
        files: &[(
            ".config/containers/auth.json",
            "{\n    \"auths\": {\"ghcr.io\": {\"auth\": \"eDp5\"}}\n}\n",
        )],
        columns: &[
            Column {
                args: &["login", "--client", "podman", "{host}"],
                undo: &["logout", "--client", "podman"],
                ..LOGIN
            },
            Column {
                before: &[&["setup", "--client", "podman", "--bin-dir", "~/bin", "{host}"]],
                args: &["logout", "--client", "podman"],
                ..LOGOUT
            },
        ],
    },
    Subject {
        name: "ecr-auth.yml",
        path: ".config/ecr-auth/ecr-auth.yml",
        language: Some(Yaml),
        files: &[(
            ".config/ecr-auth/ecr-auth.yml",
            "registries:\n  - match: 444455556666.dkr.ecr.eu-west-1.amazonaws.com\n    profile: partner\n",
        )],
        columns: &[
            GET,
            Column {
                name: "list",
                args: &["helper", "list"],
                ..GET
            },
            SETUP_RULE,
            PASSWORD,
            Column {
                before: &[SETUP_RULE.args],
                ..LOGOUT
            },
        ],
    },
    Subject {
        name: "cache entry",
        path: ".cache/ecr-auth/*.json",
        language: Some(OurJson),
        files: &[],
        columns: CACHED,
    },
    Subject {
        name: "cache folder",
        path: ".cache/ecr-auth",
        language: None,
        files: &[],
        columns: CACHED,
    },
    Subject {
        name: "setup notes",
        path: ".local/state/ecr-auth/setup.json",
        language: Some(OurJson),
        files: &[],
        columns: &[
            Column {
                before: &[SETUP.args],
                args: &[
                    "setup",
                    "--client",
                    "docker",
                    "--bin-dir",
                    "~/bin",
                    "444455556666/eu-west-1",
                ],
                undo: &[],
                ..SETUP
            },
            Column {
                before: &[&[
                    "setup",
                    "--client",
                    "docker",
                    "--bin-dir",
                    "~/bin",
                    "444455556666/eu-west-1",
                ]],
                undo: &[],
                ..LOGIN
            },
            LOGOUT,
        ],
    },
    Subject {
        name: "setup.json",
        path: ".config/ecr-auth/setup.json",
        language: Some(OurJson),
        files: &[(
            ".config/ecr-auth/setup.json",
            "{\n\"registries\":[\n{\"match\":\"444455556666.dkr.ecr.eu-west-1.amazonaws.com\",\"profile\":\"partner\"}\n]}\n",
        )],
        columns: &[
            GET,
            Column {
                name: "list",
                args: &["helper", "list"],
                ..GET
            },
            SETUP_RULE,
            Column {
                before: &[SETUP_RULE.args],
                args: &["logout", "--client", "docker", "{host}"],
                ..LOGOUT
            },
        ],
    },
    Subject {
        name: "AWS config",
        path: ".aws/config",
        language: Some(Ini),
        files: &[(
            ".aws/config",
            "[default]\nregion = eu-west-1\n\n[profile fire]\naws_access_key_id = {key}\naws_secret_access_key = {secret}\n",
        )],
        columns: &[Column { vars: PROFILE, ..GET }, WRITE_PROFILE],
    },
    Subject {
        name: "AWS credentials",
        path: ".aws/credentials",
        language: Some(Ini),
        files: &[(
            ".aws/credentials",
            "[fire]\naws_access_key_id = {key}\naws_secret_access_key = {secret}\n",
        )],
        columns: &[Column { vars: PROFILE, ..GET }, WRITE_PROFILE],
    },
    Subject {
        name: "token file",
        path: "token",
        language: Some(Token),
        files: &[("token", "{token}")],
        columns: &[
            Column {
                vars: &[("AWS_ROLE_ARN", "{role}"), ("AWS_WEB_IDENTITY_TOKEN_FILE", "~/token")],
                ..GET
            },
            Column {
                name: "get by a profile",
                vars: PROFILE,
                files: &[(
                    ".aws/config",
                    "[profile fire]\nregion = eu-west-1\nrole_arn = {role}\nweb_identity_token_file = ~/token\n",
                )],
                ..GET
            },
            Column {
                name: "assume --token-file",
                vars: &[],
                args: &["assume", "--role-arn", "{role}", "--token-file", "~/token"],
                ..GET
            },
        ],
    },
    Subject {
        name: "policy",
        path: "policy.json",
        language: Some(OurJson),
        files: &[
            ("policy.json", "{\"Version\": \"2012-10-17\",\n\"Statement\": []}\n"),
            ("token", "{token}\n"),
        ],
        columns: &[Column {
            name: "assume --policy",
            vars: &[],
            args: &[
                "assume",
                "--role-arn",
                "{role}",
                "--token-file",
                "~/token",
                "--policy",
                "@~/policy.json",
            ],
            ..GET
        }],
    },
    Subject {
        name: "certificates",
        path: "roots.pem",
        language: Some(Pem),
        files: &[("roots.pem", "{authority}")],
        columns: &[
            Column {
                name: "get with AWS_CA_BUNDLE",
                vars: &[
                    KEYS[0],
                    KEYS[1],
                    ("AWS_ENDPOINT_URL", "{https}"),
                    ("AWS_CA_BUNDLE", "~/roots.pem"),
                ],
                ..GET
            },
            Column {
                name: "get with SSL_CERT_FILE",
                vars: &[
                    KEYS[0],
                    KEYS[1],
                    ("AWS_ENDPOINT_URL", "{https}"),
                    ("SSL_CERT_FILE", "~/roots.pem"),
                ],
                ..GET
            },
        ],
    },
    Subject {
        name: "GitHub outputs",
        path: "outputs",
        language: Some(Ini),
        files: &[("outputs", "before=1\n")],
        columns: &[Column {
            name: "login --format github",
            vars: &[
                KEYS[0],
                KEYS[1],
                ("GITHUB_ACTIONS", "true"),
                ("GITHUB_OUTPUT", "~/outputs"),
            ],
            args: &["login", "--format", "github", "{host}"],
            ..GET
        }],
    },
];

/// No fault of the cache makes any of them fail.
const CACHED: &[Column] = &[
    Column {
        before: &[GET.args],
        ..GET
    },
    Column {
        name: "list",
        before: &[GET.args],
        args: &["helper", "list"],
        ..GET
    },
    Column {
        name: "logout",
        before: &[GET.args],
        args: &["logout"],
        ..GET
    },
];
