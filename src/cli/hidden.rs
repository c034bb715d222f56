//! Questions to a person at the terminal. Ctrl-C ends the program with nothing stored, and the terminal shows again what is typed: whoever
//! reads unseen raises the signal before it restores the terminal, so that it must be caught.

use std::io::ErrorKind;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::base::error::{Code, Error, Result};
use crate::cli::interrupt;
use crate::cli::output::Out;

/// Somebody is asked, for as long as this lives.
pub struct Asking {
    out: Out,
    /// Whether Ctrl-C ends the program; not while somebody else looks at it.
    ends: Arc<AtomicBool>,
}

impl Asking {
    /// From now on.
    pub fn begin(out: &Out) -> Self {
        let (out, ends) = (Out::new(out.json), Arc::new(AtomicBool::new(true)));
        let (json, still) = (out.json, ends.clone());
        let act = move || {
            if still.load(Ordering::Relaxed) {
                let out = Out::new(json);
                // The line of the question has no end yet.
                out.stderr("\n");
                out.error(interrupted());
                interrupt::end(Code::Cancelled.exit());
            }
        };
        interrupt::watch(act).wait();
        Self { out, ends }
    }

    /// What the person types, without showing it.
    pub fn secret(&self, prompt: &str) -> Result<String> {
        self.ends.store(false, Ordering::Relaxed);
        let typed = rpassword::prompt_password(prompt).map_err(|error| match error.kind() {
            ErrorKind::Interrupted => {
                self.out.stderr("\n");
                interrupted()
            }
            _ => unread(&error),
        })?;
        self.ends.store(true, Ordering::Relaxed);
        Ok(typed)
    }

    /// The line that the person types.
    pub fn line(&self, prompt: &str) -> Result<String> {
        self.out.stderr(prompt);
        let mut line = String::new();
        std::io::stdin().read_line(&mut line).map_err(|error| unread(&error))?;
        Ok(line)
    }
}

impl Drop for Asking {
    fn drop(&mut self) {
        self.ends.store(false, Ordering::Relaxed);
    }
}

fn interrupted() -> Error {
    Error::new(Code::Cancelled, "Interrupted; nothing was stored")
}

fn unread(error: &std::io::Error) -> Error {
    Error::usage(format!("the terminal cannot be read: {error}"))
}
