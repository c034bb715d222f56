//! The guards of the house: walls between rooms, homes of third-party crates, sizes, and calls that have one place only.
//! Every test names all places that break its rule, so that one run is enough to mend them.
//!
//! The tree is read as text. Types and macro expansion are deliberately not understood: `.clippy.toml` forbids the same
//! calls where a compiler sees them. The scanner is tested at the end, so no rule can pass by seeing nothing.

use std::collections::BTreeSet;
use std::path::Path as Folder;
use std::sync::LazyLock;

/// What the tree could not be read for.
type Result<T> = std::result::Result<T, String>;

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// Who may use whom. A room that is not listed fails: its row is the decision where it stands.
const ROOMS: &[(&str, &[&str])] = &[
    ("lib", &[]),
    ("base", &[]),
    ("config", &["base"]),
    ("net", &["base"]),
    ("store", &["base"]),
    ("registry", &["base"]),
    ("access", &["base", "config", "net", "store", "registry"]),
    ("call", &["base", "config", "net", "store", "registry", "access"]),
    ("lua", &["base", "config", "store", "registry", "access", "call"]),
    ("mcp", &["base", "config", "net", "store", "registry", "access", "call"]),
    ("app", &["base", "config", "net", "store", "registry", "access", "call", "lua", "mcp"]),
    ("cli", &["base", "config", "net", "store", "registry", "access", "call", "lua", "mcp", "app"]),
    ("main", &["cli"]),
];

/// Third-party crates that one room hides from the others; `*` stands for any ending.
const HOMES: &[(&[&str], &str)] = &[
    (&["reqwest", "rustls", "tokio_rustls", "webpki_roots", "rustls_platform_verifier"], "src/net/"),
    (&["rusqlite"], "src/store/"),
    (&["clap", "clap_complete", "tabled", "indicatif", "rpassword", "rustyline", "terminal_size"], "src/cli/"),
    (&["keyring", "chacha20poly1305", "argon2", "oauth2", "ring", "rustls_pki_types"], "src/access/"),
    (&["jaq_*", "jsonschema", "postcard", "zstd", "serde_saphyr", "graphql_parser", "rust_stemmers"], "src/registry/"),
    (&["mlua", "full_moon", "regex", "cpu_time"], "src/lua/"),
    (&["roxmltree"], "src/call/"),
    (&["toml_edit", "etcetera"], "src/config/"),
    (&["rmcp", "hyper", "hyper_util", "http_body_util"], "src/mcp/"),
];

/// Calls that have one place, written in full; shorter spellings are resolved through the file's imports.
const PLACES: &[(&[&str], &[&str])] = &[
    (
        &[
            "std::env::var",
            "std::env::var_os",
            "std::env::vars",
            "std::env::vars_os",
            "std::env::set_var",
            "std::env::remove_var",
            "std::env::home_dir",
        ],
        &["src/config/env.rs"],
    ),
    (&["std::time::SystemTime::now", "jiff::Timestamp::now", "jiff::Zoned::now"], &["src/base/clock.rs"]),
    (&["std::process::exit", "std::process::abort"], &["src/main.rs"]),
    (&["std::process::Command::new", "tokio::process::Command::new"], &["src/access/field.rs", "src/access/launch.rs"]),
    (&["crate::base::secret::Secret::expose"], EXPOSE),
];

/// Where a secret may be looked at.
const EXPOSE: &[&str] = &["src/access/", "src/base/secret.rs"];
const PRINTS: &[&str] = &["println", "eprintln", "print", "eprint"];
const PRINTERS: &[&str] = &["src/cli/output.rs", "src/main.rs", "build.rs"];
const UNFINISHED: &[&str] = &["todo", "unimplemented", "dbg"];

const FILE_LINES: usize = 500;
const FUNCTION_LINES: usize = 70;

/// Folders whose `.rs` files are data for tests and belong to no program.
const DATA: &[&str] = &["tests/fixtures/"];

/// The most packages that `Cargo.lock` may hold.
const PACKAGES: usize = 470;
/// A second TLS stack beside ring and rustls, or one that needs a C toolchain or the system's OpenSSL.
const UNWANTED: &[&str] = &["aws-lc-rs", "aws-lc-sys", "openssl", "openssl-sys", "native-tls"];

#[test]
fn the_whole_tree_is_seen() -> Result<()> {
    let files = files()?;
    for expected in ["build.rs", "src/lib.rs", "src/main.rs", "src/base/error.rs", "tests/main.rs", "tests/tidy.rs"] {
        assert!(files.iter().any(|file| file.name == expected), "{expected} was not read");
    }
    let paths: usize = files.iter().map(|file| file.paths().len()).sum();
    assert!(paths > 500, "the scanner finds hardly any path");
    Ok(())
}

#[test]
fn what_the_build_script_compiles_uses_only_itself() -> Result<()> {
    let shared = shared(&File::new("build.rs", &read("build.rs")?));
    assert!(!shared.is_empty(), "build.rs mounts no module of src/registry any more: remove this test");
    report("build.rs mounts these files alone: they may only use each other.", in_src(|file| build(file, &shared))?)
}

#[test]
fn every_file_belongs_to_a_program() -> Result<()> {
    let mut failures = unreachable(files()?, "tests/", &["tests/main.rs", "tests/peers/conformance/main.rs"]);
    failures.extend(unreachable(files()?, "src/", &["src/lib.rs", "src/main.rs"]));
    report("No `mod` declaration leads to this file, so it is never compiled.", failures)
}

#[test]
fn texts_stand_for_themselves() -> Result<()> {
    let mut names = [under("src", "")?, under("docs", ".md")?].concat();
    names.extend(["build.rs", "Cargo.toml", "README.md"].map(String::from));
    names.retain(|name| Folder::new(ROOT).join(name).is_file());
    let mut failures = Vec::new();
    for name in names {
        failures.extend(tickets(&name, &read(&name)?));
    }
    report("A number in a tracker explains nothing: say the reason itself.", failures)
}

