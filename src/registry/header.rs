//! Headers that nobody but the program says: they belong to the connection, to the framing of a message, or to what the program decodes.
//! Which other headers a service wants is no business of this room.

/// Headers that belong to one connection or one message, and not to what is asked.
const OURS: [&str; 12] = [
    "host",
    "connection",
    "content-length",
    "transfer-encoding",
    "te",
    "trailer",
    "upgrade",
    "keep-alive",
    "expect",
    "http2-settings",
    "accept-encoding",
    "alt-used",
];

/// Whether a header is set by the program itself, or by none: whoever else says it speaks to another host or breaks the message.
pub fn is_ours(name: &str) -> bool {
    let name = name.trim().to_ascii_lowercase();
    OURS.contains(&name.as_str()) || name.starts_with("proxy-")
}
