//! What the engine adds to a request: sequential calls in one process through `Runtime::call` against a bare client in a loop.
//! The variants in between tell the checks, the audit log and the HTTP executor apart, and show what a gap between calls costs. The
//! bench starts itself once more, because `ANGELIA_HOME` must be in the environment before the first thread; the server stays in the
//! first process.
#![allow(clippy::disallowed_methods, reason = "the bench starts its own server process")]

mod support;

use std::collections::BTreeMap;
use std::process::{Command, ExitCode};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use angelia::access::auth;
use angelia::app::App;
use angelia::base::origin::Origin;
use angelia::call::executor::{Executor as _, Ready};
use angelia::call::request::{Arguments, Call, Ctx, Options};
use angelia::call::runtime::{Runtime, Station};
use angelia::config::dirs::Dirs;
use serde_json::{Map, Value};

use support::cpu::Cpu;
use support::home::{Home, LOOPBACK, TOKEN};
use support::report::Table;
use support::server::{BODY, Server};
use support::{Measured, because, runs};

const CALLS: u32 = 10_000;
/// The variants take turns, so that what disturbs one disturbs all.
const TURNS: u32 = 20;
const MOST_RATIO: f64 = 1.3;
/// The other work between the calls of [`Variant::Busy`].
const WORK: Duration = Duration::from_micros(20);
/// Tells the second process where the server is.
const SERVER: &str = "BENCH_SERVER";

fn main() -> ExitCode {
    support::main(measure)
}

fn measure() -> Measured<()> {
    match std::env::var(SERVER) {
        Ok(url) => inside(&url),
        Err(_) => outside(),
    }
}

/// The first process: the server, the home folder and the second process.
fn outside() -> Measured<()> {
    let calls = runs(CALLS)?;
    let (server, home) = (Server::start()?, Home::new()?);
    home.provider("loopback", LOOPBACK)?;
    home.settings(["loopback"], &server.url)?;
    let own = std::env::current_exe().map_err(because("this program cannot be found"))?;
    let status = Command::new(own)
        .arg("--bench")
        .env_clear()
        .envs(home.environment("loopback"))
        .env(SERVER, &server.url)
        .env("BENCH_RUNS", calls.to_string())
        .current_dir(home.work())
        .status();
    let status = status.map_err(because("the second process"))?;
    if status.success() { Ok(()) } else { Err(format!("the second process ended with {status}")) }
}

/// The ways in which the same request is made.
#[derive(Clone, Copy, PartialEq)]
enum Variant {
    /// A client in a loop that reads each body.
    Bare,
    /// The same client, with work between its calls that has nothing to do with them: what a gap costs, whatever fills it.
    Busy,
    /// The HTTP executor on a plan that was made once.
    Executor,
    /// Every check and the executor, no record.
    Unrecorded,
    /// What callers use.
    Whole,
}

const VARIANTS: [(Variant, &str); 5] = [
    (Variant::Bare, "bare reqwest"),
    (Variant::Busy, "bare reqwest with other work between calls"),
    (Variant::Executor, "HTTP executor alone"),
    (Variant::Unrecorded, "checks and executor, no audit log"),
    (Variant::Whole, "Runtime::call"),
];

/// What all calls of a variant took.
#[derive(Clone, Copy, Default)]
struct Total {
    wall: Duration,
    /// User and system time of this process; the server is another one.
    cpu: Duration,
}

struct Engine {
    runtime: std::sync::Arc<Runtime>,
    ctx: Ctx,
    client: reqwest::Client,
    url: String,
    ready: Ready,
    /// Records that could not be written would make the calls look cheap.
    unrecorded: Arc<AtomicU64>,
}

/// The second process: the measurement.
fn inside(url: &str) -> Measured<()> {
    let calls = runs(CALLS)?;
    let engine = Engine::new(url)?;
    // The command line runs on the same kind of runtime.
    let reactor = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let reactor = reactor.map_err(because("no tokio runtime"))?;
    let totals = reactor.block_on(engine.turns(calls))?;
    if engine.unrecorded.load(Ordering::Relaxed) > 0 {
        return Err(String::from("calls are missing in the audit log"));
    }
    report(calls, &totals);
    Ok(())
}

fn report(calls: u32, totals: &[Total; VARIANTS.len()]) {
    let mut table = Table::new(&format!("Engine: {calls} sequential GETs each, in {TURNS} turns, connections kept"));
    let bare = totals[0];
    let per_call = |time: Duration| time.as_secs_f64() * 1e6 / f64::from(calls);
    for ((variant, what), total) in VARIANTS.into_iter().zip(totals) {
        let wall = format!("{:.3} s, {:.1} µs a call", total.wall.as_secs_f64(), per_call(total.wall));
        table.tell(what, format!("{wall}, CPU {:.1} µs", per_call(total.cpu)));
        let ratio = total.wall.as_secs_f64() / bare.wall.as_secs_f64();
        match variant {
            Variant::Bare => continue,
            Variant::Whole => table.judge(&format!("{what}, ratio to bare"), ratio, MOST_RATIO, "×"),
            _ => table.tell(&format!("{what}, ratio to bare"), format!("{ratio:.2} ×")),
        }
        let ratio = total.cpu.as_secs_f64() / bare.cpu.as_secs_f64();
        table.tell(&format!("{what}, CPU, ratio to bare"), format!("{ratio:.2} ×"));
    }
    table.note("One thread makes the calls and another process answers; the bare client reads the body and does not parse it.");
    table.note("CPU is user and system time of the calling process alone; work of the kernel to wake the server may be in it.");
    let work = WORK.as_micros();
    table.note(format!("The other work is {work} µs of spinning after each call, subtracted from the wall and CPU times of its rows."));
    table.print();
}