#[test]
fn hints_are_commands_or_sentences() -> Result<()> {
    report("A hint can be pasted, or is a sentence: a flag alone is neither.", in_src(hints)?)
}

#[test]
fn rooms_use_only_the_floors_below() -> Result<()> {
    report("A room uses only what the import table allows (docs/architecture.md).", in_src(rooms)?)
}

#[test]
fn third_party_crates_stay_at_home() -> Result<()> {
    report("Replacing a library must be a change to one room.", in_src(homes)?)
}

#[test]
fn calls_with_one_place_stay_there() -> Result<()> {
    report("Environment, clock, exit, processes and secrets have one place each.", in_src(places)?)
}

#[test]
fn only_access_looks_at_secrets() -> Result<()> {
    report("A secret that is not looked at cannot leak.", in_src(exposures)?)
}

#[test]
fn files_say_what_they_are_for() -> Result<()> {
    report("A file opens with `//!`: its task, and what is deliberately absent.", in_all(header)?)
}

#[test]
fn files_and_functions_are_small() -> Result<()> {
    report("Split by noun, not by number.", in_src(sizes)?)
}

#[test]
fn imports_are_named() -> Result<()> {
    report("Glob imports hide who needs whom; only `mod tests` may use them.", in_src(globs)?)
}

#[test]
fn only_the_printer_prints() -> Result<()> {
    report("stdout carries the answer and nothing else: print through cli::output.", in_src(prints)?)
}

#[test]
fn nothing_is_left_unfinished() -> Result<()> {
    report("Finish it or leave it out; a test runs or does not exist.", in_all(unfinished)?)
}

#[test]
fn public_items_are_documented() -> Result<()> {
    report("A public item says in `///` what it is for.", in_src(undocumented)?)
}

#[test]
fn dependencies_are_few_and_wanted() -> Result<()> {
    report("Each package costs build time and trust.", packages(&read("Cargo.lock")?, PACKAGES))
}

fn report(rule: &str, failures: Vec<String>) -> Result<()> {
    assert!(failures.is_empty(), "{rule}\n  {}\n{} found\n", failures.join("\n  "), failures.len());
    Ok(())
}

fn in_all(check: impl Fn(&File) -> Vec<String>) -> Result<Vec<String>> {
    Ok(files()?.iter().flat_map(check).collect())
}

fn in_src(check: impl Fn(&File) -> Vec<String>) -> Result<Vec<String>> {
    in_all(|file| if file.name.starts_with("src/") { check(file) } else { Vec::new() })
}

// ---- the rules: one file (or text) in, one line per broken place out ----

fn hints(file: &File) -> Vec<String> {
    let bare = |line: &str| ["hint(\"-", "hint(format!(\"-", "or -- COMMAND\""].iter().any(|part| line.contains(part));
    // The importer says these in words of its own still.
    let lines = file.text.lines().enumerate().filter(|(_, line)| bare(line) && !file.name.contains("/import/"));
    lines.map(|(index, line)| file.at(index + 1, line.trim())).collect()
}

fn rooms(file: &File) -> Vec<String> {
    let room = file.room();
    let Some((_, allowed)) = ROOMS.iter().find(|(name, _)| *name == room) else {
        return vec![format!("{}: room '{room}' has no row in the import table", file.name)];
    };
    let mut failures = Vec::new();
    for path in file.paths() {
        let to = file.in_house(&path).and_then(|full| full.into_iter().next());
        if let Some(to) = to.filter(|to| *to != room && !allowed.contains(&to.as_str())) {
            failures.push(file.at(path.line, &format!("{room} may not use {to}: {path}")));
        }
    }
    failures
}

/// The files that `build.rs` mounts in `mod registry`.
fn shared(script: &File) -> Vec<String> {
    script.declared().into_iter().filter(|module| module.inside == ["registry"]).map(|module| module.name).collect()
}

fn build(file: &File, shared: &[String]) -> Vec<String> {
    if !shared.iter().any(|name| file.name == format!("src/registry/{name}.rs")) {
        return Vec::new();
    }
    let mounted = |full: &[String]| full.len() > 1 && full[0] == "registry" && shared.contains(&full[1]);
    let foreign = |path: &Path| file.in_house(path).is_some_and(|full| !mounted(&full));
    let paths = file.paths().into_iter().filter(foreign);
    paths.map(|path| file.at(path.line, &format!("the build script does not have {path}"))).collect()
}

fn homes(file: &File) -> Vec<String> {
    let same = |pattern: &str, name: &str| pattern.strip_suffix('*').map_or(pattern == name, |start| name.starts_with(start));
    let home = |name: &str| HOMES.iter().find(|(crates, _)| crates.iter().any(|pattern| same(pattern, name))).map(|(_, home)| *home);
    let mut failures = Vec::new();
    for path in file.paths() {
        if let Some(home) = home(&path.segments[0]).filter(|home| !file.name.starts_with(home)) {
            failures.push(file.at(path.line, &format!("{} lives in {home}: {path}", path.segments[0])));
        }
    }
    failures
}

fn places(file: &File) -> Vec<String> {
    let paths = file.paths();
    let mut failures = Vec::new();
    for (calls, homes) in PLACES.iter().filter(|(_, homes)| !file.is_in(homes)) {
        for path in &paths {
            let meant = meanings(path, &paths);
            if let Some(call) = calls.iter().find(|call| meant.iter().any(|meaning| names(meaning, call))) {
                failures.push(file.at(path.line, &format!("{call} belongs to {}", homes.join(", "))));
            }
        }
    }
    failures
}

