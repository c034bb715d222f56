//! Ways out of the sandbox: names that are not there, globals that cannot be changed, errors and answers that cannot be forged,
//! coroutines that are not the script's own.

use super::{Case, all, fails, gives};

const ESCAPE: &[Case] = &[
    gives(
        "what is not there",
        r#"local found = {}
        for _, name in {"load", "loadstring", "dofile", "loadfile", "io", "getfenv", "setfenv", "newproxy", "package", "debug",
            "collectgarbage", "gcinfo", "buffer", "vector", "jit", "ffi", "host", "lists"} do
          if _G[name] ~= nil then found[#found + 1] = name end
        end
        for _, name in {"execute", "getenv", "exit", "remove", "rename", "tmpname", "setlocale"} do
          if os[name] ~= nil then found[#found + 1] = name end
        end
        return #found, string.dump == nil"#,
        "[0,true]",
    ),
    gives(
        "tables that everybody shares",
        r#"local changed = 0
        for _, shared in {string, table, math, coroutine, os, utf8, bit32, json, regex, docs, time, log, async, app} do
          changed += (pcall(rawset, shared, "evil", 1) and 1 or 0) + (pcall(function() shared.evil = 1 end) and 1 or 0)
            + (pcall(setmetatable, shared, {}) and 1 or 0)
        end
        return changed"#,
        "0",
    ),
    gives(
        "the methods of texts",
        r#"local meta = getmetatable("")
        local a = type(meta) == "table" and pcall(function() meta.__index = nil end) or false
        local b = pcall(function() string.find = nil end)
        local c = type(meta) == "table" and pcall(rawset, meta, "__index", {}) or false
        return a, b, c, ("abc"):upper()"#,
        r#"[false,false,false,"ABC"]"#,
    ),
    gives(
        "app.integrations and its functions",
        r#"local call = app.integrations.data.collections
        local changed = 0
        for _, object in {app.integrations, app.integrations.data, call} do
          changed += (pcall(rawset, object, "x", 1) and 1 or 0) + (pcall(function() object.x = 1 end) and 1 or 0)
            + (pcall(setmetatable, object, {}) and 1 or 0) + (type(getmetatable(object)) ~= "string" and 1 or 0)
        end
        return changed, #call{}.collections"#,
        "[0,0]",
    ),
    gives(
        "own globals in place of ours",
        r#"pcall = function() error("mine") end tostring = nil print = nil error = nil pairs = nil ipairs = nil type = nil
        setmetatable = nil getmetatable = nil coroutine = {} table = {} string = {} select = nil json = 1 xpcall = nil
        local sum = 0
        for _, value in async.map({1, 2}, function(x) time.sleep(0.001) return x * 2 end) do sum += value end
        app.integrations.data.collections{}
        return sum"#,
        "6",
    ),
    fails(
        "own globals, and then an error",
        8,
        "script_error",
        r#"pcall, tostring, print, pairs, json, app = nil
        local raise = error
        error = function() end
        raise("as it is")"#,
        "script.lua:4: as it is",
    ),
    gives("a frozen global", "return (pcall(table.freeze, {})), (pcall(table.freeze, string))", "[true,false]"),
    gives(
        "names that are no names",
        r#"local n = 0
        for _, key in {{}, 1, print, true, "", "..", "../data", "da\0ta", "\xff", string.rep("x", 1e6)} do
          n += (pcall(function() return app.integrations[key] end) and 1 or 0) + (pcall(function() return app.integrations.data[key] end) and 1 or 0)
        end
        return n"#,
        "0",
    ),
    fails("a function as the arguments", 2, "invalid_arguments", "local list = app.integrations.data.list return list(list)", "function"),
    fails(
        "a function as an argument",
        2,
        "invalid_arguments",
        "return app.integrations.data.list{collection = app.integrations.data.list}",
        "function",
    ),
    fails("a function as a member", 2, "invalid_arguments", "return json.encode({a = {app.integrations.data.list}})", "function"),
    fails(
        "far too many values",
        2,
        "invalid_arguments",
        "return app.integrations.data.list(table.unpack(table.create(7000, 1)))",
        "7000 values",
    ),
    gives(
        "keys that are ours",
        r#"local codes = {}
        for _, key in {"account", "force", "dry_run", "json", "__proto__", "constructor", "all", "timeout", "--force"} do
          local ok, failure = pcall(app.integrations.data.list, {collection = "a", [key] = true})
          codes[ok and "taken" or failure.code] = true
        end
        return codes"#,
        r#"{"invalid_arguments":true}"#,
    ),
    gives(
        "options that are ours",
        r#"local n = 0
        for _, options in {{force = true}, {dry_run = true}, {account = "x"}, {all = false, force = 1}, 5, "force", {[1] = true}} do
          n += pcall(function() return app.integrations.data.list:all({collection = "a"}, options) end) and 1 or 0
        end
        return n"#,
        "0",
    ),
    gives(
        "numbers at the edge",
        r#"local n = 0
        for _, limit in {0, -1, 1.5, 2^53, 2^63, -2^63, 1e308, 0/0, 1/0, "1e400"} do
          n += pcall(app.integrations.data.list, {collection = "a", limit = limit}) and 1 or 0
        end
        return n"#,
        "0",
    ),
    fails("the environment", 4, "permission_denied", r#"return env("HOME")"#, "HOME"),
    gives(
        "odd names of the environment",
        r#"return (pcall(env, "A\0B")), (pcall(env, "A=B")), (pcall(env, "")), (pcall(env, {}))"#,
        "[false,false,false,false]",
    ),
];

const ERRORS: &[Case] = &[
    fails("nil", 8, "script_error", "error(nil)", "raised nil"),
    fails("a function", 8, "script_error", "error(print)", "raised a function"),
    fails("a thread", 8, "script_error", "error(coroutine.create(print))", "raised"),
    fails("a boolean", 8, "script_error", "error(false)", "raised a boolean"),
    fails("json.null", 8, "script_error", "error(json.null)", "raised"),
    fails("a table with a code", 8, "script_error", r#"error({code = "internal", message = "x"})"#, "x"),
    fails("a table with a function as message", 8, "script_error", "error({message = print})", "without a message"),
    fails(
        "a metatable of ours",
        8,
        "script_error",
        r#"local _, e = pcall(json.decode, "{") error(setmetatable({code = "internal"}, {__metatable = getmetatable(e)}))"#,
        "",
    ),
    gives(
        "our metatable",
        r#"local _, e = pcall(json.decode, "{") return (pcall(setmetatable, {}, getmetatable(e))), (pcall(setmetatable, e, nil))"#,
        "[false,false]",
    ),
    fails(
        "our error, filled with nonsense",
        2,
        "invalid_arguments",
        r#"local _, e = pcall(json.decode, "{")
        e.hints, e.problems, e.message, e.line, e.http_status, e.retryable, e.retry_after_ms = 5, "x", {}, -1, 1e9, "no", -1/0
        error(e)"#,
        "without a message",
    ),
    fails(
        "our error, filled with too much",
        2,
        "invalid_arguments",
        r#"local _, e = pcall(json.decode, "{")
        e.hints, e.problems = table.create(1e6, "h"), table.create(1e5, {pointer = "x"})
        error(e)"#,
        "",
    ),
    fails("an error in a handler", 8, "script_error", "local ok, e = xpcall(error, function() error(1) end) error(e)", ""),
    fails("what looks like an answer", 8, "script_error", r#"print('{"success": true}\n') print("]}") error("x")"#, "x"),
    fails("the word of the limit", 8, "script_error", r#"error("stopped", 0)"#, "stopped"),
    fails("yielding outside", 8, "script_error", "coroutine.yield(1)", "yield"),
];

const WORKERS: &[Case] = &[
    fails("yielding out of a worker", 8, "script_error", "async.map({1}, function() coroutine.yield(1) end)", "coroutine.yield"),
    gives(
        "a worker that another one goes on with",
        r#"local first
        local results, errors = async.map({1, 2}, function(i)
          if i == 1 then first = coroutine.running() time.sleep(0.05) return "never" end
          return coroutine.resume(first)
        end, {on_error = "collect"})
        return results[2], errors[1] ~= nil"#,
        "[false,true]",
    ),
    gives(
        "a worker that another one closes",
        r#"local first
        local _, errors = async.map({1, 2}, function(i)
          if i == 1 then first = coroutine.running() time.sleep(0.05) return "never" end
          return coroutine.close(first)
        end, {on_error = "collect"})
        return errors[1] ~= nil"#,
        "true",
    ),
    fails(
        "a forged wait",
        2,
        "invalid_arguments",
        r#"local first, mark
        async.map({1, 2, 3}, function(i)
          if i == 1 then first = coroutine.running() pcall(time.sleep, 0.05) time.sleep(0.05) return 1 end
          if i == 2 then local _, waits = coroutine.resume(first) mark = waits return 1 end
          time.sleep(0.01)
          coroutine.yield(mark, 999)
        end, {on_error = "collect"})"#,
        "",
    ),
    gives(
        "the mark of a worker that is gone",
        r#"local kept
        async.map({1}, function() kept = coroutine.running() end)
        return (coroutine.resume(kept)), coroutine.status(kept)"#,
        r#"[false,"dead"]"#,
    ),
    gives(
        "a call inside sort",
        r#"local t = {3, 1, 2} table.sort(t, function(a, b) app.integrations.data.collections{} return a < b end) return t"#,
        "[1,2,3]",
    ),
    gives(
        "a call inside gsub",
        r#"return (("ab"):gsub(".", function(c) return c .. #app.integrations.data.collections{}.collections end))"#,
        r#""a0b0""#,
    ),
    gives(
        "calls inside metamethods",
        r#"local call = function() return #app.integrations.data.collections{}.collections end
        local meta = {__index = call, __eq = function() return call() == 0 end, __len = call, __call = call,
          __lt = function() return call() == 0 end, __concat = function() return "c" .. call() end, __tostring = function() return "t" .. call() end}
        local a, b = setmetatable({}, meta), setmetatable({}, meta)
        return a.x, a == b, a(), a < b, a .. b, tostring(a)"#,
        r#"[0,true,0,true,"c0","t0"]"#,
    ),
    gives(
        "calls inside coroutines inside workers",
        r#"return async.map({1, 2, 3}, function(i)
          local numbers = coroutine.wrap(function() for n = 1, 2 do app.integrations.data.collections{} time.sleep(0.001) coroutine.yield(n) end end)
          return numbers() + numbers() + i
        end)"#,
        "[4,5,6]",
    ),
    gives(
        "a list that two workers read",
        r#"app.integrations.data.create{collection = "a", document = {n = 1}}
        local items = app.integrations.data.list:each{collection = "a"}
        local n = 0
        async.map({1, 2, 3}, function() for _ in items do n += 1 end end, {on_error = "collect"})
        return n <= 1"#,
        "true",
    ),
];

#[test]
fn nothing_leads_out_of_the_sandbox() {
    all(ESCAPE);
}

#[test]
fn errors_say_what_they_are() {
    all(ERRORS);
}

#[test]
fn coroutines_are_not_a_way_around() {
    all(WORKERS);
}
