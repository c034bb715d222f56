//! A program as something to measure: wall time, CPU time and peak memory of whole processes, without unsafe code.
//! CPU time is the kernel's account of this process's ended children, read before and after many runs, so it is a mean.
//! It has to be read from `/proc`: where there is none, it cannot be measured.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::{Measured, because};

/// Clock ticks in a second, as the kernel shows times to programs. It is 100 on every common Linux, whatever the timer really does.
const TICKS: f64 = 100.0;

const TIME: &str = "/usr/bin/time";

/// A command line with the whole of its environment.
#[derive(Clone)]
pub struct Program {
    path: PathBuf,
    arguments: Vec<String>,
    environment: Vec<(String, String)>,
    folder: PathBuf,
    stdin_stays_open: bool,
}

/// The largest amount of memory that was held at once, and how that is known.
#[derive(Clone, Copy)]
pub struct Peak {
    pub megabytes: f64,
    pub how: &'static str,
}

impl Program {
    /// Found in `PATH` once, so that no run searches.
    pub fn new(path: impl Into<PathBuf>, folder: &Path) -> Measured<Self> {
        let path = path.into();
        let found = if path.is_absolute() {
            path.is_file().then(|| path.clone())
        } else {
            let folders = std::env::var_os("PATH").unwrap_or_default();
            std::env::split_paths(&folders).map(|folder| folder.join(&path)).find(|file| file.is_file())
        };
        Ok(Self {
            path: found.ok_or_else(|| format!("there is no program {}", path.display()))?,
            arguments: Vec::new(),
            environment: Vec::new(),
            folder: folder.to_owned(),
            stdin_stays_open: false,
        })
    }

