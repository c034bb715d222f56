//! The documentation stays true: examples marked `<!-- run -->` run and print what the `<!-- output -->` block behind them says,
//! every other command line at least names commands, functions and flags that exist, generated parts are fresh, links lead somewhere.
//! `UPDATE_DOCS=1` writes generated parts and outputs anew. Nothing here reaches a network, a keychain or the real home folder,
//! so an example that is run never stores a secret.
//!
//! Marks stand on the line before a block. A block of Lua is run by `integrations:lua`. `run` wants exit status 0, `run: exit 4` another one; `file: PATH` writes the block to a file,
//! below the folder in which the page's examples run or, when it begins with `$ANGELIA_HOME/`, below that. In an output, `…`
//! stands for any run of characters on its line, and a line that holds nothing else for any number of lines.
//! Ids, times, durations and digests may have any value; JSON is compared as a terminal would show it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::iter::Peekable;
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};
use std::str::Chars;
use std::sync::{Mutex, PoisonError};

use serde_json::Value;
use tempfile::TempDir;

use angelia::base::error::CODES;
use angelia::config::layers::SETTINGS;
use angelia::lua::modules::STANDARD;
use angelia::registry::catalog::Catalog;

type Result<T> = std::result::Result<T, String>;

const ROOT: &str = env!("CARGO_MANIFEST_DIR");
const BINARY: &str = env!("CARGO_BIN_EXE_angelia");

/// How the README starts the program from a fresh checkout.
const FROM_SOURCE: &str = "cargo run -q --locked --";

/// The home folder as the pages write it.
const HOME_IN_DOCS: &str = "/home/you";

#[test]
fn examples_print_what_the_pages_say() -> Result<()> {
    let mut failures = Vec::new();
    let mut outputs = 0;
    for page in pages()? {
        let world = World::new()?;
        let mut shown: Option<(usize, String)> = None;
        for block in page.blocks() {
            let place = format!("{}:{}", page.name, block.line);
            if let Some(path) = block.mark.strip_prefix("file: ") {
                world.write(path, &block.body)?;
            } else if let Some(wanted) = status(&block) {
                let output = world.bash(&world.script(&block)?)?;
                if output.status.code() != Some(wanted) {
                    let said = String::from_utf8_lossy(&output.stderr).into_owned();
                    failures.push(format!("{place}: ended with {}, not exit {wanted}\n{}{said}", output.status, stdout(&output)));
                }
                shown = Some((block.line, stdout(&output).replace(&world.home(), HOME_IN_DOCS)));
            } else if block.mark == "output" {
                let (_, printed) = shown.take().ok_or_else(|| format!("{place}: no example stands before this output"))?;
                outputs += 1;
                let printed = if block.language == "json" { as_on_a_terminal(&printed)? } else { printed };
                if !fits(&block.body, &printed) {
                    let fence = |body: &str| format!("<!-- output -->\n```{}\n{body}```\n", block.language);
                    if !page.update(&fence(&block.body), &fence(&format!("{}\n", printed.trim_end())))? {
                        failures.push(format!("{place}: the example prints\n{printed}"));
                    }
                }
            }
        }
    }
    assert!(outputs > 10, "hardly any example is compared: {outputs}");
    report("UPDATE_DOCS=1 writes outputs anew; read what changed.", &failures)
}

#[test]
fn command_lines_name_what_exists() -> Result<()> {
    let program = Program::new()?;
    let mut failures = Vec::new();
    let mut seen = 0;
    for page in pages()? {
        // An example that is run and is to fail names what does not exist on purpose.
        let meant = |block: &Block| block.language == "sh" && status(block).is_none_or(|status| status == 0);
        for block in page.blocks().into_iter().filter(meant) {
            for words in commands(&block.body.replace(FROM_SOURCE, "angelia")) {
                if words.first().is_some_and(|word| word == "angelia") {
                    seen += 1;
                    failures.extend(
                        program.problem(&words[1..])?.map(|why| format!("{}:{}: {}: {why}", page.name, block.line, words.join(" "))),
                    );
                }
            }
        }
    }
    assert!(seen > 100, "hardly any command line is seen: {seen}");
    report("A reader will paste this.", &failures)
}

