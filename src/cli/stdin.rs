//! Standard input without hanging: it is read only when it is no terminal, and a pipe that stays open and silent is not waited for
//! longer than the arguments need it.

use std::io::{IsTerminal as _, Read as _};
use std::sync::mpsc;
use std::time::Duration;

use serde_json::Value;

use crate::base::error::{Code, Error, Result};

/// Largest payload.
const LARGEST: usize = 64 << 20;

/// How long to wait for the first byte.
#[derive(Debug, Clone, Copy)]
pub enum Wait {
    /// As long as it takes.
    Forever,
    /// At most so long.
    AtMost(Duration),
}

/// All of stdin; `None` when it is a terminal, stays silent or is empty.
pub fn read(wait: Wait) -> Result<Option<Vec<u8>>> {
    if std::io::stdin().is_terminal() {
        return Ok(None);
    }
    let (send, receive) = mpsc::channel::<Option<std::io::Result<Vec<u8>>>>();
    std::thread::spawn(move || {
        let mut bytes = vec![0; 64 << 10];
        let mut stdin = std::io::stdin().lock();
        let first = loop {
            match stdin.read(&mut bytes) {
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                other => break other,
            }
        };
        let result = match first {
            Ok(0) => Ok(Vec::new()),
            Err(error) => Err(error),
            Ok(length) => {
                drop(send.send(None));
                bytes.truncate(length);
                stdin.take((LARGEST + 1 - length.min(LARGEST)) as u64).read_to_end(&mut bytes).map(|_| bytes)
            }
        };
        drop(send.send(Some(result)));
    });
    let first = match wait {
        Wait::Forever => receive.recv().ok(),
        Wait::AtMost(time) => receive.recv_timeout(time).ok(),
    };
    let result = match first {
        None => return Ok(None),
        Some(Some(result)) => result,
        Some(None) => receive.recv().ok().flatten().unwrap_or_else(|| Ok(Vec::new())),
    };
    let bytes = result.map_err(|error| Error::new(Code::InvalidPayload, format!("stdin cannot be read: {error}")))?;
    if bytes.len() > LARGEST {
        return Err(Error::new(Code::InvalidPayload, format!("The payload is larger than {} MiB", LARGEST >> 20))
            .hint("Large texts and files: --parameter=@path"));
    }
    Ok(Some(bytes).filter(|bytes| !bytes.trim_ascii().is_empty()))
}

/// Reads a payload as JSON; a broken one is named with its position.
pub fn parse(bytes: &[u8]) -> Result<Value> {
    let text = std::str::from_utf8(bytes)
        .map_err(|error| Error::new(Code::InvalidPayload, format!("The payload is not UTF-8 (at byte {})", error.valid_up_to())))?;
    serde_json::from_str(text).map_err(|error| Error::new(Code::InvalidPayload, format!("The payload is not valid JSON: {error}")))
}
