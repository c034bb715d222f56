//! How a script waits. Lua runs on a thread of its own accord, not inside the event loop: so a call works everywhere in a script,
//! also inside `table.sort` or `string.gsub`, where a coroutine could not be left.

use std::future::Future;

use tokio::runtime::{Builder, Handle, Runtime};

use crate::base::error::{Error, Result};

/// Drives futures from the script's thread.
pub enum Driver {
    /// The script's own event loop; `None` only while it ends.
    Own(Option<Runtime>),
    /// An event loop that another thread drives.
    Shared(Handle),
}

impl Driver {
    /// An event loop of one thread.
    pub fn own() -> Result<Self> {
        let runtime = Builder::new_current_thread().enable_all().build();
        runtime.map(|runtime| Self::Own(Some(runtime))).map_err(|error| Error::internal(format!("no event loop: {error}")))
    }

    /// Waits for a future.
    pub fn block_on<T>(&self, work: impl Future<Output = Option<T>>) -> Option<T> {
        match self {
            Self::Own(Some(runtime)) => runtime.block_on(work),
            Self::Own(None) => None,
            Self::Shared(handle) => handle.block_on(work),
        }
    }
}

impl Drop for Driver {
    /// A person who was asked and never answered does not hold the program.
    fn drop(&mut self) {
        if let Self::Own(runtime) = self
            && let Some(runtime) = runtime.take()
        {
            runtime.shutdown_background();
        }
    }
}
