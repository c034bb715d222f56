//! Everything that can be called, found by name or by search. Layers lie over each other: a user's provider of the
//! same id hides the built-in one. A lookup opens the directory and one block.

use std::collections::HashMap;
use std::ops::Range;
use std::path::Path;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use crate::base::error::{Code, Error, Result};
use crate::base::name::{FunctionName, nearest, printable, slug};
use crate::base::quote::shell;
use crate::registry::described;
use crate::registry::function::{Function, Operation, UPSTREAMS};
use crate::registry::index::{Entry, FileProblem, Index, Record, Source, Summary, Unreadable};
use crate::registry::manifest::Provider;
use crate::registry::schema::Checker;
use crate::registry::search::{self, Hit, Library};
use crate::registry::user;

/// Where a provider's manifest came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layer {
    BuiltIn,
    User,
    Project,
    /// A description that the user imported.
    Import,
    /// One whose overlay says that it was checked.
    Overlaid,
    /// The user's and a trusted project's workflow files, as one provider.
    Workflows,
    /// Upstream MCP servers, each a provider.
    Upstreams,
}

impl Layer {
    /// The word in listings.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::BuiltIn => "built-in",
            Self::User => "user",
            Self::Project => "project",
            Self::Import | Self::Overlaid => "import",
            Self::Workflows => "workflows",
            Self::Upstreams => "mcp",
        }
    }

    /// How far a provider can be relied on (contract section 9).
    pub fn tier(self) -> &'static str {
        match self {
            Self::BuiltIn | Self::Overlaid => "verified",
            Self::Import | Self::Upstreams => "imported",
            Self::User | Self::Project | Self::Workflows => "own",
        }
    }
}

/// One function with what it needs of its provider.
#[derive(Debug)]
pub struct Callable {
    pub name: FunctionName,
    pub provider: Arc<Provider>,
    pub function: Function,
    pub layer: Layer,
    /// Every function runs inside this program: nothing leaves the machine.
    pub local: bool,
    /// Identity of what it does.
    pub definition: String,
    checker: OnceLock<Result<Checker, String>>,
}

impl Callable {
    fn new(name: FunctionName, provider: Arc<Provider>, function: Function, layer: Layer) -> Self {
        let definition = user::definition(&function);
        let local = function.is_local();
        Self { name, provider, function, layer, local, definition, checker: OnceLock::new() }
    }

    /// The compiled schema of its arguments; made once.
    pub fn checker(&self) -> Result<&Checker> {
        let made = self.checker.get_or_init(|| Checker::new(self.function.input_schema()));
        made.as_ref().map_err(|why| Error::internal(format!("{}: {why}", self.name)))
    }
}

/// A provider with its functions.
#[derive(Debug, Clone)]
pub struct Opened {
    pub provider: Arc<Provider>,
    pub functions: Vec<Function>,
    pub layer: Layer,
    /// A built-in provider of the same id is hidden by this one.
    pub hides: bool,
}

impl Opened {
    /// Every function runs inside this program.
    pub fn local(&self) -> bool {
        self.functions.iter().all(Function::is_local)
    }
}

/// A provider in a list.
#[derive(Debug, Clone)]
pub struct Listed {
    pub summary: Summary,
    pub layer: Layer,
    pub hides: bool,
}

/// A function found by search.
#[derive(Debug, Clone)]
pub struct Found {
    pub record: Record,
    pub score: f64,
    pub layer: Layer,
}

/// What a search may be narrowed to.
#[derive(Default)]
pub struct Filter<'a> {
    pub providers: Option<&'a dyn Fn(&str) -> bool>,
    /// Whose functions come first among equals.
    pub prefer: Option<&'a dyn Fn(&str) -> bool>,
    pub operation: Option<Operation>,
    pub category: Option<&'a str>,
    pub tier: Option<&'a str>,
}

/// How much a function of a preferred provider counts: enough to come first among equals.
const PREFERRED: f64 = 1.15;

