//! The server side: what a client of ours sees. [`face::Face`] says what there is, [`handler::Handler`] speaks the protocol for any face,
//! and [`shelf::Shelf`] is the face over the catalog. Doors (stdio, HTTP) hand messages in; none of them is here.

#![expect(deprecated, reason = "older revisions have log messages and subscriptions of their own, and clients use them")]

pub mod answer;
pub mod asks;
pub mod chosen;
pub mod face;
pub mod handler;
pub mod live;
pub mod names;
pub mod pages;
pub mod prompts;
pub mod resources;
pub mod scope;
pub mod shelf;
pub mod small;
pub mod telling;
