//! The composition root: finds folders and settings, opens parts lazily and joins them into a runtime.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Weak};
use std::time::Duration;

use crate::access::vault::Vault;
use crate::access::{policy, trust};
use crate::base::error::Result;
use crate::base::json::digest;
use crate::call::http::{Http, HttpSettings};
use crate::call::native::Native;
use crate::call::pace::Pace;
use crate::call::runtime::Runtime;
use crate::config::dirs::Dirs;
use crate::config::env;
use crate::config::layers::{Config, PROJECT_FOLDER};
use crate::lua::function::Workflows;
use crate::mcp;
use crate::mcp::client::cache::Cache;
use crate::mcp::client::connect::Means;
use crate::mcp::client::handler::{Note, Person};
use crate::mcp::client::hub::Hub;
use crate::net::Net;
use crate::registry::catalog::{Catalog, Layer};
use crate::registry::function::{Function, UPSTREAMS, WORKFLOWS};
use crate::registry::import::stored::FOLDER;
use crate::registry::index::Index;
use crate::registry::manifest::Provider;
use crate::registry::user;
use crate::store::Memory;

/// Folders and settings, from which everything else is opened.
pub struct App {
    pub dirs: Dirs,
    pub config: Config,
    /// What a person should know, such as an ignored project setting.
    pub notes: Vec<String>,
    /// Who can answer what an upstream MCP server asks.
    pub person: Option<Arc<dyn Person>>,
    /// The connections to upstream MCP servers, where they outlive a runtime.
    pub connections: Option<Arc<Hub>>,
    /// The current folder.
    pub cwd: Option<PathBuf>,
    /// Where the database is instead of the data folder: tests have one of their own.
    pub scratch: Option<PathBuf>,
}

impl App {
    /// Reads the settings of the user and of the project around `cwd`.
    pub fn open(dirs: Dirs, cwd: Option<PathBuf>) -> Result<Self> {
        let mut config = Config::load(&dirs, cwd.as_deref())?;
        let mut notes: Vec<String> =
            dirs.problem().map(|why| format!("No settings are read and nothing can be stored: {why}")).into_iter().collect();
        if let Some(project) = &mut config.project {
            project.trusted = trust::trusted(&dirs, &project.root)?;
        }
        let ignored = ignored(&config);
        if let Some(project) = config.project.as_ref().filter(|_| !ignored.is_empty()) {
            notes.push(format!(
                "The project {} is not trusted, so this was ignored: {}. angelia trust shows and trusts it",
                project.root.display(),
                ignored.join("; ")
            ));
        }
        Ok(Self { dirs, config, notes, person: None, connections: None, cwd, scratch: None })
    }

    /// The catalog: built-in, the user's, a trusted project's.
    pub fn catalog(&self) -> Result<Catalog> {
        let Some((config, cache)) = self.dirs.config().zip(self.dirs.cache()) else { return Catalog::built_in() };
        let root = self.config.trusted_project().map(|project| &project.root);
        let of_project = root.map(|root| format!("-{}", &digest(&root.display().to_string().into())[..16]));
        let of_project = of_project.unwrap_or_default();
        let mut manifests = Vec::new();
        if let Some(root) = root {
            let index = user::open(&root.join(PROJECT_FOLDER).join("providers"), &cache.join(format!("catalog{of_project}.bin")));
            manifests.extend(index.map(|index| (Layer::Project, index)));
        }
        let index = user::open(&config.join("providers"), &cache.join("catalog.bin"));
        manifests.extend(index.map(|index| (Layer::User, index)));
        let folders: Vec<PathBuf> = root.and_then(|root| trust::workflows(root)).into_iter().chain([config.join("workflows")]).collect();
        let workflows = cache.join(format!("catalog-workflows{of_project}.bin"));
        let (dirs, cwd) = (self.dirs.clone(), self.cwd.clone());
        let later = move |id: Option<&str>| {
            let mut layers = Vec::new();
            if let Some((data, cache)) = dirs.data().zip(dirs.cache()) {
                layers.extend(user::open_imports(&data.join(FOLDER), &cache.join(FOLDER), id));
            }
            if id.is_none_or(|id| id == WORKFLOWS) {
                layers.extend(user::open_workflows(&folders, &workflows).map(|index| (Layer::Workflows, index)));
            }
            if id.is_none_or(|id| id.starts_with(UPSTREAMS)) {
                layers.extend(upstreams(&dirs, cwd.as_deref()).map(|index| (Layer::Upstreams, index)));
            }
            layers
        };
        Catalog::open(manifests, Box::new(later))
    }

