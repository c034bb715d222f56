//! Memory, computing, waiting, calls and output without end.

use super::{Case, STOPPED, all, fails, gives, stops, with};

const MEMORY: &[Case] = &[
    stops("string.rep", "memory_limit", r#"return #string.rep("x", 1e9)"#),
    stops("string.rep caught", "time_limit", r#"while true do pcall(string.rep, "x", 1e9) end"#),
    stops("string.rep of 8 MB caught", STOPPED, r#"while true do pcall(string.rep, "x", 8e6) end"#),
    gives("string.rep of nothing", r#"return #string.rep("", 2^31 - 1)"#, "0"),
    stops("doubled text", "memory_limit", r#"local s = "x" while true do s = s .. s end"#),
    stops("growing table", STOPPED, "local t = {} while true do t[#t + 1] = {} end"),
    stops("growing table caught", STOPPED, "while true do pcall(function() local t = {} while true do t[#t + 1] = {} end end) end"),
    stops("closures", STOPPED, "local t = {} while true do local x t[#t + 1] = function() return x end end"),
    stops("coroutines", STOPPED, "local t = {} while true do t[#t + 1] = coroutine.create(print) end"),
    stops("code points", STOPPED, "local t = {} while true do t[#t + 1] = utf8.char(table.unpack(table.create(7000, 0x10ffff))) end"),
    stops("string.split", STOPPED, r#"return #string.split(string.rep("a,", 4e6), ",")"#),
    fails("table.create", 8, "script_error", "return table.create(1e9)", "table overflow"),
    stops("table.create of 64 M", "memory_limit", "return #table.create(2^26 - 1, 1)"),
    fails("wide number", 8, "script_error", r#"return string.format("%99999d", 1)"#, "invalid format"),
    stops("a long list decoded", STOPPED, r#"return #json.decode("[" .. string.rep("1,", 4e6) .. "1]")"#),
    stops("a list decoded for ever", STOPPED, r#"local s = "[" .. string.rep("1,", 3e5) .. "1]" while true do pcall(json.decode, s) end"#),
    fails("deep JSON", 2, "invalid_arguments", r#"return json.decode(string.rep("[", 1e5) .. string.rep("]", 1e5))"#, "recursion limit"),
    gives(
        "keys that come twice",
        r#"return json.encode(json.decode('{"a":null,"a":1,"b":99999999999999999999,"b":"99999999999999999999","c":1,"c":null}'), {sorted = true})"#,
        r#""{\"a\":1,\"b\":\"99999999999999999999\",\"c\":null}""#,
    ),
    fails("a forged number", 2, "invalid_arguments", r#"return json.decode('{"$serde_json::private::Number": "{}"}')"#, "invalid number"),
    stops(
        "shared tables encoded",
        "time_limit|invalid_arguments",
        "local t = {} for i = 1, 40 do t = {t, t} end while true do pcall(json.encode, t) end",
    ),
    stops("shared tables returned", STOPPED, "local t = {} for i = 1, 40 do t = {t, t} end return t"),
    fails(
        "shared text encoded",
        2,
        "invalid_arguments",
        r#"local t = string.rep("\0", 1e6) for i = 1, 40 do t = {t, t} end return json.encode(t)"#,
        "larger than the memory limit",
    ),
    fails("a circle encoded", 2, "invalid_arguments", "local t = {} t.t = t return json.encode(t)", "a table that holds itself"),
    fails("a circle returned", 8, "script_error", "local t = {} t.t = t return t", "a table that holds itself"),
    fails("a list with a hole", 2, "invalid_arguments", "return json.encode({[1] = 1, [1e9] = 2})", "a hole at 2"),
    fails(
        "forged marks",
        2,
        "invalid_arguments",
        "return json.encode(setmetatable({1}, {__list = true, __nulls = {[2^52] = true}}))",
        "a hole at 2",
    ),
    fails("a long pattern", 2, "invalid_arguments", r#"return regex.match("x", string.rep("a|", 1e6))"#, "longer than"),
    fails("a large pattern", 2, "invalid_arguments", r#"return regex.match("x", string.rep("(?:\\pL{50})", 50))"#, "size limit"),
    fails(
        "a pattern with many positions",
        2,
        "invalid_arguments",
        r#"return regex.match(string.rep("ab", 1e5), "[ab]*a(?:[ab]{30}){100}[cd]")"#,
        "too much work",
    ),
    stops("a growing replacement", STOPPED, r#"return #regex.gsub(string.rep("a", 1e5), "a", string.rep("$0", 1e4))"#),
    stops("as many searches as bytes", STOPPED, r#"return #regex.match_all(string.rep("a", 1e6), "a*?b|a")"#),
    stops("many compiled patterns", STOPPED, r#"local i = 0 while true do i += 1 pcall(regex.match, "x", "\\w{20}" .. i) end"#),
    fails("a long format of a time", 2, "invalid_arguments", r#"return time.format(0, string.rep("%255Y", 1e5))"#, "longer than"),
    stops("os.date", STOPPED, r#"while true do pcall(os.date, string.rep("%c", 1e6)) end"#),
];

const COMPUTING: &[Case] = &[
    stops("a loop", "time_limit", "while true do end"),
    stops("a caught loop", "time_limit", "while true do pcall(function() while true do end end) end"),
    stops("a loop that answers errors", "time_limit", "while true do xpcall(error, function() error(1) end) end"),
    stops("a loop in a handler", "time_limit", "xpcall(error, function() while true do end end)"),
    stops(
        "a loop in a coroutine",
        "time_limit",
        "coroutine.wrap(function() while true do pcall(coroutine.yield) end end)() while true do end",
    ),
    stops("coroutines for ever", "time_limit", "while true do coroutine.wrap(function() coroutine.yield(1) end)() end"),
    stops("repeat", "time_limit", "repeat until false"),
    fails("table.move", 8, "script_error", "return table.move({}, 1, 2^31 - 3, 2, {})", "2^24"),
    stops("a numeric loop", "time_limit", "for i = 1, math.huge do end"),
    gives("caught recursion", "local n = 0 local function f() n += 1 return pcall(f) end f() return n > 10", "true"),
    fails("recursion", 8, "script_error", "local function f() return 1 + f() end return f()", "stack overflow"),
    fails(
        "recursion through gsub",
        8,
        "script_error",
        r#"local function f() return (("x"):gsub(".", f)) end return f()"#,
        "stack overflow",
    ),
    fails(
        "recursion through coroutines",
        8,
        "script_error",
        "local function f() return coroutine.wrap(f)() end return f()",
        "stack overflow",
    ),
    fails(
        "recursion through sort",
        8,
        "script_error",
        "local function f(a, b) table.sort({1, 2, 3}, f) return a < b end return f(1, 2)",
        "stack overflow",
    ),
    fails(
        "recursion through tostring",
        8,
        "script_error",
        "return tostring(setmetatable({}, {__tostring = function(s) return tostring(s) end}))",
        "stack overflow",
    ),
    stops("__index", "time_limit", "local t = setmetatable({}, {__index = function() while true do end end}) return t.x"),
    stops("__eq", "time_limit", "local m = {__eq = function() while true do end end} return setmetatable({}, m) == setmetatable({}, m)"),
    stops("__lt", "time_limit", "local m = {__lt = function() while true do end end} return setmetatable({}, m) < setmetatable({}, m)"),
    stops("__concat", "time_limit", r#"return setmetatable({}, {__concat = function() while true do end end}) .. "x""#),
    stops("__call", "time_limit", "return setmetatable({}, {__call = function() while true do end end})()"),
    stops("__iter", "time_limit", "for _ in setmetatable({}, {__iter = function() return function() return 1 end end}) do end"),
    stops("__len", "time_limit", "async.map(setmetatable({}, {__len = function() return 1e9 end}), function() end)"),
    fails(
        "an __index chain",
        8,
        "script_error",
        "local t = {} for i = 1, 1e4 do t = setmetatable({}, {__index = t}) end return t.x",
        "chain too long",
    ),
    stops("a comparator for ever", "time_limit", "while true do pcall(table.sort, {3, 1, 2, 5, 4}, function() return true end) end"),
    fails("a comparator that fails", 8, "script_error", r#"table.sort({3, 1, 2}, function() error("no order") end)"#, "no order"),
    fails(
        "a comparator that yields",
        8,
        "script_error",
        "coroutine.wrap(function() table.sort({3, 1, 2}, coroutine.yield) end)()",
        "yield",
    ),
    stops("a pattern that backtracks", "time_limit", r#"return (string.rep("a", 3e4)):find(".-.-.-.-b$")"#),
    stops("a caught pattern", "time_limit", r#"while true do pcall(string.find, string.rep("a", 3e4), ".-.-.-.-b$") end"#),
    stops("a pattern of groups", "time_limit", r#"return (string.rep("a", 5e4)):match("(a*)a*(a*)%1b")"#),
    fails(
        "a huge plain search",
        8,
        "script_error",
        r#"return string.find(string.rep("a", 8e6), string.rep("a", 4e6) .. "b", 1, true)"#,
        "too much work",
    ),
    fails(
        "a huge class",
        8,
        "script_error",
        r#"return (string.rep("a", 4e6)):find("^[" .. string.rep("b", 999) .. "]*$")"#,
        "too much work",
    ),
    stops("empty matches", STOPPED, r#"local n = 0 for _ in string.gmatch(string.rep("a", 1e7), "") do n += 1 end return n"#),
    stops("__tostring while printing", "time_limit", "print(setmetatable({}, {__tostring = function() while true do end end}))"),
    fails(
        "__tostring without text",
        8,
        "script_error",
        "print(setmetatable({}, {__tostring = function() return {} end}))",
        "must return a string",
    ),
    stops(
        "an error that speaks for ever",
        "time_limit|script_error",
        "error(setmetatable({}, {__tostring = function() while true do end end}))",
    ),
];

const WAITING: &[Case] = &[
    stops("a caught sleep", "time_limit", "while true do pcall(time.sleep, 10) end"),
    stops("a sleep of nothing", "time_limit", "while true do pcall(time.sleep, 0) end"),
    stops(
        "sleeps side by side",
        "time_limit",
        "async.map(table.create(1000, 1), function() while true do pcall(time.sleep, 10) end end, {concurrency = 1000})",
    ),
    gives(
        "sleeps that are no time",
        r#"local n = 0 for _, x in {0/0, -1, 1/0, 1e300, 86401, "x", {}} do n += pcall(time.sleep, x) and 1 or 0 end return n"#,
        "0",
    ),
    gives(
        "times that are none",
        "return pcall(time.format, 0/0), pcall(time.format, 1e300), (pcall(time.format, -1e15))",
        "[false,false,false]",
    ),
    gives(
        "dates that are none",
        r#"return (pcall(os.date, "%c", 1e300)), (pcall(os.time, {year = 1e300, month = 0/0, day = 1/0}))"#,
        "[true,true]",
    ),
    gives("zones that are paths", r#"return (pcall(time.format, 0, nil, "../../etc/passwd"))"#, "false"),
    gives("a time of a million digits", r#"return (pcall(time.parse, string.rep("9", 1e6)))"#, "false"),
];

const LOOKING_UP: &[Case] = &[
    fails("a huge provider", 3, "unknown_provider", r#"return app.integrations[string.rep("x", 1e6)]"#, ""),
    fails("a huge function", 3, "unknown_function", r#"return app.integrations.data[string.rep("x", 1e6)]"#, ""),
    fails("a huge module", 3, "not_found", r#"return require(string.rep("x", 1e6))"#, ""),
    fails("a huge page", 3, "unknown_provider|unknown_function|not_found", r#"return docs.read(string.rep("x", 1e6))"#, ""),
    fails("a huge query", 2, "invalid_arguments", r#"return docs.search(string.rep("issue ", 1e5))"#, "longer than"),
    fails("a huge key", 2, "invalid_arguments", r#"return app.integrations.data.list{collection = "a", [string.rep("x", 1e6)] = 1}"#, ""),
    fails("a huge value", 2, "invalid_arguments", r#"return app.integrations.data.list{collection = string.rep("x", 1e6)}"#, ""),
    fails(
        "a huge option",
        2,
        "invalid_arguments",
        r#"return app.integrations.data.list:all({collection = "a"}, {[string.rep("x", 1e6)] = 1})"#,
        "",
    ),
    fails(
        "far too many keys",
        2,
        "invalid_arguments",
        r#"local t = {collection = "a"} for i = 1, 50000 do t["k" .. i] = 1 end return app.integrations.data.list(t)"#,
        "50001 values",
    ),
    fails(
        "a filter that grows",
        2,
        "invalid_arguments",
        r#"local f = {a = 1} for i = 1, 100 do f = {["$and"] = {f, f}} end return app.integrations.data.list{collection = "a", filter = f}"#,
        "nested deeper",
    ),
];

const SPENDING: &[Case] = &[
    with(stops("calls", "call_limit", "while true do app.integrations.data.collections{} end"), "--call-limit 5"),
    with(stops("caught calls", "call_limit", "while true do pcall(app.integrations.data.collections, {}) end"), "--call-limit 5"),
    with(
        stops(
            "calls side by side",
            "call_limit",
            "async.map(table.create(100, 1), function() pcall(app.integrations.data.collections, {}) end)",
        ),
        "--call-limit 5",
    ),
    with(
        stops("lists", "call_limit", r#"while true do pcall(function() return app.integrations.data.list:each{collection = "a"} end) end"#),
        "--call-limit 5",
    ),
    with(stops("printing", "output_limit", r#"while true do pcall(print, string.rep("x", 100)) end"#), "--output-limit 5000"),
    with(stops("logging", "output_limit", r#"while true do pcall(log.info, string.rep("x", 100)) end"#), "--output-limit 5000"),
    with(stops("one long line", "output_limit", r#"pcall(print, string.rep("x", 1e4))"#), "--output-limit 5000"),
    with(stops("a large result", "output_limit", r#"return string.rep("x", 1e4)"#), "--output-limit 5000"),
    fails("a function returned", 8, "script_error", "return print", "a function"),
    fails("bytes returned", 8, "script_error", r#"return "\xff""#, "not UTF-8"),
    fails("a key of bytes returned", 8, "script_error", r#"return {["\xff"] = 1}"#, "not UTF-8"),
    fails("NaN returned", 8, "script_error", "return {a = {0/0}}", "NaN"),
    gives("bytes printed", r#"print("\xff\0\27[31m") return 1"#, "1"),
    gives("many values returned", "return (#{table.unpack(table.create(7000, 1))})", "7000"),
    with(stops("memory for no script at all", "memory_limit", "return #string.rep(\"x\", 1e5)"), "--memory-limit 1000"),
];

#[test]
fn memory_is_bounded() {
    all(MEMORY);
}

#[test]
fn computing_is_bounded() {
    all(COMPUTING);
}

#[test]
fn waiting_is_bounded() {
    all(WAITING);
}

#[test]
fn looking_up_is_bounded() {
    all(LOOKING_UP);
}

#[test]
fn calls_and_output_are_bounded() {
    all(SPENDING);
}
