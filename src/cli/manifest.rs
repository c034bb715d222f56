//! For whoever writes a provider: `integrations:new` makes the files to begin with, `integrations:lint` says all that is wrong with a
//! manifest and plays its exchange tests. Nothing is sent by either.

use std::collections::BTreeMap;
use std::path::PathBuf;

use clap::ArgMatches;
use serde::Serialize;
use serde_json::{Value, json};

use crate::app::App;
use crate::base::error::{Code, Error, Result};
use crate::base::name::{DEFAULT_ACCOUNT, clean, printable};
use crate::base::secret::Secret;
use crate::call::{exchange, trial};
use crate::cli::call::block_on;
use crate::cli::import::ids;
use crate::cli::output::{Out, Paint};
use crate::cli::tree::{choice, flag, option, verb, word};
use crate::config::dirs::Dirs;
use crate::config::files;
use crate::registry::manifest::Provider;
use crate::registry::{check, schema, user};

const EXCHANGES_SCHEMA: &str = include_str!("../../schemas/exchanges.json");
const EXCHANGES: &str = "exchanges.yaml";
const SCAFFOLD: [(&str, &str); 2] =
    [(user::IN_FOLDER, include_str!("scaffold/provider.yaml")), (EXCHANGES, include_str!("scaffold/exchanges.yaml"))];

/// The largest manifest that is read.
const LARGEST: u64 = 64 << 20;

/// The commands of this file.
pub fn commands() -> Vec<clap::Command> {
    vec![
        verb("integrations:new", "Make the files of a provider of your own: a manifest with examples, and its tests")
            .args([
                word("provider", "Its id: a-z, 0-9 and _").required(true),
                option("title", "TEXT", "What it is called"),
                option("url", "URL", "Base URL of the service; https://api.example.com/v1 when left out"),
            ])
            .args([
                choice("auth", &["bearer", "header", "query", "basic", "none"], "How one signs in; bearer when left out"),
                option("output", "DIR", "Into a folder below this one; your own catalog when left out"),
            ]),
        verb("integrations:lint", "Say all that is wrong with a manifest, and play its exchange tests")
            .args([
                word("file", "The manifest, or the folder of a provider.yaml").required(true),
                option(
                    "exchanges",
                    "PATH",
                    "Its tests: a file, or a folder that --record wrote; exchanges.yaml beside provider.yaml when left out",
                ),
                flag("strict", "Fail on advice too"),
            ])
            .after_help("Errors are what cannot be right; advice is what the built-in providers follow. Nothing is sent."),
    ]
}

/// `integrations:new`.
pub fn new(app: &App, out: &Out, arguments: &ArgMatches) -> Result<u8> {
    let given = |name: &str| arguments.get_one::<String>(name).map(String::as_str);
    let id = given("provider").unwrap_or_default();
    ids::may_be(id)?;
    if app.catalog()?.ids()?.iter().any(|known| known == id) {
        return Err(Error::usage(format!("There is a provider '{id}' already")).hint(format!("angelia integrations:docs {id}")));
    }
    let words = filling(id, given("title"), given("url"), given("auth").unwrap_or("bearer"))?;
    let above = match given("output") {
        Some(folder) => PathBuf::from(folder),
        None => app.dirs.make_config()?.join("providers"),
    };
    let folder = above.join(id);
    let made = |error: std::io::Error| Error::usage(format!("{} cannot be made: {error}", folder.display()));
    std::fs::create_dir_all(&above).map_err(made)?;
    std::fs::create_dir(&folder).map_err(made)?;
    let mut written = Vec::new();
    for (name, text) in SCAFFOLD {
        let path = folder.join(name);
        let text = words.iter().fold(text.to_owned(), |text, (word, value)| text.replace(&format!("{{{{{word}}}}}"), value));
        files::write_shared(&path, &text)?;
        written.push(path.display().to_string());
    }
    let next = format!("angelia integrations:lint {}", folder.join(user::IN_FOLDER).display());
    let answer = json!({"success": true, "provider": id, "files": written, "next": [next]});
    out.answer(&answer, |paint| {
        let files: String = written.iter().map(|path| format!("{}\n", clean(path))).collect();
        format!("{files}{} {}", paint.dim("→"), clean(&next))
    });
    Ok(0)
}

