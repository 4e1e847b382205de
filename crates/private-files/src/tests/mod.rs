//! The room's tests; those of `update` stand with docker's files, which have the busiest other writers.

mod notes;
mod place;
mod read;
mod replace;
mod undo;
