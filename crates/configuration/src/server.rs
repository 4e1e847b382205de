//! The server that a question is about.

use ecr_registry::{Registry, server_name};

/// A server that a client asks about.
#[derive(Debug, Clone)]
pub(super) struct Server {
    /// Where it is a host of ECR.
    registry: Option<Registry>,
    /// Its host name, or the name of an alias.
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

    /// Its host name, or the name of an alias.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The host of ECR.
    pub fn registry(&self) -> Option<&Registry> {
        self.registry.as_ref()
    }
}
