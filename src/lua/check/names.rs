//! The names that a workflow finds: Luau's sandbox and what we add; and those it does not find any more, with what to use instead.
//! The same names with their meaning stand in `types/angelia.lua`; a test keeps the two alike.

/// Names that are no library.
pub const GLOBALS: &[&str] = &[
    "_G",
    "_VERSION",
    "app",
    "args",
    "assert",
    "env",
    "error",
    "getmetatable",
    "ipairs",
    "next",
    "pairs",
    "pcall",
    "print",
    "rawequal",
    "rawget",
    "rawlen",
    "rawset",
    "require",
    "select",
    "setmetatable",
    "stdin",
    "tonumber",
    "tostring",
    "type",
    "typeof",
    "unpack",
    "workflow",
    "xpcall",
];

/// A table with its members.
#[derive(Debug)]
pub struct Library {
    pub name: &'static str,
    pub members: &'static [&'static str],
}

const fn library_of(name: &'static str, members: &'static [&'static str]) -> Library {
    Library { name, members }
}

/// What we add.
#[rustfmt::skip]
pub const OURS: &[Library] = &[
    library_of("async", &["all", "map"]),
    library_of("docs", &["list", "read", "search"]),
    library_of("json", &["array", "decode", "encode", "null"]),
    library_of("log", &["error", "info", "warn"]),
    library_of("mcp", &["call", "get_prompt", "prompts", "read_resource", "resources", "schema", "servers", "tools"]),
    library_of("regex", &["gsub", "match", "match_all", "split"]),
    library_of("time", &["format", "now", "parse", "sleep"]),
];

/// What Luau brings.
#[rustfmt::skip]
pub const STANDARD: &[Library] = &[
    library_of("bit32", &["arshift", "band", "bnot", "bor", "btest", "bxor", "byteswap", "countlz", "countrz", "extract", "lrotate", "lshift", "replace", "rrotate", "rshift"]),
    library_of("coroutine", &["close", "create", "isyieldable", "resume", "running", "status", "wrap", "yield"]),
    library_of("math", &["abs", "acos", "asin", "atan", "atan2", "ceil", "clamp", "cos", "cosh", "deg", "e", "exp", "floor", "fmod", "frexp", "huge", "isfinite", "isinf", "isnan", "ldexp", "lerp", "log", "log10", "map", "max", "min", "modf", "nan", "noise", "phi", "pi", "pow", "rad", "random", "randomseed", "round", "sign", "sin", "sinh", "sqrt", "sqrt2", "tan", "tanh", "tau"]),
    library_of("os", &["clock", "date", "difftime", "time"]),
    library_of("string", &["byte", "char", "find", "format", "gmatch", "gsub", "len", "lower", "match", "pack", "packsize", "rep", "reverse", "split", "sub", "unpack", "upper"]),
    library_of("table", &["clear", "clone", "concat", "create", "find", "foreach", "foreachi", "freeze", "getn", "insert", "isfrozen", "maxn", "move", "pack", "remove", "sort", "unpack"]),
    library_of("utf8", &["char", "charpattern", "codepoint", "codes", "len", "offset"]),
];

/// The names of all libraries.
pub fn libraries() -> impl Iterator<Item = &'static str> {
    OURS.iter().chain(STANDARD).map(|library| library.name)
}

/// The library of a name.
pub fn library(name: &str) -> Option<&'static Library> {
    OURS.iter().chain(STANDARD).find(|library| library.name == name)
}

/// What Lua has elsewhere and a workflow does not, with what to use instead. A member of a library is written with its dot.
const REMOVED: &[(&str, &str)] = &[
    ("io", "print writes the answer, stdin has the input, app.integrations.data keeps what is to last"),
    ("debug", "log.info says what happens; error carries a message out"),
    ("package", "require loads modules that lie beside the workflow"),
    ("load", "write the code as a function, or as a module for require"),
    ("loadstring", "write the code as a function, or as a module for require"),
    ("loadfile", "require loads modules that lie beside the workflow"),
    ("dofile", "require loads modules that lie beside the workflow"),
    ("getfenv", "pass values as arguments"),
    ("setfenv", "pass values as arguments"),
    ("gcinfo", "memory is freed by itself"),
    ("buffer", "strings and tables hold data"),
    ("vector", "a table holds numbers"),
    ("newproxy", "setmetatable({}, …) makes an object"),
    ("collectgarbage", "memory is freed by itself"),
    ("os.execute", "call a function of app.integrations"),
    ("os.exit", "return ends a workflow; error ends it as a failure"),
    ("os.getenv", "env(name) reads a variable that the workflow may see"),
    ("os.remove", "app.integrations.data keeps what is to last"),
    ("os.rename", "app.integrations.data keeps what is to last"),
    ("os.tmpname", "app.integrations.data keeps what is to last"),
    ("os.setlocale", "time.format and string.format do not depend on a language"),
    ("string.dump", "write the code as a function, or as a module for require"),
];

/// What to use instead of a name that is gone.
pub fn removed(name: &str) -> Option<&'static str> {
    REMOVED.iter().find(|(gone, _)| *gone == name).map(|(_, instead)| *instead)
}

/// Whether `require` refuses a name.
pub fn leads_away(name: &str) -> bool {
    let drive = name.as_bytes().get(1) == Some(&b':');
    name.starts_with(['/', '\\', '~']) || drive || name.split(['/', '\\']).any(|part| part == "..")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Luau itself is asked, so that a newer one is noticed.
    #[test]
    fn libraries_are_those_of_luau() {
        let lua = mlua::Lua::new();
        for library in STANDARD.iter().filter(|library| library.name != "os") {
            let table: mlua::Table = lua.globals().get(library.name).unwrap();
            let mut members: Vec<String> = table.pairs::<String, mlua::Value>().map(|pair| pair.unwrap().0).collect();
            members.sort();
            assert_eq!(members, library.members, "{}", library.name);
        }
        for name in GLOBALS.iter().filter(|name| !["app", "args", "env", "stdin", "workflow"].contains(name)) {
            assert!(lua.globals().contains_key(*name).unwrap(), "{name}");
        }
    }

    #[test]
    fn paths_that_lead_away_are_seen() {
        for bad in ["/etc/x", "../x", "a/../../x", "~/x", "C:\\x", "..\\x", "\\\\host\\x"] {
            assert!(leads_away(bad), "{bad}");
        }
        for good in ["x", "./x", "lib/x", "a..b", "lib.x"] {
            assert!(!leads_away(good), "{good}");
        }
    }
}