    /// The upstream MCP servers; connects to none.
    pub fn hub(&self, note: Note) -> Arc<Hub> {
        let means = Means {
            dirs: self.dirs.clone(),
            config: self.config.clone(),
            net: Arc::new(Net::new(env::proxy_hosts())),
            note,
            person: self.person.clone(),
            cwd: self.cwd.clone(),
        };
        Hub::new(means)
    }

    /// Accounts and credentials; no secret is opened.
    pub fn vault(&self) -> Result<Vault> {
        Vault::open(&self.dirs, self.config.credential_store())
    }

    /// The database, opened when first used.
    pub fn memory(&self) -> Memory {
        let (dirs, scratch) = (self.dirs.clone(), self.scratch.clone());
        Memory::new(Box::new(move || match &scratch {
            Some(folder) => Ok(folder.clone()),
            None => dirs.make_data().map(PathBuf::from),
        }))
    }

    /// Files and folders from which a runtime is made: a program that stays follows them.
    pub fn sources(&self) -> Vec<PathBuf> {
        let mut all = Vec::new();
        if let Some(config) = self.dirs.config() {
            all.extend(["config.toml", "providers", "workflows"].map(|name| config.join(name)));
        }
        if let Some(data) = self.dirs.data() {
            all.extend(["trust.json", "credentials.json", "mcp-trust.json", "mcp-pins", FOLDER].map(|name| data.join(name)));
        }
        all.extend(mcp::files::candidates(&self.dirs, self.cwd.as_deref()));
        all.extend(self.dirs.cache().map(|cache| cache.join("mcp")));
        if let Some(project) = &self.config.project {
            let folder = project.root.join(PROJECT_FOLDER);
            all.extend(["config.toml", "providers", "workflows"].map(|name| folder.join(name)));
        }
        all
    }

    /// Everything that a call needs; connects to nothing.
    pub fn runtime(&self, notes: Box<dyn Fn(&str) + Send + Sync>) -> Result<Arc<Runtime>> {
        let memory = Arc::new(self.memory());
        let seconds = |key| Duration::from_secs(self.config.number(key));
        let settings = HttpSettings {
            connect_timeout: seconds("http.connect_timeout_seconds"),
            retries: u32::try_from(self.config.number("http.retries")).unwrap_or(3),
            max_wait: seconds("http.max_wait_seconds"),
            max_response_bytes: self.config.number("http.max_response_bytes"),
        };
        let catalog = self.catalog()?;
        let vault = self.vault()?;
        let notes: Note = Arc::from(notes);
        let hub = self.connections.clone().unwrap_or_else(|| self.hub(notes.clone()));
        let notes = Box::new(move |note: &str| notes(note));
        let runtime = Arc::new_cyclic(|runtime: &Weak<Runtime>| Runtime {
            catalog,
            config: self.config.clone(),
            vault,
            native: Native {
                memory: memory.clone(),
                answer_bytes: usize::try_from(self.config.number("mcp.result_bytes")).unwrap_or(usize::MAX),
            },
            memory,
            http: Http { net: Arc::new(Net::new(env::proxy_hosts())), settings, pace: Pace::default() },
            workflows: Some(Box::new(Workflows { runtime: runtime.clone() })),
            upstreams: Some(hub.clone()),
            notes,
        });
        let known = Arc::downgrade(&runtime);
        let learn = move |provider: &Arc<Provider>, functions: Vec<Function>| {
            if let Some(runtime) = known.upgrade() {
                runtime.catalog.learn(provider, functions);
            }
        };
        hub.go_on(&self.config, Box::new(learn));
        Ok(runtime)
    }
}

/// What the project asks for and does not get, because it is not trusted.
pub fn ignored(config: &Config) -> Vec<String> {
    let mut ignored = policy::ignored(config);
    if let Some(project) = config.project.as_ref().filter(|project| !project.trusted) {
        let folder = project.root.join(PROJECT_FOLDER);
        let folders = ["providers", "workflows"].into_iter().filter(|name| folder.join(name).is_dir());
        ignored.extend(folders.map(|name| format!("{name}/")));
    }
    ignored
}

/// What the upstream MCP servers that may be used were found to have.
fn upstreams(dirs: &Dirs, cwd: Option<&Path>) -> Option<Index> {
    let servers = mcp::files::servers(dirs, cwd).ok()?;
    if servers.entries.is_empty() {
        return None;
    }
    let trust = mcp::trust::Trust::open(dirs).ok()?;
    let trusted: Vec<_> = servers.entries.into_iter().filter(|entry| trust.check(entry).is_ok()).collect();
    Cache::new(dirs).index(&trusted, &trust)
}
