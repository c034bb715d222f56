//! May it, and with whose key: policy, trust, approvals, credentials and their placement on a request.
//! The only room that exposes a secret.

pub mod approvals;
pub mod auth;
pub mod field;
pub mod header;
pub mod keychain;
pub mod launch;
pub mod loopback;
pub mod plans;
pub mod policy;
pub mod sealed;
pub mod signature;
pub mod signin;
pub mod state;
pub mod trust;
pub mod vault;
