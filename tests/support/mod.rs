//! What the tests stand on: a private home for the program, and a server that does what it is told.

pub mod home;
pub mod server;
pub mod shop;
pub mod snapshot;
