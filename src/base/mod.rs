//! The words everyone speaks: errors, the envelope, names, origin, secrets, time.
//! No IO and no async; imports nothing of ours.

pub mod address;
pub mod clock;
pub mod envelope;
pub mod error;
pub mod filter;
pub mod json;
pub mod name;
pub mod origin;
pub mod quote;
pub mod secret;
