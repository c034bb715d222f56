//! What the Lua engine costs: starting, calling, waiting side by side, computing, memory. Peers are Debian's `lua5.4` and the same calls
//! made from Rust. The bench starts itself once more for the calls, because `ANGELIA_HOME` must be in the environment before the
//! first thread; the servers stay in the first process.
#![allow(clippy::disallowed_methods, reason = "the bench starts its own server process")]

mod support;

use std::collections::BTreeMap;
use std::process::{Command, ExitCode};
use std::sync::Arc;
use std::time::{Duration, Instant};

use angelia::app::App;
use angelia::base::origin::Origin;
use angelia::call::request::{Arguments, Call, Ctx, Options};
use angelia::call::runtime::Runtime;
use angelia::config::dirs::Dirs;
use angelia::lua::driver::Driver;
use angelia::lua::host::{Mode, Voice};
use angelia::lua::limits::Limits;
use angelia::lua::session::{Script, Session, Setup};
use serde_json::{Map, Value, json};

use support::cpu::Cpu;
use support::home::{Home, LOOPBACK};
use support::process::Program;
use support::report::Table;
use support::server::{PROOF, Server};
use support::statistics::Samples;
use support::{Measured, because, runs};

const RUNS: u32 = 200;
const CALLS: u32 = 1_000;
/// The variants take turns, so that what disturbs one disturbs both.
const TURNS: u32 = 10;
const WAIT: Duration = Duration::from_millis(10);
const SERVER: &str = "BENCH_SERVER";

/// Three classic kernels, ordinary Lua of any version.
const KERNELS: [(&str, &str); 3] =
    [("fib", include_str!("lua/fib.lua")), ("n-body", include_str!("lua/nbody.lua")), ("spectral norm", include_str!("lua/spectral.lua"))];

const SEQUENTIAL: &str = "for i = 1, args.calls do
  local item = app.integrations.loopback.get_item{ id = 7 }
  if item.id ~= 7 then error('another answer') end
end";

const PARALLEL: &str = "local list = table.create(args.calls, 7)
local items = async.map(list, function(id) return app.integrations.loopback.get_item{ id = id } end, { concurrency = 16 })
if #items ~= args.calls then error('items are missing') end";

fn main() -> ExitCode {
    support::main(measure)
}

fn measure() -> Measured<()> {
    match std::env::var(SERVER) {
        Ok(url) => inside(&url),
        Err(_) => outside(),
    }
}

/// The first process: programs as a whole, then the servers of the second process.
fn outside() -> Measured<()> {
    let runs = runs(RUNS)?;
    let (server, home) = (Server::start()?, Home::new()?);
    home.provider("loopback", LOOPBACK)?;
    home.settings(["loopback"], &server.url)?;
    let angelia = Program::new(env!("CARGO_BIN_EXE_angelia"), &home.work())?.environment(home.environment("loopback"));
    let lua = Program::new("lua5.4", &home.work())?.environment(home.environment("loopback"));
    let mut table = Table::new(&format!("Lua: {runs} alternating starts, {CALLS} calls, three kernels"));
    start(&mut table, &angelia, &lua, runs)?;
    kernels(&mut table, &angelia, &lua, &home)?;
    memory(&mut table, &angelia)?;
    table.print();
    again(&home, &server.url)?;
    let slow = Server::slow(WAIT)?;
    home.settings(["loopback"], &slow.url)?;
    again(&home, &format!("slow {}", slow.url))
}

fn again(home: &Home, server: &str) -> Measured<()> {
    let own = std::env::current_exe().map_err(because("this program cannot be found"))?;
    let command = Command::new(own)
        .arg("--bench")
        .env_clear()
        .envs(home.environment("loopback"))
        .env(SERVER, server)
        .current_dir(home.work())
        .status();
    let status = command.map_err(because("the second process"))?;
    if status.success() { Ok(()) } else { Err(format!("the second process ended with {status}")) }
}

