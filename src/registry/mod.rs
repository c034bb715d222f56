//! What can be called: manifests, their compiled form, lookup, search, schemas and pages about them.
//! No network, and no idea where the home folder is: folders are handed in.

pub mod advice;
pub mod catalog;
pub mod check;
pub mod credential;
pub mod described;
pub mod docs;
pub mod faults;
pub mod fill;
pub mod function;
pub mod header;
pub mod import;
pub mod index;
pub mod inverted;
pub mod jq;
pub mod jq_plain;
pub mod known;
pub mod lines;
pub mod lint;
pub mod manifest;
pub mod query;
pub mod schema;
pub mod search;
pub mod sense;
pub mod sketch;
pub mod user;
pub mod vocabulary;
pub mod words;
pub mod workflow;
