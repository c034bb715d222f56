//! `tools/call` of one tool that looks a document up, over pipes and over HTTP, one after the other and 16 at once. Ours reads it from the
//! database, checks the policy and writes the audit log; the others read a dictionary in memory.

use std::time::{Duration, Instant};

use crate::http::{Connection, Listening};
use crate::peers::{self, ALL, Peers, Whose};
use crate::pipe::Pipe;
use crate::support::home::Home;
use crate::support::report::Table;
use crate::support::server::PROOF;
use crate::support::statistics::Samples;
use crate::support::{Measured, because, runs};

const CALLS: u32 = 5_000;
const WARM_UP: u32 = 200;
/// The servers take turns, so that what disturbs one disturbs all.
const TURNS: u32 = 5;
const AT_ONCE: u32 = 16;

const LEAST_TIMES_THROUGHPUT: f64 = 5.0;
const MOST_TIMES_P99: f64 = 1.0;
const MOST_TIMES_MEMORY: f64 = 1.0 / 3.0;

/// A server under load.
trait Door {
    fn load(&mut self, whose: Whose, calls: u32, window: u32) -> Measured<Vec<Duration>>;
    fn process(&self) -> u32;
}

impl Door for Pipe {
    fn load(&mut self, whose: Whose, calls: u32, window: u32) -> Measured<Vec<Duration>> {
        Pipe::load(self, &whose.call(), PROOF, calls, window)
    }

    fn process(&self) -> u32 {
        self.id()
    }
}

/// Kept connections of one session.
struct Web {
    listening: Listening,
    connections: Vec<Connection>,
    runtime: tokio::runtime::Runtime,
}

impl Web {
    fn open(whose: Whose, peers: &Peers, home: &Home) -> Measured<Self> {
        let listening = Listening::start(&mut whose.command(peers, home, true))?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(because("no event loop"))?;
        let connections = runtime.block_on(async {
            let mut all = vec![Connection::session(&listening.address).await?];
            for number in 1..AT_ONCE {
                let mut other = all[0].beside().await?;
                other.from(u64::from(number) << 32);
                all.push(other);
            }
            Measured::Ok(all)
        })?;
        Ok(Self { listening, connections, runtime })
    }
}

impl Door for Web {
    fn load(&mut self, whose: Whose, calls: u32, window: u32) -> Measured<Vec<Duration>> {
        let params = whose.call();
        let window = usize::try_from(window).unwrap_or(1);
        let share = calls / u32::try_from(window).unwrap_or(1);
        let one = async |connection: &mut Connection| {
            let mut times = Vec::new();
            for _ in 0..share {
                times.push(connection.call(&params, PROOF).await?);
            }
            Measured::Ok(times)
        };
        let all = self.connections.iter_mut().take(window).map(one);
        let times = self.runtime.block_on(futures_util::future::try_join_all(all))?;
        Ok(times.into_iter().flatten().collect())
    }

    fn process(&self) -> u32 {
        self.listening.id()
    }
}

type Open = (Whose, Box<dyn Door>);

/// What was measured of a server in its two ways: the time of each call, and of all.
type Ways = [(Vec<Duration>, Duration); 2];

/// What one server did in one way.
struct Figures {
    samples: Samples,
    per_second: f64,
}

/// Both ways of one door, and what its servers held.
struct Outcome {
    whose: Whose,
    ways: Vec<Figures>,
    megabytes: f64,
}

/// Measures both doors.
pub fn measure() -> Measured<()> {
    let calls = runs(CALLS)?.max(TURNS * AT_ONCE);
    let (peers, home) = (Peers::install()?, peers::home()?);
    let mut table = Table::new(&format!("MCP, calls: {calls} of each server and way, in {TURNS} turns, after {WARM_UP} to warm up"));
    let pipe = |whose: Whose| Pipe::open(&mut whose.command(&peers, &home, false)).map(|(pipe, _)| Box::new(pipe) as Box<dyn Door>);
    let web = |whose: Whose| Web::open(whose, &peers, &home).map(|web| Box::new(web) as Box<dyn Door>);
    say(&mut table, "stdio", &door(pipe, calls)?)?;
    say(&mut table, "HTTP", &door(web, calls)?)?;
    table.note(
        "Ours looks the document up in the database and writes each call into the audit log; the others have it in memory and keep no log.",
    );
    table.note("Peak memory: VmHWM of the server's process after all calls.");
    table.print();
    Ok(())
}

fn door(open: impl Fn(Whose) -> Measured<Box<dyn Door>>, calls: u32) -> Measured<Vec<Outcome>> {
    let mut open: Vec<Open> = ALL.iter().map(|whose| open(*whose).map(|door| (*whose, door))).collect::<Measured<_>>()?;
    for (whose, door) in &mut open {
        door.load(*whose, WARM_UP, 1).map_err(because(whose.name()))?;
        door.load(*whose, WARM_UP, AT_ONCE).map_err(because(whose.name()))?;
    }
    let mut gathered: Vec<Ways> = ALL.iter().map(|_| Default::default()).collect();
    for _ in 0..TURNS {
        for ((whose, door), ways) in open.iter_mut().zip(&mut gathered) {
            for ((times, total), window) in ways.iter_mut().zip([1, AT_ONCE]) {
                let started = Instant::now();
                times.extend(door.load(*whose, calls / TURNS, window).map_err(because(whose.name()))?);
                *total += started.elapsed();
            }
        }
    }
    let outcome = |((whose, door), ways): (Open, Ways)| {
        let megabytes = peers::memory(door.process(), "VmHWM")?;
        let figures = |(times, total): (Vec<Duration>, Duration)| Figures {
            per_second: times.len() as f64 / total.as_secs_f64(),
            samples: Samples::new(times),
        };
        Ok(Outcome { whose, ways: ways.into_iter().map(figures).collect(), megabytes })
    };
    open.into_iter().zip(gathered).map(outcome).collect()
}

fn say(table: &mut Table, door: &str, outcomes: &[Outcome]) -> Measured<()> {
    for (index, way) in ["one by one", "16 at once"].iter().enumerate() {
        for outcome in outcomes {
            let figures = outcome.ways.get(index).ok_or("a way was not measured")?;
            let (median, p99) = (figures.samples.median() * 1e3, figures.samples.p99() * 1e3);
            let figure = format!("{:.0} calls/s, p50 {median:.0} µs, p99 {p99:.0} µs", figures.per_second);
            table.tell(&format!("{door}, {way}: {}", outcome.whose.name()), figure);
        }
    }
    for outcome in outcomes {
        table.tell(&format!("{door}, peak memory: {}", outcome.whose.name()), format!("{:.1} MB", outcome.megabytes));
    }
    let ours = outcomes.iter().find(|outcome| outcome.whose == Whose::Chosen).ok_or("ours was not measured")?;
    for theirs in outcomes.iter().filter(|outcome| !outcome.whose.ours()) {
        let name = theirs.whose.name();
        for ((way, our), their) in ["one by one", "16 at once"].iter().zip(&ours.ways).zip(&theirs.ways) {
            let what = |figure: &str| format!("{door}, {way}: {figure}, angelia to {name}");
            table.judge_least(&what("throughput"), our.per_second / their.per_second, LEAST_TIMES_THROUGHPUT, "×");
            table.judge(&what("p99"), our.samples.p99() / their.samples.p99(), MOST_TIMES_P99, "×");
        }
        table.judge(&format!("{door}: peak memory, angelia to {name}"), ours.megabytes / theirs.megabytes, MOST_TIMES_MEMORY, "×");
    }
    Ok(())
}