fn start(table: &mut Table, angelia: &Program, lua: &Program, runs: u32) -> Measured<()> {
    let (ours, theirs) = (angelia.arguments(["integrations:lua", "--eval", ""]), lua.arguments(["-e", ""]));
    ours.warm_up(20)?;
    theirs.warm_up(20)?;
    let (mut our_times, mut their_times) = (Vec::new(), Vec::new());
    for _ in 0..runs {
        our_times.push(ours.wall()?);
        their_times.push(theirs.wall()?);
    }
    let (our_times, their_times) = (Samples::new(our_times), Samples::new(their_times));
    for (what, samples) in [("angelia, empty script", &our_times), ("lua5.4 -e ''", &their_times)] {
        table.tell(&format!("{what}, wall"), format!("{:.2} ms median, {:.2} ms fastest", samples.median(), samples.fastest()));
    }
    table.judge("start, ratio of the medians", our_times.median() / their_times.median(), 3.0, "×");
    Ok(())
}

fn kernels(table: &mut Table, angelia: &Program, lua: &Program, home: &Home) -> Measured<()> {
    for (name, source) in KERNELS {
        let file = home.work().join("kernel.lua");
        std::fs::write(&file, source).map_err(because("kernel.lua"))?;
        let (ours, theirs) = (angelia.arguments(["integrations:lua", "kernel.lua"]), lua.arguments(["kernel.lua"]));
        let (our_answer, their_answer) = (ours.check("")?, theirs.check("")?);
        if our_answer.trim() != their_answer.trim() {
            return Err(format!("{name}: {our_answer} and {their_answer} differ"));
        }
        let (mut our_times, mut their_times) = (Vec::new(), Vec::new());
        for _ in 0..7 {
            our_times.push(ours.wall()?);
            their_times.push(theirs.wall()?);
        }
        let (ours, theirs) = (Samples::new(our_times).median(), Samples::new(their_times).median());
        table.tell(&format!("{name}, wall"), format!("{ours:.0} ms, lua5.4 {theirs:.0} ms"));
        table.judge(&format!("{name}, ratio to lua5.4"), ours / theirs, 1.5, "×");
    }
    Ok(())
}

fn memory(table: &mut Table, angelia: &Program) -> Measured<()> {
    let call = angelia.arguments(["integrations:call", "loopback.get_item", "--id=7", "--json"]);
    let script = angelia.arguments(["integrations:lua", "--json", "--eval", "return app.integrations.loopback.get_item{ id = 7 }"]);
    call.check(PROOF)?;
    script.check(PROOF)?;
    let (call, script) = (call.peak(5)?, script.peak(5)?);
    table.tell("one call, peak memory", format!("{:.1} MB", call.megabytes));
    table.judge("one call from a script, beyond that", script.megabytes - call.megabytes, 15.0, "MB");
    Ok(())
}

/// A script here prints nothing.
struct Silent;

impl Voice for Silent {
    fn print(&self, _line: &str) {}

    fn log(&self, _level: &str, _line: &str) {}
}

/// The second process: calls from Lua and from Rust.
fn inside(server: &str) -> Measured<()> {
    let app = App::open(Dirs::find(), None).map_err(because("the settings"))?;
    let runtime = app.runtime(Box::new(support::tell)).map_err(because("the runtime"))?;
    if server.starts_with("slow ") {
        return slow(&runtime);
    }
    // Connections belong to the event loop that made them: the calls from Rust have a runtime, and connections, of their own.
    let other = app.runtime(Box::new(support::tell)).map_err(because("the runtime"))?;
    fast(&runtime, &other)
}

fn session(runtime: &Arc<Runtime>, calls: u32) -> Measured<Session> {
    let limits = Limits { calls: u64::MAX, ..Limits::of(&runtime.config) };
    Session::open(Setup {
        runtime: runtime.clone(),
        ctx: Ctx::new(Origin::Cli),
        driver: Driver::own(),
        limits,
        mode: Mode::Live,
        options: Options::default(),
        accounts: BTreeMap::new(),
        env: Vec::new(),
        folder: None,
        voice: Box::new(Silent),
        words: Vec::new(),
        named: json!({ "calls": calls }),
        stdin: Box::new(|| None),
        testing: false,
        lasting: None,
    })
    .map_err(because("the session"))
}

