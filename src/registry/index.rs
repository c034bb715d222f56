//! The compiled catalog: one file with a directory of providers, a search index and one compressed block per provider.
//! A reader touches the directory and what it asks for, nothing else. Shared with the build script, which embeds the
//! built-in one; user manifests are compiled into the same form. All integers are checked against the file's length.

use std::borrow::Cow;
use std::io::{Read as _, Seek as _, SeekFrom};

use serde::{Deserialize, Serialize};

use crate::registry::credential::OAuth;
use crate::registry::function::{Function, Operation};
use crate::registry::inverted::{Builder, Packed, Pieces, Postings, Vocabulary};
use crate::registry::manifest::Provider;

const MAGIC: &[u8; 8] = b"ANGELIA2";

/// Whether a text may be a provider id.
pub fn is_provider_id(text: &str) -> bool {
    text.len() <= 63
        && text.starts_with(|first: char| first.is_ascii_lowercase())
        && text.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
}

/// A stretch of the file: offset and length.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
pub struct Span(u64, u64);

/// A user's file that could not be compiled.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct FileProblem {
    /// The file.
    pub file: String,
    /// Line in it, from 1, where known.
    pub line: Option<u64>,
    /// What is wrong.
    pub message: String,
}

#[derive(Debug, Serialize, Deserialize)]
struct Header {
    fingerprint: String,
    problems: Vec<FileProblem>,
    directory: Span,
    summaries: Span,
    records: Span,
    record_ends: Span,
    tokens: Span,
    token_ends: Span,
    postings: Span,
    posting_ends: Span,
    phrases: Span,
    phrase_ends: Span,
    spellings: Span,
    /// One byte for each function.
    traits: Span,
}

/// One line of the directory.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Entry {
    pub id: String,
    pub category: String,
    block: Span,
    first: u32,
    functions: u32,
}

/// What lists show of a provider without opening its block.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Summary {
    pub id: String,
    pub title: String,
    pub description: String,
    pub category: String,
    pub auth_strategy: String,
    pub cli_setup_supported: bool,
    pub cli_runtime_supported: bool,
    pub host_availability: Vec<String>,
    pub runtime_requirements: Vec<String>,
    pub compatibility_summary: String,
    pub local: bool,
    /// An import that was checked against the service.
    pub verified: bool,
    pub reads: u32,
    pub writes: u32,
    pub destructives: u32,
    pub examples: Vec<String>,
    pub credentials: Vec<FieldSummary>,
    /// The field of the token, where one signs in.
    pub token_field: Option<String>,
}

impl Summary {
    /// How many functions of an operation it has.
    pub fn count(&self, operation: Operation) -> u32 {
        match operation {
            Operation::Read => self.reads,
            Operation::Write => self.writes,
            Operation::Destructive => self.destructives,
        }
    }

    /// How many functions it has.
    pub fn functions(&self) -> u32 {
        self.reads + self.writes + self.destructives
    }
}

/// A credential field, for telling whether a provider is configured.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct FieldSummary {
    pub key: String,
    pub required: bool,
    /// Not needed where one of these fields has a value.
    pub unless: Vec<String>,
    pub has_default: bool,
    pub env: Vec<String>,
    /// Fields from which this one is fetched when a call needs it: one list for each way.
    pub fetched_from: Vec<Vec<String>>,
}

/// What a search hit shows.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Record {
    pub name: String,
    pub title: String,
    pub description: String,
    pub operation: Operation,
    pub category: String,
    pub deprecated: bool,
}

/// A provider's block: the provider and each function as JSON, so that one can be read without the others.
#[derive(Serialize, Deserialize)]
struct Block {
    provider: String,
    functions: Vec<(String, String)>,
}

/// Why a compiled file cannot be read; it is made anew then.
#[derive(Debug)]
pub struct Unreadable(pub String);

