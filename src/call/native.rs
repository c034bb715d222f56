//! Functions that this program runs itself: the `data` provider, collections of JSON documents in the embedded database; and reading in
//! kept results, which has a file of its own.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value, json};

use crate::base::clock::now_ms;
use crate::base::error::{Code, Error, Problem, Result};
use crate::base::filter;
use crate::base::json;
use crate::call::executor::{BoxFuture, Executor, ListOutcome, Outcome, Ready};
use crate::call::gather::handed_on;
use crate::call::keep::LEAST;
use crate::call::plan::Plan;
use crate::call::request::Ctx;
use crate::call::results;
use crate::store::Memory;
use crate::store::documents::{Document, ListQuery, SortKey};

/// The executor of native functions.
pub struct Native {
    pub memory: Arc<Memory>,
    /// Most bytes of an answer to a server's client.
    pub answer_bytes: usize,
}

/// Most documents of one list call.
const MOST: usize = 1000;

impl Executor for Native {
    fn check(&self, plan: &Plan) -> Result<()> {
        let problems = plan.arguments.object.get("filter").map(|filter| filter::problems(filter, "/filter")).unwrap_or_default();
        if problems.is_empty() { Ok(()) } else { Err(Error::arguments(problems)) }
    }

    fn preview(&self, plan: &Plan, _shown: &dyn Fn(&str) -> Option<String>) -> Result<Value> {
        Ok(json!({"native": plan.callable.function.native, "arguments": plan.shown_arguments()}))
    }

    fn execute<'a>(&'a self, ctx: &'a Ctx, ready: &'a Ready) -> BoxFuture<'a, Outcome> {
        Box::pin(self.run(ctx, &ready.plan))
    }
}

type Arguments = Map<String, Value>;

impl Native {
    async fn run(&self, ctx: &Ctx, plan: &Plan) -> Outcome {
        let arguments = &plan.arguments.object;
        let done = match plan.callable.function.native.as_deref() {
            Some("data.create") => self.create(arguments),
            Some("data.get") => self.get(arguments),
            Some("data.list") => return self.list(ctx, plan).await,
            Some("data.search") => self.search(arguments),
            Some("data.update") => self.update(arguments),
            Some("data.patch") => self.patch(arguments),
            Some("data.delete") => self.delete(arguments),
            Some("data.collections") => self.collections(),
            Some("results.list" | "results.read") => self.results(ctx, plan).await,
            other => Err(Error::internal(format!("there is no native function '{}'", other.unwrap_or_default()))),
        };
        match done {
            Ok(data) => Outcome { data, ..Outcome::default() },
            Err(error) => Outcome::failed(error),
        }
    }

    /// A large result may take a while: other calls go on meanwhile.
    async fn results(&self, ctx: &Ctx, plan: &Plan) -> Result<Value> {
        let (memory, arguments) = (self.memory.clone(), plan.arguments.object.clone());
        let reach = ctx.reach.clone();
        // A script's answers are not handed over: only what it returns is.
        let handed_over = reach.is_some() && ctx.origin.depth() == 0;
        let room = if handed_over { results::room(self.answer_bytes.max(LEAST)) } else { usize::MAX };
        let function = plan.callable.function.native.clone().unwrap_or_default();
        let read = move || results::run(&memory, reach.as_deref(), &function, &arguments, room);
        tokio::task::spawn_blocking(read).await.map_err(|error| Error::internal(format!("reading a result ended: {error}")))?
    }

    fn create(&self, arguments: &Arguments) -> Result<Value> {
        let collection = text(arguments, "collection");
        let id = arguments.get("id").and_then(Value::as_str).map_or_else(|| uuid::Uuid::now_v7().to_string(), str::to_owned);
        let document = arguments.get("document").cloned().unwrap_or_default();
        let now = now_ms();
        if self.memory.with(|store| store.add_document(collection, &id, &document, now))? {
            return Ok(Document { id, document, created_ms: now, updated_ms: now }.to_value());
        }
        Err(Error::arguments(vec![Problem {
            pointer: String::from("/id"),
            message: format!("'{id}' is taken in collection '{collection}'; data.update replaces it"),
        }]))
    }