impl Engine {
    fn new(url: &str) -> Measured<Self> {
        let unrecorded = Arc::new(AtomicU64::new(0));
        let count = unrecorded.clone();
        let app = App::open(Dirs::find(), None).map_err(because("the settings"))?;
        let notes = Box::new(move |note: &str| {
            count.fetch_add(1, Ordering::Relaxed);
            support::tell(note);
        });
        let runtime = app.runtime(notes).map_err(because("the runtime"))?;
        let ctx = Ctx::new(Origin::Cli);
        let ready = ready(&runtime, &ctx)?;
        Ok(Self { runtime, ctx, client: client()?, url: format!("{url}/items/7"), ready, unrecorded })
    }

    /// The totals of each variant, without the other work.
    async fn turns(&self, calls: u32) -> Measured<[Total; VARIANTS.len()]> {
        let mut totals = [Total::default(); VARIANTS.len()];
        for (variant, _) in VARIANTS {
            self.some(variant, 200).await?;
        }
        let mut left = calls;
        for turn in 0..TURNS {
            let now = left / (TURNS - turn);
            left -= now;
            for ((variant, _), total) in VARIANTS.into_iter().zip(&mut totals) {
                let before = Cpu::now()?;
                let started = Instant::now();
                self.some(variant, now).await?;
                let wall = started.elapsed();
                let cpu = Cpu::now()?.since(&before);
                let work = if variant == Variant::Busy { WORK * now } else { Duration::ZERO };
                total.wall += wall.saturating_sub(work);
                total.cpu += cpu.saturating_sub(work);
            }
        }
        Ok(totals)
    }

    async fn some(&self, variant: Variant, calls: u32) -> Measured<()> {
        for _ in 0..calls {
            match variant {
                Variant::Bare => self.bare().await?,
                Variant::Busy => {
                    self.bare().await?;
                    work();
                }
                Variant::Executor => self.execute(&self.ready).await?,
                Variant::Unrecorded => self.execute(&ready(&self.runtime, &self.ctx)?).await?,
                Variant::Whole => self.whole().await?,
            }
        }
        Ok(())
    }

    async fn bare(&self) -> Measured<()> {
        let answer = self.client.get(&self.url).bearer_auth(TOKEN).send().await;
        let answer = answer.and_then(reqwest::Response::error_for_status).map_err(because("bare request"))?;
        let body = answer.bytes().await.map_err(because("bare request"))?;
        if body == BODY.as_bytes() { Ok(()) } else { Err(String::from("the bare request had another answer")) }
    }

    async fn execute(&self, ready: &Ready) -> Measured<()> {
        let outcome = self.runtime.http.execute(&self.ctx, ready).await;
        match outcome.error {
            None => seven(&outcome.data),
            Some(error) => Err(format!("the executor failed: {}", error.message)),
        }
    }

    async fn whole(&self) -> Measured<()> {
        let envelope = self.runtime.call(&self.ctx, call()).await;
        match envelope.error {
            None => seven(&envelope.data),
            Some(error) => Err(format!("the call failed: {error}")),
        }
    }
}

/// Other work: keeps the processor busy and touches next to no memory.
fn work() {
    let started = Instant::now();
    while started.elapsed() < WORK {}
}

/// A client with the same TLS library as the program, which never speaks TLS here.
fn client() -> Measured<reqwest::Client> {
    // The build of reqwest brings no cryptography of its own. A provider that is installed already serves as well.
    drop(rustls::crypto::ring::default_provider().install_default());
    reqwest::Client::builder().build().map_err(because("no bare client"))
}

fn call() -> Call {
    Call {
        function: String::from("loopback.get_item"),
        account: None,
        arguments: Arguments::Ready { object: Map::from_iter([(String::from("id"), Value::from(7))]), files: BTreeMap::new() },
        options: Options::default(),
    }
}

/// Every check and the credentials: what `Runtime::call` does before the executor, without a record.
fn ready(runtime: &Runtime, ctx: &Ctx) -> Measured<Ready> {
    let plan = match runtime.prepare(ctx, call()) {
        Station::Allowed(plan) => *plan,
        Station::Asks(_) => return Err(String::from("the policy asks, although the settings allow it")),
        Station::Refused(envelope) => return Err(envelope.error.unwrap_or_default()),
    };
    let provider = plan.callable.provider.clone();
    let credentials = runtime.vault.unlock(&provider, &plan.account).map_err(because("the credentials"))?;
    let scrubber = auth::scrubber(&provider, &credentials);
    Ok(Ready { plan, credentials, scrubber, account: None })
}

fn seven(data: &Value) -> Measured<()> {
    if data["id"] == 7 { Ok(()) } else { Err(format!("another answer than expected: {data}")) }
}
