//! How a script waits. Lua runs on a thread of its own accord, not inside the event loop: so a call works everywhere in a script,
//! also inside `table.sort` or `string.gsub`, where a coroutine could not be left.

use std::cell::OnceCell;
use std::future::Future;

use tokio::runtime::{Builder, Handle, Runtime};

use crate::access::signin;

/// Drives futures from the script's thread.
pub enum Driver {
    /// The script's own event loop, made when the script first waits.
    Own(OnceCell<Option<Runtime>>),
    /// An event loop that another thread drives.
    Shared(Handle),
}

impl Driver {
    /// An event loop of one thread.
    pub fn own() -> Self {
        Self::Own(OnceCell::new())
    }

    /// Waits for a future; `None` also when there is no event loop to be had.
    pub fn block_on<T>(&self, work: impl Future<Output = Option<T>>) -> Option<T> {
        match self {
            Self::Own(runtime) => runtime.get_or_init(|| Builder::new_current_thread().enable_all().build().ok()).as_ref()?.block_on(work),
            Self::Shared(handle) => handle.block_on(work),
        }
    }
}

impl Drop for Driver {
    /// A person who was asked and never answered does not hold the program.
    fn drop(&mut self) {
        if let Self::Own(runtime) = self
            && let Some(Some(runtime)) = runtime.take()
        {
            // A token whose renewal has begun is waited for: the one before it may hold no more.
            if !signin::idle() && Handle::try_current().is_err() {
                runtime.block_on(signin::settled(|| ()));
            }
            runtime.shutdown_background();
        }
    }
}
