//! CPU time of the measuring process itself, user and system together, in nanoseconds: the kernel's account of each of its threads.
//! A thread that ended between two looks is missing, so this serves work that leaves its threads standing.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::time::Duration;

use super::{Measured, because};

const TASKS: &str = "/proc/self/task";

/// What each thread had used at one moment.
pub struct Cpu(BTreeMap<OsString, u64>);

impl Cpu {
    /// Looks at every thread.
    pub fn now() -> Measured<Self> {
        // The account of a running thread is as old as the last tick of the scheduler, unless the thread gives way.
        std::thread::yield_now();
        let mut threads = BTreeMap::new();
        for thread in std::fs::read_dir(TASKS).map_err(because(TASKS))? {
            let thread = thread.map_err(because(TASKS))?;
            // A thread may end before it is looked at.
            let Ok(text) = std::fs::read_to_string(thread.path().join("schedstat")) else { continue };
            let used = text.split(' ').next().and_then(|number| number.parse().ok());
            threads.insert(thread.file_name(), used.ok_or_else(|| format!("{TASKS}/*/schedstat does not have the expected form"))?);
        }
        // A kernel without these accounts has no such file, or only zeros in it.
        if threads.values().any(|used| *used > 0) { Ok(Self(threads)) } else { Err(format!("{TASKS}/*/schedstat tells no CPU time")) }
    }

    /// Used since an earlier look.
    pub fn since(&self, earlier: &Self) -> Duration {
        let used = |(thread, now): (&OsString, &u64)| now.saturating_sub(earlier.0.get(thread).copied().unwrap_or(0));
        Duration::from_nanos(self.0.iter().map(used).sum())
    }
}
