//! A provider with accounts, pages, files and a parameter named like one of our flags; its service repeats every secret it is sent, in every
//! form. Whatever a test does with it, no secret may come out of the program or stay in a file: that is checked at each run and at the end.

use serde_json::{Value, json};
use tempfile::TempDir;

use super::home::{Home, Run, finish};
use super::secrets;
use super::server::{Reply, Request, Server};

/// The secret of the default account. Its forms in base64 differ in both alphabets and have padding.
pub const TOKEN: &str = "tok3n?>~/with+odd=chars";
/// The secret of the account `work`.
pub const WORK: &str = "w0rk?>~/of+another=account";

/// The manifest.
pub const MANIFEST: &str = r#"
id: desk
title: Desk
description: Papers on a desk.
category: office
auth_strategy: api_key
credentials:
  - {key: token, label: Token, secret: true, env: [DESK_TOKEN]}
  - {key: note, label: Note, secret: false, default: plain}
  - {key: drawer, label: Drawer, secret: false, required: false, kind: url}
  - {key: lamp, label: Lamp, secret: false, required: false, kind: host}
  - {key: owner, label: Owner, secret: false, required: false, kind: email}
auth:
  - {type: header, name: X-Token, value: "{token}"}
  - {type: header, name: X-Note, value: "{note}"}
servers: {default: "http://127.0.0.1:1"}
errors: {message: [message]}
verify: get_desk
functions:
  - {id: get_desk, title: Get, description: Returns the desk., operation: read, request: GET /desk, examples: [{arguments: {}}]}
  - id: list_papers
    title: List
    description: Lists papers.
    operation: read
    request: GET /papers
    parameters: {cursor: {type: string, description: Cursor.}}
    pagination: {style: cursor, items: papers, parameter: cursor, next: next}
    examples: [{arguments: {}}]
  - id: create_paper
    title: Create
    description: Writes a paper.
    operation: write
    request: POST /papers
    parameters: {title: {type: string, description: Title.}, force: {type: boolean, description: Over another.}}
    required: [title]
    examples: [{arguments: {title: a}}]
  - id: rename_paper
    title: Rename
    description: Renames a paper.
    operation: write
    request: PUT /papers
    parameters: {title: {type: string, description: Title.}}
    required: [title]
    examples: [{arguments: {title: a}}]
  - id: delete_paper
    title: Delete
    description: Burns a paper.
    operation: destructive
    request: DELETE /papers/{paper}
    parameters: {paper: {type: string, description: Its name.}}
    required: [paper]
    examples: [{arguments: {paper: a}}]
  - id: upload_file
    title: Upload
    description: Puts a file on the desk.
    operation: write
    request: POST /files
    body: raw
    parameters: {file: {type: string, format: binary, description: The file.}}
    required: [file]
    examples: [{arguments: {file: YQ==}}]
"#;

/// A home with the provider, the service, and what must not come out.
pub struct Desk {
    pub home: Home,
    pub server: Server,
    /// A folder that the program has no business in.
    pub aside: TempDir,
    secrets: Vec<String>,
}

/// The envelope of a call, and the exit status.
#[must_use = "look at the code"]
#[derive(Debug)]
pub struct Answer {
    pub exit: i32,
    pub envelope: Value,
    pub stderr: String,
}

impl Answer {
    /// The error code, or `none`.
    pub fn code(&self) -> &str {
        self.envelope["error_detail"]["code"].as_str().unwrap_or("none")
    }

    /// Exit status and error code.
    pub fn end(&self) -> (i32, &str) {
        (self.exit, self.code())
    }

    /// What a person reads.
    pub fn error(&self) -> &str {
        self.envelope["error"].as_str().unwrap_or_default()
    }

    /// All hints in one text.
    pub fn hints(&self) -> String {
        self.envelope["error_detail"]["hints"].to_string()
    }

    /// The ticket that was left.
    pub fn ticket(&self) -> String {
        self.envelope["meta"]["approval_id"].as_str().unwrap_or_else(|| panic!("no ticket: {self:?}")).to_owned()
    }
}

impl Desk {
    /// Nothing is enabled or stored.
    pub fn closed() -> Self {
        let home = Home::new();
        home.manifest("desk", MANIFEST);
        let secrets = vec![TOKEN.to_owned(), WORK.to_owned()];
        Self { home, server: Server::start(answer), aside: tempfile::tempdir().unwrap(), secrets }
    }

    /// Enabled with these rules; both accounts are stored.
    pub fn open(rules: &str) -> Self {
        let desk = Self::closed();
        desk.settings(rules);
        for (account, token) in [("default", TOKEN), ("work", WORK)] {
            desk.store(account, token);
        }
        desk
    }

