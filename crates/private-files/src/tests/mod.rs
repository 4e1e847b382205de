//! The crate's tests. Those of `update` are beside the tests of docker's files, which have the most concurrent writers.

mod notes;
mod place;
mod read;
mod replace;
mod undo;
