//! The lab's own tests. They check its signatures against AWS's published examples, and its protocols against
//! independent clients: boto3, the AWS CLI, curl and skopeo.
#![expect(clippy::unwrap_used, reason = "tests fail by panicking, in their helpers too")]

mod certificates;
mod ci;
mod cognito;
mod faults;
mod identity;
mod metadata;
mod process;
mod readme;
mod registry;
mod sessions;
mod sigv4;
mod tools;
