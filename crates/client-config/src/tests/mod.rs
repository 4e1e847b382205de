//! The crate's tests: the edit as a pure function, then the files, then what happens beside other processes.

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
