//! What there is to read and to find, with what can be used now: the pages of `docs` and the hits of `search`, the same on every surface.
//! No network, no secret.

use serde_json::{Value, json};

use crate::access::policy;
use crate::access::state::State;
use crate::access::vault::Vault;
use crate::base::error::{Error, Result};
use crate::base::name::DEFAULT_ACCOUNT;
use crate::call::runtime::Runtime;
use crate::config::layers::Config;
use crate::registry::catalog::{Catalog, Filter, Found};
use crate::registry::docs::{self, Format};
use crate::registry::function::{Operation, UPSTREAMS};
use crate::registry::index::Summary;

/// Makes pages.
pub struct Pages<'a> {
    pub catalog: &'a Catalog,
    pub config: &'a Config,
    pub vault: &'a Vault,
}

/// What a search may be narrowed to.
#[derive(Default)]
pub struct Narrow<'a> {
    pub provider: Option<&'a str>,
    /// Only what can be used now.
    pub active: bool,
    pub operation: Option<Operation>,
    pub category: Option<&'a str>,
    pub tier: Option<&'a str>,
}

/// A function found, and whether it can be used now.
pub struct Hit {
    pub found: Found,
    pub active: bool,
}

impl Hit {
    /// Everything that is known of it.
    pub fn to_value(&self) -> Value {
        let Found { record, score, layer } = &self.found;
        json!({
            "function": record.name, "operation": record.operation.as_str(), "active": self.active, "score": (score * 100.0).round() / 100.0,
            "title": record.title, "description": record.description, "category": record.category, "tier": layer.tier(),
            "deprecated": record.deprecated,
        })
    }
}

/// What to do when a page is not there.
pub fn no_page(error: Error) -> Error {
    let said = error.hints.iter().any(|hint| hint.starts_with("angelia integrations:search"));
    if said { error } else { error.hint("angelia integrations:search \"what you want to do\"") }
}

/// Whether a name is that of a function: the id of an upstream server has a dot too.
pub fn is_function(name: &str) -> bool {
    name.contains('.') && !(name.starts_with(UPSTREAMS) && name.matches('.').count() == 1)
}

impl<'a> Pages<'a> {
    /// The pages of a runtime's catalog.
    pub fn of(runtime: &'a Runtime) -> Self {
        Self { catalog: &runtime.catalog, config: &runtime.config, vault: &runtime.vault }
    }
}

impl Pages<'_> {
    /// A page as text and as its parts: of a function, of a provider, or of all.
    pub fn read(&self, page: Option<&str>, format: Format) -> Result<(String, Value)> {
        match page {
            None => self.overview(format),
            Some(name) if is_function(name) => self.function(name, format).map_err(no_page),
            Some(id) => self.provider(id, format).map_err(no_page),
        }
    }

    /// Providers that can be used now.
    pub fn active(&self) -> Result<Vec<Summary>> {
        let all = self.catalog.list()?.into_iter().map(|listed| listed.summary);
        Ok(all.filter(|summary| self.state(summary).active).collect())
    }

    /// The best functions for a query, best first.
    pub fn search(&self, query: &str, narrow: &Narrow<'_>, limit: usize) -> Result<Vec<Hit>> {
        if let Some(id) = narrow.provider {
            self.catalog.provider(id)?;
        }
        let active = self.active()?;
        let is_active = |id: &str| active.iter().any(|known| known.id == id);
        // What is part of the program is always there: that says nothing about what somebody uses.
        let is_used = |id: &str| active.iter().any(|known| known.id == id && !known.local);
        let keep = |id: &str| narrow.provider.is_none_or(|only| only == id) && (!narrow.active || is_active(id));
        let filter = Filter {
            providers: if narrow.provider.is_some() || narrow.active { Some(&keep) } else { None },
            prefer: Some(&is_used),
            operation: narrow.operation,
            category: narrow.category,
            tier: narrow.tier,
        };
        let found = self.catalog.search(query, &filter, limit)?;
        let of = |name: &str| name.rsplit_once('.').is_some_and(|(provider, _)| is_active(provider));
        Ok(found.into_iter().map(|found| Hit { active: of(&found.record.name), found }).collect())
    }

    fn state(&self, summary: &Summary) -> State {
        State::of(self.config, self.vault, summary)
    }

    fn overview(&self, format: Format) -> Result<(String, Value)> {
        let all = self.catalog.list()?;
        let count = all.iter().map(|listed| u64::from(listed.summary.functions())).sum();
        let ids: Vec<&str> = all.iter().map(|listed| listed.summary.id.as_str()).collect();
        Ok((docs::overview(all.len(), count, format), json!({"providers": ids})))
    }

    fn described(&self, id: &str) -> Result<String> {
        let listed = self.catalog.list()?.into_iter().find(|listed| listed.summary.id == id);
        Ok(listed.map_or_else(String::new, |listed| self.state(&listed.summary).describe(&listed.summary)))
    }

    fn function(&self, name: &str, format: Format) -> Result<(String, Value)> {
        let callable = self.catalog.function(name)?;
        let (provider, function) = (&callable.provider.id, &callable.function);
        let question = policy::Question {
            provider,
            function: &function.id,
            operation: function.operation,
            account: DEFAULT_ACCOUNT,
            local: callable.local,
        };
        let rule = policy::decide(self.config, &question).rule.as_str();
        let state = format!("{}, permission: {rule}", self.described(provider)?);
        let examples: Vec<Value> = function
            .examples
            .iter()
            .map(|example| {
                let ways = docs::ways(provider, function, &example.arguments);
                json!({
                    "title": example.title, "arguments": example.arguments, "shortcut": ways.shortcut, "generic": ways.generic,
                    "json": ways.json, "stdin": ways.stdin, "lua": ways.lua,
                })
            })
            .collect();
        let parameters: Vec<Value> = docs::parameters(function)
            .into_iter()
            .map(|one| json!({"name": one.name, "type": one.kind, "required": one.required, "description": one.description}))
            .collect();
        let value = json!({
            "function": callable.name.to_string(), "title": function.title, "description": function.description,
            "operation": function.operation.as_str(), "state": state, "permission": rule, "parameters": parameters, "examples": examples,
            "schema": function.input_schema(),
        });
        Ok((docs::function_page(&callable, &state, format), value))
    }

    fn provider(&self, id: &str, format: Format) -> Result<(String, Value)> {
        let opened = self.catalog.provider(id)?;
        let state = self.described(id)?;
        let functions: Vec<Value> = opened
            .functions
            .iter()
            .map(|function| {
                json!({"function": format!("{id}.{}", function.id), "operation": function.operation.as_str(), "title": function.title})
            })
            .collect();
        let provider = &opened.provider;
        let value = json!({
            "provider": id, "title": provider.title, "description": provider.description, "state": state, "links": provider.links,
            "functions": functions,
        });
        Ok((docs::provider_page(&opened, &state, format), value))
    }
}
