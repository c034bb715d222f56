//! A workflow's header where the file is run by itself, in a test or by its path: it counts there as it does in a call.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::{Map, Value};

use crate::base::error::{Code, Error, Result};
use crate::base::name::is_id;
use crate::call::args;
use crate::call::request::Arguments;
use crate::registry::function::Function;
use crate::registry::schema::Checker;
use crate::registry::workflow::{self, Problem};

/// The function that a header describes; `None` for a file without one. A file that is only run may have any name.
pub fn read(file: &str, source: &str) -> Result<Option<Function>> {
    let broken = |problems: Vec<Problem>| {
        let said: Vec<String> =
            problems.into_iter().map(|(line, why)| line.map_or(why.clone(), |line| format!("line {line}: {why}"))).collect();
        Error::new(Code::ScriptError, format!("{file}: the header is wrong: {}", said.join("; "))).hint(format!("angelia lua:check {file}"))
    };
    workflow::parse(stem(file), source).map_err(broken)
}

/// The name that a file would have as a function.
pub fn stem(file: &str) -> &str {
    let stem = Path::new(file).file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
    if is_id(stem) { stem } else { "script" }
}

/// Arguments, checked and with the header's defaults.
pub fn arguments(function: &Function, object: Map<String, Value>) -> Result<Map<String, Value>> {
    let checker = Checker::new(function.input_schema()).map_err(Error::internal)?;
    args::check(function, &checker, Arguments::Ready { object, files: BTreeMap::new() }).map(|checked| checked.object)
}
