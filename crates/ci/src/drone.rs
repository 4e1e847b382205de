//! Drone: a plain environment. Drone gives jobs no OIDC token, and hides nothing that a job gets while it runs.

use crate::{CiSystem, JobMark};

pub(crate) static DRONE: CiSystem = CiSystem {
    name: "Drone",
    mark: JobMark::Set("DRONE"),
    ..CiSystem::BLANK
};
