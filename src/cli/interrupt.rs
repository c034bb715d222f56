//! Words to end: Ctrl-C, and what the system says (SIGTERM, SIGHUP). A call and a script are cancelled by them, so that they can still say what
//! came of it; a server ends in its own way; any other command only waits for a token that is being renewed, and listens only then.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::sync::mpsc::channel;

use crate::access::{launch, signin};
use crate::base::error::Code;
use crate::cli::output::Out;

/// Ends the program, which only main may do.
type Ends = fn(i32) -> !;

static ENDS: OnceLock<Ends> = OnceLock::new();
/// The command listens by itself, and ends in its own way.
static HEARD: AtomicBool = AtomicBool::new(false);
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
pub fn watch(act: impl FnMut() + Send + 'static) -> Caught {
    begin(|| async { tokio::signal::ctrl_c().await.is_ok() }, act)
}

/// Does something each time the person presses Ctrl-C or the system says to end, while this thread may be computing.
pub fn watch_for_end(act: impl FnMut() + Send + 'static) -> Caught {
    begin(told_to_end, act)
}

/// As [`watch_for_end`], for as long as the answer is awaited.
pub fn on_end(mut act: impl FnMut()) -> impl Future<Output = ()> {
    let mut first = Some(told_to_end());
    async move {
        while match first.take() {
            Some(first) => first.await,
            None => told_to_end().await,
        } {
            act();
        }
    }
}

fn begin<H: Future<Output = bool> + Send>(heard: impl Fn() -> H + Send + 'static, mut act: impl FnMut() + Send + 'static) -> Caught {
    let (ready, caught) = channel::<()>();
    on_a_thread("ctrl-c", async move {
        let mut ready = Some(ready);
        loop {
            tokio::select! {
                biased;
                heard = heard() => if heard { act() } else { return },
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

/// Whether the system said to end.
pub fn told() -> bool {
    TOLD.load(Ordering::Relaxed) != 0
}

/// The exit status of a program that may have been told to end meanwhile: 128 and the number of the signal, as shells expect it. What was done
/// in spite of it, by a command that listens, is done.
pub fn status(code: u8) -> u8 {
    match TOLD.load(Ordering::Relaxed) {
        0 => code,
        _ if HEARD.load(Ordering::Relaxed) && code != Code::Cancelled.exit() => code,
        signal => 128 + signal,
    }
}

/// Listens for the system's word to end, once, before the first renewal goes on.
fn wait_out() {
    static LISTENS: std::sync::Once = std::sync::Once::new();
    if HEARD.load(Ordering::Relaxed) {
        return;
    }
    LISTENS.call_once(|| {
        let (ready, caught) = channel::<()>();
        on_a_thread("signals", async move {
            let mut told = Told::listen();
            drop(ready);
            let signal = told.next().await;
            if HEARD.load(Ordering::Relaxed) {
                return;
            }
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

/// Waits for Ctrl-C, or for the system's word to end; false where neither can be heard. From this moment on the command listens by itself.
pub fn told_to_end() -> impl Future<Output = bool> {
    HEARD.store(true, Ordering::Relaxed);
    async {
        let mut told = Told::listen();
        tokio::select! {
            signal = told.next() => {
                TOLD.store(signal, Ordering::Relaxed);
                true
            }
            pressed = tokio::signal::ctrl_c() => pressed.is_ok(),
        }
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
        let ignored = ignored();
        let signals =
            [SignalKind::terminate(), SignalKind::hangup()].into_iter().filter(|kind| ignored >> (kind.as_raw_value() - 1) & 1 == 0);
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

/// The signals that the program was started to ignore, a bit for each. Where that cannot be told, SIGHUP is left to whoever started it.
#[cfg(unix)]
fn ignored() -> u64 {
    let known = std::fs::read_to_string("/proc/self/status").ok();
    let mask = known.as_deref().and_then(|text| text.lines().find_map(|line| line.strip_prefix("SigIgn:")));
    let hangup = tokio::signal::unix::SignalKind::hangup().as_raw_value();
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(1 << (hangup - 1))
}
