//! Many sessions over HTTP at once, each with the stream on which a server speaks unasked: no error, and memory that does not grow.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::http::{Connection, Listening};
use crate::peers::{self, Whose};
use crate::support::report::Table;
use crate::support::server::PROOF;
use crate::support::statistics::Samples;
use crate::support::{Measured, because};

const SESSIONS: u32 = 200;
const SECONDS: u64 = 60;
/// A session does nothing for so long after each call.
const PAUSE: Duration = Duration::from_millis(50);
const MOST_GROWTH: f64 = 1.1;

/// What the sessions count together.
#[derive(Default)]
struct Count {
    calls: AtomicU64,
    errors: AtomicU64,
}

/// Keeps the sessions going for a minute.
pub fn measure() -> Measured<()> {
    let seconds = seconds()?;
    let home = peers::home()?;
    let listening = Listening::start(&mut Whose::Chosen.of_ours(&home, true))?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().map_err(because("no event loop"))?;
    let count = Arc::new(Count::default());
    let (times, memory) = runtime.block_on(all(&listening, &count, Duration::from_secs(seconds)))?;
    let (calls, errors) = (count.calls.load(Ordering::Relaxed), count.errors.load(Ordering::Relaxed));
    let samples = Samples::new(times);
    let mut table =
        Table::new(&format!("MCP, sessions: {SESSIONS} over HTTP for {seconds} s, each with a stream and a call every {PAUSE:?}"));
    table.judge("errors", errors as f64, 0.0, "");
    table.tell("calls", format!("{calls}, {:.0} in a second", calls as f64 / seconds as f64));
    table.tell("time of a call", format!("{:.2} ms median, {:.2} ms p99", samples.median(), samples.p99()));
    let [start, middle, end] = memory;
    table.tell("memory: start, middle, end", format!("{start:.1} MB, {middle:.1} MB, {end:.1} MB"));
    table.judge("memory, end to start", end / start, MOST_GROWTH, "×");
    table.note("Memory: VmRSS of the server's process; start is after a tenth of the time, when every session is open.");
    table.print();
    Ok(())
}

fn seconds() -> Measured<u64> {
    match std::env::var("BENCH_SECONDS") {
        Err(_) => Ok(SECONDS),
        Ok(text) => text.parse().ok().filter(|seconds| *seconds > 0).ok_or_else(|| format!("BENCH_SECONDS is '{text}', which is no time")),
    }
}

async fn all(listening: &Listening, count: &Arc<Count>, time: Duration) -> Measured<(Vec<Duration>, [f64; 3])> {
    let mut open = Vec::new();
    for _ in 0..SESSIONS {
        let connection = Connection::session(&listening.address).await?;
        open.push((connection.beside().await?, connection));
    }
    let until = Instant::now() + time;
    let mut running = Vec::new();
    for (stream, connection) in open {
        let told = count.clone();
        let streaming = tokio::spawn(async move { complain(&told, stream.listen().await) });
        running.push((tokio::spawn(session(connection, count.clone(), until)), streaming));
    }
    let mut memory = [0.0; 3];
    for (at, slot) in [0.1, 0.5, 0.98].into_iter().zip(&mut memory) {
        let left = until.saturating_duration_since(Instant::now());
        tokio::time::sleep(left.saturating_sub(time.mul_f64(1.0 - at))).await;
        *slot = peers::memory(listening.id(), "VmRSS")?;
    }
    let mut times = Vec::new();
    for (session, streaming) in running {
        times.extend(session.await.map_err(because("a session"))?);
        streaming.abort();
    }
    Ok((times, memory))
}

async fn session(mut connection: Connection, count: Arc<Count>, until: Instant) -> Vec<Duration> {
    let params = Whose::Chosen.call();
    let mut times = Vec::new();
    while Instant::now() < until {
        match connection.call(&params, PROOF).await {
            Ok(time) => {
                times.push(time);
                count.calls.fetch_add(1, Ordering::Relaxed);
            }
            Err(why) => {
                complain(&count, Err(why));
                break;
            }
        }
        tokio::time::sleep(PAUSE).await;
    }
    times
}

/// Counts an error; the first ones are said.
fn complain(count: &Count, outcome: Measured<()>) {
    if let Err(why) = outcome
        && count.errors.fetch_add(1, Ordering::Relaxed) < 3
    {
        crate::support::tell(&why);
    }
}
