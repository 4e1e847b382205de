//! Whether an EC2 instance's role may exist, found out without the network.

use std::fs;

use aws_access::identity::{ChainSource, CredentialSource};

/// The file with the maker of this machine, from its firmware.
const MAKER: &str = "/sys/devices/virtual/dmi/id/sys_vendor";

/// The file with the version of this machine's firmware. Older instances (Xen) have an Amazon version such as `4.11.amazon`, but another maker.
const FIRMWARE: &str = "/sys/devices/virtual/dmi/id/bios_version";

/// The message if [`is_of_missing_instance`].
pub const NO_CREDENTIALS: &str = "there are no AWS credentials here, unless a metadata service has some";

/// The hint for [`NO_CREDENTIALS`].
pub const NAME_SOME: &str =
    "name a profile (--profile) or a role (--role-arn), or set AWS_PROFILE where the client runs";

/// Whether only the metadata service of an EC2 instance could have credentials, but this machine is not an instance.
pub fn is_of_missing_instance(source: &CredentialSource) -> bool {
    let is_old_instance = || fs::read_to_string(FIRMWARE).is_ok_and(|version| version.trim().ends_with("amazon"));
    let is_elsewhere =
        || fs::read_to_string(MAKER).is_ok_and(|maker| maker.trim() != "Amazon EC2") && !is_old_instance();
    matches!(source, CredentialSource::Chain(ChainSource::InstanceMetadata)) && is_elsewhere()
}
