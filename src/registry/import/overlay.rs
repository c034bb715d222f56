//! What somebody knows better than a description: signing in, the call that verifies, pagination, names, examples. A small file that is
//! laid over an import and fits whole or not at all: every name in it must mean something, and all that is wrong is said at once.

use std::collections::HashSet;

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::base::name::{is_id, nearest, printable};
use crate::registry::credential::{Auth, Credential, OAuth};
use crate::registry::function::{Example, Function, Operation};
use crate::registry::import::parts::title;
use crate::registry::lint::lint;
use crate::registry::manifest::{ErrorPaths, Links, OneOrMany, Provider, RateLimit};
use crate::registry::user::engine_checks;

/// An overlay larger than this is refused.
pub const LARGEST: usize = 4 << 20;

/// An overlay, as written; the vocabulary is described in `schemas/overlay.json` and `docs/overlays.md`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Overlay {
    title: Option<String>,
    description: Option<String>,
    category: Option<String>,
    synonyms: Vec<String>,
    links: Option<Links>,
    auth_strategy: Option<String>,
    credentials: Vec<Credential>,
    auth: Option<OneOrMany<Auth>>,
    oauth: Option<OAuth>,
    servers: Map<String, Value>,
    headers: Map<String, Value>,
    rate_limit: Option<RateLimit>,
    errors: Option<ErrorPaths>,
    paginations: Map<String, Value>,
    idempotency_header: Option<String>,
    verify: Option<String>,
    verified: Option<Verified>,
    /// Globs over function ids; of the imported ones only these stay.
    include: Vec<String>,
    exclude: Vec<String>,
    functions: Map<String, Value>,
}

/// The day on which somebody checked the provider, and against what.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Verified {
    on: String,
    against: String,
}

/// What is said of one function, or of all that a glob names.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Change {
    rename: Option<String>,
    title: Option<String>,
    description: Option<String>,
    operation: Option<Operation>,
    read_because: Option<String>,
    pagination: Option<Value>,
    item: Option<String>,
    shape: Option<String>,
    idempotent: Option<bool>,
    deprecated: Option<bool>,
    examples: Option<Vec<Example>>,
    synonyms: Vec<String>,
}

impl Overlay {
    /// Reads an overlay.
    pub fn read(text: &str) -> Result<Self, String> {
        if text.len() > LARGEST {
            return Err(format!("it has more than {} MiB", LARGEST >> 20));
        }
        let read: Result<Option<Self>, _> = serde_saphyr::from_str(text);
        read.map(Option::unwrap_or_default).map_err(|error| {
            let line = error.location().map(|location| format!("line {}: ", location.line())).unwrap_or_default();
            let said = error.without_snippet().to_string();
            format!("{line}{}", printable(said.lines().next().unwrap_or_default()))
        })
    }
}

/// What an overlay did.
#[derive(Debug, Default)]
pub struct Laid {
    pub notes: Vec<String>,
    /// Old and new ids of functions.
    pub renamed: Vec<(String, String)>,
    /// Functions that are no longer there, by their old ids.
    pub left_out: Vec<String>,
}

/// Lays an overlay over an imported provider. Either all of it fits, and what it did is said, or nothing is changed and every problem is.
pub fn lay(provider: &mut Provider, overlay: Overlay) -> Result<Laid, Vec<String>> {
    let mut made = provider.clone();
    let mut laying = Laying { problems: Vec::new(), laid: Laid::default() };
    let before: HashSet<String> = said(&made);
    laying.choose(&mut made, &overlay.include, &overlay.exclude);
    laying.functions(&mut made, &overlay.functions);
    let verified = overlay.verified.is_some();
    laying.verified(overlay.verified.as_ref(), &overlay);
    of_provider(&mut made, overlay);
    if let Some(verify) = made.verify.as_ref().filter(|verify| !made.functions.iter().any(|function| function.id == **verify)) {
        laying.problems.push(format!("verify: {}", unknown(verify, &made.functions)));
        made.verify = None;
    }
    laying.problems.extend(said(&made).into_iter().filter(|finding| verified || !before.contains(finding)));
    if laying.problems.is_empty() {
        if let Some(origin) = &mut made.origin {
            origin.verified = verified;
        }
        *provider = made;
        return Ok(laying.laid);
    }
    laying.problems.sort();
    laying.problems.dedup();
    Err(laying.problems)
}