    fn get(&self, arguments: &Arguments) -> Result<Value> {
        let (collection, id) = (text(arguments, "collection"), text(arguments, "id"));
        self.memory.with(|store| store.document(collection, id))?.map(|document| document.to_value()).ok_or_else(|| missing(collection, id))
    }

    fn update(&self, arguments: &Arguments) -> Result<Value> {
        let new = arguments.get("document").cloned().unwrap_or_default();
        self.change(arguments, |_| new)
    }

    fn patch(&self, arguments: &Arguments) -> Result<Value> {
        let patch = arguments.get("patch").cloned().unwrap_or_default();
        self.change(arguments, |mut old| {
            merge(&mut old, &patch);
            old
        })
    }

    fn change(&self, arguments: &Arguments, change: impl FnOnce(Value) -> Value) -> Result<Value> {
        let (collection, id) = (text(arguments, "collection"), text(arguments, "id"));
        let changed = self.memory.with(|store| store.change_document(collection, id, now_ms(), change))?;
        changed.map(|document| document.to_value()).ok_or_else(|| missing(collection, id))
    }

    fn delete(&self, arguments: &Arguments) -> Result<Value> {
        let (collection, id) = (text(arguments, "collection"), text(arguments, "id"));
        if self.memory.with(|store| store.remove_document(collection, id))? {
            return Ok(json!({"id": id, "deleted": true}));
        }
        Err(missing(collection, id))
    }

    fn collections(&self) -> Result<Value> {
        let found = self.memory.with(|store| store.collections())?;
        let collections: Vec<Value> =
            found.into_iter().map(|(name, documents)| json!({"collection": name, "documents": documents})).collect();
        Ok(json!({"collections": collections}))
    }

    fn search(&self, arguments: &Arguments) -> Result<Value> {
        let limit = limit(arguments, 20);
        let found = self.memory.with(|store| store.search_documents(text(arguments, "collection"), text(arguments, "text"), limit))?;
        Ok(json!({"documents": found.iter().map(Document::to_value).collect::<Vec<_>>()}))
    }

    /// One page, or with `--all` every page.
    async fn list(&self, ctx: &Ctx, plan: &Plan) -> Outcome {
        let options = &plan.options;
        let arguments = &plan.arguments.object;
        let mut list = ListOutcome::default();
        let mut documents: Vec<Value> = Vec::new();
        let mut cursor = arguments.get("cursor").and_then(Value::as_str).map(str::to_owned);
        loop {
            let size = if options.all && !arguments.contains_key("limit") { MOST } else { limit(arguments, 100) };
            let room = options.max_items.map_or(u64::MAX, |most| most.saturating_sub(list.items));
            let page = self.page(arguments, size.min(usize::try_from(room).unwrap_or(usize::MAX)), cursor.as_deref());
            let (found, next) = match page {
                Ok(page) => page,
                Err(error) => return Outcome::failed(error),
            };
            list.pages += 1;
            list.items += found.len() as u64;
            match &ctx.items {
                Some(listener) => found.iter().for_each(|document| drop(listener.send(document.to_value()))),
                None => documents.extend(found.iter().map(Document::to_value)),
            }
            let left = handed_on(ctx).await;
            cursor = next;
            list.complete = cursor.is_none();
            list.stopped_by = match &cursor {
                None => None,
                Some(_) if options.max_items.is_some_and(|most| list.items >= most) => Some("max_items"),
                Some(_) if left => Some("listener"),
                Some(_) if !options.all => Some("one_page"),
                Some(_) if options.max_pages.is_some_and(|most| list.pages >= most) => Some("max_pages"),
                Some(_) => continue,
            };
            return Outcome { data: json!({"documents": documents, "next_cursor": cursor}), list: Some(list), ..Outcome::default() };
        }
    }

