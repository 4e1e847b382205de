//! ecr-auth
fn main() {}
