//! jq programs (by the `jaq` crates) over JSON values. Digits of numbers survive. A program can neither read the
//! environment, nor write to the terminal, nor end the process.

use jaq_core::load::{Arena, File, Loader, parse};
use jaq_core::native::{Fun, run, v};
use jaq_core::{Compiler, Ctx, Error, Exn, Vars, compile, data, unwrap_valr};
use jaq_json::{Val, read};
use serde_json::Value;

type Data = data::JustLut<Val>;

/// A compiled program.
pub struct Program {
    filter: compile::Filter<jaq_core::Native<Data>>,
}

/// How many values a program may put out.
const MOST_OUTPUTS: usize = 1_000_000;

impl Program {
    /// Compiles; the error says what is wrong with the text.
    pub fn compile(text: &str) -> Result<Self, String> {
        let own = parse(include_str!("prelude.jq"), |parser| parser.defs()).into_iter().flatten();
        let defs = jaq_core::defs().chain(jaq_std::defs()).chain(jaq_json::defs()).chain(own);
        let arena = Arena::default();
        let modules = Loader::new(defs)
            .load(&arena, File { code: text, path: () })
            .map_err(|errors| format!("jq program '{text}' cannot be parsed: {}", load_errors(&errors)))?;
        let filter = Compiler::default().with_funs(functions()).compile(modules).map_err(|errors| {
            let names: Vec<&str> = errors.iter().flat_map(|(_, list)| list.iter().map(|(name, _)| *name)).collect();
            format!("jq program '{text}' uses what is not defined: {}", names.join(", "))
        })?;
        Ok(Self { filter })
    }

    /// All outputs for one input.
    pub fn run(&self, input: &Value) -> Result<Vec<Value>, String> {
        self.run_text(input.to_string().as_bytes())
    }

    fn run_text(&self, input: &[u8]) -> Result<Vec<Value>, String> {
        let input = read::parse_single(input).map_err(|error| error.to_string())?;
        let ctx = Ctx::<Data>::new(&self.filter.lut, Vars::new([]));
        let mut outputs = Vec::new();
        for output in self.filter.id.run((ctx, input)).map(unwrap_valr) {
            let output = output.map_err(|error| format!("jq: {error}"))?;
            if outputs.len() == MOST_OUTPUTS {
                return Err(format!("jq: more than {MOST_OUTPUTS} outputs"));
            }
            outputs.push(to_value(&output)?);
        }
        Ok(outputs)
    }

    /// One value: the only output, null for none, a list for several.
    pub fn one(&self, input: &Value) -> Result<Value, String> {
        self.run(input).map(joined)
    }
}

fn joined(mut outputs: Vec<Value>) -> Value {
    match outputs.len() {
        0 => Value::Null,
        1 => outputs.remove(0),
        _ => Value::Array(outputs),
    }
}

/// The longest program that somebody may type: a longer one could nest deeper than there is room for.
const LONGEST: usize = 4_000;

/// Checks a program that somebody typed.
pub fn check(program: &str) -> Result<(), String> {
    if program.len() > LONGEST {
        return Err(format!("jq: the program has {} bytes; more than {LONGEST} are not taken", program.len()));
    }
    deep(|| Program::compile(program).map(drop))?
}

/// Does something with room for deeply nested values and programs.
pub fn deep<T: Send>(work: impl FnOnce() -> T + Send) -> Result<T, String> {
    const STACK: usize = 128 << 20;
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().stack_size(STACK).spawn_scoped(scope, work).map_err(|error| error.to_string())?;
        thread.join().map_err(|_| String::from("jq: the program failed"))
    })
}

/// A value as JSON; what is not finite becomes null or the largest number, as jq does.
fn to_value(value: &Val) -> Result<Value, String> {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Ok(match value {
        Val::Null => Value::Null,
        Val::Bool(yes) => Value::Bool(*yes),
        Val::Num(number) => match number.to_string().as_str() {
            "NaN" => Value::Null,
            "Infinity" => Value::from(f64::MAX),
            "-Infinity" => Value::from(f64::MIN),
            finite => serde_json::from_str(finite).map_err(|error| format!("jq: {error}"))?,
        },
        Val::TStr(bytes) | Val::BStr(bytes) => Value::String(text(bytes)),
        Val::Arr(items) => Value::Array(items.iter().map(to_value).collect::<Result<_, _>>()?),
        Val::Obj(members) => {
            let member = |(key, value): (&Val, &Val)| match key {
                Val::TStr(bytes) | Val::BStr(bytes) => Ok((text(bytes), to_value(value)?)),
                other => Err(format!("jq: the key {other} is not text")),
            };
            Value::Object(members.iter().map(member).collect::<Result<_, _>>()?)
        }
    })
}

/// Compiles and runs once.
pub fn apply(program: &str, input: &Value) -> Result<Value, String> {
    Program::compile(program)?.one(input)
}

/// As [`apply`], over JSON text.
pub fn apply_text(program: &str, input: &[u8]) -> Result<Value, String> {
    Program::compile(program)?.run_text(input).map(joined)
}

fn load_errors(errors: &[(File<&str, ()>, jaq_core::load::Error<&str>)]) -> String {
    use jaq_core::load::Error as Load;
    let mut said = Vec::new();
    for (_, error) in errors {
        match error {
            Load::Io(list) => said.extend(list.iter().map(|(path, error)| format!("{path}: {error}"))),
            Load::Lex(list) => said.extend(list.iter().map(|(expected, at)| format!("expected {} at '{}'", expected.as_str(), start(at)))),
            Load::Parse(list) => {
                said.extend(list.iter().map(|(expected, at)| format!("expected {} at '{}'", expected.as_str(), start(at))))
            }
        }
    }
    said.join("; ")
}

fn start(text: &str) -> String {
    text.chars().take(24).collect()
}

/// The functions of jq without those that reach outside.
fn functions() -> impl Iterator<Item = Fun<Data>> {
    const OUTSIDE: [&str; 4] = ["env", "halt", "debug_empty", "stderr_empty"];
    let refuse = OUTSIDE.into_iter().map(|name| {
        let arity = usize::from(name == "halt");
        run::<Data>((name, v(arity), |_| Box::new(std::iter::once(Err(Exn::from(Error::str("this jq function is not available here")))))))
    });
    jaq_core::funs().chain(jaq_std::funs()).chain(jaq_json::funs()).filter(|fun: &Fun<Data>| !OUTSIDE.contains(&fun.0)).chain(refuse)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn programs_run_and_keep_digits() {
        let big: Value = serde_json::from_str(r#"{"id": 12345678901234567890123, "x": [1, 2.50]}"#).unwrap();
        assert_eq!(apply(".id", &big).unwrap().to_string(), "12345678901234567890123");
        assert_eq!(apply("{n: (.x | length)}", &big).unwrap(), json!({"n": 2}));
        assert_eq!(apply(".x[]", &big).unwrap().to_string(), "[1,2.50]");
        assert!(apply(".x |", &big).is_err());
        assert!(apply("nosuch", &big).unwrap_err().contains("nosuch"));
    }

    #[test]
    fn programs_cannot_reach_outside() {
        assert!(apply("env", &json!({})).is_err());
        assert!(apply("$ENV", &json!({})).is_err());
        assert!(apply("halt", &json!({})).is_err());
    }
}
