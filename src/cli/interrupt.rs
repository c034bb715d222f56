//! Words to end: Ctrl-C while a script runs, whose thread may be computing, so that it is awaited on another one; what ends a server; and
//! what the system says to any program while a token is renewed. Before that nothing is listened for: it ends as every program does.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::sync::mpsc::channel;

use crate::access::{launch, signin};
use crate::cli::output::Out;

/// Ends the program, which only main may do.
type Ends = fn(i32) -> !;

static ENDS: OnceLock<Ends> = OnceLock::new();
/// A server ends in its own way.
static SERVES: AtomicBool = AtomicBool::new(false);
/// The signal that the program was told to end by; 0 where it was not.
static TOLD: AtomicU8 = AtomicU8::new(0);

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
    on_a_thread("ctrl-c", async move {
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
    });
    Caught(caught)
}

/// An event loop of its own for what must be heard while the main thread is busy.
fn on_a_thread(name: &str, work: impl Future<Output = ()> + Send + 'static) {
    let run = move || {
        if let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() {
            runtime.block_on(work);
        }
    };
    drop(std::thread::Builder::new().name(name.to_owned()).spawn(run));
}

/// From now on a token whose renewal begins is waited for when the system tells the program to end.
pub fn arm(ends: Ends) {
    ENDS.set(ends).ok();
    signin::when_begun(wait_out);
}

/// Ends the program from another thread, and the servers that it started.
pub fn end(status: u8) {
    launch::end_all();
    if let Some(ends) = ENDS.get() {
        ends(i32::from(status));
    }
}

/// The exit status of a program that may have been told to end meanwhile.
pub fn status(code: u8) -> u8 {
    match TOLD.load(Ordering::Relaxed) {
        0 => code,
        signal => 128 + signal,
    }
}

/// Listens for the system's word to end, once, before the first renewal goes on.
fn wait_out() {
    static LISTENS: std::sync::Once = std::sync::Once::new();
    if SERVES.load(Ordering::Relaxed) {
        return;
    }
    LISTENS.call_once(|| {
        let (ready, caught) = channel::<()>();
        on_a_thread("signals", async move {
            let mut told = Told::listen();
            drop(ready);
            let signal = told.next().await;
            TOLD.store(signal, Ordering::Relaxed);
            tokio::select! {
                () = signin::settled(|| Out::new(false).note("a token is still being renewed; it is waited for, since it may be lost otherwise")) => {}
                // Who says it twice means it.
                _ = told.next() => {}
            }
            end(128 + signal);
        });
        caught.recv().ok();
    });
}

/// Waits for Ctrl-C, or for the system's word to end.
pub async fn told_to_end() {
    SERVES.store(true, Ordering::Relaxed);
    let mut told = Told::listen();
    tokio::select! {
        _ = told.next() => {}
        _ = tokio::signal::ctrl_c() => {}
    }
}

/// The system's words to end: SIGTERM, and SIGHUP where the terminal goes. One that the program was started to ignore, as by `nohup`, stays so.
struct Told {
    #[cfg(unix)]
    signals: Vec<(u8, tokio::signal::unix::Signal)>,
}

impl Told {
    #[cfg(unix)]
    fn listen() -> Self {
        use tokio::signal::unix::{SignalKind, signal};
        let signals = [SignalKind::terminate(), SignalKind::hangup()].into_iter().filter(|kind| !ignored(kind.as_raw_value()));
        let heard = signals.filter_map(|kind| Some((u8::try_from(kind.as_raw_value()).ok()?, signal(kind).ok()?)));
        Self { signals: heard.collect() }
    }

    #[cfg(not(unix))]
    fn listen() -> Self {
        Self {}
    }

    /// The next one.
    async fn next(&mut self) -> u8 {
        #[cfg(unix)]
        {
            use std::task::Poll;
            std::future::poll_fn(|context| {
                let mut heard =
                    self.signals.iter_mut().filter_map(|(number, signal)| signal.poll_recv(context).is_ready().then_some(*number));
                heard.next().map_or(Poll::Pending, Poll::Ready)
            })
            .await
        }
        #[cfg(not(unix))]
        std::future::pending().await
    }
}

/// Whether the program was started to ignore a signal. Where that cannot be told, SIGHUP is left to whoever started it.
#[cfg(unix)]
fn ignored(signal: i32) -> bool {
    let known = std::fs::read_to_string("/proc/self/status").ok();
    let mask = known.as_deref().and_then(|text| text.lines().find_map(|line| line.strip_prefix("SigIgn:")));
    match mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()) {
        Some(mask) => mask >> (signal - 1) & 1 == 1,
        None => signal == tokio::signal::unix::SignalKind::hangup().as_raw_value(),
    }
}