/// What a path can stand for, by the imports of its file.
fn meanings(path: &Path, all: &[Path]) -> Vec<Vec<String>> {
    let imports = all.iter().filter(|import| path.name.is_none() && import.name.as_ref() == path.segments.first());
    let meant: Vec<Vec<String>> = imports.map(|import| [&import.segments[..], &path.segments[1..]].concat()).collect();
    if meant.is_empty() { vec![path.segments.clone()] } else { meant }
}

/// Whether a path is that call, or an ending of it whose beginning cannot be seen (two words at least).
fn names(path: &[String], call: &str) -> bool {
    let call: Vec<&str> = call.split("::").collect();
    path.len() > 1 && call.len() >= path.len() && call[call.len() - path.len()..] == *path
}

fn exposures(file: &File) -> Vec<String> {
    if file.is_in(EXPOSE) {
        return Vec::new();
    }
    let calls = file.tokens.windows(3).filter(|three| three[0].is(".") && three[1].is("expose") && three[2].is("("));
    calls.map(|three| file.at(three[1].line, ".expose() outside access")).collect()
}

fn header(file: &File) -> Vec<String> {
    let mut lines = file.text.lines();
    let first = lines.next().filter(|line| !line.starts_with("#!/")).or_else(|| lines.next()).unwrap_or_default();
    let says = first.strip_prefix("//!").is_some_and(|words| !words.trim().is_empty());
    if says { Vec::new() } else { vec![file.at(1, "does not open with `//!`")] }
}

fn sizes(file: &File) -> Vec<String> {
    let tests = file.test_parts();
    let tested = |line: usize| tests.iter().any(|(first, last)| (*first..=*last).contains(&line));
    let lines = (1..=file.text.lines().count()).filter(|line| !tested(*line)).count();
    let mut failures = Vec::new();
    if lines > FILE_LINES {
        failures.push(format!("{}: {lines} lines without tests, {FILE_LINES} allowed", file.name));
    }
    for (name, first, last) in file.functions() {
        let lines = last + 1 - first;
        if lines > FUNCTION_LINES && !tested(first) {
            failures.push(file.at(first, &format!("fn {name} has {lines} lines, {FUNCTION_LINES} allowed")));
        }
    }
    failures
}

fn globs(file: &File) -> Vec<String> {
    let in_tests = |path: &Path| file.module().iter().chain(&path.inside).any(|module| module == "tests");
    let globs = |path: &Path| path.segments.last().is_some_and(|last| last == "*") && !in_tests(path);
    file.paths().into_iter().filter(globs).map(|path| file.at(path.line, &format!("glob import {path}"))).collect()
}

fn prints(file: &File) -> Vec<String> {
    if file.is_in(PRINTERS) { Vec::new() } else { file.macros(PRINTS) }
}

fn unfinished(file: &File) -> Vec<String> {
    let mut failures = file.macros(UNFINISHED);
    for (index, token) in file.tokens.iter().enumerate() {
        let attribute = token.is("#") && file.has(index + 1, "[") && (file.has(index + 2, "ignore") || file.has(index + 2, "cfg_attr"));
        if attribute && file.tokens[index..file.closing(index + 1)].iter().any(|token| token.is("ignore")) {
            failures.push(file.at(token.line, "an ignored test"));
        }
    }
    failures
}

fn unreachable(files: &[File], folder: &str, roots: &[&str]) -> Vec<String> {
    let mut reached: BTreeSet<String> = roots.iter().map(|root| String::from(*root)).collect();
    let mut open: Vec<String> = reached.iter().cloned().collect();
    while let Some(file) = open.pop().and_then(|name| files.iter().find(|file| file.name == name)) {
        let leads = file.declared().into_iter().flat_map(|module| file.leads_to(&module));
        open.extend(leads.filter(|name| files.iter().any(|file| file.name == *name) && reached.insert(name.clone())));
    }
    let dead = files.iter().filter(|file| file.name.starts_with(folder) && !reached.contains(&file.name));
    dead.map(|file| file.name.clone()).collect()
}

fn packages(lock: &str, ceiling: usize) -> Vec<String> {
    let count = lock.lines().filter(|line| line.trim() == "[[package]]").count();
    let mut failures = Vec::new();
    if count == 0 {
        failures.push(String::from("Cargo.lock lists no package: has its form changed?"));
    }
    if count > ceiling {
        let advice = "if the new ones are worth it, raise PACKAGES in tests/tidy.rs by hand and write the reason beside it";
        failures.push(format!("Cargo.lock has {count} packages, {ceiling} are allowed: {advice}"));
    }
    let unwanted = UNWANTED.iter().filter(|name| lock.lines().any(|line| line.trim() == format!("name = \"{name}\"")));
    failures.extend(unwanted.map(|name| format!("{name} came in: switch off the feature that wants it")));
    failures
}

/// Lines that point to a tracker ("issue", then a hash and a number) or to a stage of the work.
fn tickets(name: &str, text: &str) -> Vec<String> {
    const BEFORE_HASH: &[&str] = &["issue", "issues", "pr", "prs", "bug", "ticket", "task", "session", "see", "fixes", "closes", "refs"];
    const BEFORE_NUMBER: &[&str] = &["session", "iteration", "sprint"];
    let hit = |line: &str| {
        let words: Vec<&str> = line.split(|c: char| !c.is_alphanumeric() && c != '#' && c != '_').filter(|word| !word.is_empty()).collect();
        let numeric = |text: &str| !text.is_empty() && text.chars().all(|c| c.is_ascii_digit());
        let pair = |first: &str, second: &str| match second.strip_prefix('#') {
            Some(number) => BEFORE_HASH.contains(&first) && numeric(number),
            None => BEFORE_NUMBER.contains(&first) && numeric(second),
        };
        let glued = |word: &str| word.split_once('#').is_some_and(|(first, number)| BEFORE_HASH.contains(&first) && numeric(number));
        words.windows(2).any(|two| pair(two[0], two[1])) || words.iter().any(|word| glued(word))
    };
    let lines = text.lines().enumerate().filter(|(_, line)| hit(&line.to_lowercase()));
    lines.map(|(index, line)| format!("{name}:{}: {}", index + 1, line.trim())).collect()
}

