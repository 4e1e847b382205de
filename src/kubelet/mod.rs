//! The kubelet's exec image credential provider: what it asks on stdin, and how it wants to be answered on stdout.
//! <https://kubernetes.io/docs/reference/config-api/kubelet-credentialprovider.v1/>
//!
//! Knows nothing of AWS.

mod request;
mod response;

pub use request::KubeletRequest;
pub use response::{with_password, without_credentials};

/// The version of both.
const API_VERSION: &str = "credentialprovider.kubelet.k8s.io/v1";
