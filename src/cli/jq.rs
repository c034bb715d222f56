//! `__jq`: runs one jq program for a call of this program, in a process that can be ended. It opens neither settings nor files.

use std::io::Read as _;

use crate::base::error::{Code, Error, Result};
use crate::call::select;
use crate::cli::output::Out;

/// Reads a program and its input, answers with what it put out.
pub fn run() -> Result<u8> {
    let mut sent = Vec::new();
    let read = std::io::stdin().lock().read_to_end(&mut sent);
    read.map_err(|error| Error::new(Code::InvalidPayload, format!("stdin cannot be read: {error}")))?;
    Out::new(false).text(&select::answer(&sent));
    Ok(0)
}