fn lies_in(ranges: &[Range<u32>], number: u32) -> bool {
    ranges.get(ranges.partition_point(|range| range.end <= number)).is_some_and(|range| range.contains(&number))
}

impl Filter<'_> {
    fn prefers(&self, entry: &Entry) -> bool {
        self.prefer.is_some_and(|prefer| prefer(&entry.id))
    }

    fn fits(&self, entry: &Entry) -> bool {
        self.providers.is_none_or(|keep| keep(&entry.id)) && self.category.is_none_or(|category| category == entry.category)
    }
}

/// Opens layers that have names of their own, uppermost first: all of them, or only what may have a provider of this id.
pub type Later = Box<dyn Fn(Option<&str>) -> Vec<(Layer, Index)> + Send + Sync>;

/// The catalog. Immutable while a call runs.
pub struct Catalog {
    /// Manifests, whose files may define any provider.
    manifests: Vec<(Layer, Index)>,
    later: Later,
    /// What `later` opens, once all of it was asked for.
    opened: OnceLock<Vec<(Layer, Index)>>,
    built_in: (Layer, Index),
    /// Functions that were looked up; a server calls the same ones again and again.
    known: Mutex<HashMap<String, Arc<Callable>>>,
}

static BUILT_IN: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/catalog.bin"));

impl Catalog {
    /// The built-in catalog alone.
    pub fn built_in() -> Result<Self> {
        Self::of(BUILT_IN)
    }

    /// A compiled catalog that this program carries, with nothing over it.
    pub fn of(compiled: &'static [u8]) -> Result<Self> {
        let built_in = Index::open(Source::Static(compiled)).map_err(damaged)?;
        let later = Box::new(|_: Option<&str>| Vec::new());
        Ok(Self { manifests: Vec::new(), later, opened: OnceLock::new(), built_in: (Layer::BuiltIn, built_in), known: Mutex::default() })
    }

    /// The built-in catalog with layers over it, the uppermost first. What can be opened later is opened when it is needed.
    pub fn open(manifests: Vec<(Layer, Index)>, later: Later) -> Result<Self> {
        Ok(Self { manifests, later, ..Self::built_in()? })
    }

    /// Every layer, the uppermost first.
    fn layers(&self) -> Vec<&(Layer, Index)> {
        let opened = self.opened.get_or_init(|| (self.later)(None));
        self.manifests.iter().chain(opened).chain([&self.built_in]).collect()
    }

    /// Manifests that could not be compiled.
    pub fn problems(&self) -> Vec<FileProblem> {
        self.layers().iter().flat_map(|(_, index)| index.problems().to_vec()).collect()
    }

    /// Every provider, by id.
    pub fn list(&self) -> Result<Vec<Listed>> {
        let mut all: Vec<Listed> = Vec::new();
        let mut at: HashMap<String, usize> = HashMap::new();
        for (layer, index) in self.layers() {
            for summary in index.summaries().map_err(damaged)? {
                match at.get(&summary.id) {
                    Some(known) => all[*known].hides = true,
                    None => {
                        at.insert(summary.id.clone(), all.len());
                        all.push(Listed { summary, layer: *layer, hides: false });
                    }
                }
            }
        }
        all.sort_by(|a, b| a.summary.id.cmp(&b.summary.id));
        Ok(all)
    }

    /// Ids of all providers.
    pub fn ids(&self) -> Result<Vec<String>> {
        let mut ids = Vec::new();
        for (_, index) in self.layers() {
            ids.extend(index.directory().map_err(damaged)?.into_iter().map(|entry| entry.id));
        }
        ids.sort();
        ids.dedup();
        Ok(ids)
    }

    /// A provider with all its functions.
    pub fn provider(&self, id: &str) -> Result<Opened> {
        let (layer, provider, functions, hides) = self.block(id)?;
        let functions = functions
            .iter()
            .map(|(_, text)| serde_json::from_str(text))
            .collect::<Result<Vec<Function>, _>>()
            .map_err(|error| damaged(Unreadable(error.to_string())))?;
        Ok(Opened { provider: Arc::new(provider), functions, layer, hides })
    }