/// Compiles providers into the file's bytes. `fingerprint` says what it was made from.
pub fn compile(mut providers: Vec<Provider>, fingerprint: &str, problems: Vec<FileProblem>) -> Result<Vec<u8>, String> {
    providers.sort_by(|a, b| a.id.cmp(&b.id));
    let mut writer = Writer { bytes: Vec::new() };
    let (mut directory, mut summaries) = (Vec::new(), Vec::new());
    let (mut records, mut builder, mut traits) = (Pieces::default(), Builder::default(), Vec::new());
    let mut number = 0_u32;
    for (place, mut provider) in providers.into_iter().enumerate() {
        let functions = std::mem::take(&mut provider.functions);
        summaries.push(summary(&provider, &functions));
        builder.provider(u32::try_from(place).map_err(|error| error.to_string())?, &provider);
        let first = number;
        for function in &functions {
            records.put(&packed(&record(&provider, function))?)?;
            traits.push(Traits { operation: function.operation, deprecated: function.deprecated }.byte());
            builder.function(number, function);
            number += 1;
        }
        let block = Block {
            provider: json(&provider)?,
            functions: functions.iter().map(|f| Ok((f.id.clone(), json(f)?))).collect::<Result<_, String>>()?,
        };
        let block = zstd::bulk::compress(&packed(&block)?, 9).map_err(|error| error.to_string())?;
        let (id, category) = (provider.id, provider.category);
        directory.push(Entry { id, category, block: writer.put(&block), first, functions: number - first });
    }
    let Packed { tokens, postings, phrases, spellings } = builder.pack()?;
    let records = records.parts();
    let header = Header {
        fingerprint: fingerprint.to_owned(),
        problems,
        directory: writer.put(&packed(&directory)?),
        summaries: writer.put(&packed(&summaries)?),
        records: writer.put(&records.0),
        record_ends: writer.put(&records.1),
        tokens: writer.put(&tokens.0),
        token_ends: writer.put(&tokens.1),
        postings: writer.put(&postings.0),
        posting_ends: writer.put(&postings.1),
        phrases: writer.put(&phrases.0),
        phrase_ends: writer.put(&phrases.1),
        spellings: writer.put(spellings.as_bytes()),
        traits: writer.put(&traits),
    };
    let header = packed(&header)?;
    let mut file = MAGIC.to_vec();
    file.extend(u32::try_from(header.len()).map_err(|error| error.to_string())?.to_le_bytes());
    file.extend(header);
    file.extend(writer.bytes);
    Ok(file)
}

fn record(provider: &Provider, function: &Function) -> Record {
    Record {
        name: format!("{}.{}", provider.id, function.id),
        title: function.title.clone(),
        description: function.description.clone(),
        operation: function.operation,
        category: provider.category.clone(),
        deprecated: function.deprecated,
    }
}

fn packed<T: Serialize>(value: &T) -> Result<Vec<u8>, String> {
    postcard::to_stdvec(value).map_err(|error| error.to_string())
}

/// What search asks of every function that it might show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Traits {
    pub operation: Operation,
    pub deprecated: bool,
}

impl Traits {
    fn byte(self) -> u8 {
        let operation = match self.operation {
            Operation::Read => 0,
            Operation::Write => 1,
            Operation::Destructive => 2,
        };
        operation | u8::from(self.deprecated) << 2
    }

    fn of(byte: u8) -> Self {
        let operation = match byte & 3 {
            0 => Operation::Read,
            1 => Operation::Write,
            _ => Operation::Destructive,
        };
        Self { operation, deprecated: byte & 4 != 0 }
    }
}

struct Writer {
    bytes: Vec<u8>,
}

impl Writer {
    fn put(&mut self, bytes: &[u8]) -> Span {
        let span = Span(self.bytes.len() as u64, bytes.len() as u64);
        self.bytes.extend_from_slice(bytes);
        span
    }
}

fn json<T: Serialize>(value: &T) -> Result<String, String> {
    serde_json::to_string(value).map_err(|error| error.to_string())
}

fn summary(provider: &Provider, functions: &[Function]) -> Summary {
    let count = |operation| functions.iter().filter(|f| f.operation == operation).count() as u32;
    let mut examples: Vec<&Function> = functions.iter().filter(|f| f.operation == Operation::Read && !f.deprecated).take(2).collect();
    examples.extend(functions.iter().filter(|f| f.operation == Operation::Write && !f.deprecated).take(1));
    Summary {
        id: provider.id.clone(),
        title: provider.title.clone(),
        description: provider.description.clone(),
        category: provider.category.clone(),
        auth_strategy: provider.auth_strategy.clone(),
        cli_setup_supported: provider.cli_setup_supported,
        cli_runtime_supported: provider.cli_runtime_supported,
        host_availability: provider.host_availability.clone(),
        runtime_requirements: provider.runtime_requirements.clone(),
        compatibility_summary: provider.compatibility_summary.clone(),
        local: functions.iter().all(Function::is_local),
        verified: provider.origin.as_ref().is_some_and(|origin| origin.verified),
        reads: count(Operation::Read),
        writes: count(Operation::Write),
        destructives: count(Operation::Destructive),
        examples: examples.into_iter().map(|f| f.id.clone()).collect(),
        credentials: provider
            .credentials
            .iter()
            .map(|field| FieldSummary {
                key: field.key.clone(),
                required: field.required,
                unless: field.unless.clone(),
                has_default: field.default.is_some(),
                env: field.env.clone(),
                fetched_from: fetched_from(provider, &field.key),
            })
            .collect(),
        token_field: provider.oauth.as_ref().map(|oauth| oauth.token_field.clone()),
    }
}

