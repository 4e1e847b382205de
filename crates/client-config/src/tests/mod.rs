//! The crate's tests: edits as pure functions, then files, then concurrent processes.

mod auths;
mod auths_store;
mod drop_in;
mod edit;
mod files;
mod login;
mod lookup;
mod merge;
mod races;
mod record;
mod replace;
mod store;
mod taking_back;
