//! Renewals that have begun: a token that takes the place of the one before must be kept, so a program that ends waits for them. How long a
//! request may take is `endpoint`'s business; a process that is killed is not helped.

use std::sync::{LazyLock, OnceLock};
use std::time::Duration;

use tokio::sync::watch;

/// How many there are in this process.
static COUNT: LazyLock<watch::Sender<usize>> = LazyLock::new(|| watch::Sender::new(0));
/// A request for a token ends sooner, and what it answers is kept in no time.
const PATIENCE: Duration = Duration::from_secs(22);
/// How long is waited without a word.
const MOMENT: Duration = Duration::from_secs(1);

/// What is done whenever one begins.
static BEGUN: OnceLock<fn()> = OnceLock::new();

/// Has something done whenever a renewal begins, before it goes on; once for a program.
pub fn when_begun(act: fn()) {
    BEGUN.set(act).ok();
}

/// One renewal, for as long as this lives.
pub(super) struct UnderWay(());

impl UnderWay {
    pub fn begin() -> Self {
        if let Some(act) = BEGUN.get() {
            act();
        }
        COUNT.send_modify(|count| *count += 1);
        Self(())
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        COUNT.send_modify(|count| *count = count.saturating_sub(1));
    }
}

/// Whether no renewal is under way.
pub fn idle() -> bool {
    *COUNT.borrow() == 0
}

/// Waits until no renewal is under way. Who awaits it drives the event loop that they run on; Ctrl-C ends the wait. `late` is told once where
/// it takes more than a moment.
pub async fn settled(late: impl FnOnce()) {
    let mut count = COUNT.subscribe();
    let wait = async {
        count.wait_for(|count| *count == 0).await.ok();
    };
    if idle() {
        return;
    }
    let say = async {
        tokio::time::sleep(MOMENT).await;
        late();
        std::future::pending::<()>().await;
    };
    tokio::select! {
        _ = tokio::time::timeout(PATIENCE, wait) => {}
        _ = tokio::signal::ctrl_c() => {}
        () = say => {}
    }
}
