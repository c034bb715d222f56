//! A private home for the program: its own folders, a cleared environment, no keychain. Runs the binary and kills it when it hangs.

use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

/// A home that disappears with the test.
pub struct Home {
    folder: tempfile::TempDir,
    variables: Vec<(String, String)>,
    cwd: PathBuf,
}

/// What a run of the program gave.
#[must_use = "look at the exit code or the output"]
#[derive(Debug)]
pub struct Run {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Run {
    /// stdout as one JSON document.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.stdout)
            .unwrap_or_else(|error| panic!("{error}: exit {}, stdout {:?}, stderr {}", self.code, self.stdout, self.stderr))
    }
}

impl Default for Home {
    fn default() -> Self {
        Self::new()
    }
}

impl Home {
    /// An empty home; secrets go to the encrypted file.
    pub fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let cwd = folder.path().join("work");
        std::fs::create_dir_all(&cwd).unwrap();
        std::fs::create_dir_all(folder.path().join("home/config/providers")).unwrap();
        let home = Self { folder, variables: Vec::new(), cwd };
        home.config("");
        home
    }

    /// The test's own folder.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// `ANGELIA_HOME`.
    pub fn root(&self) -> PathBuf {
        self.folder.path().join("home")
    }

    /// Writes the user's settings.
    pub fn config(&self, text: &str) {
        std::fs::write(self.root().join("config/config.toml"), format!("{text}\n[credentials]\nstore = \"file\"\n")).unwrap();
    }

    /// Writes a user manifest.
    pub fn manifest(&self, id: &str, text: &str) {
        std::fs::write(self.root().join(format!("config/providers/{id}.yaml")), text).unwrap();
    }

    /// Sets an environment variable of every run.
    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.variables.push((name.into(), value.into()));
        self
    }

    /// Runs in another folder.
    pub fn cwd(mut self, folder: &Path) -> Self {
        self.cwd = folder.to_owned();
        self
    }

    /// A command with this home and nothing else of the environment.
    pub fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_angelia"));
        command
            .args(words)
            .env_clear()
            .env("PATH", "/usr/local/bin:/usr/bin:/bin")
            .env("HOME", self.folder.path().join("nobody"))
            .env("ANGELIA_HOME", self.root())
            .envs(self.variables.iter().map(|(name, value)| (name, value)))
            .current_dir(&self.cwd);
        command
    }

    /// Runs with nothing on stdin.
    pub fn run(&self, words: &[&str]) -> Run {
        finish(self.command(words).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap(), None)
    }

    /// Runs with this on stdin.
    pub fn run_with(&self, words: &[&str], stdin: &[u8]) -> Run {
        let child = self.command(words).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        finish(child, Some(stdin.to_vec()))
    }

    /// Every file below the test's folder.
    pub fn files(&self) -> Vec<PathBuf> {
        let (mut found, mut folders) = (Vec::new(), vec![self.folder.path().to_owned()]);
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).unwrap().flatten() {
                let path = entry.path();
                if path.is_dir() { folders.push(path) } else { found.push(path) }
            }
        }
        found
    }
}

/// Waits for a child, feeding it and reading all it says; kills it after a minute.
pub fn finish(mut child: Child, stdin: Option<Vec<u8>>) -> Run {
    let feeding = child.stdin.take().zip(stdin).map(|(mut pipe, bytes)| std::thread::spawn(move || drop(pipe.write_all(&bytes))));
    let (mut stdout, mut stderr) = (child.stdout.take().unwrap(), child.stderr.take().unwrap());
    let read = |mut pipe: Box<dyn Read + Send>| {
        std::thread::spawn(move || {
            let mut bytes = Vec::new();
            drop(pipe.read_to_end(&mut bytes));
            String::from_utf8_lossy(&bytes).into_owned()
        })
    };
    let _ = (&mut stdout, &mut stderr);
    let (out, err) = (read(Box::new(stdout)), read(Box::new(stderr)));
    let until = Instant::now() + Duration::from_secs(60);
    let status = loop {
        match child.try_wait().unwrap() {
            Some(status) => break status,
            None if Instant::now() > until => {
                drop(child.kill());
                panic!("the program did not end within a minute");
            }
            None => std::thread::sleep(Duration::from_millis(3)),
        }
    };
    drop(feeding.map(std::thread::JoinHandle::join));
    Run { code: status.code().unwrap_or(-1), stdout: out.join().unwrap(), stderr: err.join().unwrap() }
}
