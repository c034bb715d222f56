//! A client on a server's stdin and stdout: one thread, which writes and reads lines.

use std::collections::HashMap;
use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::message;
use crate::support::{Measured, because};

/// One server with its client; the server is ended with it.
pub struct Pipe {
    child: Child,
    stdin: ChildStdin,
    stdout: BufReader<ChildStdout>,
    line: String,
    last: u64,
}

impl Pipe {
    /// Starts a server and shakes hands; also what it answered.
    pub fn open(command: &mut Command) -> Measured<(Self, Value)> {
        let spawned = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn();
        let mut child = spawned.map_err(|error| format!("{command:?}: {error}"))?;
        let (Some(stdin), Some(stdout)) = (child.stdin.take(), child.stdout.take()) else { return Err(String::from("no pipes")) };
        let mut pipe = Self { child, stdin, stdout: BufReader::with_capacity(1 << 16, stdout), line: String::new(), last: 1 };
        pipe.write(&message::initialize(1))?;
        pipe.answer("")?;
        let hello = message::result(&pipe.line)?;
        pipe.write(&message::initialized())?;
        Ok((pipe, hello))
    }

    /// The server's process.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    fn write(&mut self, text: &str) -> Measured<()> {
        let line = format!("{text}\n");
        self.stdin.write_all(line.as_bytes()).map_err(because("a request"))
    }

    /// Reads to the next answer; its text stays in `line`.
    fn answer(&mut self, proof: &str) -> Measured<u64> {
        loop {
            self.line.clear();
            if self.stdout.read_line(&mut self.line).map_err(because("an answer"))? == 0 {
                return Err(format!("the server ended: {:?}", self.child.wait()));
            }
            if let Some(id) = message::answered(&self.line, proof)? {
                return Ok(id);
            }
        }
    }

    /// Makes a request and waits for its result.
    pub fn ask(&mut self, method: &str, params: &Value) -> Measured<Value> {
        self.last += 1;
        self.write(&message::request(self.last, method, params))?;
        self.answer("")?;
        message::result(&self.line)
    }

    /// Makes the same call so many times, at most `window` of them under way at once; the time of each.
    pub fn load(&mut self, params: &Value, proof: &str, calls: u32, window: u32) -> Measured<Vec<Duration>> {
        let (mut under_way, mut times, mut sent) = (HashMap::new(), Vec::new(), 0);
        while times.len() < usize::try_from(calls).unwrap_or(usize::MAX) {
            while sent < calls && under_way.len() < usize::try_from(window).unwrap_or(1) {
                self.last += 1;
                let text = message::request(self.last, "tools/call", params);
                under_way.insert(self.last, Instant::now());
                self.write(&text)?;
                sent += 1;
            }
            let id = self.answer(proof)?;
            let started = under_way.remove(&id).ok_or_else(|| format!("an answer to {id}, which was not asked"))?;
            times.push(started.elapsed());
        }
        Ok(times)
    }
}

impl Drop for Pipe {
    fn drop(&mut self) {
        // It may have ended before.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
