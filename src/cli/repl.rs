//! Stub.
use crate::app::App;
use crate::base::error::Result;
use clap::ArgMatches;
/// Stub.
pub fn run(_app: &App, _arguments: &ArgMatches) -> Result<u8> {
    Ok(0)
}
