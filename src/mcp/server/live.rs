//! The runtime of a program that stays: made anew when settings, providers, workflows or upstream servers change under it. A call keeps
//! the runtime with which it began.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, SystemTime};

use tokio::sync::broadcast;

use crate::base::error::Result;
use crate::call::runtime::Runtime;
use crate::mcp::server::face::News;

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
}

impl Live {
    /// Opens the first one.
    pub fn new(open: Open, sources: Sources) -> Result<Self> {
        Ok(Self { current: RwLock::new(open()?), open, sources, news: broadcast::channel(BEHIND).0 })
    }

    /// The runtime of now.
    pub fn runtime(&self) -> Arc<Runtime> {
        self.current.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// News as they come.
    pub fn news(&self) -> broadcast::Receiver<News> {
        self.news.subscribe()
    }

    /// Tells whoever listens.
    pub fn tell(&self, news: News) {
        // Nobody listening is fine.
        drop(self.news.send(news));
    }

    /// Follows the sources until the program ends; `changed` is told of each new runtime. What cannot be opened leaves the old one in use.
    pub async fn follow(&self, changed: impl Fn()) {
        let mut seen = stamp(&(self.sources)());
        loop {
            tokio::time::sleep(EVERY).await;
            let now = stamp(&(self.sources)());
            if now == seen {
                continue;
            }
            seen = now;
            match (self.open)() {
                Ok(runtime) => {
                    *self.current.write().unwrap_or_else(PoisonError::into_inner) = runtime;
                    changed();
                    [News::Tools, News::Prompts, News::Resources].into_iter().for_each(|news| self.tell(news));
                }
                Err(error) => (self.runtime().notes)(&format!("The changed settings are not used: {error}")),
            }
        }
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
