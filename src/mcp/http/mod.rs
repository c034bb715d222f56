//! The door over HTTP.

pub mod keys;
