//! Asking a person for a secret: nothing of what is typed is shown, and the terminal is as before afterwards, also after Ctrl-C.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::base::error::{Code, Error, Result};
use crate::cli::interrupt;
use crate::cli::output::Out;

/// Somebody is asked, for as long as this lives: Ctrl-C ends the program, and nothing was stored by then.
pub struct Asking(Arc<AtomicBool>);

impl Asking {
    /// From now on.
    pub fn begin(out: &Out) -> Self {
        let asking = Arc::new(AtomicBool::new(true));
        let (still, terminal, json) = (asking.clone(), Terminal::now(), out.json);
        let act = move || {
            if still.load(Ordering::Relaxed) {
                terminal.restore();
                let out = Out::new(json);
                // The line of the question has no end yet.
                out.stderr("\n");
                out.error(Error::new(Code::Cancelled, "Interrupted; nothing was stored"));
                interrupt::end(Code::Cancelled.exit());
            }
        };
        interrupt::watch(act).wait();
        Self(asking)
    }

    /// What the person types, without showing it.
    pub fn secret(&self, prompt: &str) -> Result<String> {
        rpassword::prompt_password(prompt).map_err(unread)
    }

    /// The line that the person types.
    pub fn line(&self, out: &Out, prompt: &str) -> Result<String> {
        out.stderr(prompt);
        let mut line = String::new();
        std::io::stdin().read_line(&mut line).map_err(unread)?;
        Ok(line)
    }
}

impl Drop for Asking {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Relaxed);
    }
}

fn unread(error: std::io::Error) -> Error {
    Error::usage(format!("the terminal cannot be read: {error}"))
}

/// The terminal as it was before it was asked at.
struct Terminal {
    #[cfg(unix)]
    before: Option<(std::fs::File, rustix::termios::Termios)>,
}

impl Terminal {
    #[cfg(unix)]
    fn now() -> Self {
        let before = || {
            let terminal = std::fs::File::open("/dev/tty").ok()?;
            let known = rustix::termios::tcgetattr(&terminal).ok()?;
            Some((terminal, known))
        };
        Self { before: before() }
    }

    #[cfg(not(unix))]
    fn now() -> Self {
        Self {}
    }

    fn restore(&self) {
        #[cfg(unix)]
        if let Some((terminal, before)) = &self.before {
            rustix::termios::tcsetattr(terminal, rustix::termios::OptionalActions::Now, before).ok();
        }
    }
}