fn fetched_from(provider: &Provider, key: &str) -> Vec<Vec<String>> {
    let ways = provider.oauth.as_ref().filter(|oauth| oauth.token_field == key).map(OAuth::fetched_from).unwrap_or_default();
    ways.into_iter().map(|fields| fields.iter().map(|field| (*field).to_owned()).collect()).collect()
}

/// Where the bytes are.
#[derive(Debug)]
pub enum Source {
    /// Compiled into the program.
    Static(&'static [u8]),
    /// Made in this process, because the file could not be written.
    Memory(Vec<u8>),
    /// On disk; read piece by piece.
    File(std::fs::File),
}

impl Source {
    fn length(&self) -> u64 {
        match self {
            Self::Static(bytes) => bytes.len() as u64,
            Self::Memory(bytes) => bytes.len() as u64,
            Self::File(file) => file.metadata().map_or(0, |meta| meta.len()),
        }
    }

    fn read(&self, offset: u64, length: u64) -> Result<Cow<'_, [u8]>, Unreadable> {
        let short = || Unreadable(String::from("the compiled catalog is cut short"));
        let slice = |bytes| {
            let start = usize::try_from(offset).map_err(|_| short())?;
            let end = start.checked_add(usize::try_from(length).map_err(|_| short())?).ok_or_else(short)?;
            <[u8]>::get(bytes, start..end).ok_or_else(short)
        };
        match self {
            Self::Static(bytes) => slice(bytes).map(Cow::Borrowed),
            Self::Memory(bytes) => slice(bytes).map(Cow::Borrowed),
            Self::File(file) => {
                let size = file.metadata().map_err(|_| short())?.len();
                if offset.checked_add(length).is_none_or(|end| end > size) {
                    return Err(short());
                }
                let mut file = file;
                let mut bytes = vec![0; usize::try_from(length).map_err(|_| short())?];
                file.seek(SeekFrom::Start(offset)).and_then(|_| file.read_exact(&mut bytes)).map_err(|_| short())?;
                Ok(Cow::Owned(bytes))
            }
        }
    }
}

/// A compiled catalog, opened.
#[derive(Debug)]
pub struct Index {
    source: Source,
    header: Header,
    base: u64,
}

/// Reads what `compile` packed.
fn decode<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> Result<T, Unreadable> {
    postcard::from_bytes(bytes).map_err(|error| Unreadable(error.to_string()))
}

impl Index {
    /// Reads the header. A file that does not hold all that its header names is refused here: its owner makes it anew.
    pub fn open(source: Source) -> Result<Self, Unreadable> {
        let start = source.read(0, 12)?;
        let (magic, length) = start.split_at(8);
        if magic != MAGIC {
            return Err(Unreadable(String::from("not a compiled catalog of this version")));
        }
        let length = u64::from(u32_at(length, 0));
        let header: Header = decode(&source.read(12, length)?)?;
        drop(start);
        let base = 12 + length;
        let last = header.traits;
        if base.checked_add(last.0).and_then(|at| at.checked_add(last.1)) != Some(source.length()) {
            return Err(Unreadable(String::from("the compiled catalog is cut short")));
        }
        Ok(Self { source, header, base })
    }

    /// What it was compiled from.
    pub fn fingerprint(&self) -> &str {
        &self.header.fingerprint
    }

    /// Files that could not be compiled.
    pub fn problems(&self) -> &[FileProblem] {
        &self.header.problems
    }