#[test]
fn generated_parts_are_fresh() -> Result<()> {
    let mut failures = Vec::new();
    let mut found = BTreeSet::new();
    for page in pages()? {
        let mut rest = page.text.as_str();
        while let Some((_, after)) = rest.split_once("<!-- generated: ") {
            let (name, after) = after.split_once(" -->\n").ok_or_else(|| format!("{}: a mark has no end", page.name))?;
            let (old, after) = after.split_once("<!-- end -->").ok_or_else(|| format!("{}: {name} has no end", page.name))?;
            let fresh = format!("\n{}\n\n", generate(name)?.trim_end());
            if fresh != old {
                let part = |body: &str| format!("<!-- generated: {name} -->\n{body}<!-- end -->");
                if !page.update(&part(old), &part(&fresh))? {
                    failures.push(format!("{}: {name} is stale", page.name));
                }
            }
            found.insert(name.to_owned());
            rest = after;
        }
    }
    for name in ["providers", "exit codes", "settings", "commands", "functions of data", "rooms", "modules of lua"] {
        assert!(found.contains(name), "no page has the generated part '{name}'");
    }
    report("UPDATE_DOCS=1 writes generated parts anew.", &failures)
}

#[test]
fn links_lead_somewhere() -> Result<()> {
    let pages = pages()?;
    let mut failures = Vec::new();
    let mut linked = BTreeSet::from([String::from("README.md")]);
    for page in &pages {
        let folder = Path::new(&page.name).parent().unwrap_or(Path::new(""));
        for link in page.links() {
            let (file, anchor) = link.split_once('#').unwrap_or((&link, ""));
            let target = if file.is_empty() { page.name.clone() } else { plain(&folder.join(file)) };
            let text = fs::read_to_string(Path::new(ROOT).join(&target));
            let heading = |text: &String| anchor.is_empty() || headings(text).any(|heading| heading == anchor);
            match &text {
                _ if Path::new(ROOT).join(&target).is_dir() => {}
                Ok(text) if heading(text) => _ = linked.insert(target),
                Ok(_) => failures.push(format!("{}: {target} has no heading #{anchor}", page.name)),
                Err(error) => failures.push(format!("{}: {link}: {error}", page.name)),
            }
        }
    }
    failures.extend(pages.iter().filter(|page| !linked.contains(&page.name)).map(|page| format!("no page links to {}", page.name)));
    report("A link must lead to a file of this tree, and every page must be found.", &failures)
}

/// The scanners above must not pass by seeing nothing.
#[test]
fn the_shell_reader_finds_commands() {
    let script =
        "# angelia no\nX=1 angelia a --b='c d' \\\n  e | angelia \"f $(angelia g)\" 2>&1 >out && \"angelia\" h <<'END'\nangelia no\nEND\n";
    let found: Vec<String> = commands(script).into_iter().map(|words| words.join("|")).collect();
    assert_eq!(found, ["angelia|a|--b=c d|e", "angelia|g", "angelia|f …", "angelia|h"]);
    assert!(fits("a … z\n…\nend\n", "a b c z\n1\n2\nend\n") && !fits("a\n", "b\n") && !fits("a\n", "a\nb\n"));
    let (id, time) = ("01a1fdc5-60dd-74aa-b919-977eacb38ffa", "2026-11-21T11:02:13.469Z");
    assert_eq!(settled(&format!("[{id}] until {time}. \"duration_ms\": 7.26,")), "[…] until …. \"duration_ms\": …,\n");
}

fn report(rule: &str, failures: &[String]) -> Result<()> {
    assert!(failures.is_empty(), "{rule}\n\n{}\n\n{} found\n", failures.join("\n\n"), failures.len());
    Ok(())
}

// ---- pages ----

struct Page {
    /// Path below the root.
    name: String,
    text: String,
}

/// A fenced block with the mark on the line before it.
struct Block {
    line: usize,
    language: String,
    mark: String,
    body: String,
}

fn pages() -> Result<Vec<Page>> {
    let mut names = vec![String::from("README.md")];
    for entry in fs::read_dir(Path::new(ROOT).join("docs")).map_err(|error| error.to_string())? {
        let name = entry.map_err(|error| error.to_string())?.file_name().to_string_lossy().into_owned();
        names.extend(name.ends_with(".md").then(|| format!("docs/{name}")));
    }
    names.sort();
    names.into_iter().map(|name| read(&name).map(|text| Page { name, text })).collect()
}

