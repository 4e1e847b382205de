//! The room's tests: the edit as a pure function, then the files.

mod edit;