fn undocumented(file: &File) -> Vec<String> {
    const MODIFIERS: &[&str] = &["async", "const", "unsafe", "extern", "C"];
    let (mut failures, mut documented, mut index) = (Vec::new(), false, 0);
    while let Some(token) = file.tokens.get(index) {
        match token.text.as_str() {
            _ if token.kind == Kind::Doc => documented = true,
            "{" | "(" | "[" if token.kind == Kind::Mark => {
                index = file.closing(index);
                documented &= !file.has(index, "}");
            }
            ";" if token.kind == Kind::Mark => documented = false,
            "pub" if token.kind == Kind::Word && !file.has(index + 1, "(") => {
                let after = &file.tokens[index + 1..];
                let mut after = after.iter().skip_while(|token| MODIFIERS.contains(&token.text.as_str()));
                let kind = after.next().filter(|token| ["fn", "struct", "enum", "trait"].iter().any(|kind| token.is(kind)));
                if let (Some(kind), Some(name), false) = (kind, after.next(), documented) {
                    failures.push(file.at(token.line, &format!("pub {} {} has no `///`", kind.text, name.text)));
                }
            }
            _ => {}
        }
        index += 1;
    }
    failures
}

// ---- the tree ----

/// Every Rust file that is compiled, read once for all tests.
static FILES: LazyLock<Result<Vec<File>>> = LazyLock::new(|| {
    let mut names = vec![String::from("build.rs")];
    for folder in ["src", "tests", "benches"] {
        names.extend(under(folder, ".rs")?);
    }
    names.retain(|name| !DATA.iter().any(|data| name.starts_with(data)));
    names.iter().map(|name| Ok(File::new(name, &read(name)?))).collect()
});

fn files() -> Result<&'static [File]> {
    FILES.as_deref().map_err(String::clone)
}

fn read(name: &str) -> Result<String> {
    std::fs::read_to_string(Folder::new(ROOT).join(name)).map_err(|error| format!("{name}: {error}"))
}

/// Names of the files below a folder, relative to the root, with `/`; none if it does not exist.
fn under(folder: &str, ending: &str) -> Result<Vec<String>> {
    let mut names = Vec::new();
    let failed = |error: std::io::Error| format!("{folder}: {error}");
    if Folder::new(ROOT).join(folder).is_dir() {
        for entry in std::fs::read_dir(Folder::new(ROOT).join(folder)).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            let name = format!("{folder}/{}", entry.file_name().to_string_lossy());
            if entry.path().is_dir() {
                names.extend(under(&name, ending)?);
            } else if name.ends_with(ending) {
                names.push(name);
            }
        }
    }
    names.sort();
    Ok(names)
}

// ---- the scanner ----

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Word,
    Mark,
    Text,
    Doc,
}

#[derive(Debug)]
struct Token {
    line: usize,
    kind: Kind,
    text: String,
}

impl Token {
    fn is(&self, text: &str) -> bool {
        self.text == text && matches!(self.kind, Kind::Word | Kind::Mark)
    }
}

/// A path as written: each leaf of a `use`, or words joined by `::` elsewhere.
#[derive(Debug)]
struct Path {
    line: usize,
    segments: Vec<String>,
    /// Under which name a `use` brings it in.
    name: Option<String>,
    /// The inline modules around it.
    inside: Vec<String>,
}

impl std::fmt::Display for Path {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.segments.join("::"))
    }
}

/// `mod name;`
struct Module {
    inside: Vec<String>,
    name: String,
    path: Option<String>,
}

struct File {
    name: String,
    text: String,
    tokens: Vec<Token>,
}

impl File {
    fn new(name: &str, text: &str) -> Self {
        Self { name: name.into(), text: text.into(), tokens: tokens(text) }
    }

    fn at(&self, line: usize, message: &str) -> String {
        format!("{}:{line}: {message}", self.name)
    }

    fn is_in(&self, homes: &[&str]) -> bool {
        homes.iter().any(|home| if home.ends_with('/') { self.name.starts_with(home) } else { self.name == *home })
    }

    fn has(&self, index: usize, text: &str) -> bool {
        self.tokens.get(index).is_some_and(|token| token.is(text))
    }

    /// The module that this file is: `src/net/tls.rs` is `net::tls`, `src/lib.rs` is the root.
    fn module(&self) -> Vec<String> {
        let path = self.name.trim_start_matches("src/").trim_end_matches(".rs");
        let mut parts: Vec<String> = path.split('/').map(String::from).collect();
        if matches!(parts.last().map(String::as_str), Some("mod" | "lib" | "main")) {
            parts.pop();
        }
        parts
    }

    fn room(&self) -> String {
        let root = || String::from(if self.name == "src/main.rs" { "main" } else { "lib" });
        self.module().into_iter().next().unwrap_or_else(root)
    }

    /// The full path, without `crate`, of something in our own house.
    fn in_house(&self, path: &Path) -> Option<Vec<String>> {
        let here = || [self.module(), path.inside.clone()].concat();
        let ups = path.segments.iter().take_while(|segment| *segment == "super").count();
        match path.segments[0].as_str() {
            "crate" | "angelia" => Some(path.segments[1..].to_vec()),
            "self" => Some([&here()[..], &path.segments[1..]].concat()),
            "super" => Some([&here()[..here().len().saturating_sub(ups)], &path.segments[ups..]].concat()),
            _ => None,
        }
    }

