//! Whether an EC2 instance's role could be there, told without asking the network.

use std::fs;

use aws_access::identity::{ChainSource, CredentialSource};

/// The maker of this machine, as its firmware has it.
const MAKER: &str = "/sys/devices/virtual/dmi/id/sys_vendor";

/// The version of this machine's firmware. Older instances (Xen) have an Amazon version there, such as `4.11.amazon`, and no Amazon maker.
const FIRMWARE: &str = "/sys/devices/virtual/dmi/id/bios_version";

/// What is said where [`is_of_missing_instance`].
pub const NO_CREDENTIALS: &str = "there are no AWS credentials here, unless a metadata service has some";

/// What to do about [`NO_CREDENTIALS`].
pub const NAME_SOME: &str =
    "name a profile (--profile) or a role (--role-arn), or set AWS_PROFILE where the client runs";

/// Whether only the metadata service of an EC2 instance could have credentials, on a machine that is none.
pub fn is_of_missing_instance(source: &CredentialSource) -> bool {
    let is_old_instance = || fs::read_to_string(FIRMWARE).is_ok_and(|version| version.trim().ends_with("amazon"));
    let is_elsewhere =
        || fs::read_to_string(MAKER).is_ok_and(|maker| maker.trim() != "Amazon EC2") && !is_old_instance();
    matches!(source, CredentialSource::Chain(ChainSource::InstanceMetadata)) && is_elsewhere()
}
