//! The user's browser: opening it, and hearing where it comes back to.

mod callback;
mod opener;

pub use callback::{Arrival, CallbackListener};
pub use opener::{Opener, opener};
