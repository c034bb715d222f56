//! Stub.
use crate::base::error::Result;
use crate::call::runtime::Runtime;
use crate::registry::catalog::Found;
use crate::registry::docs::Format;
use crate::registry::index::Summary;
use serde_json::Value;

/// Stub.
pub struct Pages<'a>(&'a Runtime);

impl<'a> Pages<'a> {
    /// Stub.
    pub fn of(runtime: &'a Runtime) -> Self {
        Self(runtime)
    }
    /// Stub.
    pub fn read(&self, _page: Option<&str>, _format: Format) -> Result<(String, Value)> {
        Ok((String::new(), Value::Null))
    }
    /// Stub.
    pub fn search(&self, query: &str, limit: usize) -> Result<Vec<Found>> {
        self.0.catalog.search(query, &Default::default(), limit)
    }
    /// Stub.
    pub fn active(&self) -> Result<Vec<Summary>> {
        Ok(self.0.catalog.list()?.into_iter().map(|l| l.summary).collect())
    }
}
