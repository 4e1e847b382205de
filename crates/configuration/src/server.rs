//! The server of a question.

use ecr_registry::{Registry, server_name};

/// A server that a client asks about.
#[derive(Debug, Clone)]
pub(super) struct Server {
    /// The registry, if it is a host of ECR.
    registry: Option<Registry>,
    /// The host name, or the name of an alias.
    name: String,
}

impl Server {
    /// Reads what a client sends.
    pub fn parse(text: &str) -> Self {
        let registry = Registry::parse(text);
        let host = registry.as_ref().map(|registry| registry.host().to_owned());
        let name = host.or_else(|| server_name(text)).unwrap_or_default();
        Self { registry, name }
    }

    /// Returns the host name, or the name of an alias.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the registry, if it is a host of ECR.
    pub fn registry(&self) -> Option<&Registry> {
        self.registry.as_ref()
    }
}
