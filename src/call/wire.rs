//! Between what the manifest builds and what the network sends and receives.

use crate::call::body::{self, BuiltBody, Content};
use crate::call::cases::Recorded;
use crate::net::{Answer, Body, Part, PartContent};

/// An answer, live or recorded.
pub enum Reply {
    Live(Box<Answer>),
    Recorded(Recorded),
}

impl Reply {
    /// HTTP status.
    pub fn status(&self) -> u16 {
        match self {
            Self::Live(answer) => answer.status,
            Self::Recorded(answer) => answer.status,
        }
    }

    /// A header as text.
    pub fn header(&self, name: &str) -> Option<String> {
        match self {
            Self::Live(answer) => answer.header(name).map(str::to_owned),
            Self::Recorded(answer) => {
                answer.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.clone())
            }
        }
    }
}

/// A body as the network sends it.
pub fn wire_body(body: &BuiltBody) -> Body {
    match body {
        BuiltBody::Empty => Body::Empty,
        BuiltBody::Json(value) => Body::Bytes(value.to_string().into()),
        BuiltBody::Form(pairs) => Body::Bytes(body::form_text(pairs).into()),
        BuiltBody::Raw(Content::Text(text)) => Body::Bytes(text.clone().into()),
        BuiltBody::Raw(Content::Json(value)) => Body::Bytes(value.to_string().into()),
        BuiltBody::Raw(Content::Bytes(bytes)) => Body::Bytes(bytes.clone().into()),
        BuiltBody::Raw(Content::File(path)) => Body::File(path.clone()),
        BuiltBody::Multipart(parts) => Body::Multipart(
            parts
                .iter()
                .map(|(name, content)| Part {
                    name: name.clone(),
                    content: match content {
                        Content::Text(text) => PartContent::Text(text.clone()),
                        Content::Json(value) => PartContent::Json(value.to_string()),
                        Content::Bytes(bytes) => PartContent::Bytes(bytes.clone().into()),
                        Content::File(path) => PartContent::File(path.clone()),
                    },
                })
                .collect(),
        ),
    }
}
