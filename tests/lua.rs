//! The Lua files of `tests/lua`, each run by the real program in a home of its own: `tests/lua/<module or global>/<function>.lua` passes when it
//! ends with exit status 0. No function of the standard modules and no global is without such a file. Hostile scripts are deliberately
//! absent (see `tests/hostile`), and so is what needs flags, files or a service (see `tests/lua_command.rs`).

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use angelia::lua::modules::STANDARD;

use crate::support::home::Home;

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/lua");

/// Fewer files mean that some are not found.
const LEAST: usize = 90;

/// Folders for what a script sees beside the libraries of the language; `app.integrations` is one of them.
const GLOBALS: [&str; 13] =
    ["args", "async", "docs", "env", "integrations", "json", "log", "mcp", "print", "regex", "require", "stdin", "time"];

/// Those of them that are tables of functions.
const TABLES: [&str; 7] = ["async", "docs", "json", "log", "mcp", "regex", "time"];

fn entries(folder: &Path) -> Vec<PathBuf> {
    let mut paths: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths
}

/// Every test file.
fn files() -> Vec<PathBuf> {
    let folders = entries(Path::new(FOLDER)).into_iter().filter(|path| path.is_dir() && !path.ends_with("hostile"));
    folders.flat_map(|folder| entries(&folder)).filter(|path| path.extension().is_some_and(|end| end == "lua")).collect()
}

#[test]
fn every_file_passes() {
    let (all, failures) = (files(), Mutex::new(Vec::new()));
    assert!(all.len() >= LEAST, "only {} files are found", all.len());
    let left = Mutex::new(all.iter());
    let work = || {
        while let Some(path) = { left.lock().unwrap().next() } {
            let run = Home::new().run(&["integrations:lua", path.to_str().unwrap()]);
            if run.code != 0 {
                let name = path.strip_prefix(FOLDER).unwrap().display();
                failures.lock().unwrap().push(format!("{name}: exit {}\n{}{}", run.code, run.stdout, run.stderr));
            }
        }
    };
    std::thread::scope(|scope| (0..4).for_each(|_| _ = scope.spawn(work)));
    let mut failures = failures.into_inner().unwrap();
    failures.sort();
    assert!(failures.is_empty(), "\n{}\n{} of {} files fail", failures.join("\n"), failures.len(), all.len());
}

/// The test above must be able to fail.
#[test]
fn a_failing_file_is_told() {
    let home = Home::new();
    let run = home.run_with(&["integrations:lua"], b"assert(1 == 2, 'one is not two')");
    assert!(run.code == 8 && run.stderr.contains("one is not two"), "{run:?}");
}

/// The names of functions that a chunk's value has.
fn functions(home: &Home, value: &str) -> BTreeSet<String> {
    let code = format!(
        "local names = json.array() for name, is in pairs({value}) do if type(is) == 'function' then table.insert(names, name) end end return names"
    );
    let report = home.run(&["integrations:lua", "--eval", &code, "--json"]).json();
    report["result"].as_array().unwrap().iter().map(|name| name.as_str().unwrap().to_owned()).collect()
}

/// Functions of which no test file has the name, and which none in their folder mentions.
fn untested(owner: &str, functions: BTreeSet<String>) -> Vec<String> {
    let folder = Path::new(FOLDER).join(owner);
    let texts: String =
        if folder.is_dir() { entries(&folder).iter().map(|path| fs::read_to_string(path).unwrap()).collect() } else { String::new() };
    let missing = |name: &String| {
        let full = format!("{owner}.{name}");
        let mut after = texts.split(&full).skip(1);
        let mentioned = after.any(|rest| !rest.starts_with(|c: char| c.is_alphanumeric() || c == '_'));
        !mentioned && !folder.join(format!("{name}.lua")).is_file()
    };
    functions.into_iter().filter(missing).map(|name| format!("{owner}.{name}")).collect()
}

#[test]
fn every_function_has_a_test() {
    let sources: Vec<String> = entries(&Path::new(FOLDER).join("../../lua-stdlib"))
        .iter()
        .map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned())
        .collect();
    assert_eq!(sources, STANDARD.iter().map(|(name, _)| *name).collect::<Vec<_>>(), "every file of lua-stdlib is a module, in order");
    let home = Home::new();
    let mut missing = Vec::new();
    for name in &sources {
        let found = functions(&home, &format!("require('{name}')"));
        assert!(!found.is_empty(), "{name} has no function");
        missing.extend(untested(name, found));
    }
    for name in GLOBALS {
        if !Path::new(FOLDER).join(name).is_dir() {
            missing.push(name.to_owned());
        }
    }
    for name in TABLES {
        missing.extend(untested(name, functions(&home, name)));
    }
    assert!(missing.is_empty(), "without a file in tests/lua: {missing:?}");
}
