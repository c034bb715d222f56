//! x
use super::{Document, Imported, Wanted};
use crate::base::error::{Error, Result};
/// x
pub fn import(_: &Document, _: &Wanted) -> Result<Imported> {
    Err(Error::usage("x"))
}