fn read(name: &str) -> Result<String> {
    fs::read_to_string(Path::new(ROOT).join(name)).map_err(|error| format!("{name}: {error}"))
}

impl Page {
    fn blocks(&self) -> Vec<Block> {
        let mut blocks: Vec<Block> = Vec::new();
        let (mut open, mut before) = (false, "");
        for (index, line) in self.text.lines().enumerate() {
            match (line.strip_prefix("```"), open) {
                (Some(_), true) => open = false,
                (Some(language), false) => {
                    let mark = before.strip_prefix("<!-- ").and_then(|mark| mark.strip_suffix(" -->")).unwrap_or_default();
                    blocks.push(Block { line: index + 1, language: language.into(), mark: mark.into(), body: String::new() });
                    open = true;
                }
                (None, true) => blocks.iter_mut().last().into_iter().for_each(|block| block.body.push_str(&format!("{line}\n"))),
                (None, false) => {}
            }
            before = line;
        }
        blocks
    }

    /// Targets of relative links, code left out.
    fn links(&self) -> Vec<String> {
        let mut links = Vec::new();
        let mut fenced = false;
        for line in self.text.lines() {
            fenced ^= line.starts_with("```");
            let prose: String = line.split('`').step_by(2).collect();
            let targets = prose.split("](").skip(1).filter_map(|rest| rest.split_once(')')).map(|(target, _)| target);
            links.extend(targets.filter(|target| !fenced && !target.contains("://")).map(str::to_owned));
        }
        links
    }

    /// With `UPDATE_DOCS=1`, puts a new part in the place of an old one; says whether it did. Several tests may do so at once.
    fn update(&self, old: &str, new: &str) -> Result<bool> {
        static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
        if !std::env::var("UPDATE_DOCS").is_ok_and(|value| value == "1") {
            return Ok(false);
        }
        let _one = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
        let text = read(&self.name)?.replacen(old, new, 1);
        fs::write(Path::new(ROOT).join(&self.name), text).map_err(|error| format!("{}: {error}", self.name))?;
        Ok(true)
    }
}

/// A path without `.` and `..`.
fn plain(path: &Path) -> String {
    let mut parts: Vec<String> = Vec::new();
    for part in path.components().map(|part| part.as_os_str().to_string_lossy().into_owned()) {
        if part == ".." { drop(parts.pop()) } else { parts.push(part) }
    }
    parts.join("/")
}

/// The headings of a page as anchors.
fn headings(text: &str) -> impl Iterator<Item = String> {
    text.lines().filter(|line| line.starts_with('#')).map(|line| {
        let words = line.trim_start_matches('#').trim().to_lowercase();
        words.chars().filter(|c| c.is_alphanumeric() || " -_".contains(*c)).map(|c| if c == ' ' { '-' } else { c }).collect()
    })
}

// ---- running examples ----

/// The exit status that a block is to end with, if it is to be run.
fn status(block: &Block) -> Option<i32> {
    match block.mark.as_str() {
        "run" => Some(0),
        mark => mark.strip_prefix("run: exit ")?.parse().ok(),
    }
}

/// A home and a working folder of its own for each page.
struct World {
    folder: TempDir,
}

impl World {
    fn new() -> Result<Self> {
        let world = Self { folder: tempfile::tempdir().map_err(|error| error.to_string())? };
        fs::create_dir_all(world.work()).map_err(|error| error.to_string())?;
        Ok(world)
    }

    fn home(&self) -> String {
        self.folder.path().display().to_string()
    }

    fn work(&self) -> PathBuf {
        self.folder.path().join("work")
    }

    fn write(&self, path: &str, text: &str) -> Result<()> {
        let path = match path.strip_prefix("$ANGELIA_HOME/") {
            Some(path) => self.folder.path().join("angelia").join(path),
            None => self.work().join(path),
        };
        fs::create_dir_all(path.parent().unwrap_or(&path)).and_then(|()| fs::write(&path, text)).map_err(|error| error.to_string())
    }

