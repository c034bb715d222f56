//! Starts the programs of MCP servers: a clean environment, a process group of its own, and an end for all of that group.
//! What the values of an environment or a header are is looked at here and nowhere else. What the program says is `mcp`'s business.

use std::io::{Read as _, Write as _};
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use serde::de::DeserializeOwned;
use tokio::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command};

use crate::base::error::{Code, Error, Result};
use crate::base::name::printable;
use crate::base::secret::{Scrubber, Secret};
use crate::config::env;
use crate::net::header::{HeaderName, HeaderValue};

/// Variables that a program gets of our own environment; everything else it is given by name.
const INHERITED: &[&str] = &[
    "PATH",
    "HOME",
    "LANG",
    "LC_ALL",
    "TMPDIR",
    "TERM",
    "USER",
    "LOGNAME",
    "SHELL",
    // Without these hardly any program starts on Windows.
    "APPDATA",
    "COMSPEC",
    "HOMEDRIVE",
    "HOMEPATH",
    "LOCALAPPDATA",
    "PATHEXT",
    "PROGRAMFILES",
    "SYSTEMDRIVE",
    "SYSTEMROOT",
    "TEMP",
    "TMP",
    "USERNAME",
    "USERPROFILE",
    "WINDIR",
];

/// How long a program may take to end by itself before its group is killed.
const GRACE: Duration = Duration::from_millis(400);

/// What is started.
pub struct Program {
    /// The command as it may be shown.
    pub shown: String,
    pub command: Secret,
    pub args: Vec<Secret>,
    /// Variables besides the inherited ones.
    pub env: Vec<(String, Secret)>,
    /// Where it runs, below `root` if it is not absolute.
    pub folder: Option<Secret>,
    pub root: Option<PathBuf>,
}

impl Program {
    fn cwd(&self) -> Option<PathBuf> {
        match (&self.folder, &self.root) {
            (Some(folder), Some(root)) => Some(root.join(folder.expose())),
            (Some(folder), None) => Some(PathBuf::from(folder.expose())),
            (None, root) => root.clone(),
        }
    }

    /// Whether it is this very program as a server: it would serve itself without end.
    fn is_ourselves(&self) -> bool {
        let serves = self.args.iter().any(|word| matches!(word.expose(), "mcp:serve"))
            || self.args.windows(2).any(|two| two[0].expose() == "mcp" && two[1].expose() == "serve");
        let own = std::env::current_exe().ok().and_then(|path| path.canonicalize().ok());
        let named = PathBuf::from(self.command.expose());
        let found = if named.components().count() > 1 {
            self.cwd().unwrap_or_default().join(&named).canonicalize().ok()
        } else {
            let path = env::var("PATH").unwrap_or_default();
            std::env::split_paths(&path)
                .map(|folder| folder.join(&named))
                .find(|path| path.is_file())
                .and_then(|path| path.canonicalize().ok())
        };
        serves && own.is_some() && own == found
    }
}

/// A program that runs, with its three pipes.
pub struct Started {
    pub group: Group,
    pub stdin: ChildStdin,
    pub stdout: ChildStdout,
    pub stderr: ChildStderr,
}

/// A running program and everything that it started; all of it ends when this is dropped.
pub struct Group(Arc<Mutex<Running>>);

struct Running {
    child: Child,
    id: Option<u32>,
}

/// The groups of this process that may not have ended yet.
struct Groups {
    all: Vec<Arc<Mutex<Running>>>,
    /// The process ends: no other is started.
    over: bool,
}

static GROUPS: Mutex<Groups> = Mutex::new(Groups { all: Vec::new(), over: false });

fn groups() -> MutexGuard<'static, Groups> {
    GROUPS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Starts a program.
