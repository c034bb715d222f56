//! The items of a list as they come: kept for one answer, or handed on at once.

use serde_json::Value;

use crate::base::secret::Scrubber;
use crate::call::request::Ctx;

/// What was read of a list.
#[derive(Default)]
pub struct Gathered {
    pub items: Vec<Value>,
    /// The last page, without its items.
    pub last: Value,
    /// About how much memory the items take.
    pub bytes: u64,
}

impl Gathered {
    /// Takes the items of a page. What is handed on is scrubbed first.
    pub fn add(&mut self, items: Vec<Value>, page: Value, ctx: &Ctx, scrubber: &Scrubber) {
        self.last = page;
        match &ctx.items {
            Some(listener) => items.into_iter().for_each(|mut item| {
                scrubber.scrub_value(&mut item);
                drop(listener.send(item));
            }),
            None => {
                self.bytes += items.iter().map(size).sum::<u64>();
                self.items.extend(items);
            }
        }
    }
}

/// Lets whoever takes the items take them before the next page is asked for; says whether nobody wants more.
pub async fn handed_on(ctx: &Ctx) -> bool {
    let Some(listener) = &ctx.items else { return false };
    tokio::task::yield_now().await;
    listener.is_closed()
}

/// About how much memory a value takes as text.
fn size(value: &Value) -> u64 {
    match value {
        Value::String(text) => text.len() as u64 + 2,
        Value::Array(items) => items.iter().map(size).sum::<u64>() + 2,
        Value::Object(members) => members.iter().map(|(key, member)| key.len() as u64 + 4 + size(member)).sum::<u64>() + 2,
        Value::Null | Value::Bool(_) | Value::Number(_) => 8,
    }
}