    /// Index of the bracket that closes the one at `open`; the end of the file if there is none.
    fn closing(&self, open: usize) -> usize {
        let mut depth = 0_usize;
        for (index, token) in self.tokens.iter().enumerate().skip(open).filter(|(_, token)| token.kind == Kind::Mark) {
            match token.text.as_str() {
                "{" | "(" | "[" => depth += 1,
                "}" | ")" | "]" => depth = depth.saturating_sub(1),
                _ => {}
            }
            if depth == 0 {
                return index;
            }
        }
        self.tokens.len().saturating_sub(1)
    }

    /// Index of the end of the item whose head begins at `index`: its `;` or its closing brace. The flag tells the brace.
    fn item_end(&self, mut index: usize) -> (usize, bool) {
        while index < self.tokens.len() {
            if self.has(index, ";") {
                return (index, false);
            }
            if self.has(index, "{") {
                return (self.closing(index), true);
            }
            index = if self.has(index, "(") || self.has(index, "[") { self.closing(index) } else { index } + 1;
        }
        (self.tokens.len().saturating_sub(1), false)
    }

    /// First and last line of each `#[cfg(test)]` item.
    fn test_parts(&self) -> Vec<(usize, usize)> {
        let mark = ["#", "[", "cfg", "(", "test", ")", "]"];
        let starts = (0..self.tokens.len()).filter(|index| mark.iter().enumerate().all(|(offset, text)| self.has(index + offset, text)));
        starts.map(|start| (self.tokens[start].line, self.tokens[self.item_end(start + mark.len()).0].line)).collect()
    }

    /// Name, first and last line of each function with a body.
    fn functions(&self) -> Vec<(String, usize, usize)> {
        let named = |index: &usize| self.has(*index, "fn") && self.tokens.get(index + 1).is_some_and(|next| next.kind == Kind::Word);
        let ends = (0..self.tokens.len()).filter(named).map(|index| (index, self.item_end(index + 2)));
        let whole = ends.filter(|(_, (_, body))| *body);
        whole.map(|(index, (end, _))| (self.tokens[index + 1].text.clone(), self.tokens[index].line, self.tokens[end].line)).collect()
    }

    /// Calls of macros of these names.
    fn macros(&self, names: &[&str]) -> Vec<String> {
        let calls = self.tokens.windows(3).filter(|three| three[1].is("!") && !three[2].is("="));
        let named = calls.map(|three| &three[0]).filter(|word| names.iter().any(|name| word.is(name)));
        named.map(|word| self.at(word.line, &format!("{}!", word.text))).collect()
    }

    /// Tells which inline modules stand around a token.
    fn insides(&self) -> impl Fn(usize) -> Vec<String> {
        let opens = (0..self.tokens.len()).filter(|index| self.has(*index, "mod") && self.has(index + 2, "{"));
        let modules: Vec<_> = opens.map(|index| (index + 2..self.closing(index + 2), self.tokens[index + 1].text.clone())).collect();
        move |index| modules.iter().filter(|(range, _)| range.contains(&index)).map(|(_, name)| name.clone()).collect()
    }

    fn paths(&self) -> Vec<Path> {
        let (inside, mut found, mut index) = (self.insides(), Vec::new(), 0);
        while let Some(token) = self.tokens.get(index) {
            let (start, known) = (index, found.len());
            if token.is("use") && !self.has(index + 1, "<") {
                index = self.leaves(index + 1, &[], &mut found);
            } else if token.kind == Kind::Word && self.has(index + 1, "::") {
                index = self.inline(index, &mut found);
            } else if token.kind == Kind::Text && token.text.starts_with("crate::") {
                // Attributes such as `#[serde(with = "…")]` name paths in text.
                let segments = token.text.split("::").map(String::from).collect();
                found.push(Path { line: token.line, segments, name: None, inside: Vec::new() });
            }
            found[known..].iter_mut().for_each(|path: &mut Path| path.inside = inside(start));
            index = index.max(start + 1);
        }
        found
    }

    /// Reads `a::b::c` from `index` on; what follows generic arguments (`Vec::<u8>::new`) is no beginning of a path.
    fn inline(&self, mut index: usize, found: &mut Vec<Path>) -> usize {
        let (line, mut segments) = (self.tokens[index].line, vec![self.tokens[index].text.clone()]);
        let after = |back: usize| index.checked_sub(back).map(|before| &self.tokens[before]);
        let follows = after(1).is_some_and(|mark| mark.is("::")) && after(2).is_some_and(|end| end.is(">"));
        while self.has(index + 1, "::") && self.tokens.get(index + 2).is_some_and(|next| next.kind == Kind::Word) {
            index += 2;
            segments.push(self.tokens[index].text.clone());
        }
        if !follows {
            found.push(Path { line, segments, name: None, inside: Vec::new() });
        }
        index + 1
    }

    /// Reads one branch of a `use` tree from `index` on; returns where it ends.
    fn leaves(&self, mut index: usize, before: &[String], found: &mut Vec<Path>) -> usize {
        let mut segments = before.to_vec();
        let line = self.tokens.get(index).map_or(0, |token| token.line);
        loop {
            if self.has(index, "{") {
                let end = self.closing(index);
                while index < end {
                    index = self.leaves(index + 1, &segments, found);
                }
                return end + 1;
            }
            match self.tokens.get(index) {
                Some(token) if token.kind == Kind::Word || token.is("*") => segments.push(token.text.clone()),
                Some(token) if token.is("::") => {}
                _ => break,
            }
            index += 1;
            if self.has(index, "as") || !(self.has(index, "::") || self.has(index - 1, "::")) {
                break;
            }
        }
        if segments.len() > 1 && segments.last().is_some_and(|last| last == "self") {
            segments.pop();
        }
        let mut name = segments.last().cloned();
        if self.has(index, "as") {
            name = self.tokens.get(index + 1).map(|token| token.text.clone());
            index += 2;
        }
        if segments.len() > before.len() || index > 0 && self.has(index - 1, "self") {
            found.push(Path { line, segments, name, inside: Vec::new() });
        }
        index
    }

