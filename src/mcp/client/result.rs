//! The answer of a tool as the data of a call.

use serde_json::{Value, json};

use crate::base::error::{Code, Error, ProviderAnswer};
use crate::mcp::client::failure::printable_text;

/// What `tools/call` answered: the data, or what the tool said when it failed.
pub fn of_tool(server: &str, result: Value) -> Result<Value, Error> {
    let failed = result.get("isError").and_then(Value::as_bool).unwrap_or(false);
    let blocks = result.get("content").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    if failed {
        let texts: Vec<&str> = blocks.iter().filter_map(text).collect();
        let said = if texts.is_empty() { String::from("no reason given") } else { texts.join(" ") };
        let body = data(&result);
        let provider = Some(ProviderAnswer { code: None, body });
        return Err(Error { provider, ..Error::new(Code::ProviderError, format!("{server}: {}", printable_text(&said))) });
    }
    Ok(data(&result))
}

/// `structuredContent`; else the text, where it is one text; else the content as received.
fn data(result: &Value) -> Value {
    if let Some(structured) = result.get("structuredContent") {
        return structured.clone();
    }
    let content = result.get("content").cloned().unwrap_or_else(|| json!([]));
    match content.as_array().map(Vec::as_slice) {
        Some([only]) => match text(only) {
            Some(text) => parsed(text).unwrap_or_else(|| Value::from(text)),
            None => json!({"content": content}),
        },
        _ => json!({"content": content}),
    }
}

fn text(block: &Value) -> Option<&str> {
    (block.get("type")? == "text").then(|| block.get("text")?.as_str()).flatten()
}

fn parsed(text: &str) -> Option<Value> {
    let trimmed = text.trim();
    let looks = (trimmed.starts_with('{') && trimmed.ends_with('}')) || (trimmed.starts_with('[') && trimmed.ends_with(']'));
    looks.then(|| serde_json::from_str(trimmed).ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_become_data() {
        let text = |text: &str| json!({"content": [{"type": "text", "text": text}]});
        let table = [
            (text("hello"), json!("hello")),
            (text("{\"a\": 1}"), json!({"a": 1})),
            (text("[1, 2]"), json!([1, 2])),
            (text("{broken}"), json!("{broken}")),
            (text("7"), json!("7")),
            (json!({"content": [], "structuredContent": {"x": 1}}), json!({"x": 1})),
            (json!({"content": [{"type": "image", "data": "aa"}]}), json!({"content": [{"type": "image", "data": "aa"}]})),
            (json!({}), json!({"content": []})),
        ];
        for (result, expected) in table {
            assert_eq!(of_tool("x", result.clone()).unwrap(), expected, "{result}");
        }
        let failed = of_tool("x", json!({"isError": true, "content": [{"type": "text", "text": "no such\nfile"}]})).unwrap_err();
        assert_eq!((failed.code, failed.message.as_str()), (Code::ProviderError, "x: no such file"));
    }
}