/// What stands for the words in double braces.
fn filling(id: &str, title: Option<&str>, url: Option<&str>, auth: &str) -> Result<Vec<(&'static str, String)>> {
    const FIELD: &str = "credentials:\n  - {key: token, label: API token, secret: true, help: \"Where one makes it.\"}\n";
    const USER: &str = "credentials:\n  - {key: user, label: User, secret: false, help: \"The name one signs in with.\"}\n  - {key: password, label: Password, secret: true, help: \"Where one makes it.\"}\n";
    let usual = || {
        let mut words = id.replace('_', " ");
        words[..1].make_ascii_uppercase();
        words
    };
    let title = title.map_or_else(usual, str::to_owned);
    let url = url.unwrap_or("https://api.example.com/v1").trim_end_matches('/').to_owned();
    let base = url::Url::parse(&url).ok().filter(|url| matches!(url.scheme(), "https" | "http"));
    let base = base.ok_or_else(|| Error::usage(format!("'{}' is no http or https URL", printable(&url))))?;
    if title.chars().chain(url.chars()).any(|c| c.is_control() || "\"\\{}".contains(c)) {
        return Err(Error::usage("title and URL must hold no quotes, braces, backslashes and control characters"));
    }
    let (strategy, fields) = match auth {
        "bearer" => ("bearer_token", format!("{FIELD}auth: {{type: bearer, value: \"{{token}}\"}}\n")),
        "header" => ("api_key", format!("{FIELD}auth: {{type: header, name: X-Api-Key, value: \"{{token}}\"}}\n")),
        "query" => ("api_key", format!("{FIELD}auth: {{type: query, name: api_key, value: \"{{token}}\"}}\n")),
        "basic" => ("basic", format!("{USER}auth: {{type: basic, username: \"{{user}}\", password: \"{{password}}\"}}\n")),
        _ => ("none", String::new()),
    };
    let credentials = match auth {
        "bearer" => "credentials: {token: test-token}\nexpect: {headers: {authorization: Bearer test-token}}\n",
        "header" => "credentials: {token: test-token}\nexpect: {headers: {x-api-key: test-token}}\n",
        "query" => "credentials: {token: test-token}\nexpect: {query: {api_key: test-token}}\n",
        "basic" => {
            "credentials: {user: ada, password: test-password}\nexpect: {headers: {authorization: \"Basic YWRhOnRlc3QtcGFzc3dvcmQ=\"}}\n"
        }
        _ => "",
    };
    let path = base.path().trim_end_matches('/').to_owned();
    Ok(vec![
        ("id", id.to_owned()),
        ("title", title),
        ("url", url),
        ("strategy", strategy.to_owned()),
        ("auth", fields),
        ("credentials", credentials.to_owned()),
        ("path", path),
    ])
}

/// How grave a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Severity {
    Error,
    Advice,
}

/// One thing that is wrong, or could be better.
#[derive(Debug, Serialize)]
struct Finding {
    severity: Severity,
    file: String,
    line: Option<u64>,
    message: String,
}

/// What is looked at.
struct Lint {
    manifest: PathBuf,
    exchanges: Option<PathBuf>,
    findings: Vec<Finding>,
    cases: usize,
}

/// `integrations:lint`.
pub fn lint(out: &Out, arguments: &ArgMatches) -> Result<u8> {
    let given = PathBuf::from(arguments.get_one::<String>("file").map_or("", String::as_str));
    let manifest = if given.is_dir() { given.join(user::IN_FOLDER) } else { given };
    let beside = || Some(manifest.with_file_name(EXCHANGES)).filter(|path| manifest.ends_with(user::IN_FOLDER) && path.is_file());
    let exchanges = arguments.get_one::<String>("exchanges").map(PathBuf::from).or_else(beside);
    let mut lint = Lint { manifest, exchanges, findings: Vec::new(), cases: 0 };
    let provider = lint.read()?;
    if let Some(provider) = &provider {
        lint.play(provider)?;
    }
    let count = |severity| lint.findings.iter().filter(|finding| finding.severity == severity).count();
    let (errors, advised) = (count(Severity::Error), count(Severity::Advice));
    let failed = errors > 0 || (arguments.get_flag("strict") && advised > 0);
    let file = lint.manifest.display().to_string();
    let failure = failed.then(|| Error::new(Code::InvalidPayload, format!("{errors} error(s) and {advised} piece(s) of advice in {file}")));
    let answer = json!({
        "file": file, "provider": provider.as_ref().map(|provider| &provider.id),
        "functions": provider.as_ref().map_or(0, |provider| provider.functions.len()), "cases": lint.cases, "findings": lint.findings,
    });
    Ok(out.verdict(answer, failure, |paint| listing(paint, &lint, provider.as_ref())))
}