    fn declared(&self) -> Vec<Module> {
        let inside = self.insides();
        let declares = |index: &usize| self.has(*index, "mod") && self.has(index + 2, ";");
        let module = |index: usize| {
            let head = self.tokens[..index].iter().rev().take_while(|token| !["{", "}", ";"].iter().any(|mark| token.is(mark)));
            let head: Vec<&Token> = head.collect();
            // Backwards: `#[path = "…"]`; the file's own attributes stand there too and may hold other texts.
            let path = head.windows(3).find(|three| three[0].kind == Kind::Text && three[1].is("=") && three[2].is("path"));
            let path = path.map(|three| three[0].text.clone());
            Module { inside: inside(index), name: self.tokens[index + 1].text.clone(), path }
        };
        (0..self.tokens.len()).filter(declares).map(module).collect()
    }

    /// Where the file of a declared module may stand.
    fn leads_to(&self, module: &Module) -> Vec<String> {
        let (folder, stem) = self.name.trim_end_matches(".rs").rsplit_once('/').unwrap_or(("", &self.name));
        if let Some(path) = &module.path {
            return vec![format!("{folder}/{path}")];
        }
        let mut place = if matches!(stem, "mod" | "main" | "lib") { String::from(folder) } else { format!("{folder}/{stem}") };
        for part in module.inside.iter().chain([&module.name]) {
            place.push_str(&format!("/{part}"));
        }
        vec![format!("{place}.rs"), format!("{place}/mod.rs")]
    }
}

fn tokens(text: &str) -> Vec<Token> {
    let mut lexer = Lexer { chars: text.chars().collect(), at: 0, line: 1, found: Vec::new() };
    while lexer.at < lexer.chars.len() {
        lexer.step();
    }
    lexer.found
}

/// Cuts a text into words, marks, string literals and doc comments; other comments, characters and lifetimes are dropped.
struct Lexer {
    chars: Vec<char>,
    at: usize,
    line: usize,
    found: Vec<Token>,
}

impl Lexer {
    fn ahead(&self, text: &str) -> bool {
        text.chars().enumerate().all(|(offset, c)| self.chars.get(self.at + offset) == Some(&c))
    }

    /// Takes characters while `more` holds for the rest; counts lines.
    fn take(&mut self, more: impl Fn(&Self) -> bool) -> String {
        let start = self.at;
        while self.at < self.chars.len() && more(self) {
            self.line += usize::from(self.chars[self.at] == '\n');
            self.at += 1;
        }
        self.chars[start..self.at].iter().collect()
    }

    fn skip(&mut self, count: usize) {
        let end = self.at + count;
        self.take(|lexer| lexer.at < end);
    }

    fn push(&mut self, line: usize, kind: Kind, text: String) {
        self.found.push(Token { line, kind, text });
    }

    fn step(&mut self) {
        let (c, line) = (self.chars[self.at], self.line);
        match c {
            _ if self.ahead("//") => {
                let text = self.take(|lexer| !lexer.ahead("\n"));
                if text.starts_with("///") && !text.starts_with("////") {
                    self.push(line, Kind::Doc, text);
                }
            }
            _ if self.ahead("/*") => self.block_comment(),
            '"' => self.string(),
            '\'' => self.quote(),
            _ if c.is_alphanumeric() || c == '_' => self.word(),
            _ if c.is_whitespace() => self.skip(1),
            _ => {
                let mark = if self.ahead("::") { "::".into() } else { String::from(c) };
                self.skip(mark.chars().count());
                self.push(line, Kind::Mark, mark);
            }
        }
    }

    fn block_comment(&mut self) {
        let (line, doc, mut depth) = (self.line, self.ahead("/**") && !self.ahead("/***") && !self.ahead("/**/"), 0_usize);
        loop {
            let opens = self.ahead("/*");
            depth = if opens { depth + 1 } else { depth.saturating_sub(1) };
            self.skip(2);
            if depth == 0 {
                break;
            }
            self.take(|lexer| !lexer.ahead("/*") && !lexer.ahead("*/"));
        }
        if doc {
            self.push(line, Kind::Doc, String::new());
        }
    }

    fn string(&mut self) {
        let (line, mut text) = (self.line, String::new());
        self.skip(1);
        loop {
            text.push_str(&self.take(|lexer| !lexer.ahead("\"") && !lexer.ahead("\\")));
            if !self.ahead("\\") {
                break;
            }
            self.skip(2);
        }
        self.skip(1);
        self.push(line, Kind::Text, text);
    }

    /// A raw string from its first `#` or `"` on.
    fn raw_string(&mut self) {
        let line = self.line;
        let end = format!("\"{}", self.take(|lexer| lexer.ahead("#")));
        self.skip(1);
        let text = self.take(|lexer| !lexer.ahead(&end));
        self.skip(end.len());
        self.push(line, Kind::Text, text);
    }

    /// A character, or a lifetime.
    fn quote(&mut self) {
        if self.chars.get(self.at + 1) == Some(&'\\') {
            self.skip(3);
            self.take(|lexer| !lexer.ahead("'"));
            self.skip(1);
        } else if self.chars.get(self.at + 2) == Some(&'\'') {
            self.skip(3);
        } else {
            self.skip(1);
            self.take(|lexer| lexer.chars[lexer.at].is_alphanumeric() || lexer.ahead("_"));
        }
    }

