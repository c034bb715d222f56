//! Envelopes as results of tools: the whole envelope is the structured content, the text is what a model needs of it.

use rmcp::model::{CallToolResult, ContentBlock};
use serde_json::{Value, json};

use crate::base::envelope::Envelope;
use crate::base::error::Error;
use crate::registry::function::UPSTREAMS;

/// Most bytes of pictures and sounds that are handed on.
const MOST_MEDIA: usize = 8 << 20;

/// Takes pictures and sounds of an upstream tool out of its answer: they are handed on as what they are, and are no text to be cut.
pub fn media(envelope: &mut Envelope) -> Vec<ContentBlock> {
    let (mut taken, mut bytes) = (Vec::new(), 0);
    let blocks = if envelope.function.starts_with(UPSTREAMS) { envelope.data.get_mut("content") } else { None };
    for block in blocks.and_then(Value::as_array_mut).into_iter().flatten() {
        let size = block.get("data").and_then(Value::as_str).map_or(0, str::len);
        let is_media = block.get("type").is_some_and(|kind| kind == "image" || kind == "audio");
        if !is_media || bytes + size > MOST_MEDIA {
            continue;
        }
        if let Ok(whole) = serde_json::from_value::<ContentBlock>(block.clone()) {
            bytes += size;
            *block = json!({"type": block["type"], "mimeType": block["mimeType"], "base64_bytes": size});
            taken.push(whole);
        }
    }
    taken
}

/// The result of a call, with what [`media`] took out of it.
pub fn of(envelope: &Envelope, media: Vec<ContentBlock>) -> CallToolResult {
    let mut result = if envelope.success {
        CallToolResult::success(vec![ContentBlock::text(said(&envelope.data))])
    } else {
        let mut content = vec![ContentBlock::text(failure(envelope))];
        if !envelope.data.is_null() {
            content.push(ContentBlock::text(said(&envelope.data)));
        }
        CallToolResult::error(content)
    };
    result.content.extend(media);
    if let Some(note) = note(envelope) {
        result.content.push(ContentBlock::text(note));
    }
    result.structured_content = serde_json::to_value(envelope).ok();
    result
}

/// The result of what failed before a call could be made.
pub fn failed(error: &Error) -> CallToolResult {
    let text = [vec![format!("{}: {}", error.code.as_str(), error.message)], error.hints.clone()].concat().join("\n");
    CallToolResult::error(vec![ContentBlock::text(text)])
}

/// The result of a look at the catalog: text alone.
pub fn text(text: String) -> CallToolResult {
    CallToolResult::success(vec![ContentBlock::text(text)])
}

/// Data as text: a text as it is, everything else as JSON.
pub fn said(data: &Value) -> String {
    data.as_str().map_or_else(|| data.to_string(), str::to_owned)
}

fn failure(envelope: &Envelope) -> String {
    let mut lines = Vec::new();
    let code = envelope.error_detail.as_ref().map_or("internal", |detail| detail.code);
    lines.push(format!("{code}: {}", envelope.error.as_deref().unwrap_or_default()));
    if let Some(detail) = &envelope.error_detail {
        lines.extend(detail.problems.iter().map(|problem| format!("{} {}", problem.pointer, problem.message)));
        lines.extend(detail.hints.iter().cloned());
    }
    if let Some(id) = &envelope.meta.approval_id {
        lines.push(format!(
            "Nothing was sent. Ask the person to run `angelia approvals:approve {id}` in a terminal, then make exactly the same call again."
        ));
    }
    lines.join("\n")
}

/// What is not in the data but must be known: that more follows, that it was cut, that nothing was sent.
fn note(envelope: &Envelope) -> Option<String> {
    let meta = &envelope.meta;
    let mut notes = meta.warnings.clone();
    if let (true, Some(request)) = (meta.dry_run, &meta.request) {
        notes.push(format!("Dry run: nothing was sent. The request would be {request}"));
    }
    if let (true, Some(id)) = (meta.truncated, &meta.result_id) {
        let bytes = meta.bytes.unwrap_or_default();
        notes.push(format!("This is a preview of {bytes} bytes. Read on: read_result with id {id} and select, search or pointer."));
    }
    if let (true, None) = (meta.truncated, &meta.result_id) {
        notes.push(format!("This was cut. {}", meta.note.as_deref().unwrap_or("Ask for less with select or max_items.")));
    }
    if let (Some(false), Some(why)) = (meta.complete, meta.stopped_by) {
        notes.push(format!("The list goes on (stopped by {why}): all=true reads every page."));
    }
    (!notes.is_empty()).then(|| notes.join("\n"))
}

/// The schema of an envelope whose data has a known shape. The shape is what was seen so far, so it does not exclude another.
pub fn schema(data: Option<&Value>) -> Value {
    json!({
        "type": "object",
        "properties": {
            "success": {"type": "boolean"},
            "data": data.map_or_else(|| json!({}), |shape| json!({"anyOf": [shape, {}]})),
            "error": {"type": ["string", "null"]},
            "error_detail": {"type": ["object", "null"]},
            "meta": {"type": "object"},
        },
        "required": ["success", "data", "error", "meta"],
    })
}
