//! Azure Pipelines: hides the secrets that its agent reads from stdout and stderr.
//! <https://learn.microsoft.com/azure/devops/pipelines/scripts/logging-commands#setsecret>

use std::fmt::Write as _;

use zeroize::Zeroizing;

use crate::{CiSystem, JobMark, Masking};

pub(crate) static AZURE: CiSystem = CiSystem {
    name: "Azure Pipelines",
    mark: JobMark::Set("TF_BUILD"),
    masking: Masking::Commands(set_secret),
    ..CiSystem::BLANK
};

/// Escapes as the agent reads it. The agent splits a secret of several lines by itself.
/// <https://github.com/microsoft/azure-pipelines-agent/blob/master/docs/preview/percentencoding.md>
fn set_secret(secret: &str, commands: &mut String) {
    let escaped = Zeroizing::new(secret.replace('%', "%AZP25"));
    let escaped = Zeroizing::new(escaped.replace('\r', "%0D").replace('\n', "%0A"));
    let _ = writeln!(commands, "##vso[task.setsecret]{}", escaped.as_str());
}
