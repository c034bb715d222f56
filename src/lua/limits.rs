//! What a script may use, and the fence that holds it there.
//!
//! A timer thread raises a flag some hundred times a second; the VM's interrupt, which Luau calls at every loop and call, looks
//! at the flag, and only then at clocks. Once a limit is met every further interrupt fails, so that no `pcall` can go on. Memory
//! is limited by the VM's allocator; because Luau does not collect before it refuses, the interrupt collects in time.

use std::cell::{Cell, RefCell};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use cpu_time::ThreadTime;
use mlua::{Lua, VmState};
use serde_json::Value;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::base::error::{Code, Error};
use crate::call::executor::BoxFuture;
use crate::call::plan::Plan;
use crate::call::request::Asker;
use crate::config::layers::Config;
use crate::registry::workflow;

/// Largest source of a script or module: compiling is outside of every other limit.
pub const LARGEST_SOURCE: usize = workflow::LARGEST as usize;

/// The longest time that a script may be given, in seconds.
pub const YEAR: u64 = 31_536_000;

/// Longer than a person is waited for at once.
const LONG: Duration = Duration::from_secs(3600);

/// A script that is over sooner needs no timer; until then each interrupt looks at the clock itself.
const SHORT: Duration = Duration::from_millis(1);

/// How often the flag is raised.
const TICK: Duration = Duration::from_millis(5);

/// The limits of one run.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Bytes of the VM.
    pub memory: usize,
    /// Time that the script itself computes; waiting for calls does not count.
    pub cpu: Duration,
    /// Time from start to end.
    pub time: Duration,
    pub calls: u64,
    /// Bytes that are printed and returned.
    pub output: usize,
}

impl Limits {
    /// From the settings.
    pub fn of(config: &Config) -> Self {
        let number = |key| config.number(key);
        let bytes = |key| usize::try_from(number(key)).unwrap_or(usize::MAX);
        Self {
            memory: bytes("lua.memory_limit"),
            cpu: Duration::from_secs(number("lua.cpu_limit").min(YEAR)),
            time: Duration::from_secs(number("lua.time_limit").min(YEAR)),
            calls: number("lua.call_limit"),
            output: bytes("lua.output_limit"),
        }
    }
}

/// Watches one run. Lives on the script's thread; only the flag is shared with the timer.
pub struct Fence {
    limits: Limits,
    cancel: RefCell<CancellationToken>,
    tripped: RefCell<Option<Error>>,
    flag: Arc<AtomicBool>,
    over: Arc<AtomicBool>,
    timer: RefCell<Option<JoinHandle<()>>>,
    lasting: RefCell<Option<Box<dyn FnOnce()>>>,
    /// Since when, while no timer runs.
    untimed: Cell<Option<Instant>>,
    cpu_from: Cell<ThreadTime>,
    /// CPU time that calls took on this thread.
    cpu_of_calls: Cell<Duration>,
    deadline: Cell<Instant>,
    asking: RefCell<Arc<Asking>>,
    collect_at: Cell<usize>,
    peak: Cell<usize>,
    steps: Cell<u32>,
    /// Mask of the steps at which memory is not looked at.
    seldom: Cell<u32>,
    weighed: Cell<usize>,
    output: Cell<usize>,
}

impl Fence {
    /// `deadline` is when a surrounding run must be done.
    pub fn new(limits: Limits, cancel: CancellationToken, deadline: Option<Instant>, lasting: Option<Box<dyn FnOnce()>>) -> Self {
        let latest = Instant::now() + limits.time;
        Self {
            limits,
            cancel: RefCell::new(cancel),
            tripped: RefCell::new(None),
            flag: Arc::new(AtomicBool::new(true)),
            over: Arc::default(),
            timer: RefCell::new(None),
            lasting: RefCell::new(lasting),
            untimed: Cell::new(Some(Instant::now())),
            cpu_from: Cell::new(ThreadTime::now()),
            cpu_of_calls: Cell::new(Duration::ZERO),
            deadline: Cell::new(deadline.map_or(latest, |deadline| deadline.min(latest))),
            asking: RefCell::default(),
            collect_at: Cell::new(limits.memory / 5 * 3),
            peak: Cell::new(0),
            steps: Cell::new(0),
            seldom: Cell::new(0),
            weighed: Cell::new(0),
            output: Cell::new(0),
        }
    }

