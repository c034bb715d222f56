//! What the tests stand on: a private home for the program, and a server that does what it is told.

pub mod compare;
pub mod env;
pub mod home;
pub mod request;
pub mod server;
pub mod shop;
pub mod snapshot;
pub mod world;
