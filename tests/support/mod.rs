//! What the tests stand on: a private home for the program, and a server that does what it is told.

pub mod apart;
pub mod authority;
pub mod desk;
pub mod home;
pub mod mcp;
pub mod secrets;
pub mod server;
pub mod shop;
pub mod snapshot;