    /// Counts anew, for the next line of a session, which `cancel` ends.
    pub fn restart(&self, cancel: CancellationToken) {
        self.cancel.replace(cancel);
        self.asking.replace(Arc::default());
        self.tripped.replace(None);
        self.cpu_from.set(ThreadTime::now());
        self.cpu_of_calls.set(Duration::ZERO);
        self.deadline.set(Instant::now() + self.limits.time);
        self.output.set(0);
    }

    /// Puts limits onto a VM.
    pub fn guard(self: &std::rc::Rc<Self>, lua: &Lua) -> mlua::Result<()> {
        if lua.used_memory() > self.limits.memory {
            return Err(mlua::Error::MemoryError(String::new()));
        }
        lua.set_memory_limit(self.limits.memory)?;
        let (fence, flag) = (self.clone(), self.flag.clone());
        // Called at every loop and call of a script: what is seldom needed is asked for by one load.
        lua.set_interrupt(move |lua| {
            if flag.load(Ordering::Relaxed) {
                fence.look()?;
            }
            let step = fence.steps.get().wrapping_add(1);
            fence.steps.set(step);
            if step & fence.seldom.get() == 0 {
                fence.weigh(lua)?;
            }
            Ok(VmState::Continue)
        });
        Ok(())
    }

    /// Looks at the memory in use, and collects in time.
    fn weigh(&self, lua: &Lua) -> mlua::Result<()> {
        let used = lua.used_memory();
        // While memory grows fast every step is looked at, else every fourth.
        let grown = used.saturating_sub(self.weighed.replace(used));
        self.seldom.set(if grown > self.limits.memory / 64 { 0 } else { 3 });
        if used > self.peak.get() {
            self.peak.set(used);
        }
        if used > self.collect_at.get() {
            lua.gc_collect()?;
            // What is left lives: the next collection comes when half of the rest is used up.
            let alive = lua.used_memory();
            let half = alive + self.limits.memory.saturating_sub(alive) / 2;
            self.collect_at.set(half.max(self.limits.memory / 5 * 3));
        }
        Ok(())
    }

    /// The script waits, or is not over after a moment.
    pub fn lasts(&self) {
        if let Some(act) = self.lasting.take() {
            act();
        }
    }

    fn start_timer(&self) {
        self.lasts();
        let (raise, end) = (self.flag.clone(), self.over.clone());
        let timer = std::thread::Builder::new().name(String::from("lua timer")).spawn(move || {
            while !end.load(Ordering::Relaxed) {
                std::thread::park_timeout(TICK);
                raise.store(true, Ordering::Relaxed);
            }
        });
        match timer {
            Ok(timer) => drop(self.timer.borrow_mut().replace(timer)),
            Err(error) => self.trip(Error::internal(format!("no timer for the script: {error}"))),
        }
    }

    /// Fails when a limit is met. Costs one load most of the time.
    pub fn look(&self) -> mlua::Result<()> {
        if !self.flag.load(Ordering::Relaxed) {
            return Ok(());
        }
        match self.untimed.get() {
            // The flag stays up until there is a timer to raise it.
            Some(from) if from.elapsed() <= SHORT => {}
            Some(_) => {
                self.untimed.set(None);
                self.start_timer();
                self.check_clocks();
            }
            None => {
                self.flag.store(false, Ordering::Relaxed);
                self.check_clocks();
            }
        }
        if self.tripped.borrow().is_none() {
            return Ok(());
        }
        self.flag.store(true, Ordering::Relaxed);
        Err(stop())
    }

    fn check_clocks(&self) {
        if self.cancel.borrow().is_cancelled() {
            self.trip(Error::new(Code::Cancelled, "Interrupted"));
        } else if Instant::now() >= self.deadline() {
            self.trip(self.too_long());
        } else if self.cpu() >= self.limits.cpu {
            let seconds = self.limits.cpu.as_secs_f64();
            self.trip(
                Error::new(Code::TimeLimit, format!("The script computed longer than {seconds} seconds"))
                    .hint("Allow more with --cpu-limit SECONDS, or with angelia config:set lua.cpu_limit SECONDS"),
            );
        }
    }

