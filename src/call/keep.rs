//! Answers that are too large for whoever asked become handles: the whole data is kept, and what is handed over is a preview with
//! the way to read on. It never fails: where nothing can be kept the preview is all there is, and says so.

use std::io::Write;

use serde_json::{Map, Value};

use crate::base::clock::now_ms;
use crate::base::envelope::{Envelope, ErrorDetail};
use crate::base::error::Result;
use crate::call::preview;
use crate::call::runtime::Runtime;
use crate::store::results::{Kept, MOST_BYTES, Which};

/// How large an answer may be, and whose it is.
#[derive(Debug, Clone)]
pub struct Cap {
    /// Most bytes of the envelope as JSON text; less than [`LEAST`] counts as that.
    pub bytes: usize,
    /// Who may read what is kept.
    pub owner: String,
}

/// An envelope has keys that are always there; below this there would be no room for data.
pub const LEAST: usize = 4096;

/// The provider that reads kept results: its answers are not kept again.
pub const RESULTS: &str = "results.";

/// Longest name of a function, account or vendor's code that is repeated.
const LONGEST_NAME: usize = 200;

/// Most arrays and objects whose whole size is said.
const MOST_COUNTS: usize = 10;

const DAY_MS: i64 = 86_400_000;

/// Brings an envelope down to a size. Where `data` is too large it becomes a preview, and the whole is kept.
pub fn keep(runtime: &Runtime, cap: &Cap, envelope: &mut Envelope) {
    let most = cap.bytes.max(LEAST);
    if length(envelope, most).is_some() {
        return;
    }
    if bound(envelope, most / 8) {
        envelope.meta.truncated = true;
        if length(envelope, most).is_some() {
            return;
        }
    }
    let data = std::mem::take(&mut envelope.data);
    let text = data.to_string();
    envelope.meta.truncated = true;
    envelope.meta.bytes = Some(text.len() as u64);
    let shape = preview::shape(&data, if envelope.success { most / 8 } else { most / 16 });
    if !envelope.function.starts_with(RESULTS) {
        match store(runtime, cap, envelope, &data, (&text, &shape)) {
            Ok(id) => envelope.meta.result_id = Some(id),
            Err(error) => {
                envelope.meta.note = Some(preview::text(&format!("The whole answer could not be kept: {error}"), LONGEST_NAME));
            }
        }
    }
    envelope.meta.shape = Some(shape);
    let counts_room = most / 32;
    let rest = length(envelope, most).unwrap_or(most) + counts_room;
    let cut = preview::preview(&data, most.saturating_sub(rest));
    envelope.data = cut.value;
    envelope.meta.counts = counts(cut.counts, counts_room);
}

/// The first counts that have room.
fn counts(all: Vec<(String, u64)>, room: usize) -> Option<Value> {
    let mut left = room.saturating_sub("\"counts\":{},".len());
    let mut kept = Map::new();
    for (pointer, count) in all.into_iter().take(MOST_COUNTS) {
        let taken = Value::from(pointer.as_str()).to_string().len() + count.to_string().len() + ":,".len();
        let Some(rest) = left.checked_sub(taken) else { break };
        left = rest;
        kept.insert(pointer, count.into());
    }
    (!kept.is_empty()).then_some(Value::Object(kept))
}

fn store(runtime: &Runtime, cap: &Cap, envelope: &Envelope, data: &Value, written: (&str, &Value)) -> Result<String> {
    let (text, shape) = written;
    let now = now_ms();
    let kept = Kept {
        id: format!("res_{}", &uuid::Uuid::new_v4().simple().to_string()[..16]),
        call_id: envelope.meta.call_id.clone(),
        function: envelope.function.clone(),
        account: envelope.meta.account.clone(),
        owner: cap.owner.clone(),
        created_ms: now,
        bytes: text.len() as u64,
        items: data.as_array().map(Vec::len).or_else(|| data.as_object().map(Map::len)).map(|items| items as u64),
        shape: shape.clone(),
    };
    let days = i64::try_from(runtime.config.number("mcp.results_keep_days")).unwrap_or(0);
    runtime.memory.with(|store| {
        if days > 0 {
            let before = now.saturating_sub(days.saturating_mul(DAY_MS));
            store.remove_results(&Which { before_ms: Some(before), ..Which::default() })?;
        }
        store.put_result(&kept, text, MOST_BYTES)
    })?;
    Ok(kept.id)
}

/// Shortens what an envelope has beside its data; each part to `room` bytes. Whether anything was cut.
fn bound(envelope: &mut Envelope, room: usize) -> bool {
    let mut cut = shorten(&mut envelope.function, LONGEST_NAME) | shorten(&mut envelope.meta.account, LONGEST_NAME);
    if let Some(error) = &mut envelope.error {
        cut |= shorten(error, room);
    }
    if let Some(request) = &mut envelope.meta.request {
        cut |= shrink(request, room);
    }
    if let Some(detail) = &mut envelope.error_detail {
        cut |= bound_detail(detail, room);
    }
    cut
}

fn bound_detail(detail: &mut ErrorDetail, room: usize) -> bool {
    let mut cut = false;
    let each = room / 4;
    detail.hints.iter_mut().for_each(|hint| cut |= shorten(hint, each));
    for problem in &mut detail.problems {
        cut |= shorten(&mut problem.pointer, each) | shorten(&mut problem.message, each);
    }
    cut |= first(&mut detail.hints, room) | first(&mut detail.problems, room);
    if let Some(id) = &mut detail.request_id {
        cut |= shorten(id, LONGEST_NAME);
    }
    if let Some(provider) = &mut detail.provider {
        cut |= shrink(&mut provider.body, room);
        if let Some(code) = &mut provider.code {
            cut |= shorten(code, LONGEST_NAME);
        }
    }
    cut
}

fn shorten(text: &mut String, room: usize) -> bool {
    let short = preview::text(text, room);
    let cut = short != *text;
    *text = short;
    cut
}

fn shrink(value: &mut Value, room: usize) -> bool {
    let cut = preview::size(value, room).is_none();
    if cut {
        *value = preview::preview(value, room).value;
    }
    cut
}

/// Keeps the first entries that have room together.
fn first<T: serde::Serialize>(list: &mut Vec<T>, room: usize) -> bool {
    let whole = list.len();
    while length(list, room).is_none() {
        list.pop();
    }
    list.len() < whole
}

/// The length of something as JSON text, unless it is more than `most`.
fn length<T: serde::Serialize>(what: &T, most: usize) -> Option<usize> {
    let mut meter = Meter { left: most };
    serde_json::to_writer(&mut meter, what).ok().map(|()| most - meter.left)
}

/// Counts what is written, up to a bound.
struct Meter {
    left: usize,
}

impl Write for Meter {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.left = self.left.checked_sub(bytes.len()).ok_or(std::io::ErrorKind::FileTooLarge)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
