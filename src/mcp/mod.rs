//! Both sides of the Model Context Protocol: our functions as tools of any client, and the tools of servers that a user has as functions
//! of ours. The only room that knows the protocol's crate.

pub mod client;
pub mod clients;
pub mod edit;
pub mod entry;
pub mod exchange;
pub mod files;
pub mod http;
pub mod jsonc;
pub mod presets;
pub mod secrets;
pub mod server;
pub mod stdio;
pub mod trust;
pub mod values;
