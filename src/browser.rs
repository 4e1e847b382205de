//! The user's browser: opens it, and waits for it to come back.

mod callback;
mod opener;

pub use callback::{Arrival, CallbackListener};
pub use opener::{Opener, opener};
