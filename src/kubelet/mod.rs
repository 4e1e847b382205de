//! The kubelet's exec image credential provider: the request on stdin, and the response on stdout.
//! <https://kubernetes.io/docs/reference/config-api/kubelet-credentialprovider.v1/>
//!
//! It does not know AWS.

mod request;
mod response;

pub use request::KubeletRequest;
pub use response::{with_password, without_credentials};

/// The version of requests and responses.
const API_VERSION: &str = "credentialprovider.kubelet.k8s.io/v1";
