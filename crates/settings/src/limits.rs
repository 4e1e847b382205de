//! The limits of STS.

/// The shortest and longest session that STS gives, in seconds.
pub const DURATIONS: std::ops::RangeInclusive<u32> = 900..=43_200;
/// The longest session, in seconds, of a role that another role's session assumes.
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles.html#iam-term-role-chaining>
pub const LONGEST_CHAINED: u32 = 3600;
/// The most characters in a session policy; below it the limits of managed policies, of tags, and of the characters in a tag.
/// <https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html>
pub const LONGEST_POLICY: usize = 2048;
pub const MOST_POLICY_ARNS: u32 = 10;
pub const MOST_TAGS: u32 = 50;
pub const LONGEST_TAG_KEY: usize = 128;
pub const LONGEST_TAG_VALUE: u32 = 256;
