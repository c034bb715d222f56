//! The runtime of a program that stays: made anew when settings, providers, workflows or upstream servers change under it. A call keeps
//! the runtime with which it began.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, SystemTime};

use tokio::sync::broadcast;

use crate::base::error::Result;
use crate::call::runtime::Runtime;
use crate::mcp::server::face::{News, Update};

/// How often the files are looked at.
const EVERY: Duration = Duration::from_secs(2);

/// News that a slow listener may be behind by.
const BEHIND: usize = 256;

/// Makes a runtime from the files as they are now.
pub type Open = Box<dyn Fn() -> Result<Arc<Runtime>> + Send + Sync>;

/// Files and folders from which a runtime is made.
pub type Sources = Box<dyn Fn() -> Vec<PathBuf> + Send + Sync>;

type Stamp = Vec<(PathBuf, u64, Option<SystemTime>)>;

/// A runtime that follows its sources.
pub struct Live {
    current: RwLock<Arc<Runtime>>,
    open: Open,
    sources: Sources,
    news: broadcast::Sender<News>,
    updates: broadcast::Sender<Update>,
}

impl Live {
    /// Opens the first one.
    pub fn new(open: Open, sources: Sources) -> Result<Self> {
        Ok(Self { current: RwLock::new(open()?), open, sources, news: broadcast::channel(BEHIND).0, updates: broadcast::channel(BEHIND).0 })
    }

    /// The runtime of now.
    pub fn runtime(&self) -> Arc<Runtime> {
        self.current.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// News as they come.
    pub fn news(&self) -> broadcast::Receiver<News> {
        self.news.subscribe()
    }

    /// Updates of resources as they come.
    pub fn updates(&self) -> broadcast::Receiver<Update> {
        self.updates.subscribe()
    }

    /// Tells whoever watches a resource.
    pub fn updated(&self, update: Update) {
        // Nobody watching is fine.
        drop(self.updates.send(update));
    }

    /// Follows the sources until the program ends; `changed` is told of each new runtime. What cannot be opened leaves the old one in use.
    pub async fn follow(self: Arc<Self>, changed: impl Fn()) {
        let mut seen = self.aside(|live| stamp(&(live.sources)())).await;
        loop {
            tokio::time::sleep(EVERY).await;
            let now = self.aside(|live| stamp(&(live.sources)())).await;
            if now == seen || now.is_none() {
                continue;
            }
            seen = now;
            let Some(opened) = self.aside(|live| (live.open)()).await else { continue };
            match opened {
                Ok(runtime) => {
                    *self.current.write().unwrap_or_else(PoisonError::into_inner) = runtime;
                    changed();
                    News::ALL.into_iter().for_each(|news| drop(self.news.send(news)));
                }
                Err(error) => (self.runtime().notes)(&format!("The changed settings are not used: {error}")),
            }
        }
    }
}

impl Live {
    /// Reads and compiles files while the event loop goes on.
    async fn aside<T: Send + 'static>(self: &Arc<Self>, work: impl FnOnce(&Self) -> T + Send + 'static) -> Option<T> {
        let live = self.clone();
        tokio::task::spawn_blocking(move || work(&live)).await.ok()
    }
}

/// Sizes and times of the sources; of a folder also those of what is in it.
fn stamp(sources: &[PathBuf]) -> Stamp {
    let one = |path: &Path| fs::metadata(path).ok().map(|meta| (path.to_path_buf(), meta.len(), meta.modified().ok(), meta.is_dir()));
    let mut all = Vec::new();
    for (path, size, time, folder) in sources.iter().filter_map(|path| one(path)) {
        if folder {
            let inside = fs::read_dir(&path).into_iter().flatten().flatten().filter_map(|entry| one(&entry.path()));
            all.extend(inside.map(|(path, size, time, _)| (path, size, time)));
        }
        all.push((path, size, time));
    }
    all.sort();
    all
}
