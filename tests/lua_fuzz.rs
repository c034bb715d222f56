//! Seeded random input for the Lua room: JSON values through Lua and back, texts that are almost JSON, sources that are almost Lua.
//! Each source runs under small limits and must end in time with a report. The seeds are fixed; `ANGELIA_FUZZ_RUNS=N` makes N rounds
//! with other ones after the first.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use angelia::base::origin::Origin;
use angelia::call::request::{Ctx, Options};
use angelia::call::runtime::Runtime;
use angelia::lua::driver::Driver;
use angelia::lua::host::{Mode, Voice};
use angelia::lua::limits::Limits;
use angelia::lua::report::Report;
use angelia::lua::session::{Script, Session, Setup};
use serde_json::{Map, Number, Value, json};

use crate::support::apart::apart;
use crate::support::home::Home;

/// Sources of one round.
const SOURCES: u64 = 240;

/// Values, and texts that are almost JSON, of one round.
const VALUES: u64 = 400;

/// Longest run of one source: the limit is a fraction of a second, the rest is for a busy machine.
const SOON: Duration = Duration::from_secs(10);

struct Silent;

impl Voice for Silent {
    fn print(&self, _line: &str) {}

    fn log(&self, _level: &str, _line: &str) {}
}

/// SplitMix64.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, most: usize) -> usize {
        usize::try_from(self.next() % most.max(1) as u64).unwrap()
    }

    fn pick<'a, T: ?Sized>(&mut self, all: &[&'a T]) -> &'a T {
        all[self.below(all.len())]
    }
}

fn open(runtime: &Arc<Runtime>, limits: Limits, named: Value) -> Session {
    Session::open(Setup {
        runtime: runtime.clone(),
        ctx: Ctx::new(Origin::Cli),
        driver: Driver::own(),
        limits,
        mode: Mode::Live,
        options: Options::default(),
        accounts: BTreeMap::new(),
        env: Vec::new(),
        folder: None,
        voice: Box::new(Silent),
        words: Vec::new(),
        named,
        stdin: Box::new(|| None),
        testing: false,
        lasting: None,
    })
    .unwrap()
}

fn run(session: &Session, source: &str) -> Report {
    session.run(&Script { name: String::from("fuzz.lua"), source: source.to_owned() })
}

fn roomy(runtime: &Runtime) -> Limits {
    Limits { memory: 256 << 20, cpu: SOON, time: 3 * SOON, output: 64 << 20, ..Limits::of(&runtime.config) }
}

/// Does the rounds in processes of their own; the round's number is in a file, because their environment is empty.
fn rounds(test: &str, inside: impl Fn(Arc<Runtime>, Random) + Sync) {
    let outside = |again: &dyn Fn(&Home)| {
        let wanted = std::env::var("ANGELIA_FUZZ_RUNS").ok().and_then(|runs| runs.parse().ok()).unwrap_or(1);
        for round in 0..wanted {
            let home = Home::new();
            std::fs::write(home.path().join("round"), format!("{round}")).unwrap();
            again(&home);
        }
    };
    apart(test, outside, async |runtime| {
        let round: u64 = std::fs::read_to_string("round").unwrap().parse().unwrap();
        // Outside of the event loop: a script has one of its own.
        std::thread::scope(|scope| {
            let (runtime, inside) = (&runtime, &inside);
            let work = move || inside(runtime.clone(), Random(round << 32));
            std::thread::Builder::new().spawn_scoped(scope, work).unwrap();
        });
    });
}

fn number(random: &mut Random) -> String {
    let digits = |random: &mut Random, most: usize| {
        let count = 1 + random.below(most);
        let text: String = (0..count).map(|_| char::from(b'0' + u8::try_from(random.below(10)).unwrap())).collect();
        let text = text.trim_start_matches('0').to_owned();
        if text.is_empty() { String::from("0") } else { text }
    };
    let sign = random.pick(&["", "-"]);
    match random.below(6) {
        0 => format!("{sign}{}", digits(random, 3)),
        1 => format!("{sign}{}", digits(random, 45)),
        2 => format!("{sign}{}", (1_u64 << 53) + random.next() % 5 - 2),
        3 => format!("{sign}{}.{}", digits(random, 4), digits(random, 12)),
        4 => format!("{sign}{}e{}", digits(random, 3), random.below(400)),
        _ => format!("{sign}{}.{}E-{}", digits(random, 2), digits(random, 3), random.below(330)),
    }
}

/// How Lua says a number: whole ones by their digits, others as the nearest double; what no double holds as it was written.
fn canonical(written: &str) -> Value {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    let as_written = || serde_json::from_str(written).unwrap();
    if !written.contains(['.', 'e', 'E']) {
        return if written == "-0" { json!(0) } else { as_written() };
    }
    let float: f64 = written.parse().unwrap();
    if !float.is_finite() {
        as_written()
    } else if float.fract() == 0.0 && float.abs() <= EXACT {
        Value::from(float as i64)
    } else {
        Value::Number(Number::from_f64(float).unwrap())
    }
}