fn run(session: &Session, source: &str) -> Measured<()> {
    let report = session.run(&Script { name: String::from("bench.lua"), source: source.to_owned() });
    report.error.map_or(Ok(()), |error| Err(error.message))
}

/// What a call from Lua costs beyond the same call from Rust.
fn fast(runtime: &Arc<Runtime>, other: &Runtime) -> Measured<()> {
    let calls = CALLS / TURNS;
    let scripts = session(runtime, calls)?;
    let reactor = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(because("no tokio runtime"))?;
    let ctx = Ctx::new(Origin::Cli);
    run(&scripts, SEQUENTIAL)?;
    reactor.block_on(from_rust(other, &ctx, calls))?;
    let (mut lua, mut rust) = (Duration::ZERO, Duration::ZERO);
    let (mut lua_wall, mut rust_wall) = (Duration::ZERO, Duration::ZERO);
    for _ in 0..TURNS {
        let (before, started) = (Cpu::now()?, Instant::now());
        run(&scripts, SEQUENTIAL)?;
        lua_wall += started.elapsed();
        lua += Cpu::now()?.since(&before);
        let (before, started) = (Cpu::now()?, Instant::now());
        reactor.block_on(from_rust(other, &ctx, calls))?;
        rust_wall += started.elapsed();
        rust += Cpu::now()?.since(&before);
    }
    let per_call = |time: Duration| time.as_secs_f64() * 1e6 / f64::from(CALLS);
    let mut table = Table::new(&format!("Lua: {CALLS} sequential calls to a loopback server, in {TURNS} turns"));
    table.tell("from Lua", format!("{:.1} µs a call, CPU {:.1} µs", per_call(lua_wall), per_call(lua)));
    table.tell("Runtime::call from Rust", format!("{:.1} µs a call, CPU {:.1} µs", per_call(rust_wall), per_call(rust)));
    table.judge("a call from Lua, CPU beyond that", per_call(lua) - per_call(rust), 30.0, "µs");
    let started = Instant::now();
    for _ in 0..TURNS {
        drop(session(runtime, calls)?);
    }
    let opened = started.elapsed().as_secs_f64() * 1e3 / f64::from(TURNS);
    table.tell("for orientation: making a VM with everything in it", format!("{opened:.2} ms"));
    table.print();
    Ok(())
}

async fn from_rust(runtime: &Runtime, ctx: &Ctx, calls: u32) -> Measured<()> {
    for _ in 0..calls {
        let object = Map::from_iter([(String::from("id"), Value::from(7))]);
        let call = Call {
            function: String::from("loopback.get_item"),
            account: None,
            arguments: Arguments::Ready { object, files: BTreeMap::new() },
            options: Options::default(),
        };
        let envelope = runtime.call(ctx, call).await;
        if envelope.data["id"] != 7 {
            return Err(envelope.error.unwrap_or_default());
        }
    }
    Ok(())
}

/// How much faster calls are side by side when each answer takes a while.
fn slow(runtime: &Arc<Runtime>) -> Measured<()> {
    let time = |source: &str| -> Measured<f64> {
        let session = session(runtime, CALLS)?;
        let started = Instant::now();
        run(&session, source)?;
        Ok(started.elapsed().as_secs_f64())
    };
    let (sequential, parallel) = (time(SEQUENTIAL)?, time(PARALLEL)?);
    let mut table = Table::new(&format!("Lua: {CALLS} calls to a server that answers after {} ms", WAIT.as_millis()));
    table.tell("one after the other", format!("{sequential:.2} s"));
    table.tell("async.map, 16 side by side", format!("{parallel:.2} s, {:.1} times as fast", sequential / parallel));
    table.judge("share of the sequential time (a sixth is wanted)", parallel / sequential, 1.0 / 6.0, "×");
    table.print();
    Ok(())
}
