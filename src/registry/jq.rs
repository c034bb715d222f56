//! jq programs (by the `jaq` crates) over JSON values. Digits of numbers survive. A program can neither read the
//! environment, nor write to the terminal, nor end the process.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::time::Duration;

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
        let input = read::parse_single(input.to_string().as_bytes()).map_err(|error| error.to_string())?;
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
        let mut outputs = self.run(input)?;
        Ok(match outputs.len() {
            0 => Value::Null,
            1 => outputs.remove(0),
            _ => Value::Array(outputs),
        })
    }
}

/// As [`apply`], but not for longer than `time`: for programs that somebody typed. It runs on a thread of its own, with room for deep values.
pub fn apply_within(program: &str, input: &Value, time: Duration) -> Result<Value, String> {
    const STACK: usize = 64 << 20;
    let turn = Turn::take()?;
    let (program, input) = (program.to_owned(), input.clone());
    let (send, receive) = mpsc::channel();
    let run = move || {
        let answer = apply(&program, &input);
        drop(turn);
        drop(send.send(answer));
    };
    std::thread::Builder::new().stack_size(STACK).spawn(run).map_err(|error| error.to_string())?;
    receive.recv_timeout(time).unwrap_or_else(|_| Err(format!("jq: no end within {} seconds", time.as_secs_f64())))
}

/// Programs that run at once. One that does not end within its time goes on alone, and must not be joined by ever more of them.
const MOST_RUNNING: usize = 16;

static RUNNING: AtomicUsize = AtomicUsize::new(0);

/// The right to run a program on a thread.
struct Turn;

impl Turn {
    fn take() -> Result<Self, String> {
        let more = |running| (running < MOST_RUNNING).then_some(running + 1);
        let taken = RUNNING.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more);
        taken.map(|_| Self).map_err(|_| format!("jq: {MOST_RUNNING} programs are running; try again later"))
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        RUNNING.fetch_sub(1, Ordering::Relaxed);
    }
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
