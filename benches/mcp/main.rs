//! What MCP costs through us: calls against servers of the official TypeScript SDK and of FastMCP with an equal tool, many sessions at
//! once, the bytes that a client's context is filled with, and a cold call of somebody else's server against other command lines.
//! One load generator talks to all servers alike, in raw messages over pipes and kept connections, so it is never what is measured.
//! Words after `--` choose parts: `cargo bench --bench mcp -- calls bytes`.

#![allow(clippy::disallowed_methods, reason = "the bench starts servers and finds them by the environment")]

#[path = "../support/mod.rs"]
mod support;

mod bytes;
mod calls;
mod cold;
mod http;
mod message;
mod peers;
mod pipe;
mod sessions;

use std::process::ExitCode;

use support::Part;

const PARTS: [Part; 4] = [("calls", calls::measure), ("sessions", sessions::measure), ("bytes", bytes::measure), ("cold", cold::measure)];

fn main() -> ExitCode {
    support::main(|| support::parts(&PARTS))
}