    /// Writes the user's settings: enabled, this service, these rules.
    pub fn settings(&self, rules: &str) {
        self.home.config(&Self::text(&self.server, rules));
    }

    /// Settings that enable the provider and send it to a server.
    pub fn text(server: &Server, rules: &str) -> String {
        let origin = server.origin();
        format!("[integrations.desk]\nenabled = true\nallow_private = true\nservers.default = \"{origin}\"\n{rules}\n")
    }

    /// Stores an account's token.
    pub fn store(&self, account: &str, token: &str) {
        let payload = json!({"account": account, "set": {"token": token}}).to_string();
        let run = self.run_with(&["integrations:configure", "desk", "--stdin-json", "--json"], &payload);
        assert_eq!(run.code, 0, "{run:?}");
    }

    /// One more value that must not come out.
    pub fn hide(&mut self, secret: &str) {
        self.secrets.push(secret.to_owned());
    }

    /// Runs the program; what it says holds no secret.
    pub fn run(&self, words: &[&str]) -> Run {
        self.clean(words, self.home.run(words))
    }

    /// As [`Desk::run`], with this on stdin.
    pub fn run_with(&self, words: &[&str], stdin: &str) -> Run {
        self.clean(words, self.home.run_with(words, stdin.as_bytes()))
    }

    /// As [`Desk::run`], with these variables.
    pub fn run_in(&self, variables: &[(&str, &str)], words: &[&str]) -> Run {
        self.clean(words, finish(self.start(variables, words), None))
    }

    /// Starts the program with nothing on stdin.
    pub fn start(&self, variables: &[(&str, &str)], words: &[&str]) -> std::process::Child {
        use std::process::Stdio;
        let mut command = self.home.command(words);
        command.envs(variables.iter().copied()).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    }

    /// Fails when a run said a secret.
    pub fn clean(&self, words: &[&str], run: Run) -> Run {
        secrets::assert_absent(&self.secrets, run.stdout.as_bytes(), &format!("stdout of {words:?}"));
        secrets::assert_absent(&self.secrets, run.stderr.as_bytes(), &format!("stderr of {words:?}"));
        run
    }

    /// Calls `desk.<function>`, or a full name.
    pub fn call(&self, function: &str, more: &[&str]) -> Answer {
        self.call_in(&[], function, more)
    }

    /// As [`Desk::call`], with these variables.
    pub fn call_in(&self, variables: &[(&str, &str)], function: &str, more: &[&str]) -> Answer {
        let name = if function.contains('.') { function.to_owned() } else { format!("desk.{function}") };
        let words: Vec<&str> = ["integrations:call", &name, "--json"].into_iter().chain(more.iter().copied()).collect();
        let run = self.run_in(variables, &words);
        Answer { exit: run.code, envelope: run.json(), stderr: run.stderr }
    }

    /// Approves a ticket.
    pub fn approve(&self, ticket: &str) {
        let run = self.run(&["approvals:approve", ticket, "--json"]);
        assert_eq!(run.code, 0, "{run:?}");
    }

    /// Recorded calls, newest first.
    pub fn audit(&self) -> Vec<Value> {
        let list = self.run(&["audit:list", "--limit=1000", "--json"]).json();
        list["calls"].as_array().unwrap().clone()
    }

    /// How many requests there were.
    pub fn sent(&self) -> usize {
        self.server.requests().len()
    }

    /// The header of the last request.
    pub fn last_header(&self, name: &str) -> Option<String> {
        self.server.requests().last()?.header(name).map(str::to_owned)
    }

    /// Writes a file into the folder aside; answers its path.
    pub fn put_aside(&self, name: &str, text: &str) -> String {
        let path = self.aside.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    }

    /// Writes a file below the current folder's `.angelia`; answers its path.
    pub fn project(&self, name: &str, text: &str) -> std::path::PathBuf {
        let path = self.home.path().join("work/.angelia").join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
        path
    }
}

impl Drop for Desk {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            secrets::assert_no_file_holds(&self.secrets, &self.home.files());
        }
    }
}

/// Repeats every secret that was sent, as an echo service or an error page would.
pub fn answer(request: &Request) -> Reply {
    let echo: Vec<String> = request.header("x-token").map(secrets::forms).unwrap_or_default();
    let body = match request.path() {
        "/papers/cursed" => {
            let message = format!("curses, {}!", echo.join(" and "));
            return Reply::status(400).header("x-echo", &echo.join(" ")).body(json!({"message": message}).to_string().as_bytes());
        }
        "/papers" if request.method == "GET" => {
            json!({"papers": [{"title": "a", "echo": echo}], "next": request.query("cursor").is_none().then_some("2")})
        }
        _ => json!({"done": request.method, "echo": echo}),
    };
    Reply::ok(body.to_string().as_bytes())
}