    /// What a shell is to run for a block.
    fn script(&self, block: &Block) -> Result<String> {
        if block.language == "lua" {
            self.write("example.lua", &block.body)?;
            return Ok(String::from("angelia integrations:lua example.lua"));
        }
        Ok(block.body.replace(FROM_SOURCE, "angelia"))
    }

    fn bash(&self, script: &str) -> Result<Output> {
        self.run("bash", &["-euo", "pipefail", "-c", script])
    }

    fn run(&self, program: &str, words: &[&str]) -> Result<Output> {
        let own = Path::new(BINARY).parent().unwrap_or(Path::new("")).display().to_string();
        std::process::Command::new(program)
            .args(words)
            .current_dir(self.work())
            .env_clear()
            .env("PATH", format!("{own}:/usr/local/bin:/usr/bin:/bin"))
            .env("HOME", self.folder.path())
            .env("ANGELIA_HOME", self.folder.path().join("angelia"))
            .stdin(Stdio::null())
            .output()
            .map_err(|error| format!("{program}: {error}"))
    }
}

fn stdout(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// JSON documents indented, one after the other.
fn as_on_a_terminal(printed: &str) -> Result<String> {
    let documents = serde_json::Deserializer::from_str(printed).into_iter::<Value>();
    documents.map(|document| document.map(|value| format!("{value:#}\n")).map_err(|error| format!("{error} in: {printed}"))).collect()
}

fn fits(wanted: &str, printed: &str) -> bool {
    let (wanted, printed) = (settled(wanted.trim_end()), settled(printed.trim_end()));
    lines_fit(&wanted.lines().collect::<Vec<_>>(), &printed.lines().collect::<Vec<_>>())
}

fn lines_fit(wanted: &[&str], printed: &[&str]) -> bool {
    match wanted.split_first() {
        None => printed.is_empty(),
        Some((first, rest)) if first.trim() == "…" => (0..=printed.len()).any(|from| lines_fit(rest, &printed[from..])),
        Some((first, rest)) => printed.split_first().is_some_and(|(line, others)| line_fits(first, line) && lines_fit(rest, others)),
    }
}

fn line_fits(wanted: &str, line: &str) -> bool {
    let mut parts = wanted.trim_end().split('…');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = line.trim_end().strip_prefix(first) else { return false };
    let parts: Vec<&str> = parts.collect();
    let Some((last, middle)) = parts.split_last() else { return rest.is_empty() };
    for part in middle {
        match rest.split_once(part) {
            Some((_, after)) => rest = after,
            None => return false,
        }
    }
    rest.ends_with(last)
}

/// A text in which what differs from run to run is `…`: ids, times, durations, digests.
fn settled(text: &str) -> String {
    let (mut settled, mut word, mut duration) = (String::new(), String::new(), false);
    for c in text.chars().chain(['\n']) {
        if c.is_ascii_alphanumeric() || "-_:.".contains(c) {
            word.push(c);
            continue;
        }
        let bare = word.trim_matches(['.', ':']);
        let fixed = !(changes(bare) || (duration && bare.parse::<f64>().is_ok()));
        settled.push_str(&if fixed { word.clone() } else { word.replacen(bare, "…", 1) });
        settled.push(c);
        duration = bare == "duration_ms" || (duration && bare.is_empty());
        word.clear();
    }
    settled
}

fn changes(word: &str) -> bool {
    let hex = |text: &str| text.chars().all(|c| c.is_ascii_hexdigit());
    let lengths: Vec<usize> = word.split('-').map(str::len).collect();
    let id = lengths == [8, 4, 4, 4, 12] && word.split('-').all(hex);
    let ticket = word.strip_prefix("apr_").is_some_and(|rest| rest.len() == 12 && hex(rest));
    let time = word.ends_with('Z') && word.len() >= 20 && word.chars().filter(|c| *c == ':').count() == 2;
    id || ticket || time || (word.len() == 64 && hex(word))
}

// ---- command lines ----

/// The simple commands of a script as words. What a shell would put in place of `$(…)` is not known here: it becomes `…`.
fn commands(script: &str) -> Vec<Vec<String>> {
    let mut shell = Shell::new(script);
    shell.read();
    shell.found
}

struct Shell<'a> {
    rest: Peekable<Chars<'a>>,
    found: Vec<Vec<String>>,
    words: Vec<String>,
    word: Option<String>,
    /// The next word names a file to redirect to.
    redirected: bool,
    /// The next word ends a text that begins on the next line.
    here: bool,
    texts: Vec<String>,
}

