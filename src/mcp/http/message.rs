//! The first look at a message: enough to bound it, to know its id for refusals and to know what it wants; rmcp reads it whole.

use rmcp::model::RequestId;
use serde::de::IgnoredAny;
use serde::{Deserialize, Deserializer};
use serde_json::Value;
use serde_json::error::Category;

use crate::mcp::http::answer::{INVALID_REQUEST, PARSE_ERROR, Refusal};

/// An id longer than this is refused: it is kept and repeated.
const LONGEST_ID: usize = 256;
/// A longer name is no method.
const LONGEST_METHOD: usize = 256;

/// What a message is.
#[derive(Debug, PartialEq, Eq)]
pub enum Kind {
    /// Opens a session.
    Initialize(RequestId),
    /// Wants an answer.
    Request(RequestId),
    /// Wants none: a notification, or an answer of the client's.
    Word,
}

#[derive(Deserialize)]
struct Head {
    jsonrpc: Option<Value>,
    #[serde(default, deserialize_with = "present")]
    id: Option<Value>,
    #[serde(default, deserialize_with = "present")]
    method: Option<Value>,
    #[serde(default)]
    result: Option<IgnoredAny>,
    #[serde(default)]
    error: Option<IgnoredAny>,
}

/// A member that is there, be it null.
fn present<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(from).map(Some)
}

/// Looks at a message.
pub fn look(body: &[u8]) -> Result<Kind, Refusal> {
    if body.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'[') {
        return Err(Refusal::invalid(INVALID_REQUEST, "batches are not served: send one message at a time"));
    }
    let head: Head = serde_json::from_slice(body).map_err(|error| match error.classify() {
        Category::Data => Refusal::invalid(INVALID_REQUEST, "the body is no JSON-RPC message"),
        _ => Refusal::invalid(PARSE_ERROR, "the body is not valid JSON"),
    })?;
    let id = match &head.id {
        None => None,
        Some(value) => Some(request_id(value)?),
    };
    let echo = || head.id.clone().unwrap_or_default();
    let invalid = |line: &'static str| Err(Refusal::invalid(INVALID_REQUEST, line).of(echo()));
    if head.jsonrpc.as_ref().and_then(Value::as_str) != Some("2.0") {
        return invalid("'jsonrpc' must be \"2.0\"");
    }
    let method = match &head.method {
        None => None,
        Some(Value::String(method)) if method.len() <= LONGEST_METHOD => Some(method.as_str()),
        Some(_) => return invalid("'method' must be a short string"),
    };
    match (method, id) {
        (Some("initialize"), Some(id)) => Ok(Kind::Initialize(id)),
        (Some(_), Some(id)) => Ok(Kind::Request(id)),
        (Some(_), None) => Ok(Kind::Word),
        (None, Some(_)) if head.result.is_some() || head.error.is_some() => Ok(Kind::Word),
        (None, _) => invalid("the message has neither a method nor an answer"),
    }
}

fn request_id(value: &Value) -> Result<RequestId, Refusal> {
    match value {
        Value::String(text) if text.len() <= LONGEST_ID => Ok(RequestId::String(text.as_str().into())),
        Value::Number(number) if number.as_i64().is_some() => Ok(RequestId::Number(number.as_i64().unwrap_or_default())),
        _ => Err(Refusal::invalid(INVALID_REQUEST, "'id' must be a string of up to 256 bytes or a whole number of 64 bits")),
    }
}

impl Kind {
    /// The id to name in a refusal.
    pub fn id(&self) -> Value {
        match self {
            Self::Initialize(id) | Self::Request(id) => id.clone().into_json_value(),
            Self::Word => Value::Null,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_told_apart_and_bounded() {
        let number = |id| Kind::Request(RequestId::Number(id));
        assert_eq!(look(br#"{"jsonrpc":"2.0","id":7,"method":"ping"}"#).unwrap(), number(7));
        assert_eq!(look(br#"{"params":{},"method":"x","id":-1,"jsonrpc":"2.0"}"#).unwrap(), number(-1));
        assert_eq!(look(br#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#).unwrap(), Kind::Word);
        assert_eq!(look(br#"{"jsonrpc":"2.0","id":"a","result":{}}"#).unwrap(), Kind::Word);
        assert!(matches!(look(br#"{"jsonrpc":"2.0","id":"a","method":"initialize"}"#), Ok(Kind::Initialize(_))));
        let long = format!(r#"{{"jsonrpc":"2.0","id":"{}","method":"ping"}}"#, "x".repeat(257));
        let refused = [
            (r#"{"jsonrpc":"2.0","id":null,"method":"ping"}"#, INVALID_REQUEST),
            (r#"{"jsonrpc":"2.0","id":1.5,"method":"ping"}"#, INVALID_REQUEST),
            (r#"{"jsonrpc":"2.0","id":99999999999999999999,"method":"ping"}"#, INVALID_REQUEST),
            (r#"{"jsonrpc":"2.0","id":{},"method":"ping"}"#, INVALID_REQUEST),
            (&long, INVALID_REQUEST),
            (r#"{"jsonrpc":"1.0","id":1,"method":"ping"}"#, INVALID_REQUEST),
            (r#"{"jsonrpc":"2.0","id":1,"method":7}"#, INVALID_REQUEST),
            (r#"{"jsonrpc":"2.0","id":1}"#, INVALID_REQUEST),
            (r#"{"jsonrpc":"2.0","id":1,"id":2,"method":"ping"}"#, INVALID_REQUEST),
            (r#" [{"jsonrpc":"2.0","id":1,"method":"ping"}]"#, INVALID_REQUEST),
            ("7", INVALID_REQUEST),
            ("", PARSE_ERROR),
            ("{", PARSE_ERROR),
            (&"{\"a\":".repeat(500), PARSE_ERROR),
        ];
        for (text, code) in refused {
            assert_eq!(look(text.as_bytes()).map_err(|refusal| refusal.code), Err(code), "{text}");
        }
    }
}
