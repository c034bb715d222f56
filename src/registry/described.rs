//! The index of described services as this program carries it. Nothing here is touched unless a command asks for it.

use crate::base::error::{Code, Error, Result};
use crate::registry::catalog::{Catalog, Filter};
use crate::registry::known::{Known, unpack};

static PACKED: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/known.bin"));
static SEARCHABLE: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/described.bin"));

/// All services of the index, by id.
pub fn all() -> Result<Vec<Known>> {
    unpack(PACKED).map_err(|why| Error::internal(format!("the index of described services cannot be read: {why}")))
}

/// The service of an id.
pub fn find(id: &str) -> Result<Option<Known>> {
    let mut all = all()?;
    let at = all.binary_search_by(|known| known.id.as_str().cmp(id));
    Ok(at.ok().map(|at| all.swap_remove(at)))
}

/// The ids of the services that fit a query best, each with its score.
pub fn search(query: &str, filter: &Filter<'_>, limit: usize) -> Result<Vec<(String, f64)>> {
    let found = Catalog::of(SEARCHABLE)?.search(query, filter, limit)?;
    let id = |name: &str| name.split('.').next().unwrap_or_default().to_owned();
    Ok(found.into_iter().map(|found| (id(&found.record.name), found.score)).collect())
}

/// Why nothing of a described service can be called.
pub fn why(known: &Known) -> String {
    format!("{} is described but not imported, so its functions are not here yet", known.title)
}

/// The refusal, with what makes it usable.
pub fn not_yet(known: &Known) -> Error {
    let message = format!("Unknown integration: {}. {}", known.id, why(known));
    Error::new(Code::UnknownProvider, message).hint(format!("angelia integrations:import {}", known.id))
}
