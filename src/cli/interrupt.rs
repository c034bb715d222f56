//! Ctrl-C while a script runs: its thread may be computing, so the signal is awaited on another one.

use tokio_util::sync::CancellationToken;

/// Cancels when the person presses Ctrl-C.
pub fn watch(cancel: CancellationToken) {
    let work = move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build();
        if let Ok(runtime) = runtime
            && runtime.block_on(tokio::signal::ctrl_c()).is_ok()
        {
            cancel.cancel();
        }
    };
    drop(std::thread::Builder::new().name(String::from("ctrl-c")).spawn(work));
}
