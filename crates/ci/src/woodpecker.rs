//! Woodpecker: a plain environment. Woodpecker gives jobs no OIDC token, and hides nothing that a job gets while it runs.

use crate::{CiSystem, JobMark};

pub(crate) static WOODPECKER: CiSystem = CiSystem {
    name: "Woodpecker",
    mark: JobMark::Equals("CI", "woodpecker"),
    ..CiSystem::BLANK
};
