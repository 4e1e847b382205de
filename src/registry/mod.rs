//! A client of the registry itself, and the names of images in it.

mod client;
mod image;

pub use client::{RegistryClient, probe, refusal};
pub use image::Image;
