//! Workflows: ordinary Lua in a sandbox, with every integration in reach. The engine is Luau. Each call of a script goes through
//! `Runtime::call` like any other; what is here translates and holds the limits.
//! `check` and `types` are for whoever writes workflows, and run none.

pub mod approval;
pub mod bridge;
pub mod calls;
pub mod check;
pub mod driver;
pub mod function;
pub mod globals;
pub mod header;
pub mod host;
pub mod limits;
pub mod log;
pub mod mcp;
pub mod modules;
pub mod patterns;
pub mod rehearsal;
pub mod report;
pub mod session;
pub mod types;
pub mod value;
pub mod write;