/// All that is wrong with a provider by the rules of manifests.
fn said(provider: &Provider) -> HashSet<String> {
    let of_lint = lint(provider, false).into_iter().map(|finding| match finding.function {
        Some(function) => format!("{function}: {}", finding.message),
        None => finding.message,
    });
    of_lint.collect()
}

struct Laying {
    problems: Vec<String>,
    laid: Laid,
}

impl Laying {
    /// Leaves out what the overlay leaves out.
    fn choose(&mut self, provider: &mut Provider, include: &[String], exclude: &[String]) {
        for glob in include.iter().chain(exclude) {
            if !provider.functions.iter().any(|function| fits(glob, &function.id)) {
                self.problems.push(unknown(glob, &provider.functions));
            }
        }
        let hit = |globs: &[String], id: &str| globs.iter().any(|glob| fits(glob, id));
        let all = std::mem::take(&mut provider.functions);
        let (kept, left): (Vec<_>, Vec<_>) =
            all.into_iter().partition(|function| (include.is_empty() || hit(include, &function.id)) && !hit(exclude, &function.id));
        provider.functions = kept;
        self.laid.left_out = left.into_iter().map(|function| function.id).collect();
        let gone = provider.verify.as_ref().is_some_and(|verify| !provider.functions.iter().any(|function| function.id == *verify));
        if gone {
            provider.verify = None;
        }
    }

    /// Globs first, then names: what is said of one function alone counts more.
    fn functions(&mut self, provider: &mut Provider, changes: &Map<String, Value>) {
        let (globs, names): (Vec<_>, Vec<_>) = changes.iter().partition(|(name, _)| is_glob(name));
        let mut renames: Vec<(String, String)> = Vec::new();
        for (name, written) in globs.into_iter().chain(names) {
            let change = match Change::deserialize(written) {
                Ok(change) => change,
                Err(error) => {
                    self.problems.push(format!("functions.{}: {}", printable(name), printable(&error.to_string())));
                    continue;
                }
            };
            let hit: Vec<usize> = (0..provider.functions.len()).filter(|at| fits(name, &provider.functions[*at].id)).collect();
            if hit.is_empty() {
                self.problems.push(format!("functions: {}", unknown(name, &provider.functions)));
            }
            if let Some(new) = &change.rename {
                match (is_glob(name), is_id(new)) {
                    (true, _) => self.problems.push(format!("functions.{name}: one name cannot be given to all that a glob names")),
                    (_, false) => self.problems.push(format!("functions.{name}: '{}' cannot be a function's id", printable(new))),
                    _ => renames.push((name.clone(), new.clone())),
                }
            }
            for at in hit {
                apply(&mut provider.functions[at], &change);
                let found = engine_checks(&provider.functions[at]);
                self.problems.extend(found.into_iter().map(|why| format!("functions.{}: {why}", provider.functions[at].id)));
            }
        }
        self.rename(provider, &renames);
        self.laid.renamed = renames;
    }

    fn rename(&mut self, provider: &mut Provider, renames: &[(String, String)]) {
        for (old, new) in renames {
            for function in provider.functions.iter_mut().filter(|function| function.id == *old) {
                if function.title == title(old) {
                    function.title = title(new);
                }
                function.id.clone_from(new);
            }
            if provider.verify.as_ref() == Some(old) {
                provider.verify = Some(new.clone());
            }
        }
        let mut seen = HashSet::new();
        for (_, new) in renames {
            let many = provider.functions.iter().filter(|function| function.id == *new).count() > 1;
            if many && seen.insert(new) {
                self.problems.push(format!("functions: two functions would be called '{new}'"));
            }
        }
    }

    /// Whoever says that a provider was checked says when, against what, and which call proves it.
    fn verified(&mut self, verified: Option<&Verified>, overlay: &Overlay) {
        let Some(verified) = verified else { return };
        if overlay.verify.is_none() {
            self.problems.push(String::from("verified: an overlay that says so names the call that proves it (verify)"));
        }
        let day = verified.on.parse::<jiff::civil::Date>().is_ok_and(|_| verified.on.len() == 10);
        if !day {
            self.problems.push(String::from("verified.on: must be a day, such as 2026-01-31"));
        }
        if !verified.against.starts_with("https://") {
            self.problems.push(String::from("verified.against: must be the https address of what it was checked against"));
        }
        self.laid.notes.push(format!("checked on {} against {}", printable(&verified.on), printable(&verified.against)));
    }
}

