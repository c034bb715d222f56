//! Ctrl-C and the system's word to end (SIGTERM): both cancel what is under way, so that it can still say what came of it. While a script
//! runs its thread may be computing, so they are awaited on another one.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::channel;

use crate::base::error::Code;

/// The system said to end.
static TERMINATED: AtomicBool = AtomicBool::new(false);

/// The exit status of a code: what the system ended leaves as shells expect it, 128 and the signal's number.
pub fn exit(code: Code) -> u8 {
    const TERM: u8 = 128 + 15;
    if code == Code::Cancelled && TERMINATED.load(Ordering::Relaxed) { TERM } else { code.exit() }
}

/// Says when the signal is caught.
pub struct Caught(std::sync::mpsc::Receiver<()>);

impl Caught {
    /// Waits until the signal is caught: whoever keeps and restores handlers from then on, as a line editor does, keeps this one.
    pub fn wait(self) {
        // An end without a word also says that it is under way.
        self.0.recv().ok();
    }
}

/// Does something each time the person presses Ctrl-C.
pub fn watch(act: impl FnMut() + Send + 'static) -> Caught {
    begin(|| async { tokio::signal::ctrl_c().await.is_ok() }, act)
}

/// Does something each time the person presses Ctrl-C or the system says to end.
pub fn watch_for_end(act: impl FnMut() + Send + 'static) -> Caught {
    begin(told_to_end, act)
}

fn begin<H: Future<Output = bool> + Send>(heard: impl Fn() -> H + Send + 'static, mut act: impl FnMut() + Send + 'static) -> Caught {
    let (ready, caught) = channel::<()>();
    let work = async move {
        let mut ready = Some(ready);
        loop {
            tokio::select! {
                biased;
                heard = heard() => if heard { act() } else { return },
                () = std::future::ready(()), if ready.is_some() => drop(ready.take()),
            }
        }
    };
    let run = move || {
        if let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_io().build() {
            runtime.block_on(work);
        }
    };
    drop(std::thread::Builder::new().name(String::from("ctrl-c")).spawn(run));
    Caught(caught)
}

/// Waits for Ctrl-C, or for the system's word to end; false where neither can be heard.
pub async fn told_to_end() -> bool {
    #[cfg(unix)]
    if let Ok(mut terminate) = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) {
        return tokio::select! {
            _ = terminate.recv() => {
                TERMINATED.store(true, Ordering::Relaxed);
                true
            }
            pressed = tokio::signal::ctrl_c() => pressed.is_ok(),
        };
    }
    tokio::signal::ctrl_c().await.is_ok()
}
