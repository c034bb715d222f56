//! Sources that attack the compiler: nothing interrupts it, so their size, depth and kind are bounded.

use super::{Case, Home, all, run, source};

fn nested(open: &str, close: &str) -> Vec<u8> {
    let times = 200_000 / (open.len() + close.len());
    format!("return {}1{}", open.repeat(times), close.repeat(times)).into_bytes()
}

fn chained(link: &str) -> Vec<u8> {
    format!("return a{}", link.repeat(200_000 / link.len())).into_bytes()
}

fn numbered(count: usize, line: impl Fn(usize) -> String) -> Vec<u8> {
    (0..count).map(line).collect::<Vec<_>>().join("\n").into_bytes()
}

fn inlined() -> Vec<u8> {
    let functions = numbered(100, |at| format!("local function f{}() return f{at}() and f{at}() and f{at}() end", at + 1));
    [b"local function f0() return x end\n".to_vec(), functions, b"\nf100() ".repeat(10_000), b"return 7".to_vec()].concat()
}

const DEEP: &str = "recursion depth";

const SOURCES: &[Case] = &[
    source("parentheses", "script_error", || nested("(", ")"), DEEP),
    source("braces", "script_error", || nested("{", "}"), DEEP),
    source("indices", "script_error", || nested("a[", "]"), DEEP),
    source("texts in texts", "script_error", || nested("`{", "}`"), DEEP),
    source("functions", "script_error", || nested("function() return ", " end"), DEEP),
    source("not", "script_error", || nested("not ", ""), DEEP),
    source("minus", "script_error", || nested("- ", ""), DEEP),
    source("alternatives", "script_error", || nested("if a then b else ", ""), DEEP),
    source("blocks", "script_error", || [b"do ".repeat(30_000), b" end".repeat(30_000)].concat(), DEEP),
    source("branches", "script_error", || [b"if a then ".to_vec(), b"elseif a then ".repeat(15_000), b"end".to_vec()].concat(), DEEP),
    source("types", "script_error", || [b"local x: ".to_vec(), b"{".repeat(100_000), b"}".repeat(100_000)].concat(), DEEP),
    source("sums", "script_error", || chained(" + a"), DEEP),
    source("joined texts", "script_error", || chained(" .. a"), DEEP),
    source("calls", "script_error", || chained("()"), DEEP),
    source("members", "script_error", || chained(".a"), DEEP),
    source("conditions", "script_error", || chained(" and a"), DEEP),
    source("many names", "", || numbered(15_000, |at| format!("local a{at}")), "null"),
    source("names in one line", "", || [b"local a".to_vec(), b",a".repeat(100_000)].concat(), "null"),
    source("constants", "", || [b"return #{".to_vec(), numbered(20_000, |at| format!("{at}.5,")), b"}".to_vec()].concat(), "20000"),
    source(
        "texts as constants",
        "",
        || [b"return #{".to_vec(), numbered(20_000, |at| format!("'{at}',")), b"}".to_vec()].concat(),
        "20000",
    ),
    source("small functions", "", || [b"return #{".to_vec(), b"function()end,".repeat(15_000), b"}".to_vec()].concat(), "15000"),
    source("functions that would be inlined", "", inlined, "7"),
    source("a comment that asks for it", "", || [b"--!optimize 2\n".to_vec(), inlined()].concat(), "7"),
    source(
        "loops that would be unrolled",
        "",
        || [b"for a=1,2 do ".repeat(15), b"x=1 ".repeat(50), b"end ".repeat(15), b"return 7".to_vec()].concat(),
        "7",
    ),
    source(
        "texts doubled by the compiler",
        "memory_limit|script_error",
        || {
            [b"local a0='xxxxxxxx'\n".to_vec(), numbered(40, |at| format!("local a{}=a{at}..a{at}", at + 1)), b"\nreturn #a40".to_vec()]
                .concat()
        },
        "",
    ),
    source("too large", "script_error", || b"-".repeat(300_000), "larger than 256 KiB"),
    source("an open text", "script_error", || b"return [==[ never closed".to_vec(), ""),
    source("an open remark", "script_error", || b"--[==[ never closed".to_vec(), ""),
    source("NUL in a text", "script_error", || b"return 'a\0b'".to_vec(), "NUL"),
    source("NUL after a line", "script_error", || b"print(1)\n\0print(2)".to_vec(), "NUL"),
    source("no UTF-8", "script_error", || b"return '\xff'".to_vec(), "UTF-8"),
    source("compiled for Lua", "script_error", || b"\x1bLuaR".to_vec(), ""),
    source("compiled for Luau", "script_error", || b"\x06\x03\x01\x02".to_vec(), ""),
    source("nothing", "", Vec::new, "null"),
    source("goto", "script_error", || b"goto x ::x::".to_vec(), ""),
    source("lines of another system", "", || b"local a = 1\r\nreturn a\r\n".to_vec(), "1"),
    source("a byte order mark", "", || b"\xef\xbb\xbfreturn 3".to_vec(), "3"),
    source("a program file", "", || b"#!/usr/bin/env angelia\nreturn 3".to_vec(), "3"),
    source("a program file with a mistake", "script_error", || b"#!/usr/bin/env angelia\nerror('x')".to_vec(), "script.lua:2: x"),
];

#[test]
fn compiling_is_bounded() {
    all(SOURCES);
}

#[test]
fn a_module_is_compiled_under_the_same_bounds() {
    let home = Home::new();
    for (name, bytes) in [
        ("deep", nested("(", ")")),
        ("nul", b"return 1\0".to_vec()),
        ("bytes", b"\xff".to_vec()),
        ("compiled", b"\x1bLuaR".to_vec()),
        ("large", b"-".repeat(300_000)),
    ] {
        std::fs::write(home.path().join(format!("work/{name}.lua")), bytes).unwrap();
        let run = run(&home, format!("return require('{name}')").as_bytes(), super::TIGHT);
        let code = &super::envelope(&run).unwrap()["error_detail"]["code"];
        assert!(run.code == 8 && (code == "script_error" || code == "time_limit"), "{name}: {run:?}");
    }
}

#[test]
fn sources_that_attack_the_checker_end_too() {
    let home = Home::new();
    let chain = || chained(".a");
    for (name, bytes) in [
        ("parentheses", nested("(", ")")),
        ("functions", nested("function() return ", " end")),
        ("blocks", [b"do ".repeat(30_000), b" end".repeat(30_000)].concat()),
        ("members", chain()),
        ("sums", chained(" + a")),
        ("joined", chained(" .. a")),
        ("open", b"return [==[ never closed".to_vec()),
        ("bytes", b"\xff".to_vec()),
        ("nul", b"return '\0'".to_vec()),
        ("names", numbered(5_000, |at| format!("local a{at}"))),
    ] {
        std::fs::write(home.path().join("work/script.lua"), bytes).unwrap();
        let run = home.run(&["lua:check", "script.lua", "--json"]);
        assert!((0..=8).contains(&run.code), "{name}: {} {}", run.code, run.stderr);
        let _: serde_json::Value = run.json();
    }
}
