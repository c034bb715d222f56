//! Both sides of the Model Context Protocol: our functions as tools of any client, and the tools of servers that a user has as functions
//! of ours. The only room that knows the protocol's crate.

pub mod entry;
pub mod http;
pub mod server;
pub mod stdio;