fn apply(function: &mut Function, change: &Change) {
    let put = |to: &mut String, from: &Option<String>| {
        if let Some(from) = from {
            to.clone_from(from);
        }
    };
    put(&mut function.title, &change.title);
    put(&mut function.description, &change.description);
    let or = |to: &mut Option<String>, from: &Option<String>| {
        if from.is_some() {
            to.clone_from(from);
        }
    };
    or(&mut function.read_because, &change.read_because);
    or(&mut function.item, &change.item);
    or(&mut function.shape, &change.shape);
    if let Some(operation) = change.operation {
        function.operation = operation;
        if operation != Operation::Read {
            function.read_because = None;
        } else {
            (function.idempotent, function.idempotency_header) = (false, None);
        }
    }
    if let Some(pagination) = &change.pagination {
        // `false` says that a list has no pages, whatever the description seems to say.
        function.pagination = Some(pagination.clone()).filter(|pagination| pagination != &Value::Bool(false));
    }
    function.idempotent = change.idempotent.unwrap_or(function.idempotent);
    function.deprecated = change.deprecated.unwrap_or(function.deprecated);
    if let Some(examples) = &change.examples {
        function.examples.clone_from(examples);
    }
    let new = change.synonyms.iter().filter(|word| !function.synonyms.contains(word)).cloned().collect::<Vec<_>>();
    function.synonyms.extend(new);
}

fn of_provider(provider: &mut Provider, overlay: Overlay) {
    provider.title = overlay.title.unwrap_or_else(|| provider.title.clone());
    provider.description = overlay.description.unwrap_or_else(|| provider.description.clone());
    provider.category = overlay.category.unwrap_or_else(|| provider.category.clone());
    provider.synonyms.extend(overlay.synonyms);
    if let Some(links) = overlay.links {
        let own = std::mem::take(&mut provider.links);
        provider.links = Links {
            home: links.home.or(own.home),
            docs: links.docs.or(own.docs),
            keys: links.keys.or(own.keys),
            status: links.status.or(own.status),
        };
    }
    for field in overlay.credentials {
        match provider.credentials.iter_mut().find(|known| known.key == field.key) {
            Some(known) => *known = field,
            None => provider.credentials.push(field),
        }
    }
    provider.auth_strategy = overlay.auth_strategy.unwrap_or_else(|| provider.auth_strategy.clone());
    provider.auth = overlay.auth.unwrap_or_else(|| std::mem::take(&mut provider.auth));
    provider.oauth = overlay.oauth.or_else(|| provider.oauth.take());
    provider.servers.extend(overlay.servers);
    provider.headers.extend(overlay.headers);
    provider.rate_limit = overlay.rate_limit.unwrap_or_else(|| std::mem::take(&mut provider.rate_limit));
    provider.errors = overlay.errors.unwrap_or_else(|| std::mem::take(&mut provider.errors));
    provider.paginations.extend(overlay.paginations);
    provider.idempotency_header = overlay.idempotency_header.or_else(|| provider.idempotency_header.take());
    provider.verify = overlay.verify.or_else(|| provider.verify.take());
}

fn is_glob(name: &str) -> bool {
    name.contains(['*', '?'])
}

fn fits(glob: &str, id: &str) -> bool {
    if is_glob(glob) { wildmatch::WildMatch::new(glob).matches(id) } else { glob == id }
}