fn text(random: &mut Random) -> String {
    const PARTS: [&str; 16] = [
        "",
        "a",
        "__list",
        "__nulls",
        "__digits",
        "null",
        "1",
        "9007199254740993",
        "é",
        "日本",
        "\u{1f600}",
        "\0",
        "\n",
        "\"\\/",
        "\u{2028}",
        "x.y-z",
    ];
    (0..random.below(3)).map(|_| random.pick(&PARTS)).collect()
}

/// A value, as it is written and as it comes back.
fn value(random: &mut Random, depth: usize) -> (String, Value) {
    match random.below(if depth == 0 { 5 } else { 9 }) {
        0 => (String::from("null"), Value::Null),
        1 => {
            let truth = random.below(2) == 0;
            (truth.to_string(), Value::Bool(truth))
        }
        2 => {
            let text = text(random);
            (Value::from(text.as_str()).to_string(), Value::from(text))
        }
        3 | 4 => {
            let written = number(random);
            let value = canonical(&written);
            (written, value)
        }
        5 if random.below(4) == 0 => {
            let deep = random.below(100);
            let (inner, value) = (0..deep).fold(value(random, 0), |(text, value), _| (format!("[{text}]"), Value::Array(vec![value])));
            (inner, value)
        }
        5 | 6 => {
            let items: Vec<(String, Value)> = (0..random.below(6)).map(|_| value(random, depth - 1)).collect();
            let texts: Vec<&str> = items.iter().map(|item| item.0.as_str()).collect();
            (format!("[{}]", texts.join(" ,")), items.iter().map(|item| item.1.clone()).collect())
        }
        _ => {
            let (mut texts, mut members) = (Vec::new(), Map::new());
            for _ in 0..random.below(6) {
                let (key, (written, value)) = (text(random), value(random, depth - 1));
                if !members.contains_key(&key) {
                    texts.push(format!("{}: {written}", Value::from(key.as_str())));
                    members.insert(key, value);
                }
            }
            (format!("{{{}}}", texts.join(",")), Value::Object(members))
        }
    }
}

#[test]
fn json_goes_through_lua_unchanged() {
    rounds("lua_fuzz::json_goes_through_lua_unchanged", |runtime, mut random| {
        let values: Vec<(String, Value)> = (0..VALUES).map(|_| value(&mut random, 4)).collect();
        let texts: Vec<&str> = values.iter().map(|value| value.0.as_str()).collect();
        let session = open(&runtime, roomy(&runtime), json!({ "texts": texts }));
        let report = run(
            &session,
            "local made = {}
            for at, text in args.texts do made[at] = json.encode(json.decode('[' .. text .. ']'), {sorted = true}) end
            return made",
        );
        assert!(report.error.is_none(), "{:?}", report.error);
        for ((written, mut value), made) in values.into_iter().zip(report.result.as_array().unwrap()) {
            value.sort_all_objects();
            assert_eq!(made.as_str().unwrap(), format!("[{value}]"), "of {written}");
        }
    });
}

#[test]
fn texts_that_are_almost_json_are_an_error_or_a_value() {
    rounds("lua_fuzz::texts_that_are_almost_json_are_an_error_or_a_value", |runtime, mut random| {
        let texts: Vec<String> = (0..VALUES)
            .map(|_| {
                let written = value(&mut random, 4).0;
                mutated(
                    &mut random,
                    &written,
                    &written,
                    &[
                        "\"", "[", "]", "{", "}", ",", ":", "\\u12", "\\ud800", "-", "00", "e", ".", "tru", "NaN", "/**/", "\u{feff}", "'",
                        "\0",
                    ],
                )
            })
            .collect();
        let session = open(&runtime, roomy(&runtime), json!({ "texts": texts }));
        let report = run(&session, "local fits = {} for at, text in args.texts do fits[at] = (pcall(json.decode, text)) end return fits");
        assert!(report.error.is_none(), "{:?}", report.error);
        for (written, fits) in texts.iter().zip(report.result.as_array().unwrap()) {
            assert_eq!(fits, serde_json::from_str::<Value>(written).is_ok(), "{written}");
        }
    });
}

/// The text with one to four changes: cut, left out, doubled, mixed with another, a word put in.
fn mutated(random: &mut Random, text: &str, other: &str, words: &[&str]) -> String {
    let mut made: Vec<char> = text.chars().collect();
    let other: Vec<char> = other.chars().collect();
    for _ in 0..=random.below(4) {
        let (from, length) = (random.below(made.len() + 1), random.below(40));
        let to = (from + length).min(made.len());
        match random.below(6) {
            0 => made.truncate(from),
            1 => drop(made.drain(from..to)),
            2 => {
                let part = made[from..to].to_vec();
                drop(made.splice(from..from, part));
            }
            3 => {
                let start = random.below(other.len() + 1);
                let part = other[start..(start + length * 4).min(other.len())].to_vec();
                drop(made.splice(from..to, part));
            }
            4 => drop(made.splice(from..to, random.pick(words).chars())),
            _ => drop(made.splice(from..from, random.pick(words).chars())),
        }
    }
    made.into_iter().collect()
}