    /// One function by its name.
    pub fn function(&self, name: &str) -> Result<Arc<Callable>> {
        let known = || self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(callable) = known().get(name) {
            return Ok(callable.clone());
        }
        let callable = Arc::new(self.look_up(name)?);
        // Other spellings of a name are looked up each time: there is no end of them.
        if callable.name.to_string() == name {
            known().insert(name.to_owned(), callable.clone());
        }
        Ok(callable)
    }

    /// Adds a provider's functions that came to light after the catalog was opened: an upstream server was asked for its tools.
    pub fn learn(&self, provider: &Arc<Provider>, functions: Vec<Function>) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        for function in functions {
            let name = FunctionName { provider: provider.id.clone(), function: function.id.clone() };
            let callable = Callable::new(name, provider.clone(), function, Layer::Upstreams);
            known.insert(callable.name.to_string(), Arc::new(callable));
        }
    }

    fn look_up(&self, name: &str) -> Result<Callable> {
        let name = FunctionName::parse(name).or_else(|error| self.upstream_name(name).ok_or_else(|| self.hinted(name, error)))?;
        let (layer, provider, functions, _) = match self.block(&name.provider) {
            Err(error) if error.code == Code::UnknownProvider => return Err(self.nobodys(&name, error)?),
            found => found?,
        };
        let Some((_, text)) = functions.iter().find(|(id, _)| *id == name.function) else {
            return Err(self.no_function(&name, functions.iter().map(|(id, _)| id.as_str())));
        };
        let function: Function = serde_json::from_str(text).map_err(|error| damaged(Unreadable(error.to_string())))?;
        Ok(Callable::new(name, Arc::new(provider), function, layer))
    }

    /// A tool of an upstream server by the name that the server gave it: `mcp.files.read-file`.
    fn upstream_name(&self, name: &str) -> Option<FunctionName> {
        let (server, tool) = name.strip_prefix(UPSTREAMS)?.split_once('.')?;
        let opened = self.provider(&format!("{UPSTREAMS}{server}")).ok()?;
        let function = upstream_tool(&opened.functions, tool)?.id.clone();
        Some(FunctionName { provider: opened.provider.id.clone(), function })
    }

    #[expect(clippy::type_complexity, reason = "used by two functions just above")]
    fn block(&self, id: &str) -> Result<(Layer, Provider, Vec<(String, String)>, bool)> {
        let mut found = None;
        let (one, opened) = match self.opened.get() {
            Some(all) => (Vec::new(), all.as_slice()),
            None => ((self.later)(Some(id)), [].as_slice()),
        };
        for (layer, index) in self.manifests.iter().chain(&one).chain(opened).chain([&self.built_in]) {
            let directory = index.directory().map_err(damaged)?;
            if let Ok(at) = directory.binary_search_by(|entry| entry.id.as_str().cmp(id)) {
                if found.is_some() {
                    return found
                        .map(|(layer, provider, functions, _)| (layer, provider, functions, true))
                        .ok_or_else(|| damaged(Unreadable(String::new())));
                }
                let (provider, functions) = index.block(&directory[at]).map_err(damaged)?;
                found = Some((*layer, provider, functions, false));
            }
        }
        match found {
            Some(found) => Ok(found),
            None => Err(self.no_provider(id)?),
        }
    }

    /// Why a provider is not there although there is a file for it.
    fn broken(&self, id: &str) -> Option<Error> {
        let problems = self.problems();
        let first = problems.iter().find(|problem| user::is_for(Path::new(&problem.file), id))?;
        let line = first.line.map(|line| format!(":{line}")).unwrap_or_default();
        let message = format!("'{}' is not loaded: {}{line}: {}", printable(id), first.file, first.message);
        let error = Error::new(Code::UnknownProvider, message);
        // An import is not written by hand.
        let ours = first.message.starts_with(user::UNREADABLE_IMPORT);
        Some(if ours { error } else { error.hint(format!("angelia integrations:lint {}", shell(&first.file))) })
    }

    /// The refusal of a function whose provider there is not.
    fn nobodys(&self, name: &FunctionName, error: Error) -> Result<Error> {
        if self.broken(&name.provider).is_some() {
            return Ok(error);
        }
        if let Some(known) = described::find(&name.provider)? {
            return Ok(Error { message: format!("Unknown integration function: {name}. {}", described::why(&known)), ..error });
        }
        let message = format!("Unknown integration function: {name}. There is no provider '{}'", name.provider);
        let error = Error { message, ..self.hinted(&name.to_string(), error) };
        Ok(error.hint(format!("angelia integrations:search {}", name.function.replace('_', " ").trim())))
    }

    fn no_provider(&self, id: &str) -> Result<Error> {
        if let Some(error) = self.broken(id) {
            return Ok(error);
        }
        if let Some(known) = described::find(id)? {
            return Ok(described::not_yet(&known));
        }
        let ids = self.ids()?;
        let near = nearest(id, ids.iter().map(String::as_str));
        let mut hints: Vec<String> = near.iter().map(|near| format!("Did you mean '{near}'?")).collect();
        hints.push(String::from("angelia integrations:list"));
        Ok(Error::new(Code::UnknownProvider, format!("Unknown integration: {}", printable(id))).hints(hints))
    }

    fn no_function<'a>(&self, name: &FunctionName, ids: impl Iterator<Item = &'a str>) -> Error {
        let mut near: Vec<String> = nearest(&name.function, ids).into_iter().map(|id| format!("{}.{id}", name.provider)).collect();
        let same = |id: &str| id == name.provider;
        for found in self.meant(&name.function, &Filter { providers: Some(&same), ..Filter::default() }) {
            if near.len() < 4 && !near.contains(&found) {
                near.push(found);
            }
        }
        let mut hints: Vec<String> = near.iter().map(|near| format!("Did you mean '{near}'?")).collect();
        hints.push(format!("angelia integrations:docs {}", name.provider));
        Error::new(Code::UnknownFunction, format!("Unknown integration function: {name}")).hints(hints)
    }

    /// Names of functions that a wrong name may mean: the best, and what is not much worse.
    fn meant(&self, wrong: &str, filter: &Filter<'_>) -> Vec<String> {
        let found = self.search(&wrong.replace(['_', '.'], " "), filter, 3).unwrap_or_default();
        let least = found.first().map_or(0.0, |best| best.score / 2.0);
        found.into_iter().filter(|found| found.score >= least).map(|found| found.record.name).collect()
    }

    /// An error about a wrong name that says first what may be meant.
    fn hinted(&self, wrong: &str, error: Error) -> Error {
        // A provider alone is no wrong name but half a name.
        let id = wrong.trim_end_matches('.');
        if self.ids().is_ok_and(|ids| ids.iter().any(|known| known == id)) {
            return error.hint(format!("angelia integrations:docs {id}"));
        }
        let meant = match id.rsplit_once('.') {
            None => self.meant(wrong, &Filter::default()),
            // Of a provider that there is not, only what its likes have: any other merely sounds like it.
            Some((provider, _)) => {
                let likes = self.likes(provider).unwrap_or_default();
                let likely = |id: &str| likes.iter().any(|like| like == id);
                if likes.is_empty() { Vec::new() } else { self.meant(wrong, &Filter { providers: Some(&likely), ..Filter::default() }) }
            }
        };
        let meant = meant.into_iter().map(|meant| format!("Did you mean '{meant}'?"));
        Error { hints: meant.chain(error.hints).collect(), ..error }
    }

    /// Providers that may be meant by a wrong id: those that are spelt like it, and those that it is a name of.
    fn likes(&self, wrong: &str) -> Result<Vec<String>> {
        let ids = self.ids()?;
        let mut likes: Vec<String> = nearest(wrong, ids.iter().map(String::as_str)).into_iter().map(str::to_owned).collect();
        let layers = self.layers();
        let directories: Vec<Vec<Entry>> = layers.iter().map(|(_, index)| index.directory()).collect::<Result<_, _>>().map_err(damaged)?;
        let library = Library::open(layers.iter().map(|(_, index)| index).zip(&directories)).map_err(damaged)?;
        for (part, directory) in directories.iter().enumerate() {
            let named = library.providers_named(part, &wrong.replace(['_', '.'], " ")).map_err(damaged)?;
            likes.extend(named.into_iter().filter_map(|at| directory.get(at)).map(|entry| entry.id.clone()));
        }
        Ok(likes)
    }

    /// The best `limit` functions for a query, best first.
    pub fn search(&self, query: &str, filter: &Filter<'_>, limit: usize) -> Result<Vec<Found>> {
        self.hits(query, filter, limit).map_err(damaged)
    }

    fn hits(&self, query: &str, filter: &Filter<'_>, limit: usize) -> Result<Vec<Found>, Unreadable> {
        let layers = self.layers();
        let directories: Vec<Vec<Entry>> = layers.iter().map(|(_, index)| index.directory()).collect::<Result<_, _>>()?;
        let library = Library::open(layers.iter().map(|(_, index)| index).zip(&directories))?;
        let query = library.query(query);
        let mut found: Vec<(usize, Hit)> = Vec::new();
        let mut hidden: Vec<&str> = Vec::new();
        for (number, ((layer, _), directory)) in layers.iter().zip(&directories).enumerate() {
            if filter.tier.is_none_or(|tier| tier == layer.tier()) {
                let fits = |entry: &Entry| !hidden.contains(&entry.id.as_str()) && filter.fits(entry);
                let allowed: Vec<Range<u32>> = directory.iter().filter(|entry| fits(entry)).map(Index::numbers).collect();
                let traits = library.traits(number);
                let preferred: Vec<Range<u32>> = directory.iter().filter(|entry| filter.prefers(entry)).map(Index::numbers).collect();
                let worth = |number: u32| {
                    let fits = |wanted| traits.get(number as usize).is_some_and(|own| own.operation == wanted);
                    match lies_in(&allowed, number) && filter.operation.is_none_or(fits) {
                        true if lies_in(&preferred, number) => PREFERRED,
                        true => 1.0,
                        false => 0.0,
                    }
                };
                found.extend(search::search(&library, number, &query, &worth, limit)?.into_iter().map(|hit| (number, hit)));
            }
            hidden.extend(directory.iter().map(|entry| entry.id.as_str()));
        }
        found.sort_by(|(_, a), (_, b)| b.score.total_cmp(&a.score));
        found.truncate(limit);
        let shown = |(number, hit): (usize, Hit)| {
            let (layer, index) = layers[number];
            Ok(Found { record: index.record(hit.number)?, score: hit.score, layer: *layer })
        };
        found.into_iter().map(shown).collect()
    }
}

/// The tool of an upstream server that a word means: by the server's own name of it, by our id, by what the word becomes as an id.
pub fn upstream_tool<'a>(functions: &'a [Function], word: &str) -> Option<&'a Function> {
    let own = |function: &&Function| function.mcp.as_ref().is_some_and(|upstream| upstream.tool.as_deref() == Some(word));
    let by_id = |id: &str| functions.iter().find(|function| function.id == id);
    functions.iter().find(own).or_else(|| by_id(word)).or_else(|| by_id(&slug(word)))
}

fn damaged(why: Unreadable) -> Error {
    Error::internal(format!("the compiled catalog cannot be read: {}", why.0))
        .hint("Remove catalog*.bin in the cache folder; it is made anew")
        .hint("angelia config:path")
}