#[expect(clippy::disallowed_methods, reason = "the one place that starts the programs of MCP servers")]
pub fn start(program: &Program) -> Result<Started> {
    let shown = printable(&program.shown);
    if program.is_ourselves() {
        return Err(Error::new(
            Code::PermissionDenied,
            format!("'{shown}' is this program itself as a server; it is not started below itself"),
        )
        .hint("What it offers is here already: angelia integrations:list"));
    }
    let mut command = Command::new(program.command.expose());
    command.env_clear().stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    command.args(program.args.iter().map(Secret::expose));
    command.envs(INHERITED.iter().filter_map(|name| env::var(name).map(|value| (*name, value))));
    command.envs(program.env.iter().map(|(name, value)| (name.as_str(), value.expose())));
    let folder = program.cwd();
    if let Some(folder) = &folder {
        command.current_dir(folder);
    }
    #[cfg(unix)]
    command.process_group(0);
    let failed = |why: String| Error::new(Code::Unreachable, format!("'{shown}' cannot be started: {why}"));
    let mut child = command.spawn().map_err(|error| match (error.kind(), &folder) {
        (std::io::ErrorKind::NotFound, Some(folder)) if !folder.is_dir() => {
            failed(format!("its folder {} does not exist", folder.display()))
        }
        (std::io::ErrorKind::NotFound, _) => failed(String::from("there is no such program")).hint(format!("command -v {shown}")),
        _ => failed(error.to_string()),
    })?;
    let pipes = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    let group = Group::new(child).ok_or_else(|| failed(String::from("this program ends")))?;
    match pipes {
        (Some(stdin), Some(stdout), Some(stderr)) => Ok(Started { group, stdin, stdout, stderr }),
        _ => Err(Error::internal("a started program has no pipes")),
    }
}

/// Runs a command of our own program in a process that has nothing but `input`: what it says, up to one byte more than `most`;
/// `None` where it does not end within `time`. It is ended in any case. Blocks.
#[expect(clippy::disallowed_methods, reason = "our own program, for what cannot be interrupted inside a process")]
pub fn ourselves(word: &str, input: &[u8], time: Duration, most: usize) -> Result<Option<Vec<u8>>> {
    let failed = |error: std::io::Error| Error::internal(format!("this program cannot start itself: {error}"));
    // The file may have been replaced by a newer one since we started.
    let own = PathBuf::from("/proc/self/exe");
    let own = if cfg!(target_os = "linux") && own.exists() { own } else { std::env::current_exe().map_err(failed)? };
    let mut command = std::process::Command::new(own);
    command.arg(word).env_clear().envs(env::var("SYSTEMROOT").map(|value| ("SYSTEMROOT", value)));
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().map_err(failed)?;
    let (Some(mut stdin), Some(stdout)) = (child.stdin.take(), child.stdout.take()) else {
        return Err(Error::internal("a started program has no pipes"));
    };
    let (send, receive) = std::sync::mpsc::channel();
    let answer = std::thread::scope(|scope| {
        // What it does not read is no failure: it may have ended.
        scope.spawn(move || drop(stdin.write_all(input)));
        scope.spawn(move || {
            let mut said = Vec::new();
            let read = stdout.take(most as u64 + 1).read_to_end(&mut said);
            drop(send.send(read.map(|_| said)));
        });
        let answer = receive.recv_timeout(time);
        drop(child.kill());
        drop(child.wait());
        answer
    });
    answer.ok().transpose().map_err(failed)
}

/// Bounds the memory of this process, in bytes, and its time on a processor; where the system knows no such limits nothing happens.
pub fn limit_ourselves(memory: u64, seconds: u64) {
    #[cfg(unix)]
    {
        use rustix::process::{Resource, Rlimit, setrlimit};
        let limits = [(Resource::As, memory), (Resource::Cpu, seconds), (Resource::Core, 0)];
        for (resource, most) in limits {
            // A limit that is lower already stays.
            setrlimit(resource, Rlimit { current: Some(most), maximum: Some(most) }).ok();
        }
    }
    #[cfg(not(unix))]
    let _ = (memory, seconds);
}

/// Opens an address in the browser; false when there is none.
#[expect(clippy::disallowed_methods, reason = "the browser is the person's own program")]
pub fn browse(address: &str) -> bool {
    let own = env::var("BROWSER").filter(|program| !program.contains(char::is_whitespace));
    let usual: &[&str] = if cfg!(target_os = "macos") {
        &["open"]
    } else if cfg!(windows) {
        &["explorer"]
    } else {
        &["xdg-open"]
    };
    let mut programs = own.iter().map(String::as_str).chain(usual.iter().copied());
    programs.any(|program| {
        let mut command = std::process::Command::new(program);
        // It needs what belongs to the desktop, but none of our own settings, some of which are secrets.
        env::own_names().iter().for_each(|name| _ = command.env_remove(name));
        command.arg(address).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().is_ok()
    })
}