const WORDS: [&str; 72] = [
    "local",
    "function",
    "end",
    "if",
    "then",
    "else",
    "for",
    "in",
    "do",
    "while true do",
    "repeat",
    "until",
    "return",
    "break",
    "continue",
    "nil",
    "true",
    "not",
    "and",
    "or",
    "x",
    "t",
    "f",
    "=",
    "==",
    "~=",
    "<",
    "..",
    "+",
    "-",
    "*",
    "//",
    "%",
    "^",
    "#",
    "(",
    ")",
    "{",
    "}",
    "[",
    "]",
    ",",
    ";",
    ":",
    ".",
    "::",
    "`{",
    "}`",
    "\"a\"",
    "'",
    "[[",
    "]]",
    "--",
    "--[[",
    "0",
    "1e308",
    "0/0",
    "1/0",
    "pcall",
    "error",
    "setmetatable",
    "coroutine.wrap",
    "coroutine.yield",
    "string.rep",
    "json.decode",
    "json.encode",
    "regex.gsub",
    "async.map",
    "time.sleep",
    "app.integrations.data.list",
    "require",
    "table.sort",
];

fn soup(random: &mut Random) -> String {
    let count = 1 + random.below(120);
    let words: Vec<&str> = (0..count).map(|_| random.pick(&WORDS)).collect();
    words.join(random.pick(&[" ", " ", "\n", ""]))
}

fn sources(folder: &Path, found: &mut Vec<String>) {
    let mut entries: Vec<PathBuf> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|kind| kind == "lua") {
            found.push(std::fs::read_to_string(path).unwrap());
        }
    }
}

#[test]
fn sources_that_are_almost_lua_end_with_a_report() {
    rounds("lua_fuzz::sources_that_are_almost_lua_end_with_a_report", |runtime, mut random| {
        let mut known = Vec::new();
        sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/lua"), &mut known);
        sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("lua-stdlib"), &mut known);
        assert!(known.len() > 20);
        let small = Duration::from_millis(60);
        let limits = Limits { memory: 16 << 20, cpu: small, time: 3 * small, calls: 20, output: 64 << 10 };
        let known: Vec<&String> = known.iter().collect();
        for _ in 0..SOURCES {
            let source = match random.below(4) {
                0 => soup(&mut random),
                _ => {
                    let (one, other) = (random.pick(&known), random.pick(&known));
                    mutated(&mut random, one, other, &WORDS)
                }
            };
            let from = Instant::now();
            let report = run(&open(&runtime, limits, json!({})), &source);
            let envelope = report.to_value("fuzz.lua");
            assert_eq!(envelope["success"], report.error.is_none(), "{source}");
            assert_ne!(envelope["error_detail"]["code"], "internal", "{source}\n{envelope}");
            assert!(from.elapsed() < SOON, "{:?}: {source}", from.elapsed());
        }
    });
}

#[test]
fn a_run_leaves_nothing_for_the_next() {
    rounds("lua_fuzz::a_run_leaves_nothing_for_the_next", |runtime, _| {
        let spoil = "for _, shared in {json, regex, docs, time, log, async, string, table, math, app} do
              pcall(rawset, shared, 'evil', 1)
              pcall(setmetatable, shared, {__index = function() return 'evil' end})
            end
            pcall(function() json.encode = function() return 'evil' end end)
            pcall(function() getmetatable('').__index = function() return 'evil' end end)
            pcall(function() getmetatable(json.decode('[]')).__list = false end)
            pcall(function() getmetatable(json.decode('[null]')).__nulls[7] = true end)
            for _, code in {'{', '['} do
              local _, failure = pcall(json.decode, code)
              pcall(function() getmetatable(failure).__tostring = nil end)
              failure.message = 'evil'
            end
            evil, json, string, pcall, tostring, _VERSION = 1
            return 1";
        let look = "return {tostring(evil), tostring(json.evil), tostring(('x').evil), json.encode({1, json.array{}}), json.encode(json.decode('[null]')), tostring(select(2, pcall(json.decode, '{'))):sub(1, 11)}, _VERSION ~= nil";
        let fresh = run(&open(&runtime, roomy(&runtime), json!({})), look);
        assert!(fresh.error.is_none() && !fresh.result.to_string().contains("evil"), "{fresh:?}");
        let spoiled = run(&open(&runtime, roomy(&runtime), json!({})), spoil);
        assert!(spoiled.error.is_none(), "{:?}", spoiled.error);
        let after = run(&open(&runtime, roomy(&runtime), json!({})), look);
        assert_eq!((after.result, after.error.map(|error| error.message)), (fresh.result, fresh.error.map(|error| error.message)));
    });
}
