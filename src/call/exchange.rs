//! Recorded exchanges: `--record DIR` writes one JSON file per request, `--replay DIR` answers from them and sends nothing.
//! Secrets are scrubbed before anything is written.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::base::error::{Code, Error, Result};
use crate::base::json::canonical;
use crate::base::secret::Scrubber;

/// An answer that was recorded.
#[derive(Debug, Clone)]
pub struct Recorded {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

/// Writes exchanges into a folder.
pub struct Recorder {
    folder: PathBuf,
}

impl Recorder {
    /// Makes the folder if need be.
    pub fn open(folder: &Path) -> Result<Self> {
        std::fs::create_dir_all(folder).map_err(|error| Error::usage(format!("{} cannot be made: {error}", folder.display())))?;
        Ok(Self { folder: folder.to_owned() })
    }

    /// Writes one exchange; never over an older one.
    pub fn write(&self, request: &Value, answer: &Recorded, scrubber: &Scrubber) -> Result<()> {
        let mut body = match std::str::from_utf8(&answer.body) {
            Ok(text) => json!({"text": text}),
            Err(_) if scrubber.contains(&answer.body) => json!({"text": String::from_utf8_lossy(&answer.body)}),
            Err(_) => json!({"base64": STANDARD.encode(&answer.body)}),
        };
        let mut headers: serde_json::Map<String, Value> =
            answer.headers.iter().map(|(name, value)| (name.clone(), Value::from(value.as_str()))).collect();
        for secret in ["set-cookie", "authorization", "www-authenticate"] {
            headers.shift_remove(secret);
        }
        let mut exchange = json!({"request": request, "response": {"status": answer.status, "headers": headers}});
        if let Some(response) = exchange["response"].as_object_mut() {
            response.append(body.as_object_mut().unwrap_or(&mut serde_json::Map::new()));
        }
        scrubber.scrub_value(&mut exchange);
        let text = format!("{exchange:#}\n");
        for number in 1..100_000 {
            let path = self.folder.join(format!("{number:05}.json"));
            match std::fs::OpenOptions::new().write(true).create_new(true).open(&path) {
                Ok(mut file) => {
                    use std::io::Write as _;
                    return file
                        .write_all(text.as_bytes())
                        .map_err(|error| Error::usage(format!("{} cannot be written: {error}", path.display())));
                }
                Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(Error::usage(format!("{} cannot be written: {error}", path.display()))),
            }
        }
        Err(Error::usage(format!("{} holds too many exchanges", self.folder.display())))
    }
}

/// Answers from a folder of exchanges, each used once, in their order.
#[derive(Debug)]
pub struct Replayer {
    left: Mutex<Vec<(String, Recorded)>>,
}

impl Replayer {
    /// Answers nothing.
    pub fn empty() -> Self {
        Self { left: Mutex::default() }
    }

    /// Reads all exchanges of a folder.
    pub fn open(folder: &Path) -> Result<Self> {
        let broken = |path: &Path, why: String| Error::usage(format!("{}: {why}", path.display()));
        let entries = std::fs::read_dir(folder).map_err(|error| broken(folder, error.to_string()))?;
        let mut files: Vec<PathBuf> = entries
            .flatten()
            .map(|entry| entry.path())
            .filter(|path| path.extension().is_some_and(|end| end == "json") && path.is_file())
            .collect();
        files.sort();
        let mut left = Vec::new();
        for path in files {
            let text = std::fs::read_to_string(&path).map_err(|error| broken(&path, error.to_string()))?;
            let exchange: Value = serde_json::from_str(&text).map_err(|error| broken(&path, error.to_string()))?;
            left.push(read(&exchange).ok_or_else(|| broken(&path, String::from("is no recorded exchange")))?);
        }
        Ok(Self { left: Mutex::new(left) })
    }

    /// The answer to a request; each recorded exchange answers once.
    pub fn answer(&self, request: &Value) -> Result<Recorded> {
        let wanted = key(request);
        let mut left = self.left.lock().unwrap_or_else(PoisonError::into_inner);
        match left.iter().position(|(key, _)| *key == wanted) {
            Some(at) => Ok(left.remove(at).1),
            None => {
                let what = format!("{} {}", request["method"].as_str().unwrap_or_default(), request["url"].as_str().unwrap_or_default());
                Err(Error::new(Code::Unreachable, format!("No recorded exchange answers {what}; nothing was sent")))
            }
        }
    }
}

fn key(request: &Value) -> String {
    format!(
        "{} {} {}",
        request["method"].as_str().unwrap_or_default(),
        request["url"].as_str().unwrap_or_default(),
        canonical(&request["body"])
    )
}

fn read(exchange: &Value) -> Option<(String, Recorded)> {
    let response = exchange.get("response")?;
    let body = match (response.get("text"), response.get("base64")) {
        (Some(text), _) => text.as_str()?.as_bytes().to_vec(),
        (_, Some(bytes)) => STANDARD.decode(bytes.as_str()?).ok()?,
        _ => Vec::new(),
    };
    let headers = response.get("headers").and_then(Value::as_object);
    let headers = headers.into_iter().flatten().filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned()))).collect();
    let status = u16::try_from(response.get("status")?.as_u64()?).ok()?;
    Some((key(exchange.get("request")?), Recorded { status, headers, body }))
}
