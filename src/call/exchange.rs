//! Recorded exchanges: `--record DIR` writes one file for each call, `--replay PATH` answers from such files and sends nothing.
//! Secrets are scrubbed before anything is written. The form is that of exchange tests, see `cases`.

use std::collections::VecDeque;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use serde_json::{Map, Value, json};
use url::Url;

use crate::base::error::{Code, Error, Result};
use crate::base::secret::Scrubber;
use crate::call::cases::{self, Recorded, Sent, Step};
use crate::registry::user;

/// Collects the exchanges of one call and writes them into a folder.
pub struct Recorder {
    folder: PathBuf,
    steps: Vec<Value>,
}

impl Recorder {
    /// Makes the folder if need be.
    pub fn open(folder: &Path) -> Result<Self> {
        std::fs::create_dir_all(folder).map_err(|error| Error::usage(format!("{} cannot be made: {error}", folder.display())))?;
        Ok(Self { folder: folder.to_owned(), steps: Vec::new() })
    }

    /// Takes one exchange.
    pub fn note(&mut self, request: Value, answer: &Recorded, url: &Url) {
        self.steps.push(json!({"request": request, "response": cases::response(answer, url)}));
    }

    /// Writes what was taken, as a case of a function of a provider; never over an older file. Nothing where nothing was sent.
    pub fn write(self, (provider, function): (&str, &str), mut case: Map<String, Value>, scrubber: &Scrubber) -> Result<()> {
        if self.steps.is_empty() {
            return Ok(());
        }
        case.insert(String::from("steps"), self.steps.into());
        let mut document = json!({"provider": provider, "exchanges": {function: [case]}});
        scrubber.scrub_value(&mut document);
        let text = format!("{document:#}\n");
        for number in 1..100_000 {
            let path = self.folder.join(format!("{number:05}.json"));
            let failed = |error: std::io::Error| Error::usage(format!("{} cannot be written: {error}", path.display()));
            match std::fs::OpenOptions::new().write(true).create_new(true).open(&path) {
                Ok(mut file) => return file.write_all(text.as_bytes()).map_err(failed),
                Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(failed(error)),
            }
        }
        Err(Error::usage(format!("{} holds too many exchanges", self.folder.display())))
    }
}

/// Answers from exchanges instead of a service.
#[derive(Debug)]
pub struct Replayer {
    answers: Answers,
}

#[derive(Debug)]
enum Answers {
    /// To the request that fits, each once.
    Fitting(Mutex<Vec<(String, Value)>>),
    /// To whatever is asked, in their order, while what would be sent is kept.
    InOrder { left: Mutex<VecDeque<Value>>, sent: Mutex<Vec<Sent>> },
}

impl Replayer {
    /// Answers nothing.
    pub fn empty() -> Self {
        Self { answers: Answers::Fitting(Mutex::default()) }
    }

    /// Reads the exchanges of a folder or a file.
    pub fn open(path: &Path) -> Result<Self> {
        let broken = |path: &Path, why: &dyn std::fmt::Display| Error::usage(format!("{}: {why}", path.display()));
        let files = files(path).map_err(|error| broken(path, &error))?;
        let mut left = Vec::new();
        for file in files {
            let document = user::document(&file).map_err(|why| broken(&file, &why))?;
            let beside = || file.parent()?.file_name()?.to_str().map(str::to_owned);
            let provider = document.get("provider").and_then(Value::as_str).map(str::to_owned).or_else(beside).unwrap_or_default();
            let functions =
                document.get("exchanges").and_then(Value::as_object).ok_or_else(|| broken(&file, &"is no recorded exchange"))?;
            let steps = functions.values().filter_map(Value::as_array).flatten().flat_map(cases::steps);
            left.extend(steps.map(|step| (cases::key(&provider, &step.request), step.response)));
        }
        Ok(Self { answers: Answers::Fitting(Mutex::new(left)) })
    }

    /// Answers whatever is asked with these, in their order, and keeps what would have been sent.
    pub fn in_order(steps: &[Step]) -> Self {
        let left = steps.iter().map(|step| step.response.clone()).collect();
        Self { answers: Answers::InOrder { left: Mutex::new(left), sent: Mutex::default() } }
    }

    /// Whether requests are wanted with credentials on them.
    pub fn watches(&self) -> bool {
        matches!(self.answers, Answers::InOrder { .. })
    }

    /// What would have been sent so far.
    pub fn sent(&self) -> Vec<Sent> {
        match &self.answers {
            Answers::InOrder { sent, .. } => sent.lock().unwrap_or_else(PoisonError::into_inner).clone(),
            Answers::Fitting(_) => Vec::new(),
        }
    }

    /// Keeps what would have been sent.
    pub fn note(&self, request: Sent) {
        if let Answers::InOrder { sent, .. } = &self.answers {
            sent.lock().unwrap_or_else(PoisonError::into_inner).push(request);
        }
    }

    /// The answer to a request; each recorded exchange answers once.
    pub fn answer(&self, provider: &str, request: &Value, url: &Url) -> Result<Recorded> {
        let found = match &self.answers {
            Answers::Fitting(left) => {
                let wanted = cases::key(provider, request);
                let mut left = left.lock().unwrap_or_else(PoisonError::into_inner);
                left.iter().position(|(key, _)| *key == wanted).map(|at| left.remove(at).1)
            }
            Answers::InOrder { left, .. } => left.lock().unwrap_or_else(PoisonError::into_inner).pop_front(),
        };
        let word = |key: &str| request.get(key).and_then(Value::as_str).unwrap_or_default();
        let what = || format!("{} {}{}", word("method"), word("path"), url.query().map(|query| format!("?{query}")).unwrap_or_default());
        let none = || Error::new(Code::Unreachable, format!("No recorded exchange answers {}; nothing was sent", what()));
        let broken = || Error::new(Code::Unreachable, format!("The recorded answer to {} cannot be read", what()));
        cases::recorded(&found.ok_or_else(none)?, url).ok_or_else(broken)
    }
}

/// The files of exchanges at a path: itself, or those of a folder in their order.
pub fn files(path: &Path) -> std::io::Result<Vec<PathBuf>> {
    if !std::fs::metadata(path)?.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let wanted = |path: &PathBuf| path.extension().is_some_and(|end| end == "json" || end == "yaml") && path.is_file();
    let mut files: Vec<PathBuf> = std::fs::read_dir(path)?.flatten().map(|entry| entry.path()).filter(wanted).collect();
    files.sort();
    Ok(files)
}