fn listing(paint: &Paint, lint: &Lint, provider: Option<&Provider>) -> String {
    let mut text = String::new();
    for finding in &lint.findings {
        let word = match finding.severity {
            Severity::Error => paint.red("error:"),
            Severity::Advice => paint.yellow("advice:"),
        };
        let line = finding.line.map(|line| format!(":{line}")).unwrap_or_default();
        text.push_str(&format!("{}{line}: {word} {}\n", clean(&finding.file), clean(&finding.message)));
    }
    if let Some(provider) = provider {
        text.push_str(&format!("{}: {} functions, {} exchange tests played.", provider.id, provider.functions.len(), lint.cases));
        if lint.findings.is_empty() {
            text.push_str(" Nothing is wrong.");
        }
    }
    text
}

/// What a case must choose between, in words: its schema says no more than that one of two forms fits.
fn choice_of(document: &Value, place: &str) -> Option<String> {
    let case = document.pointer(place)?.as_object().filter(|_| place.starts_with("/exchanges/") && place.matches('/').count() == 3)?;
    let has = |words: &[&str]| words.iter().all(|word| case.contains_key(*word));
    let said = |one: bool, other: bool, forms: &str| match (one, other) {
        (false, false) => Some(format!("needs {forms}")),
        (true, true) => Some(format!("takes {forms}, not both")),
        _ => None,
    };
    let sent = said(has(&["request", "response"]), has(&["steps"]), "request and response, or steps");
    let became = said(has(&["result"]), has(&["error"]), "result or error");
    let all: Vec<String> = sent.into_iter().chain(became).collect();
    (!all.is_empty()).then(|| all.join("; "))
}

impl Lint {
    fn say(&mut self, severity: Severity, of_exchanges: bool, line: Option<u64>, message: String) {
        let path = if of_exchanges { self.exchanges.as_ref().unwrap_or(&self.manifest) } else { &self.manifest };
        self.findings.push(Finding { severity, file: path.display().to_string(), line, message });
    }

    /// The manifest, with everything that is wrong with it said; none where it cannot be used.
    fn read(&mut self) -> Result<Option<Provider>> {
        let path = self.manifest.display();
        let missing = || Error::new(Code::NotFound, format!("There is no file {path}")).hint("angelia integrations:new PROVIDER makes one");
        let text = files::read_at_most(&self.manifest, LARGEST)?.ok_or_else(missing)?;
        let checked = check::check(&text);
        checked.errors.into_iter().for_each(|(line, message)| self.say(Severity::Error, false, line, message));
        checked.advice.into_iter().for_each(|(line, message)| self.say(Severity::Advice, false, line, message));
        Ok(checked.provider)
    }

    fn by_schema(&mut self, schema: &str, value: &Value, of_exchanges: bool) -> Result<()> {
        let schema = serde_json::from_str(schema).map_err(|error| Error::internal(error.to_string()))?;
        for (place, fault) in schema::faults(&schema, value).map_err(Error::internal)? {
            let choice = choice_of(value, &place).filter(|_| fault.ends_with("'oneOf' keyword"));
            let fault: String = choice.unwrap_or(fault).chars().take(300).collect();
            let message = format!("{}: {fault}", if place.is_empty() { "/" } else { &place });
            // A case that chooses twice wrongly has two faults that say the same.
            if self.findings.last().is_none_or(|last| last.message != message) {
                self.say(Severity::Error, of_exchanges, None, message);
            }
        }
        Ok(())
    }