    fn word(&mut self) {
        let line = self.line;
        let word = self.take(|lexer| lexer.chars[lexer.at].is_alphanumeric() || lexer.ahead("_"));
        let raw = matches!(word.as_str(), "r" | "br" | "cr");
        let hashes = self.chars[self.at..].iter().take_while(|c| **c == '#').count();
        if raw && self.chars.get(self.at + hashes) == Some(&'"') {
            self.raw_string();
        } else if raw && hashes == 1 {
            self.skip(1);
        } else if matches!(word.as_str(), "b" | "c") && (self.ahead("\"") || self.ahead("'")) {
            // The literal comes as the next token.
        } else {
            self.push(line, Kind::Word, word);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The lines that a rule complains about.
    fn lines(rule: impl Fn(&File) -> Vec<String>, name: &str, text: &str) -> Vec<usize> {
        let line = |failure: &String| failure.split(':').nth(1).unwrap().trim().parse().unwrap_or(0);
        rule(&File::new(name, text)).iter().map(line).collect()
    }

    fn imports(text: &str) -> Vec<String> {
        File::new("src/net/tls.rs", text).paths().iter().map(Path::to_string).collect()
    }

    #[test]
    fn paths_are_read_from_trees_and_from_code() {
        let text = "use a::{self, b::{c, D as E}, *};\npub use ::x;\nfn f<'a>(v: &'a g::H) -> Vec<u8> { Vec::<u8>::new(j::k::<l::M>()) }";
        assert_eq!(imports(text), ["a", "a::b::c", "a::b::D", "a::*", "x", "g::H", "Vec", "j::k", "l::M"]);
        assert_eq!(
            imports("use {a::b, c};\nfn f() { $crate::n!(); <o::P as Q>::r() }\nuse self::s::T as _;"),
            ["a::b", "c", "crate::n", "o::P", "self::s::T"]
        );
        assert_eq!(imports("#[serde(with = \"crate::u::v\")] struct S;"), ["crate::u::v"]);
    }

    #[test]
    fn text_that_is_no_code_is_not_read() {
        let text = "// use a::b;\n/* c::d /* e::f */ g::h */ \"i::j \\\" k::l\"; r#\"m::n \" o::p\"#; b\"q::r\"; '\"'; '\\''; b'\\\\'; s::t; r#u::v";
        assert_eq!(imports(text), ["s::t", "u::v"]);
        assert_eq!(File::new("src/a.rs", "\"a\nb\" /* c\n */ d").tokens.last().unwrap().line, 3);
    }

    #[test]
    fn the_import_table_holds() {
        let bad = "use std::fs;\nuse crate::base::{error::Error, name};\nuse crate::{call::plan, base};\nfn f() { crate::store::open() }\n";
        assert_eq!(lines(rooms, "src/net/tls.rs", bad), [3, 4]);
        assert_eq!(lines(rooms, "src/cli/call.rs", bad), [0_usize; 0]);
        assert_eq!(lines(rooms, "src/app.rs", "use crate::cli::output;\nuse crate::call::plan;"), [1]);
        assert_eq!(lines(rooms, "src/main.rs", "use angelia::app::App;\nuse angelia::cli;"), [1]);
        assert_eq!(lines(rooms, "src/engine/x.rs", "").len(), 1);
    }

    #[test]
    fn the_way_up_is_resolved() {
        let up = "use super::super::call::x;\nuse super::guard::y;\nmod tests { use super::*; use super::super::super::app::z; }";
        assert_eq!(lines(rooms, "src/net/tls.rs", up), [1, 3]);
        assert_eq!(lines(rooms, "src/net/mod.rs", "use super::call::x;\nuse self::guard::y;"), [1]);
    }

    #[test]
    fn the_build_script_gets_only_what_it_mounts() {
        let script =
            File::new("build.rs", "#[path = \"src/registry\"]\nmod registry { pub mod index; pub mod words; }\nmod other { mod x; }");
        let shared = shared(&script);
        assert_eq!(shared, ["index", "words"]);
        let text = "use crate::registry::words::words;\nuse crate::registry::catalog::X;\nuse crate::base::name;";
        assert_eq!(lines(|file| build(file, &shared), "src/registry/index.rs", text), [2, 3]);
        assert_eq!(lines(|file| build(file, &shared), "src/registry/catalog.rs", text), [0_usize; 0]);
    }

    #[test]
    fn crates_away_from_home_are_found() {
        let text = "use reqwest::Client;\nuse {zstd, serde::Serialize};\nfn f() { jaq_core::load::x() }\nuse ::clap as c;\nlet zstd = 1; a::zstd::b();";
        assert_eq!(lines(homes, "src/call/http.rs", text), [1, 2, 3, 4]);
        assert_eq!(lines(homes, "src/registry/jq.rs", text), [1, 4]);
    }

    #[test]
    fn calls_out_of_place_are_found_under_every_name() {
        let env = "use crate::config::env;\nfn f() { env::var(\"A\") }";
        assert_eq!(lines(places, "src/cli/x.rs", env), [0_usize; 0]);
        for bad in
            ["use std::env;\nenv::var_os(x);", "\nstd::env::var(x);", "use std::{env as e};\ne::vars();", "\nuse std::env::{args, var};"]
        {
            assert_eq!(lines(places, "src/cli/x.rs", bad), [2], "{bad}");
            assert_eq!(lines(places, "src/config/env.rs", bad), [0_usize; 0], "{bad}");
        }
        assert_eq!(lines(places, "src/net/x.rs", "use std::time::{Instant, SystemTime as T};\nT::now(); Instant::now();"), [2]);
        assert_eq!(lines(places, "src/cli/x.rs", "use clap::Command;\nCommand::new(\"x\"); clap::Command::new(\"y\");"), [0_usize; 0]);
        assert_eq!(lines(places, "src/cli/x.rs", "use std::process::{self, Command};\nCommand::new(\"x\"); process::exit(1);"), [2, 2]);
        assert_eq!(lines(places, "src/cli/x.rs", "tokio::process::Command::new(\"x\");"), [1]);
        assert_eq!(lines(places, "src/call/x.rs", "use crate::base::secret::Secret;\nmap(Secret::expose)"), [2]);
    }

    #[test]
    fn exposed_secrets_are_found() {
        assert_eq!(lines(exposures, "src/call/x.rs", "a.exposed();\nb\n    .expose()\n.len();"), [3]);
        assert_eq!(lines(exposures, "src/access/x.rs", "a.expose()"), [0_usize; 0]);
    }

    #[test]
    fn missing_headers_are_found() {
        for (text, expected) in
            [("//! A.\n", 0), ("#!/bin/x\n//! A.", 0), ("//!\nfn", 1), ("/// A.", 1), ("", 1), ("\n//! A.", 1), ("#!/bin/x\nfn", 1)]
        {
            assert_eq!(header(&File::new("src/a.rs", text)).len(), expected, "{text}");
        }
    }

    #[test]
    fn long_files_and_functions_are_found() {
        let long = format!("fn small() {{}}\nfn big(x: [u8; 2]) {{\n{}}}\n", "    x();\n".repeat(69));
        assert_eq!(lines(sizes, "src/a.rs", &long), [2]);
        assert_eq!(lines(sizes, "src/a.rs", &long.replacen("    x();\n", "", 1)), [0_usize; 0]);
        assert_eq!(lines(sizes, "src/a.rs", &format!("#[cfg(test)]\nmod tests {{\n{long}}}")), [0_usize; 0]);
        assert_eq!(sizes(&File::new("src/a.rs", &"\n".repeat(501))).len(), 1);
        let tested = format!("{}#[cfg(test)]\nmod tests {{\n{}}}\n", "\n".repeat(500), "\n".repeat(300));
        assert_eq!(lines(sizes, "src/a.rs", &tested), [0_usize; 0]);
        assert_eq!(sizes(&File::new("src/a.rs", &format!("{tested}\n"))).len(), 1);
    }

    #[test]
    fn globs_prints_and_leftovers_are_found() {
        assert_eq!(lines(globs, "src/a.rs", "use super::*;\nuse x::{y, z::*};\nmod tests { use super::*; }"), [1, 2]);
        let text = "println!(\"x\");\n// dbg!(x)\nif print != 1 { dbg!(y) }\neprint!(\"todo!()\");\ntodo!()";
        assert_eq!(lines(prints, "src/a.rs", text), [1, 4]);
        assert_eq!(lines(prints, "src/cli/output.rs", text), [0_usize; 0]);
        assert_eq!(lines(unfinished, "tests/a.rs", text), [3, 5]);
        assert_eq!(lines(unfinished, "tests/a.rs", "#[test]\n#[ignore = \"slow\"]\n#[cfg_attr(windows, ignore)]\n#[cfg(ignore)]"), [2, 3]);
    }

    #[test]
    fn forgotten_files_are_found() {
        let file = |name: &str, text: &str| File::new(name, text);
        let files = [
            file("tests/main.rs", "//! x\nmod a;\n#[path = \"odd/c.rs\"]\nmod b;\nmod cli { mod call; }\n// mod lost;"),
            file("tests/a/mod.rs", "mod deep;"),
            file("tests/a/deep.rs", "mod er;"),
            file("tests/a/deep/er.rs", ""),
            file("tests/odd/c.rs", ""),
            file("tests/cli/call.rs", ""),
            file("tests/lost.rs", ""),
            file("tests/cli/lost.rs", "mod lost;"),
            file("src/lost.rs", ""),
        ];
        assert_eq!(unreachable(&files, "tests/", &["tests/main.rs"]), ["tests/lost.rs", "tests/cli/lost.rs"]);
    }

    #[test]
    fn too_many_and_unwanted_packages_are_found() {
        let lock = "[[package]]\nname = \"a\"\n\n[[package]]\nname = \"openssl-sys\"\n";
        assert_eq!(packages(lock, 2).len(), 1);
        assert_eq!(packages(lock, 1).len(), 2);
        assert_eq!(packages("[[package]]\nname = \"openssl-probe\"", 1).len(), 0);
        assert_eq!(packages("", 1).len(), 1);
    }

    #[test]
    fn tracker_numbers_are_found() {
        for bad in ["// see issue #12", "Fixes #3.", "(PR #7)", "issue#9", "as of session 4", "See (#5)"] {
            assert_eq!(tickets("a", bad).len(), 1, "{bad}");
        }
        for good in [
            "create_issue 12",
            "the issue 12 days ago",
            "color #123456",
            "a session of 3 days",
            "issues: #general",
            "r#\"x\"#",
            "number #1",
        ] {
            assert_eq!(tickets("a", good).len(), 0, "{good}");
        }
    }

    #[test]
    fn public_items_without_a_comment_are_found() {
        let text = "//! a\npub fn a() {}\n/// b\n#[derive(X)]\npub struct B { pub c: u8 }\npub async fn d() { e(); }\npub(crate) fn f() {}\n\
            /// g\nconst G: [u8; 2] = [1, 2];\npub enum H {}\n/// i\npub const fn i() {}\npub const J: u8 = 1;\nimpl B { pub fn k() {} }\n\
            /// l\n/// l\npub trait L { fn m(); }\npub use a::b;\npub trait N: O {}\n";
        assert_eq!(lines(undocumented, "src/a.rs", text), [2, 6, 10, 19]);
    }
}
