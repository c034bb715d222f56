//! The composition root: finds folders and settings, opens parts lazily and joins them into a runtime.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::access::vault::Vault;
use crate::access::{policy, trust};
use crate::base::error::Result;
use crate::call::http::{Http, HttpSettings};
use crate::call::native::Native;
use crate::call::pace::Pace;
use crate::call::runtime::Runtime;
use crate::config::dirs::Dirs;
use crate::config::env;
use crate::config::layers::{Config, PROJECT_FOLDER};
use crate::lua::function::Workflows;
use crate::net::Net;
use crate::registry::catalog::Catalog;
use crate::registry::user;
use crate::store::Memory;

/// Folders and settings, from which everything else is opened.
pub struct App {
    pub dirs: Dirs,
    pub config: Config,
    /// What a person should know, such as an ignored project setting.
    pub notes: Vec<String>,
}

impl App {
    /// Reads the settings of the user and of the project around `cwd`.
    pub fn open(dirs: Dirs, cwd: Option<PathBuf>) -> Result<Self> {
        let mut config = Config::load(&dirs, cwd.as_deref())?;
        let mut notes = Vec::new();
        if let Some(project) = &mut config.project {
            project.trusted = trust::trusted(&dirs, &project.root)?;
        }
        if let Some(project) = config.project.as_ref().filter(|project| !project.trusted) {
            let mut ignored = policy::ignored(&config);
            if project.root.join(PROJECT_FOLDER).join("providers").is_dir() {
                ignored.push(String::from("providers/"));
            }
            if !ignored.is_empty() {
                notes.push(format!(
                    "The project {} is not trusted, so this was ignored: {}. angelia trust shows and trusts it",
                    project.root.display(),
                    ignored.join("; ")
                ));
            }
        }
        Ok(Self { dirs, config, notes })
    }

    /// The catalog: built-in, the user's, a trusted project's.
    pub fn catalog(&self) -> Result<Catalog> {
        let cache = self.dirs.cache();
        let user =
            self.dirs.config().zip(cache).and_then(|(config, cache)| user::open(&config.join("providers"), &cache.join("catalog.bin")));
        let project = self.config.trusted_project().zip(cache).and_then(|(project, cache)| {
            let name = format!("catalog-{}.bin", &crate::base::json::digest(&project.root.display().to_string().into())[..16]);
            user::open(&project.root.join(PROJECT_FOLDER).join("providers"), &cache.join(name))
        });
        Catalog::open(user, project)
    }

    /// Accounts and credentials; no secret is opened.
    pub fn vault(&self) -> Result<Vault> {
        Vault::open(&self.dirs, self.config.credential_store())
    }

    /// The database, opened when first used.
    pub fn memory(&self) -> Memory {
        let dirs = self.dirs.clone();
        Memory::new(Box::new(move || dirs.make_data().map(PathBuf::from)))
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
        Ok(Arc::new_cyclic(|runtime| Runtime {
            catalog,
            config: self.config.clone(),
            vault,
            native: Native { memory: memory.clone() },
            memory,
            http: Http { net: Net::new(env::proxy_hosts()), settings, pace: Pace::default() },
            workflows: Some(Box::new(Workflows { runtime: runtime.clone() })),
            notes,
        }))
    }
}