    /// Plays the exchange tests in a home of their own: neither the user's accounts nor the environment have a part in it.
    fn play(&mut self, provider: &Provider) -> Result<()> {
        let Some(path) = self.exchanges.clone() else {
            self.say(
                Severity::Advice,
                false,
                None,
                format!("has no exchange tests: {EXCHANGES} beside {}, or --exchanges", user::IN_FOLDER),
            );
            return Ok(());
        };
        let mut tested: Vec<String> = Vec::new();
        let at_first = self.findings.len();
        let unread = |error: std::io::Error| Error::new(Code::NotFound, format!("{} cannot be read: {error}", path.display()));
        for file in exchange::files(&path).map_err(unread)? {
            let document = match user::document(&file) {
                Ok(document) => document,
                Err(why) => {
                    self.say(Severity::Error, true, None, format!("{}: {why}", file.display()));
                    continue;
                }
            };
            let before = self.findings.len();
            self.by_schema(EXCHANGES_SCHEMA, &document, true)?;
            if let Some(other) = document.get("provider").and_then(Value::as_str).filter(|id| *id != provider.id) {
                self.say(
                    Severity::Error,
                    true,
                    None,
                    format!("/provider: these are tests of '{other}', the manifest is that of '{}'", provider.id),
                );
            }
            for key in document.get("credentials").and_then(Value::as_object).into_iter().flatten().map(|(key, _)| key) {
                if !provider.credentials.iter().any(|field| field.key == *key) {
                    self.say(Severity::Error, true, None, format!("/credentials: '{key}' is no credential field of {}", provider.id));
                }
            }
            if self.findings.len() > before {
                continue;
            }
            tested.extend(document.get("exchanges").and_then(Value::as_object).into_iter().flatten().map(|(function, _)| function.clone()));
            let bench = Bench::open(provider, &document)?;
            let (wrong, played) = bench.play(&document)?;
            self.cases += played;
            for wrong in wrong {
                let message = wrong.message.replace(&bench.id, &provider.id);
                self.say(Severity::Error, true, None, format!("{}[{}]: {message}", wrong.function, wrong.case));
            }
        }
        if self.cases == 0 && self.findings.len() == at_first {
            self.say(Severity::Error, true, None, String::from("holds no exchange tests"));
        }
        for function in provider.functions.iter().filter(|function| !tested.contains(&function.id)) {
            self.say(Severity::Advice, true, None, format!("{}: has no exchange test", function.id));
        }
        Ok(())
    }
}

/// A home in which a provider has the credentials of its tests, under a name that no environment variable knows.
struct Bench {
    id: String,
    app: App,
    _folder: tempfile::TempDir,
}

impl Bench {
    fn open(provider: &Provider, document: &Value) -> Result<Self> {
        let folder = tempfile::tempdir().map_err(|error| Error::internal(format!("no folder to play exchange tests in: {error}")))?;
        let dirs = Dirs::below(folder.path());
        let id = format!("lint_{}", uuid::Uuid::new_v4().simple());
        let mut provider = Provider { id: id.clone(), ..provider.clone() };
        provider.credentials.iter_mut().for_each(|field| field.env.clear());
        let config = dirs.make_config()?.to_owned();
        files::write_private(&config.join("config.toml"), "[credentials]\nstore = \"file\"\n[http]\nretries = 0\n")?;
        let providers = config.join("providers");
        std::fs::create_dir_all(&providers).map_err(|error| Error::internal(error.to_string()))?;
        let manifest = serde_json::to_string(&provider).map_err(|error| Error::internal(error.to_string()))?;
        files::write_private(&providers.join(format!("{id}.json")), &manifest)?;
        let own = App { scratch: Some(folder.path().to_owned()), ..App::open(dirs, None)? };
        let fields = document.get("credentials").and_then(Value::as_object).into_iter().flatten();
        let secret = |value: &Value| Some(Secret::new(value.as_str().unwrap_or_default().to_owned()));
        let values: BTreeMap<String, Option<Secret>> = fields.map(|(key, value)| (key.clone(), secret(value))).collect();
        if !values.is_empty() {
            own.vault()?.store(&own.dirs, &provider, DEFAULT_ACCOUNT, &values)?;
        }
        Ok(Self { id, app: own, _folder: folder })
    }

    fn play(&self, document: &Value) -> Result<(Vec<trial::Wrong>, usize)> {
        let runtime = self.app.runtime(Box::new(|_| {}))?;
        block_on(async { Ok(trial::play(&runtime, &self.id, document).await) })
    }
}