fn unknown(name: &str, functions: &[Function]) -> String {
    if is_glob(name) {
        return format!("no function fits '{}'", printable(name));
    }
    let near = nearest(name, functions.iter().map(|function| function.id.as_str()));
    let meant = near.first().map(|near| format!("; did you mean '{near}'?")).unwrap_or_default();
    format!("there is no function '{}'{meant}", printable(name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::registry::import::parts::{function, origin};
    use serde_json::json;

    fn provider() -> Provider {
        let raw = json!({"id": "shop", "title": "Shop", "description": "Sells.", "category": "imported", "auth_strategy": "none", "servers": {"default": "https://x.example"}});
        let mut provider: Provider = serde_json::from_value(raw).unwrap();
        for (id, request, operation) in [
            ("list_orders", "GET /orders", Operation::Read),
            ("search_orders", "POST /orders/search", Operation::Write),
            ("delete_order", "DELETE /orders", Operation::Destructive),
        ] {
            let mut made = function(id, String::from("Does."), operation);
            made.request = Some(request.to_owned());
            made.parameters.insert(String::from("page"), json!({"type": "integer", "description": "Page.", "in": "query"}));
            provider.functions.push(made);
        }
        provider.verify = Some(String::from("list_orders"));
        provider.origin = Some(origin(&Default::default(), "openapi-3.0", String::new()));
        provider
    }

    fn laid(text: &str) -> Result<(Provider, Laid), Vec<String>> {
        let mut provider = provider();
        let laid = lay(&mut provider, Overlay::read(text).map_err(|why| vec![why])?)?;
        Ok((provider, laid))
    }

    #[test]
    fn what_is_said_is_laid_over() {
        let (made, said) = laid(
            r#"
title: The shop
category: shops
synonyms: [store]
auth_strategy: api_key
credentials: [{key: token, label: Token, secret: true, help: "Shop > Keys.", env: [SHOP_TOKEN]}]
auth: {type: bearer, value: "{token}"}
servers: {uploads: "https://up.x.example"}
links: {docs: "https://x.example/docs"}
verify: show_orders
verified: {on: 2026-11-20, against: "https://x.example/docs"}
exclude: ["delete_*"]
functions:
  "*_orders": {synonyms: [purchases], pagination: {style: page, items: ".", parameter: page}}
  list_orders: {rename: show_orders, description: "Lists orders, newest first.", examples: [{title: Second page, arguments: {page: 2}}]}
  search_orders: {operation: read, read_because: "A search by POST.", pagination: false}
"#,
        )
        .unwrap();
        let ids: Vec<&str> = made.functions.iter().map(|function| function.id.as_str()).collect();
        assert_eq!(ids, ["show_orders", "search_orders"]);
        assert_eq!((made.title.as_str(), made.category.as_str(), made.verify.as_deref()), ("The shop", "shops", Some("show_orders")));
        assert_eq!(made.functions[0].title, "Show orders");
        assert_eq!(made.functions[0].examples[0].arguments["page"], 2);
        assert!(made.functions[0].pagination.is_some() && made.functions[1].pagination.is_none());
        assert_eq!(made.functions[1].operation, Operation::Read);
        assert_eq!(made.credentials[0].env, ["SHOP_TOKEN"]);
        assert!(made.origin.unwrap().verified);
        assert_eq!(said.notes, ["checked on 2026-11-20 against https://x.example/docs"]);
        assert_eq!(said.left_out, ["delete_order"]);
        assert_eq!(said.renamed, [(String::from("list_orders"), String::from("show_orders"))]);
    }

    #[test]
    fn everything_wrong_is_said_at_once() {
        let problems = laid(
            r#"
auth: {type: bearer, value: "{tokn}"}
verify: list_ordrs
verified: {on: yesterday, against: "http://x"}
include: ["nothing_*", "*"]
functions:
  list_ordrs: {title: X}
  list_orders: {rename: "Bad Name", pagination: {style: page, items: ".", parameter: pge}, shape: ".[", examples: [{arguments: {page: "x"}}]}
  search_orders: {rename: delete_order, operation: read, colour: red}
  "*": {rename: all}
"#,
        )
        .unwrap_err();
        let wanted = [
            "auth names 'tokn'",
            "did you mean 'list_orders'?",
            "verify: there is no function",
            "verified.on",
            "verified.against",
            "no function fits 'nothing_*'",
            "'Bad Name'",
            "'pge'",
            "functions.list_orders: example",
            "unknown field `colour`",
            "one name cannot be given",
        ];
        for word in wanted {
            assert!(problems.iter().any(|problem| problem.contains(word)), "{word}: {problems:#?}");
        }
        let mut untouched = provider();
        assert!(lay(&mut untouched, Overlay::read("title: X\nverify: no").unwrap()).is_err());
        assert_eq!(untouched.title, "Shop");
        assert!(laid("functions: {list_orders: {rename: delete_order}}").unwrap_err()[0].contains("delete_order"));
        assert!(laid("verified: {on: 2026-01-31, against: 'https://x.example'}").unwrap_err()[0].contains("verify"));
    }

    #[test]
    fn hostile_overlays_have_an_end() {
        assert!(laid("").is_ok());
        for bad in [
            "[1]",
            "titel: x",
            "title: [",
            "functions: 7",
            "functions: {a: 7}",
            &"[".repeat(100_000),
            "a: &a [*a, *a]",
            "\u{0}",
            "oauth: {grants: [magic], token_url: x}",
        ] {
            assert!(laid(bad).is_err(), "{}", &bad[..bad.len().min(40)]);
        }
        assert!(laid(&"x".repeat(LARGEST + 1)).is_err());
    }
}
