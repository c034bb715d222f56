//! Messages as lines of a child process. A line that is no message is counted, remembered and survived; a line that is too long is
//! skipped without being kept; what the child says on stderr is kept for the day it fails.

use std::collections::VecDeque;
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};

use rmcp::model::{ClientJsonRpcMessage, ErrorCode, ErrorData, RequestId, ServerJsonRpcMessage};
use rmcp::service::RoleClient;
use rmcp::transport::Transport;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::process::{ChildStderr, ChildStdin, ChildStdout};

use crate::base::name::printable;

/// Longest line.
pub const LONGEST: usize = 16 << 20;
/// How much of stderr is kept.
const STDERR: usize = 64 << 10;
/// How many lines that are no messages are kept.
const STRAY: usize = 5;

/// What a child said that is no message.
#[derive(Default)]
pub struct Said {
    stray: Mutex<(u64, VecDeque<String>)>,
    stderr: Mutex<VecDeque<u8>>,
}

impl Said {
    fn stray(&self, line: &[u8]) {
        let mut stray = self.stray.lock().unwrap_or_else(PoisonError::into_inner);
        stray.0 += 1;
        if stray.1.len() == STRAY {
            stray.1.pop_front();
        }
        let cut = &line[..line.len().min(400)];
        stray.1.push_back(printable(String::from_utf8_lossy(cut).trim()));
    }

    fn stderr(&self, bytes: &[u8]) {
        let mut kept = self.stderr.lock().unwrap_or_else(PoisonError::into_inner);
        kept.extend(bytes);
        let over = kept.len().saturating_sub(STDERR);
        kept.drain(..over);
    }

    /// How many lines were no messages, and the last of them.
    pub fn strays(&self) -> (u64, Vec<String>) {
        let stray = self.stray.lock().unwrap_or_else(PoisonError::into_inner);
        (stray.0, stray.1.iter().cloned().collect())
    }

    /// The last lines of stderr, without control characters.
    pub fn last_words(&self, lines: usize) -> Vec<String> {
        let mut kept = self.stderr.lock().unwrap_or_else(PoisonError::into_inner);
        let text = String::from_utf8_lossy(kept.make_contiguous());
        let said: Vec<String> = text.lines().map(str::trim_end).filter(|line| !line.is_empty()).map(printable).collect();
        said[said.len().saturating_sub(lines)..].to_vec()
    }

    /// All that is kept of stderr.
    pub fn whole(&self) -> String {
        let mut kept = self.stderr.lock().unwrap_or_else(PoisonError::into_inner);
        String::from_utf8_lossy(kept.make_contiguous()).into_owned()
    }
}

/// Keeps what comes from stderr until it ends.
pub async fn listen(mut stderr: ChildStderr, said: Arc<Said>) {
    let mut bytes = vec![0; 8 << 10];
    while let Ok(length) = stderr.read(&mut bytes).await {
        if length == 0 {
            break;
        }
        said.stderr(&bytes[..length]);
    }
}

/// The pipes of a child.
pub struct Pipes {
    read: BufReader<ChildStdout>,
    /// Stays between reads, for a read may be given up half-way.
    line: Vec<u8>,
    skipping: bool,
    /// The request whose answer is too long.
    too_long: Option<i64>,
    write: Arc<tokio::sync::Mutex<Option<ChildStdin>>>,
    said: Arc<Said>,
}

impl Pipes {
    /// Over the pipes of a child that was started.
    pub fn new(stdin: ChildStdin, stdout: ChildStdout, said: Arc<Said>) -> Self {
        Self {
            read: BufReader::with_capacity(64 << 10, stdout),
            line: Vec::new(),
            skipping: false,
            too_long: None,
            write: Arc::new(tokio::sync::Mutex::new(Some(stdin))),
            said,
        }
    }

    /// Takes what has come up to a line's end; true when a whole line is in `line`, `None` at the end.
    async fn advance(&mut self) -> Option<bool> {
        let (taken, whole) = {
            let available = self.read.fill_buf().await.ok().filter(|bytes| !bytes.is_empty())?;
            let end = available.iter().position(|byte| *byte == b'\n');
            let taken = end.map_or(available.len(), |at| at + 1);
            if !self.skipping {
                self.line.extend_from_slice(&available[..taken]);
            }
            (taken, end.is_some())
        };
        self.read.consume(taken);
        if self.line.len() > LONGEST {
            self.said.stray(&self.line);
            self.too_long = answered(&self.line);
            self.line = Vec::new();
            self.skipping = true;
        }
        let skipped = self.skipping;
        self.skipping = skipped && !whole;
        Some(whole && !skipped)
    }

