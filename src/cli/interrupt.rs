//! Ctrl-C while a script runs: its thread may be computing, so the signal is awaited on another one. And the words that end a server.

use std::sync::mpsc::channel;

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
pub fn watch(mut act: impl FnMut() + Send + 'static) -> Caught {
    let (ready, caught) = channel::<()>();
    let work = async move {
        let mut ready = Some(ready);
        loop {
            tokio::select! {
                biased;
                pressed = tokio::signal::ctrl_c() => match pressed {
                    Ok(()) => act(),
                    Err(_) => return,
                },
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

/// Waits for Ctrl-C, or for the system's word to end.
pub async fn told_to_end() {
    #[cfg(unix)]
    if let Ok(mut terminate) = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = tokio::signal::ctrl_c() => {}
        }
        return;
    }
    tokio::signal::ctrl_c().await.ok();
}
