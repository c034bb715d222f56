//! All integration tests in one binary: each further one would link the whole tree again.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "a test says what it expects by panicking, and runs programs"
)]

mod aftermath;
mod approvals;
mod cli;
mod connect;
mod contract;
mod credentials;
mod data;
mod docs;
mod durability;
mod exchanges;
mod hostile;
mod import;
mod input;
mod lint;
mod lua;
mod lua_calls;
mod lua_check;
mod lua_command;
mod lua_fuzz;
mod lua_hostile;
mod lua_repl;
mod manifests;
mod mcp_client;
mod mcp_config;
mod mcp_gateway;
mod mcp_http;
mod mcp_serve;
mod mcp_trust;
mod pace;
mod policy;
mod registry;
mod results;
mod script_run;
mod search;
mod selects;
mod support;
mod tidy;
mod trust;
mod workflow_runs;
mod workflows;
