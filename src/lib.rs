//! Angelia: one binary that lets any program use any service, under one policy.
//!
//! ```text
//!            cli                      the surface: translate in, translate out
//!             |
//!            app                      composition root
//!             |
//!         /     \
//!       lua     mcp                   engines: workflows, both sides of MCP; neither knows the other
//!         \     /
//!            call                     the one path every call takes
//!             |
//!           access                    may it, and with whose key
//!     /     |      |      \
//! registry config  net   store        what exists, settings, the way out, the memory
//!     \     |      |      /
//!            base                     the words: error, envelope, name, secret, clock
//! ```
//!
//! Everything callable is a function in one catalog, every use of one is a call, every answer is an envelope.
//! `docs/architecture.md` has the rooms, who may import whom, and the invariants.

pub mod base;

pub mod config;
pub mod net;
pub mod registry;
pub mod store;

pub mod access;

pub mod call;

pub mod lua;
pub mod mcp;

pub mod app;

pub mod cli;
