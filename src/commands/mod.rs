//! One file a command: parse, plan, do, report.

pub mod logout;
pub mod setup;

use crate::world::World;

/// A line for people. A stderr that is closed is nobody's problem.
fn say(world: &mut World<'_>, line: &str) {
    let _ = writeln!(world.stderr, "{line}");
}
