//! A private home for the program and a cleared environment: no settings, keychain or proxy of the person who runs the tests.
//! A run that hangs is killed and fails the test.

use std::io::{Read, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

use super::snapshot;

/// How long a run may take.
const LONGEST: Duration = Duration::from_secs(60);

/// Folders and environment of the runs of one test; removed with it.
pub struct Env {
    folder: TempDir,
    variables: Vec<(String, String)>,
}

impl Env {
    /// An empty home; secrets go to the encrypted file.
    pub fn new() -> Self {
        let env = Self { folder: tempfile::tempdir().unwrap(), variables: Vec::new() };
        for folder in [env.home().join("config/providers"), env.work()] {
            std::fs::create_dir_all(folder).unwrap();
        }
        env.config("");
        env
    }

    /// The test's folder, which is also `HOME`.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// `ANGELIA_HOME`.
    pub fn home(&self) -> PathBuf {
        self.path().join("angelia")
    }

    /// Where the program runs: an empty folder, so that no project is found.
    pub fn work(&self) -> PathBuf {
        self.path().join("work")
    }

    /// Sets an environment variable of every run.
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.variables.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Writes the user's settings. The encrypted file is added unless they choose a store themselves.
    pub fn config(&self, settings: &str) {
        let store = if settings.contains("[credentials]") { "" } else { "\n[credentials]\nstore = \"file\"\n" };
        std::fs::write(self.home().join("config/config.toml"), format!("{settings}{store}")).unwrap();
    }

    /// Runs with nothing on stdin.
    pub fn run(&self, words: &[&str]) -> Run {
        self.start(words, None)
    }

    /// Runs with this on stdin.
    pub fn run_with_stdin(&self, words: &[&str], stdin: &str) -> Run {
        self.start(words, Some(stdin))
    }

    /// The program with these words, this home and nothing else of the environment.
    pub fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_angelia"));
        command.args(words).current_dir(self.work()).env_clear();
        command.envs(std::env::var_os("PATH").map(|path| ("PATH", path)));
        command.env("HOME", self.path()).env("ANGELIA_HOME", self.home()).env("NO_COLOR", "1");
        command.envs(self.variables.iter().map(|(name, value)| (name, value)));
        command
    }

    fn start(&self, words: &[&str], stdin: Option<&str>) -> Run {
        let until = Instant::now() + LONGEST;
        let mut command = self.command(words);
        command.stdin(if stdin.is_some() { Stdio::piped() } else { Stdio::null() }).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        if let (Some(mut pipe), Some(text)) = (child.stdin.take(), stdin.map(str::to_owned)) {
            // The program need not read all of it.
            thread::spawn(move || drop(pipe.write_all(text.as_bytes())));
        }
        let (stdout, stderr) = (listen(child.stdout.take()), listen(child.stderr.take()));
        let heard = |from: mpsc::Receiver<Vec<u8>>| from.recv_timeout(until.saturating_duration_since(Instant::now())).ok();
        let (stdout, stderr) = (heard(stdout), heard(stderr));
        let status = loop {
            match child.try_wait().unwrap() {
                Some(status) => break status,
                None if Instant::now() < until => thread::sleep(Duration::from_millis(1)),
                None => {
                    child.kill().unwrap();
                    child.wait().unwrap();
                    panic!("angelia {words:?} did not end within {LONGEST:?}");
                }
            }
        };
        let text =
            |bytes: Option<Vec<u8>>| String::from_utf8(bytes.unwrap_or_else(|| panic!("angelia {words:?} left a pipe open"))).unwrap();
        let (stdout, stderr) = (text(stdout), text(stderr));
        let code = status.code().unwrap_or_else(|| panic!("angelia {words:?} was ended by {status}\n{stderr}"));
        Run { code, stdout, stderr, folder: self.path().to_owned() }
    }
}

fn listen(pipe: Option<impl Read + Send + 'static>) -> mpsc::Receiver<Vec<u8>> {
    let (send, receive) = mpsc::channel();
    thread::spawn(move || {
        let mut bytes = Vec::new();
        if let Some(mut pipe) = pipe {
            drop(pipe.read_to_end(&mut bytes));
        }
        drop(send.send(bytes));
    });
    receive
}

/// What a run gave.
#[derive(Debug, Clone)]
#[must_use = "a run that nobody looks at tests nothing"]
pub struct Run {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
    folder: PathBuf,
}

impl Run {
    /// stdout as one JSON document.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("stdout is not one JSON document: {error}\n{}", self.snapshot()))
    }

    /// Exit code, stdout and stderr as one text; what differs from run to run is replaced by names in brackets.
    pub fn snapshot(&self) -> String {
        let all = format!("exit code: {}\n--- stdout\n{}\n--- stderr\n{}", self.code, self.stdout.trim_end(), self.stderr.trim_end());
        snapshot::normalised(&all, &self.folder)
    }
}

mod tests {
    use serde_json::json;

    use super::Env;

    #[test]
    fn a_home_is_private_and_kept_between_runs() {
        let (env, other) = (Env::new(), Env::new());
        let made = env.run_with_stdin(
            &["integrations:call", "data.create", "-", "--json"],
            r#"{"collection": "c", "id": "a", "document": {"n": 1}}"#,
        );
        assert_eq!(made.code, 0, "{}", made.snapshot());
        assert!(env.home().join("data/angelia.db").exists());
        let get = ["integrations:call", "data.get", "--collection=c", "--id=a", "--json"];
        assert_eq!(env.run(&get).json()["data"]["document"], json!({"n": 1}));
        assert_eq!(other.run(&get).code, 3);
    }

    #[test]
    fn only_what_a_test_sets_is_in_the_environment() {
        let env = Env::new().with("ANGELIA_HTTP_RETRIES", "7");
        let command = env.command(&[]);
        let names: Vec<_> = command.get_envs().map(|(name, _)| name.to_owned()).collect();
        assert_eq!(names, ["ANGELIA_HOME", "ANGELIA_HTTP_RETRIES", "HOME", "NO_COLOR", "PATH"]);
    }

    #[test]
    fn settings_choose_the_encrypted_file_unless_they_choose() {
        let env = Env::new();
        let written = || std::fs::read_to_string(env.home().join("config/config.toml")).unwrap();
        assert!(written().contains("store = \"file\""));
        env.config("force = \"never\"");
        assert!(written().starts_with("force = \"never\"\n[credentials]\n"));
        env.config("[credentials]\nstore = \"auto\"\n");
        assert!(!written().contains("file"));
    }

    #[test]
    fn a_run_is_told_as_one_text() {
        let run = Env::new().run(&["integrations:call", "data.nothing", "--json"]);
        let text = run.snapshot();
        assert!(text.starts_with("exit code: 3\n--- stdout\n{\"function\":\"data.nothing\",\"success\":false"), "{text}");
        assert!(text.contains("\"call_id\":\"[id]\"") && text.ends_with("\"duration_ms\":[ms]}\n--- stderr\n"), "{text}");
    }
}
