//! The room's tests: the edit as a pure function, then the files, then what happens beside other processes.

mod commands;
mod edit;
mod files;
mod merge;
mod place;
mod races;
mod record;
mod replace;
mod taking_back;
