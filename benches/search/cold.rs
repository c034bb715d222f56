//! Cold searches among 40,000 functions: a process that starts, answers and ends, against `sqlite3` on a full-text index (FTS5, with stems) of
//! the same names, titles, descriptions and parameters, ranked by BM25.

use std::path::Path;

use rusqlite::Connection;

use crate::quality;
use crate::queries::Part;
use crate::support::home::Home;
use crate::support::manifests::{FUNCTIONS, Manifest, PROVIDERS};
use crate::support::process::Program;
use crate::support::report::Table;
use crate::support::{Measured, because, runs, tell};

const RUNS: u32 = 100;
const MOST_MILLISECONDS: f64 = 15.0;
const MOST_MEGABYTES: f64 = 40.0;

/// Common words, a whole sentence, wrong letters, a provider's name.
const QUERIES: [&str; 4] =
    ["list issues", "how do i remove somebody from the private channel", "craete recuring invioce", "github merge pull request"];

/// Measures it.
pub fn measure() -> Measured<()> {
    let runs = runs(RUNS)?;
    let home = Home::new()?;
    tell("compiling the catalog, and the index of SQLite");
    let database = home.path().join("functions.db");
    fill(&home, &database)?;
    let program = Program::new(env!("CARGO_BIN_EXE_angelia"), &home.work())?.environment(home.environment("none"));
    program.arguments(["integrations:search", "list issues"]).check("list_")?;
    let peer = Program::new("sqlite3", &home.work())?;

    let mut table =
        Table::new(&format!("Search, cold: {FUNCTIONS} functions of {PROVIDERS} user manifests; CPU is the mean of {runs} runs"));
    let size = |path: &Path| std::fs::metadata(path).map(|data| data.len() as f64 / 1e6).map_err(because("no size"));
    let (compiled, indexed) = (size(&home.path().join("cache/catalog.bin"))?, size(&database)?);
    table.tell("compiled catalog, with everything; SQLite, texts and index alone", format!("{compiled:.1} MB; {indexed:.1} MB"));
    for query in QUERIES {
        let ours = program.arguments(["integrations:search", query, "--json"]);
        ours.check("\"functions\":[{")?;
        ours.warm_up(3)?;
        table.judge(&format!("\"{query}\", CPU"), ours.cpu(runs)?, MOST_MILLISECONDS, "ms");
        let asked = sql(query);
        let theirs = peer.arguments(["-readonly", &database.display().to_string(), &asked]);
        theirs.warm_up(3)?;
        table.tell("  the same by sqlite3, CPU", format!("{:.2} ms", theirs.cpu(runs)?));
    }
    let searched = program.arguments(["integrations:search", QUERIES[1], "--json"]);
    table.judge("peak memory", searched.peak(5)?.megabytes, MOST_MEGABYTES, "MB");
    for part in Part::ALL {
        let half = quality::ask(&program, part)?;
        table.tell(&format!("{}, these functions beside: first, among five, among ten", part.name()), half.told());
    }
    table.note("sqlite3 finds words and their other forms; wrong letters, synonyms, providers and the kind of function are nothing to it.");
    table.print();
    Ok(())
}

/// Writes every manifest, and the texts of its functions into a full-text index.
fn fill(home: &Home, database: &Path) -> Measured<()> {
    let failed = because("the index of SQLite");
    let mut connection = Connection::open(database).map_err(&failed)?;
    let writing = connection.transaction().map_err(&failed)?;
    writing
        .execute_batch("CREATE VIRTUAL TABLE f USING fts5(name, title, description, parameters, tokenize = 'porter unicode61')")
        .map_err(&failed)?;
    for number in 0..PROVIDERS {
        let manifest = Manifest::new(number);
        let text = manifest.yaml();
        home.provider(&manifest.id(), &text)?;
        let provider = angelia::registry::user::parse(&text).map_err(|problems| format!("{}: {problems:?}", manifest.id()))?;
        for function in &provider.functions {
            let parameters: Vec<&str> = function.parameters.keys().map(String::as_str).collect();
            let name = format!("{} {}", provider.title, function.id);
            writing
                .prepare_cached("INSERT INTO f VALUES (?, ?, ?, ?)")
                .and_then(|mut insert| insert.execute([&name, &function.title, &function.description, &parameters.join(" ")]))
                .map_err(&failed)?;
        }
    }
    writing.execute("INSERT INTO f(f) VALUES ('optimize')", []).map_err(&failed)?;
    writing.commit().map_err(&failed)?;
    Ok(())
}

/// Any of the words, the name counting most.
fn sql(query: &str) -> String {
    let words: Vec<String> = query.split(' ').map(|word| format!("\"{word}\"")).collect();
    format!("SELECT name, title FROM f WHERE f MATCH '{}' ORDER BY bm25(f, 10, 8, 3, 1) LIMIT 10", words.join(" OR "))
}
