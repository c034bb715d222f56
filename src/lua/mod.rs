//! Lua workflows: what an editor and a person need to write one. `check` finds mistakes before a run, `types` describes everything callable
//! for language servers. Nothing here runs a script.

pub mod check;
pub mod types;

mod arguments;
mod literal;
mod names;
mod nesting;
mod paths;
mod walk;