    fn parse(&mut self) -> Option<ServerJsonRpcMessage> {
        let line = std::mem::take(&mut self.line);
        let text = line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&line).trim_ascii();
        if text.is_empty() {
            return None;
        }
        match serde_json::from_slice(text) {
            Ok(message) => Some(message),
            Err(error) => {
                self.said.stray(text);
                unreadable(text, &error)
            }
        }
    }
}

/// Fails the request whose answer cannot be read, instead of letting it wait for another one.
fn unreadable(text: &[u8], error: &serde_json::Error) -> Option<ServerJsonRpcMessage> {
    let id = answered(text)?;
    let why = ErrorData::new(ErrorCode::PARSE_ERROR, format!("an answer that cannot be read: {error}"), None);
    Some(ServerJsonRpcMessage::error(why, Some(RequestId::Number(id))))
}

/// The number of the request that a text which looks like an answer answers.
fn answered(text: &[u8]) -> Option<i64> {
    let (mut depth, mut quoted, mut key) = (0_u32, None, &text[..0]);
    let mut escaped = false;
    for (at, byte) in text.iter().enumerate() {
        let plain = !escaped;
        escaped = plain && quoted.is_some() && *byte == b'\\';
        match (quoted, byte) {
            (Some(start), b'"') if plain => {
                key = &text[start..at];
                quoted = None;
            }
            (Some(_), _) => {}
            (None, b'"') => quoted = Some(at + 1),
            (None, b'{' | b'[') => depth += 1,
            (None, b'}' | b']') => depth = depth.saturating_sub(1),
            (None, b':') if depth == 1 && key == b"id" => {
                let digits: String = text[at + 1..]
                    .iter()
                    .map(|byte| char::from(*byte))
                    .skip_while(|c| *c == ' ')
                    .take_while(char::is_ascii_digit)
                    .collect();
                return digits.parse().ok();
            }
            _ => {}
        }
    }
    None
}

impl Transport<RoleClient> for Pipes {
    type Error = std::io::Error;

    fn send(&mut self, item: ClientJsonRpcMessage) -> impl Future<Output = Result<(), Self::Error>> + Send + 'static {
        let write = self.write.clone();
        async move {
            let mut bytes = serde_json::to_vec(&item)?;
            bytes.push(b'\n');
            let mut write = write.lock().await;
            let Some(stdin) = write.as_mut() else { return Err(std::io::ErrorKind::NotConnected.into()) };
            stdin.write_all(&bytes).await?;
            stdin.flush().await
        }
    }

    async fn receive(&mut self) -> Option<ServerJsonRpcMessage> {
        loop {
            let whole = self.advance().await?;
            if let Some(id) = self.too_long.take() {
                let said = format!("an answer larger than {} MiB, which is not read", LONGEST >> 20);
                let why = ErrorData::new(ErrorCode::INVALID_REQUEST, said, None);
                return Some(ServerJsonRpcMessage::error(why, Some(RequestId::Number(id))));
            }
            if whole && let Some(message) = self.parse() {
                return Some(message);
            }
        }
    }

    async fn close(&mut self) -> Result<(), Self::Error> {
        self.write.lock().await.take();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rmcp::model::ServerNotification;

    #[test]
    fn answers_that_cannot_be_read_are_told_from_noise() {
        let deep = format!(r#"{{"jsonrpc":"2.0","result":{{"id":9,"a\"":{}"#, "[".repeat(200));
        let table = [
            (format!("{deep}{}}},\"id\": 17}}", "]".repeat(200)), Some(17)),
            (String::from(r#"{"id":3,"result":"#), Some(3)),
            (String::from(r#"{"method":"x","params":{"id":3}"#), None),
            (String::from("Listening on 3000: \"id\": 4"), None),
        ];
        for (text, expected) in table {
            assert_eq!(answered(text.as_bytes()), expected, "{text}");
        }
    }

    #[test]
    fn numbers_of_messages_are_read() {
        let text =
            r#"{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":3,"progress":0.5,"total":10,"message":"x"}}"#;
        let ServerJsonRpcMessage::Notification(message) = serde_json::from_str(text).unwrap() else { panic!("a notification") };
        assert!(matches!(message.notification, ServerNotification::ProgressNotification(_)), "{message:?}");
    }
}