impl<'a> Shell<'a> {
    fn new(script: &'a str) -> Self {
        Self {
            rest: script.chars().peekable(),
            found: Vec::new(),
            words: Vec::new(),
            word: None,
            redirected: false,
            here: false,
            texts: Vec::new(),
        }
    }

    fn read(&mut self) {
        while let Some(c) = self.rest.next() {
            match c {
                '\\' => match self.rest.next() {
                    Some('\n') | None => {}
                    Some(c) => self.push(c),
                },
                '\'' => {
                    self.word.get_or_insert_default();
                    while let Some(c) = self.rest.next().filter(|c| *c != '\'') {
                        self.push(c);
                    }
                }
                '"' => self.quoted(),
                '$' if self.rest.next_if_eq(&'(').is_some() => self.inner(),
                '#' if self.word.is_none() => while self.rest.next_if(|c| *c != '\n').is_some() {},
                '<' | '>' => self.redirect(c),
                ' ' | '\t' => self.end_word(),
                '\n' => {
                    self.end_command();
                    std::mem::take(&mut self.texts).iter().for_each(|end| self.skip_text(end));
                }
                ';' | '&' | '|' | '(' | ')' => self.end_command(),
                c => self.push(c),
            }
        }
        self.end_command();
    }

    fn push(&mut self, c: char) {
        self.word.get_or_insert_default().push(c);
    }

    fn quoted(&mut self) {
        self.word.get_or_insert_default();
        while let Some(c) = self.rest.next().filter(|c| *c != '"') {
            match c {
                '\\' => _ = self.rest.next().map(|c| self.push(c)),
                '$' if self.rest.next_if_eq(&'(').is_some() => self.inner(),
                c => self.push(c),
            }
        }
    }

    /// The commands inside `$(…)`.
    fn inner(&mut self) {
        let (mut script, mut depth) = (String::new(), 1);
        for c in self.rest.by_ref() {
            depth += i32::from(c == '(') - i32::from(c == ')');
            if depth == 0 {
                break;
            }
            script.push(c);
        }
        self.found.extend(commands(&script));
        self.push('…');
    }

    fn redirect(&mut self, first: char) {
        if self.word.as_ref().is_some_and(|word| word.chars().all(|c| c.is_ascii_digit())) {
            self.word = None;
        }
        self.end_word();
        let mut sign = String::from(first);
        while let Some(c) = self.rest.next_if(|c| "<>&".contains(*c)) {
            sign.push(c);
        }
        (self.here, self.redirected) = (sign == "<<", true);
    }

    fn end_word(&mut self) {
        let Some(word) = self.word.take() else { return };
        match (self.here, self.redirected) {
            (true, _) => self.texts.push(word),
            (_, true) => {}
            _ => self.words.push(word),
        }
        (self.here, self.redirected) = (false, false);
    }

    fn end_command(&mut self) {
        self.end_word();
        let assigns =
            |word: &String| word.split_once('=').is_some_and(|(name, _)| name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_'));
        let leads = |word: &&String| assigns(word) || ["if", "then", "else", "do", "while", "!", "{"].contains(&word.as_str());
        let words: Vec<String> = self.words.iter().skip_while(leads).cloned().collect();
        self.words.clear();
        self.found.extend(Some(words).filter(|words| !words.is_empty()));
    }

    fn skip_text(&mut self, end: &str) {
        loop {
            let line: String = std::iter::from_fn(|| self.rest.next_if(|c| *c != '\n')).collect();
            if self.rest.next().is_none() || line == end {
                return;
            }
        }
    }
}

/// What the program says of itself: its commands with their help, its functions with their flags.
struct Program {
    world: World,
    commands: BTreeMap<String, String>,
}

impl Program {
    fn new() -> Result<Self> {
        let world = World::new()?;
        for page in pages()? {
            for block in page.blocks() {
                if let Some(path) =
                    block.mark.strip_prefix("file: ").filter(|path| path.starts_with("$ANGELIA_HOME/") && !path.ends_with(".toml"))
                {
                    world.write(path, &block.body)?;
                }
            }
        }
        // What the page about writing a provider begins with.
        world.run(BINARY, &["integrations:new", "tea_shop"])?;
        let mut program = Self { world, commands: BTreeMap::new() };
        for name in command_names(&program.world)? {
            let help = program.answer(&[&name, "--help"])?;
            program.commands.insert(name, help);
        }
        Ok(program)
    }