impl Group {
    fn new(child: Child) -> Option<Self> {
        let running = Arc::new(Mutex::new(Running { id: child.id(), child }));
        let mut groups = groups();
        if groups.over {
            drop(groups);
            finish(&running);
            return None;
        }
        groups.all.push(running.clone());
        Some(Self(running))
    }

    /// How the program ended, if it did: `exit status: 1`.
    pub fn ended(&self) -> Option<String> {
        // Whoever holds it ends it just now.
        self.0.try_lock().ok()?.child.try_wait().ok().flatten().map(|status| status.to_string())
    }
}

impl Running {
    /// Asks the group to end, waits a moment and kills what is left. Blocks for that moment.
    fn end(&mut self) {
        let Some(id) = self.id.take() else { return };
        signal(id, false);
        let until = Instant::now() + GRACE;
        while self.child.try_wait().is_ok_and(|status| status.is_none()) && Instant::now() < until {
            std::thread::sleep(Duration::from_millis(1));
        }
        signal(id, true);
        drop(self.child.start_kill());
        drop(self.child.try_wait());
    }
}

fn finish(running: &Arc<Mutex<Running>>) {
    running.lock().unwrap_or_else(PoisonError::into_inner).end();
    groups().all.retain(|other| !Arc::ptr_eq(other, running));
}

impl Drop for Group {
    fn drop(&mut self) {
        let running = self.0.clone();
        match tokio::runtime::Handle::try_current() {
            // The moment that it takes must not hold an event loop up. Where the loop ends first, `end_all` does it.
            Ok(handle) => drop(handle.spawn_blocking(move || finish(&running))),
            Err(_) => finish(&running),
        }
    }
}

/// Ends every group that still runs, all at once, and starts no other: what a process does before it ends.
pub fn end_all() {
    let left = {
        let mut groups = groups();
        groups.over = true;
        groups.all.clone()
    };
    std::thread::scope(|scope| {
        for running in &left {
            if std::thread::Builder::new().spawn_scoped(scope, || finish(running)).is_err() {
                finish(running);
            }
        }
    });
}

#[cfg(unix)]
fn signal(group: u32, kill: bool) {
    use rustix::process::{Pid, Signal, kill_process_group};
    let id = i32::try_from(group).ok().and_then(Pid::from_raw);
    if let Some(id) = id {
        // A group that has ended is no failure.
        kill_process_group(id, if kill { Signal::KILL } else { Signal::TERM }).ok();
    }
}

#[cfg(not(unix))]
fn signal(_group: u32, _kill: bool) {}

/// Several pieces of one value, some of them secret, as one.
pub fn join(pieces: &[Secret]) -> Secret {
    Secret::new(pieces.iter().map(Secret::expose).collect())
}

/// A header of a request to a server.
pub fn header(name: &str, value: &Secret) -> Result<(HeaderName, HeaderValue)> {
    let wrong = |what: &str| Error::new(Code::InvalidArguments, format!("the {what} header '{}' cannot be sent", printable(name)));
    let known = HeaderName::from_bytes(name.as_bytes()).map_err(|_| wrong("name of the"))?;
    let mut value = HeaderValue::from_str(value.expose()).map_err(|_| wrong("value of the"))?;
    value.set_sensitive(true);
    Ok((known, value))
}

/// The URL that a value is.
pub fn url(value: &Secret) -> Result<url::Url> {
    let wrong = |why: String| Error::new(Code::InvalidArguments, format!("the server's URL {why}"));
    let url = url::Url::parse(value.expose().trim()).map_err(|error| wrong(format!("is none: {error}")))?;
    if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none_or(str::is_empty) {
        return Err(wrong(String::from("must be an http or https URL")));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(wrong(String::from("must not hold a user name or password; use a header")));
    }
    Ok(url)
}

/// Tells a scrubber about a value. The scheme word of a header is no secret.
pub fn forget(scrubber: &mut Scrubber, value: &Secret) {
    let text = value.expose();
    scrubber.add(text);
    if let Some((_, rest)) = text.split_once(' ') {
        scrubber.add(rest.trim());
    }
}

/// A secret for the protocol's library, which sends it to an authorization server.
pub fn told(value: &Secret) -> String {
    value.expose().to_owned()
}

/// What a secret that holds JSON says.
pub fn parsed<T: DeserializeOwned>(value: &Secret) -> Option<T> {
    serde_json::from_str(value.expose()).ok()
}