    fn page(&self, arguments: &Arguments, limit: usize, cursor: Option<&str>) -> Result<(Vec<Document>, Option<String>)> {
        let filter = arguments.get("filter");
        let sort: Vec<SortKey> =
            arguments.get("sort").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).map(sort_key).collect();
        let after = match cursor {
            None => None,
            Some(cursor) => Some(read_cursor(cursor, arguments.get("sort"))?),
        };
        let query = ListQuery { collection: text(arguments, "collection"), filter, sort, limit, after };
        let (found, last) = self.memory.with(|store| store.list_documents(&query))?;
        let next = last.map(|keys| URL_SAFE_NO_PAD.encode(json!({"s": arguments.get("sort"), "k": keys}).to_string()));
        Ok((found, next))
    }
}

/// `name` or `-name` for descending.
fn sort_key(word: &str) -> SortKey {
    let (path, descending) = word.strip_prefix('-').map_or((word, false), |path| (path, true));
    SortKey { path: path.to_owned(), descending }
}

fn read_cursor(cursor: &str, sort: Option<&Value>) -> Result<Vec<String>> {
    let wrong = || {
        Error::arguments(vec![Problem {
            pointer: String::from("/cursor"),
            message: String::from("is not a cursor of this list (same collection and sort)"),
        }])
    };
    let bytes = URL_SAFE_NO_PAD.decode(cursor).map_err(|_| wrong())?;
    let value: Value = serde_json::from_slice(&bytes).map_err(|_| wrong())?;
    if value.get("s") != Some(sort.unwrap_or(&Value::Null)) {
        return Err(wrong());
    }
    let keys = value.get("k").and_then(Value::as_array).ok_or_else(wrong)?;
    keys.iter().map(|key| key.as_str().map(str::to_owned).ok_or_else(wrong)).collect()
}

fn text<'a>(arguments: &'a Arguments, name: &str) -> &'a str {
    json::text(arguments, name).unwrap_or_default()
}

fn limit(arguments: &Arguments, usual: usize) -> usize {
    arguments.get("limit").and_then(Value::as_u64).and_then(|limit| usize::try_from(limit).ok()).unwrap_or(usual).min(MOST)
}

fn missing(collection: &str, id: &str) -> Error {
    Error::new(Code::NotFound, format!("Collection '{collection}' has no document '{id}'"))
}

/// JSON Merge Patch (RFC 7396).
fn merge(target: &mut Value, patch: &Value) {
    let Value::Object(changes) = patch else {
        *target = patch.clone();
        return;
    };
    if !target.is_object() {
        *target = Value::Object(Map::new());
    }
    let Value::Object(members) = target else { return };
    for (key, change) in changes {
        if change.is_null() {
            members.shift_remove(key);
        } else {
            merge(members.entry(key).or_insert(Value::Null), change);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn merge_patch_follows_rfc_7396() {
        // The table of appendix A.
        let table = [
            (json!({"a": "b"}), json!({"a": "c"}), json!({"a": "c"})),
            (json!({"a": "b"}), json!({"b": "c"}), json!({"a": "b", "b": "c"})),
            (json!({"a": "b"}), json!({"a": null}), json!({})),
            (json!({"a": ["b"]}), json!({"a": "c"}), json!({"a": "c"})),
            (json!({"a": {"b": "c"}}), json!({"a": {"b": "d", "c": null}}), json!({"a": {"b": "d"}})),
            (json!(["a", "b"]), json!(["c"]), json!(["c"])),
            (json!({"e": null}), json!({"a": 1}), json!({"e": null, "a": 1})),
            (json!([1, 2]), json!({"a": "b", "c": null}), json!({"a": "b"})),
            (json!({}), json!({"a": {"bb": {"ccc": null}}}), json!({"a": {"bb": {}}})),
            (json!({"a": "foo"}), json!("bar"), json!("bar")),
        ];
        for (mut target, patch, result) in table {
            merge(&mut target, &patch);
            assert_eq!(target, result);
        }
    }
}
