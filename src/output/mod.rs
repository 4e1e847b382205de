//! The output formats of `assume` and `login`: from credentials and passwords to text. Nothing here reads or writes anything.

mod credentials;
mod k8s;
mod password;
mod shell;
mod text;

pub use credentials::{
    END_OF_CREDENTIALS, credentials_assignments, credentials_dotenv, credentials_env, credentials_process,
    credentials_variables,
};
pub use k8s::{SecretName, docker_config, k8s_data, k8s_secret};
pub use password::{
    RegistryPassword, bare_password, check_names, passwords_dotenv, passwords_json, passwords_lines, passwords_outputs,
};
pub use shell::Shell;
pub use text::{json_text, rfc3339};

#[cfg(test)]
mod tests;