    fn section(&self, span: Span) -> Result<Cow<'_, [u8]>, Unreadable> {
        self.source.read(self.base.saturating_add(span.0), span.1)
    }

    /// All providers, by id.
    pub fn directory(&self) -> Result<Vec<Entry>, Unreadable> {
        decode(&self.section(self.header.directory)?)
    }

    /// What lists show, by id.
    pub fn summaries(&self) -> Result<Vec<Summary>, Unreadable> {
        decode(&self.section(self.header.summaries)?)
    }

    /// A provider without its functions, and its functions as JSON by id.
    pub fn block(&self, entry: &Entry) -> Result<(Provider, Vec<(String, String)>), Unreadable> {
        let packed = self.section(entry.block)?;
        let raw = zstd::bulk::decompress(&packed, MAX_BLOCK).map_err(|error| Unreadable(error.to_string()))?;
        let block: Block = decode(&raw)?;
        let provider = serde_json::from_str(&block.provider).map_err(|error| Unreadable(error.to_string()))?;
        Ok((provider, block.functions))
    }

    /// The range of function numbers of a provider.
    pub fn numbers(entry: &Entry) -> std::ops::Range<u32> {
        entry.first..entry.first.saturating_add(entry.functions)
    }

    /// What a hit shows.
    pub fn record(&self, number: u32) -> Result<Record, Unreadable> {
        let ends = self.piece(self.header.record_ends, number)?;
        decode(&self.slice(self.header.records, ends)?)
    }

    fn piece(&self, ends: Span, number: u32) -> Result<(u32, u32), Unreadable> {
        let from = if number == 0 { 0 } else { self.end_at(ends, number - 1)? };
        Ok((from, self.end_at(ends, number)?))
    }

    fn end_at(&self, ends: Span, number: u32) -> Result<u32, Unreadable> {
        let offset = u64::from(number) * 4;
        if offset + 4 > ends.1 {
            return Err(Unreadable(String::from("number out of range")));
        }
        Ok(u32_at(&self.section(Span(ends.0 + offset, 4))?, 0))
    }

    fn slice(&self, span: Span, (from, to): (u32, u32)) -> Result<Cow<'_, [u8]>, Unreadable> {
        if from > to || u64::from(to) > span.1 {
            return Err(Unreadable(String::from("piece out of range")));
        }
        self.section(Span(span.0 + u64::from(from), u64::from(to - from)))
    }

    /// The vocabulary of the search index.
    pub fn vocabulary(&self) -> Result<Vocabulary<'_>, Unreadable> {
        Ok(Vocabulary { tokens: self.section(self.header.tokens)?, ends: self.section(self.header.token_ends)? })
    }

    /// Who has a word.
    pub fn postings(&self, token: usize) -> Result<Postings, Unreadable> {
        decode(&self.packed_postings(token)?)
    }

    /// How many functions and providers have a word.
    pub fn counts(&self, token: usize) -> Result<(u32, u32), Unreadable> {
        Postings::counts(&self.packed_postings(token)?)
    }

    fn packed_postings(&self, token: usize) -> Result<Cow<'_, [u8]>, Unreadable> {
        let number = u32::try_from(token).map_err(|error| Unreadable(error.to_string()))?;
        self.slice(self.header.postings, self.piece(self.header.posting_ends, number)?)
    }

    /// The short texts of all functions.
    pub fn phrases(&self) -> Result<Phrases<'_>, Unreadable> {
        Ok(Phrases { index: self, ends: self.section(self.header.phrase_ends)? })
    }

    /// Words of names, titles and synonyms as they are written, a line each.
    pub fn spellings(&self) -> Result<Cow<'_, str>, Unreadable> {
        let wrong = |_| Unreadable(String::from("the words of the catalog are no text"));
        match self.section(self.header.spellings)? {
            Cow::Borrowed(bytes) => std::str::from_utf8(bytes).map(Cow::Borrowed).map_err(wrong),
            Cow::Owned(bytes) => String::from_utf8(bytes).map(Cow::Owned).map_err(|error| wrong(error.utf8_error())),
        }
    }

    /// Operation and age of each function.
    pub fn traits(&self) -> Result<Vec<Traits>, Unreadable> {
        Ok(self.section(self.header.traits)?.iter().map(|byte| Traits::of(*byte)).collect())
    }
}

/// The short texts of functions; a search reads those of many.
pub struct Phrases<'a> {
    index: &'a Index,
    ends: Cow<'a, [u8]>,
}

impl Phrases<'_> {
    /// Name, title and synonyms of a function, as numbers of words.
    pub fn of(&self, number: u32) -> Result<Vec<Vec<u32>>, Unreadable> {
        let at = number as usize;
        let from = if at == 0 { 0 } else { u32_at(&self.ends, at - 1) };
        decode(&self.index.slice(self.index.header.phrases, (from, u32_at(&self.ends, at)))?)
    }
}

/// A provider's manifest cannot be larger than this when unpacked.
const MAX_BLOCK: usize = 256 << 20;

/// The number at this place of a list of numbers; 0 where there is none.
pub fn u32_at(bytes: &[u8], index: usize) -> u32 {
    bytes.get(index * 4..index * 4 + 4).and_then(|four| four.try_into().ok()).map_or(0, u32::from_le_bytes)
}
