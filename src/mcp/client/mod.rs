//! The client: connections to the servers that a user has, and their tools as functions of ours.

pub mod ask;
pub mod auth;
pub mod cache;
pub mod connect;
pub mod executor;
pub mod failure;
pub mod handler;
pub mod http;
pub mod hub;
pub mod result;
pub mod secrets;
pub mod session;
pub mod sse;
pub mod stdio;
pub mod tools;