    fn answer(&self, words: &[&str]) -> Result<String> {
        let output = self.world.run(BINARY, words)?;
        let said = || format!("{}{}", stdout(&output), String::from_utf8_lossy(&output.stderr));
        if output.status.success() { Ok(stdout(&output)) } else { Err(format!("angelia {}: {}", words.join(" "), said().trim())) }
    }

    /// What is wrong with the words of a command line, if anything.
    fn problem(&self, words: &[String]) -> Result<Option<String>> {
        let mut words: Vec<&str> = words.iter().map(String::as_str).collect();
        if words.len() > 1 && ["integrations", "lua", "approvals", "audit", "config"].contains(&words[0]) && !words[1].starts_with('-') {
            let verb = words.remove(1);
            let joined = self.commands.keys().find(|name| **name == format!("{}:{verb}", words[0]));
            words[0] = joined.ok_or_else(|| format!("there is no {} {verb}", words[0]))?;
        }
        let Some((command, rest)) = words.split_first() else { return Ok(None) };
        let positional: Vec<&str> = rest.iter().copied().filter(|word| !word.starts_with('-')).collect();
        let first = positional.first().copied().unwrap_or_default();
        Ok(match (self.commands.get(*command), command.strip_prefix("integrations:")) {
            _ if command.starts_with('-') || *command == "help" => None,
            (Some(_), Some("call")) if !first.is_empty() => self.call_problem(first, rest),
            (Some(help), Some("schema" | "docs" | "examples")) if first.contains('.') => {
                self.answer(&["integrations:schema", first]).err().or(unknown_flag(rest, help))
            }
            (Some(help), Some("docs" | "examples" | "fields" | "configure" | "accounts" | "test" | "doctor" | "disconnect"))
                if !first.is_empty() =>
            {
                self.answer(&["integrations:docs", first]).err().or(unknown_flag(rest, help))
            }
            (Some(help), _) => unknown_flag(rest, help),
            (None, Some(provider)) if first.is_empty() => self.answer(&["integrations:docs", provider]).err(),
            (None, Some(provider)) => self.call_problem(&format!("{provider}.{first}"), rest),
            (None, None) => Some(String::from("there is no such command")),
        })
    }