    /// The same program with these arguments.
    pub fn arguments<'a>(&self, arguments: impl IntoIterator<Item = &'a str>) -> Self {
        Self { arguments: arguments.into_iter().map(str::to_owned).collect(), ..self.clone() }
    }

    /// The same program with this environment and nothing else in it.
    pub fn environment(&self, environment: Vec<(String, String)>) -> Self {
        Self { environment, ..self.clone() }
    }

    /// The same program with a pipe at stdin that stays open and silent, as when a careless caller starts it.
    pub fn open_stdin(&self) -> Self {
        Self { stdin_stays_open: true, ..self.clone() }
    }

    fn command(&self) -> Command {
        let mut command = Command::new(&self.path);
        command.args(&self.arguments);
        self.prepare(&mut command);
        command
    }

    fn prepare(&self, command: &mut Command) {
        let stdin = if self.stdin_stays_open { Stdio::piped() } else { Stdio::null() };
        command.env_clear().envs(self.environment.iter().cloned()).current_dir(&self.folder);
        command.stdin(stdin).stdout(Stdio::null()).stderr(Stdio::null());
    }

    /// Runs it once and returns what it printed; it must succeed and print `proof`.
    pub fn check(&self, proof: &str) -> Measured<String> {
        let output = self.command().stdout(Stdio::piped()).stderr(Stdio::piped()).output();
        let output = output.map_err(because(&self.said()))?;
        let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
        if output.status.success() && stdout.contains(proof) {
            return Ok(stdout);
        }
        let head: String = stdout.chars().take(1000).collect();
        let stderr = String::from_utf8_lossy(&output.stderr);
        Err(format!("{}: {}, without '{proof}' in its answer\n{head}\n{stderr}", self.said(), output.status))
    }

    /// Wall time of one run, from before it is started until it has ended.
    pub fn wall(&self) -> Measured<Duration> {
        let started = Instant::now();
        let mut child = self.command().spawn().map_err(because(&self.said()))?;
        // Waiting would close the pipe first.
        let stdin = child.stdin.take();
        let ended = self.end(&mut child);
        let wall = started.elapsed();
        drop(stdin);
        ended.map(|()| wall)
    }

    /// Runs it, not looking at the time.
    pub fn warm_up(&self, runs: u32) -> Measured<()> {
        (0..runs).try_for_each(|_| self.wall().map(drop))
    }

    /// User and system time of one run, in milliseconds: the mean of many, because the kernel shows hundredths of a second.
    pub fn cpu(&self, runs: u32) -> Measured<f64> {
        let before = children_ticks()?;
        self.warm_up(runs)?;
        Ok((children_ticks()? - before) / TICKS * 1e3 / f64::from(runs))
    }

    /// The highest peak of some runs.
    pub fn peak(&self, runs: u32) -> Measured<Peak> {
        let mut highest: Option<Peak> = None;
        for _ in 0..runs {
            let peak = self.peak_once()?;
            highest = highest.filter(|known| known.megabytes >= peak.megabytes).or(Some(peak));
        }
        highest.ok_or_else(|| format!("{} was not run", self.said()))
    }

    fn peak_once(&self) -> Measured<Peak> {
        match self.timed_peak()? {
            Some(peak) => Ok(peak),
            None => self.sampled_peak(),
        }
    }

    /// GNU time tells the kernel's own figure. A small parent matters: a process inherits the peak of the copy it was started from.
    fn timed_peak(&self) -> Measured<Option<Peak>> {
        if !Path::new(TIME).is_file() {
            return Ok(None);
        }
        let report = tempfile::NamedTempFile::new().map_err(because("no temporary file"))?;
        let mut command = Command::new(TIME);
        command.args(["-f", "%M", "-o"]).arg(report.path()).arg(&self.path).args(&self.arguments);
        self.prepare(&mut command);
        let mut child = command.spawn().map_err(because(TIME))?;
        let stdin = child.stdin.take();
        let ended = self.end(&mut child);
        drop(stdin);
        ended?;
        let text = std::fs::read_to_string(report.path()).map_err(because(TIME))?;
        // A time of another kind writes something else.
        Ok(text
            .trim()
            .parse()
            .ok()
            .map(|kibibytes: f64| Peak { megabytes: kibibytes * 1.024e-3, how: "maximum resident set size by GNU time" }))
    }

    /// The peak as it stood when last looked at: never more than the truth, perhaps less.
    fn sampled_peak(&self) -> Measured<Peak> {
        let mut child = self.command().spawn().map_err(because(&self.said()))?;
        let stdin = child.stdin.take();
        let status = format!("/proc/{}/status", child.id());
        let mut highest: f64 = 0.0;
        while child.try_wait().map_err(because(&self.said()))?.is_none() {
            let text = std::fs::read_to_string(&status).unwrap_or_default();
            highest = highest.max(high_water(&text).unwrap_or(0.0));
        }
        drop(stdin);
        self.end(&mut child)?;
        if highest == 0.0 {
            return Err(format!("neither GNU time nor {status} tells the memory of {}", self.said()));
        }
        Ok(Peak { megabytes: highest * 1.024e-3, how: "VmHWM, sampled while it ran, so at least this" })
    }

    fn end(&self, child: &mut Child) -> Measured<()> {
        let status = child.wait().map_err(because(&self.said()))?;
        if status.success() { Ok(()) } else { Err(format!("{}: {status}", self.said())) }
    }

    fn said(&self) -> String {
        let name = self.path.file_name().unwrap_or_default().to_string_lossy();
        format!("{name} {}", self.arguments.join(" "))
    }
}

fn high_water(status: &str) -> Option<f64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().strip_suffix("kB")?.trim().parse().ok()
}

/// User and system ticks of the children that this process has waited for.
fn children_ticks() -> Measured<f64> {
    let text = std::fs::read_to_string("/proc/self/stat").map_err(because("CPU time is read from /proc/self/stat"))?;
    // The name of the program stands in parentheses and may hold anything; the numbers follow it. cutime and cstime are 16 and 17 of all.
    let numbers = text.rsplit_once(") ").map_or("", |(_, rest)| rest);
    let field = |number: usize| numbers.split(' ').nth(number - 3).and_then(|text| text.parse::<f64>().ok());
    match (field(16), field(17)) {
        (Some(user), Some(system)) => Ok(user + system),
        _ => Err(String::from("/proc/self/stat does not have the expected form")),
    }
}
