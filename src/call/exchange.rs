//! Recorded exchanges: `--record DIR` writes one file for each call, `--replay PATH` answers from such files and sends nothing.
//! Secrets are scrubbed before anything is written. The form is that of exchange tests, see `cases`.

use std::collections::VecDeque;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use serde_json::{Map, Value, json};
use url::Url;

use crate::base::error::{Code, Error, Result};
use crate::base::name::nearest;
use crate::base::secret::Scrubber;
use crate::call::cases::{self, Recorded, Sent, Step};
use crate::registry::user;

/// How to have what is missing.
pub const RECORD: &str = "Make the call once with --record DIR, and replay DIR";

/// Numbers of exchanges in a folder end here.
const MOST: u32 = 100_000;

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
        // What lies there already is stepped over at once; another program that records here is met by trying.
        let first = last(&self.folder)?.saturating_add(1);
        for number in first..MOST {
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
    Fitting(Mutex<Vec<Known>>),
    /// To whatever is asked, in their order, while what would be sent is kept.
    InOrder { left: Mutex<VecDeque<Value>>, sent: Mutex<Vec<Sent>> },
}

/// A recorded exchange that has not answered yet.
#[derive(Debug)]
struct Known {
    provider: String,
    key: String,
    /// What was asked, for people.
    asked: String,
    response: Value,
}

impl Replayer {
    /// Answers nothing.
    pub fn empty() -> Self {
        Self { answers: Answers::Fitting(Mutex::default()) }
    }

    /// Reads the exchanges of a folder or a file.
    pub fn open(path: &Path) -> Result<Self> {
        let broken = |path: &Path, why: &dyn std::fmt::Display| Error::usage(format!("--replay: {}: {why}", path.display()));
        let files = files(path).map_err(|error| match error.kind() {
            std::io::ErrorKind::NotFound => {
                Error::new(Code::NotFound, format!("--replay: there is no file or folder {}", path.display())).hint(RECORD)
            }
            _ => broken(path, &error),
        })?;
        let mut left = Vec::new();
        for file in files {
            let document = user::document(&file).map_err(|why| broken(&file, &why))?;
            let beside = || file.parent()?.file_name()?.to_str().map(str::to_owned);
            let provider = document.get("provider").and_then(Value::as_str).map(str::to_owned).or_else(beside).unwrap_or_default();
            let functions =
                document.get("exchanges").and_then(Value::as_object).ok_or_else(|| broken(&file, &"is no recorded exchange"))?;
            let steps = functions.values().filter_map(Value::as_array).flatten().flat_map(cases::steps);
            left.extend(steps.map(|Step { request, response }| Known {
                provider: provider.clone(),
                key: cases::key(&provider, &request),
                asked: cases::asked(&request),
                response,
            }));
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
        let asked = cases::asked(request);
        let refuse = |why: String| Error::new(Code::Unreachable, why);
        let none = |what: &str| refuse(format!("No recorded exchange answers {asked}; nothing was sent. {what}"));
        let found = match &self.answers {
            Answers::Fitting(left) => {
                let wanted = cases::key(provider, request);
                let mut left = left.lock().unwrap_or_else(PoisonError::into_inner);
                let at = left.iter().position(|known| known.key == wanted).ok_or_else(|| none(&nearest_of(&left, provider, &asked)))?;
                left.remove(at).response
            }
            Answers::InOrder { left, .. } => {
                let next = left.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
                next.ok_or_else(|| none("All that are there have answered"))?
            }
        };
        cases::recorded(&found, url).ok_or_else(|| refuse(format!("The recorded answer to {asked} cannot be read")))
    }
}

/// The highest number of an exchange that is in a folder.
fn last(folder: &Path) -> Result<u32> {
    let failed = |error: std::io::Error| Error::usage(format!("{} cannot be read: {error}", folder.display()));
    let names = std::fs::read_dir(folder).map_err(failed)?.flatten().map(|entry| entry.file_name());
    let numbers = names.filter_map(|name| name.to_str()?.strip_suffix(".json")?.parse().ok());
    Ok(numbers.filter(|number| *number < MOST).max().unwrap_or(0))
}

/// What comes nearest to a request that nothing answers.
fn nearest_of(left: &[Known], provider: &str, asked: &str) -> String {
    let of: Vec<(&str, String)> =
        left.iter().filter(|known| known.provider == provider).map(|known| (known.asked.as_str(), known.asked.to_lowercase())).collect();
    if of.iter().any(|(known, _)| *known == asked) {
        return String::from("One of the same path is recorded, with another body");
    }
    let near = nearest(asked, of.iter().map(|(_, plain)| plain.as_str())).first().copied();
    match of.iter().find(|(_, plain)| near.is_none_or(|near| plain == near)) {
        Some((near, _)) => format!("The nearest that is recorded and has not answered yet is {near}"),
        None => format!("None of {provider} is recorded that has not answered yet"),
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