    fn call_problem(&self, function: &str, words: &[&str]) -> Option<String> {
        let checked = || -> Result<()> {
            let schema: Value =
                serde_json::from_str(&self.answer(&["integrations:schema", function])?).map_err(|error| error.to_string())?;
            let parameter = |name: &str| schema["properties"].get(name).is_some();
            let flags = self.answer(&["__complete", "integrations:call", function, "--"])?;
            let known = |flag: &str| flags.lines().any(|line| line == flag);
            for (word, next) in words.iter().zip(words[1..].iter().chain([&""])) {
                let (flag, value) = word.split_once('=').unwrap_or((word, next));
                let (flag, _) = flag.split_once('.').unwrap_or((flag, ""));
                let negated = flag.strip_prefix("--no-").map(|rest| format!("--{rest}"));
                let argument = if flag == "--arg" { value.split('=').next() } else { None };
                if flag.starts_with("--") && flag.len() > 2 && !known(flag) && !negated.is_some_and(|flag| known(&flag)) {
                    return Err(format!("{function} has no flag {flag}"));
                }
                if let Some(name) = argument.filter(|name| !parameter(name)) {
                    return Err(format!("{function} has no parameter {name}"));
                }
                if word.starts_with('{') {
                    let payload: Value = serde_json::from_str(word).map_err(|error| format!("the payload is not JSON: {error}"))?;
                    let unknown = payload.as_object().and_then(|payload| payload.keys().find(|name| !parameter(name)));
                    unknown.map_or(Ok(()), |name| Err(format!("{function} has no parameter {name}")))?;
                }
            }
            Ok(())
        };
        checked().err()
    }
}

/// A flag that the help of a command does not have.
fn unknown_flag(words: &[&str], help: &str) -> Option<String> {
    let known = |flag: &str| help.split([' ', ',', '\n']).any(|word| word == flag);
    let own = words.iter().take_while(|word| **word != "--");
    let flags = own.filter(|word| word.starts_with("--")).map(|word| word.split('=').next().unwrap_or_default());
    flags.into_iter().find(|flag| !known(flag)).map(|flag| format!("there is no flag {flag}"))
}

fn command_names(world: &World) -> Result<Vec<String>> {
    let help = stdout(&world.run(BINARY, &["--help"])?);
    let list = help.split("\nCommands:\n").nth(1).and_then(|rest| rest.split("\n\n").next()).ok_or("the help lists no commands")?;
    let names = list.lines().filter(|line| !line.starts_with("   ")).filter_map(|line| line.split_whitespace().next());
    Ok(names.filter(|name| *name != "help").map(str::to_owned).collect())
}

// ---- generated parts ----

fn generate(name: &str) -> Result<String> {
    match name {
        "providers" => providers(),
        "exit codes" => Ok(exit_codes()),
        "settings" => Ok(settings()),
        "commands" => command_reference(),
        "rooms" => rooms(),
        "modules of lua" => modules(),
        name => match name.strip_prefix("functions of ") {
            Some(provider) => functions(provider),
            None => Err(format!("nobody writes the part '{name}'")),
        },
    }
}

fn table(heads: &[&str], rows: impl IntoIterator<Item = Vec<String>>) -> String {
    let line = |cells: Vec<String>| format!("| {} |\n", cells.iter().map(|cell| cell.replace('|', "\\|")).collect::<Vec<_>>().join(" | "));
    let head = line(heads.iter().map(|head| (*head).to_owned()).collect());
    format!("{head}|{}\n{}", "---|".repeat(heads.len()), rows.into_iter().map(line).collect::<String>())
}

fn catalog() -> Result<Catalog> {
    Catalog::built_in().map_err(|error| error.message)
}

fn providers() -> Result<String> {
    let listed = catalog()?.list().map_err(|error| error.message)?;
    let rows = listed.into_iter().map(|listed| {
        let own = listed.summary;
        let [reads, writes, destructives] = [own.reads, own.writes, own.destructives];
        let total = (reads + writes + destructives).to_string();
        let mut row = vec![format!("`{}`", own.id), own.description, total];
        row.extend([reads, writes, destructives].map(|count| count.to_string()));
        row
    });
    Ok(table(&["provider", "what it reaches", "functions", "read", "write", "destructive"], rows))
}

fn functions(provider: &str) -> Result<String> {
    let opened = catalog()?.provider(provider).map_err(|error| error.message)?;
    let rows = opened.functions.iter().map(|function| {
        let parameters =
            function.parameters.keys().map(|name| if function.required.contains(name) { format!("**{name}**") } else { name.clone() });
        let parameters = parameters.collect::<Vec<_>>().join(", ");
        vec![format!("`{provider}.{}`", function.id), function.operation.as_str().into(), parameters, function.description.clone()]
    });
    Ok(table(&["function", "operation", "arguments", "what it does"], rows))
}

fn exit_codes() -> String {
    let success = vec![String::from("0"), String::new(), String::from("success; also a dry run that would succeed")];
    let rows = CODES.iter().map(|(_, slug, exit, meaning)| vec![exit.to_string(), format!("`{slug}`"), (*meaning).to_owned()]);
    table(&["exit", "code", "meaning"], std::iter::once(success).chain(rows))
}

fn settings() -> String {
    let rows = SETTINGS.iter().map(|setting| {
        vec![format!("`{}`", setting.key), setting.default.to_string(), format!("`{}`", setting.variable()), setting.help.to_owned()]
    });
    table(&["setting", "default", "environment variable", "meaning"], rows)
}

fn command_reference() -> Result<String> {
    let world = World::new()?;
    let mut text = format!("```text\n{}```\n", stdout(&world.run(BINARY, &["--help"])?));
    for name in command_names(&world)? {
        text.push_str(&format!("\n### {name}\n\n```text\n{}```\n", stdout(&world.run(BINARY, &[&name, "--help"])?)));
    }
    Ok(text)
}

/// The standard modules: what each is for, and its functions with the first sentence of what their comments say.
fn modules() -> Result<String> {
    let mut text = String::new();
    for (name, source) in STANDARD {
        let about = source.lines().next().and_then(|line| line.strip_prefix(&format!("-- {name}: "))).unwrap_or_default();
        let (mut comment, mut optional, mut rows) = (String::new(), BTreeSet::new(), Vec::new());
        for line in source.lines() {
            if let Some(parameter) = line.strip_prefix("---@param ") {
                let (parameter, kind) = parameter.split_once(' ').unwrap_or((parameter, ""));
                optional.extend(kind.split(' ').any(|kind| kind.ends_with("|nil")).then(|| parameter.to_owned()));
            } else if let Some(said) = line.strip_prefix("--- ") {
                comment.push_str(said);
                comment.push(' ');
            } else if let Some(function) = line.strip_prefix(&format!("function {name}.")) {
                let (function, rest) = function.split_once('(').ok_or_else(|| format!("{name}: {line}"))?;
                let parameters = rest
                    .trim_end_matches(')')
                    .split(", ")
                    .map(|parameter| if optional.contains(parameter) { format!("{parameter}?") } else { parameter.to_owned() });
                let signature = format!("`{name}.{function}({})`", parameters.collect::<Vec<_>>().join(", "));
                let sentence = comment.split_once(". ").map_or(comment.trim().trim_end_matches('.'), |(first, _)| first);
                rows.push(vec![signature, sentence.replace('<', "&lt;")]);
                comment.clear();
                optional.clear();
            } else if !line.starts_with("---") {
                comment.clear();
                optional.clear();
            }
        }
        let about = about.chars().next().map_or_else(String::new, |first| first.to_uppercase().chain(about.chars().skip(1)).collect());
        text.push_str(&format!("### {name}\n\n{about}\n\n{}\n", table(&["function", "what it does"], rows)));
    }
    Ok(text)
}

/// The rooms of `src`, in the order of `lib.rs`: what each is for, and whom it imports.
fn rooms() -> Result<String> {
    let mut rows = Vec::new();
    for room in read("src/lib.rs")?.lines().filter_map(|line| line.strip_prefix("pub mod ")?.strip_suffix(';')) {
        let folder = Path::new(ROOT).join("src").join(room);
        let texts: Vec<String> = if folder.is_dir() { sources(&folder)? } else { vec![read(&format!("src/{room}.rs"))?] };
        let head = if folder.is_dir() { read(&format!("src/{room}/mod.rs"))? } else { texts[0].clone() };
        let said: Vec<&str> =
            head.lines().map_while(|line| line.strip_prefix("//!")).map(str::trim).take_while(|line| !line.is_empty()).collect();
        let mut used: BTreeSet<String> = BTreeSet::new();
        for path in texts.iter().flat_map(|text| text.split("crate::").skip(1)) {
            let ends = |c: char| !c.is_ascii_lowercase() && c != '_';
            let names =
                path.strip_prefix('{').map_or(vec![path], |group| group.split('}').next().unwrap_or_default().split(", ").collect());
            used.extend(names.into_iter().map(|name| name.split(ends).next().unwrap_or_default().to_owned()));
        }
        used.retain(|name| name != room && !name.is_empty());
        let used: Vec<String> = used.into_iter().map(|name| format!("`{name}`")).collect();
        let used = if used.is_empty() { String::from("nothing of ours") } else { used.join(", ") };
        rows.push(vec![format!("`{room}`"), said.join(" ").replace("[`", "`").replace("`]", "`"), used]);
    }
    Ok(table(&["room", "what it is for", "imports"], rows))
}

/// The sources of a room, in all its folders.
fn sources(folder: &Path) -> Result<Vec<String>> {
    let mut texts = Vec::new();
    for entry in fs::read_dir(folder).map_err(|error| error.to_string())? {
        let path = entry.map_err(|error| error.to_string())?.path();
        if path.is_dir() {
            texts.extend(sources(&path)?);
        } else if path.extension().is_some_and(|end| end == "rs") {
            texts.push(fs::read_to_string(&path).map_err(|error| error.to_string())?);
        }
    }
    Ok(texts)
}
