//! The way CI pipelines sign in to Amazon ECR. The binary is a thin shell around this library; docs/architecture.md has the
//! picture of its rooms.

pub mod commands;
pub mod docker;
pub mod error;
pub mod secret;
pub mod world;
