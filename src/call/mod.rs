//! The one path every call takes: name, runtime support, activation, account and credentials, arguments, permission, and
//! then execution, shape and record. `prepare` makes a [`plan::Plan`] that holds no secret; `perform` carries it out. It never prompts.

pub mod args;
pub mod audit;
pub mod body;
pub mod cases;
pub mod download;
pub mod draft;
pub mod exchange;
pub mod executor;
pub mod finish;
pub mod gather;
pub mod http;
pub mod keep;
mod lost;
pub mod native;
pub mod pace;
pub mod page;
pub mod pages;
mod perform;
pub mod plan;
pub mod preview;
pub mod reach;
mod renew;
pub mod request;
pub mod response;
pub mod results;
pub mod retry;
pub mod runtime;
pub mod select;
pub mod sink;
pub mod style;
pub mod tape;
pub mod trial;
pub mod wire;
pub mod xml;