    /// The error of a run that took too long.
    pub fn too_long(&self) -> Error {
        Error::new(Code::TimeLimit, format!("The script took longer than {} seconds", self.limits.time.as_secs_f64()))
            .hint("Allow more with --time-limit SECONDS, or with angelia config:set lua.time_limit SECONDS")
    }

    /// Ends the run: every further step of the script fails. The first reason stays.
    pub fn trip(&self, error: Error) {
        self.tripped.borrow_mut().get_or_insert(error);
        // Every interrupt must look from now on.
        self.flag.store(true, Ordering::Relaxed);
    }

    /// Why the run was ended.
    pub fn tripped(&self) -> Option<Error> {
        self.tripped.borrow().clone()
    }

    /// The CPU time of the script itself.
    fn cpu(&self) -> Duration {
        self.cpu_from.get().elapsed().saturating_sub(self.cpu_of_calls.get())
    }

    /// Does something whose CPU time is not the script's.
    pub fn aside<T>(&self, work: impl FnOnce() -> T) -> T {
        let from = ThreadTime::now();
        let done = work();
        self.cpu_of_calls.set(self.cpu_of_calls.get() + from.elapsed());
        done
    }

    /// When the run must be done. While a person is asked, time stands still.
    pub fn deadline(&self) -> Instant {
        let asking = self.asking.borrow();
        let now = if asking.persons.load(Ordering::Relaxed) > 0 { LONG } else { Duration::ZERO };
        self.deadline.get() + Duration::from_millis(asking.waited_ms.load(Ordering::Relaxed)) + now
    }

    /// An asker whose time does not count.
    pub fn patient(&self, asker: Arc<dyn Asker>) -> Arc<dyn Asker> {
        Arc::new(Patient { asker, asking: self.asking.borrow().clone() })
    }

    /// Takes so many bytes of output; past the limit the run ends.
    pub fn take_output(&self, bytes: usize) -> mlua::Result<()> {
        let total = self.output.get().saturating_add(bytes);
        self.output.set(total);
        if total <= self.limits.output {
            return Ok(());
        }
        self.trip(
            Error::new(Code::OutputLimit, format!("The script printed or returned more than {} bytes", self.limits.output))
                .hint("Allow more with --output-limit BYTES, or with angelia config:set lua.output_limit BYTES"),
        );
        Err(stop())
    }

    /// The error of a VM that has no memory left.
    pub fn out_of_memory(&self) -> Error {
        Error::new(Code::MemoryLimit, format!("The script needs more than {} bytes of memory", self.limits.memory))
            .hint("Allow more with --memory-limit BYTES, or with angelia config:set lua.memory_limit BYTES")
            .hint("Read long lists with :each, which keeps one page at a time")
    }

    /// Ends the calls of this run.
    pub fn cancel(&self) -> CancellationToken {
        self.cancel.borrow().clone()
    }

    /// The limits.
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// The most memory that was seen in use.
    pub fn peak(&self, lua: &Lua) -> usize {
        self.peak.get().max(lua.used_memory())
    }
}

impl Drop for Fence {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
        if let Some(timer) = self.timer.borrow_mut().take() {
            timer.thread().unpark();
            drop(timer.join());
        }
    }
}

/// How long a person was asked.
#[derive(Default)]
struct Asking {
    persons: AtomicU64,
    waited_ms: AtomicU64,
}

struct Patient {
    asker: Arc<dyn Asker>,
    asking: Arc<Asking>,
}

impl Asker for Patient {
    fn ask<'a>(&'a self, plan: &'a Plan, request: &'a Value) -> BoxFuture<'a, Option<bool>> {
        Box::pin(async move {
            let from = Instant::now();
            self.asking.persons.fetch_add(1, Ordering::Relaxed);
            let answer = self.asker.ask(plan, request).await;
            self.asking.persons.fetch_sub(1, Ordering::Relaxed);
            self.asking.waited_ms.fetch_add(u64::try_from(from.elapsed().as_millis()).unwrap_or(0), Ordering::Relaxed);
            answer
        })
    }
}

/// What the VM is stopped with; nobody sees its text.
pub fn stop() -> mlua::Error {
    mlua::Error::runtime("stopped")
}
