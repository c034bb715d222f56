//! The arguments of one call compared with the function's schema. Values that cannot be seen without running are left out of the comparison.

use std::borrow::Cow;
use std::collections::HashMap;

use full_moon::ast::{Expression, Field, FunctionArgs, TableConstructor};
use full_moon::node::Node;
use serde_json::{Map, Value};

use crate::base::error::{Problem, REQUIRED};
use crate::base::name::{nearest, printable};
use crate::lua::check::literal::{self, Literal};
use crate::lua::check::{Place, Remark};
use crate::registry::catalog::Callable;

/// How a call gives its arguments.
pub enum Given<'a> {
    Named(&'a TableConstructor),
    Positional(Vec<Cow<'a, Expression>>),
}

impl<'a> Given<'a> {
    /// Reads what stands behind the name of a function.
    pub fn of(arguments: &'a FunctionArgs) -> Self {
        match arguments {
            FunctionArgs::TableConstructor(table) => Self::Named(table),
            FunctionArgs::String(token) => Self::Positional(vec![Cow::Owned(Expression::String(token.clone()))]),
            FunctionArgs::Parentheses { arguments, .. } => Self::list(arguments.iter()),
            _ => Self::Positional(Vec::new()),
        }
    }

    /// Reads expressions; a single table names its values.
    pub fn list(expressions: impl Iterator<Item = &'a Expression>) -> Self {
        let all: Vec<&Expression> = expressions.collect();
        match all[..] {
            [Expression::TableConstructor(table)] => Self::Named(table),
            _ => Self::Positional(all.into_iter().map(Cow::Borrowed).collect()),
        }
    }
}

impl<'a> Given<'a> {
    /// What `:each` and `:all` take: the arguments (`None` where they cannot be seen), and a table of options.
    pub fn of_list(&self) -> (Option<Given<'a>>, Option<&'a TableConstructor>) {
        let Self::Positional(values) = self else {
            return (self.named(), None);
        };
        let table = |at: usize| match values.get(at) {
            Some(Cow::Borrowed(Expression::TableConstructor(table))) => Some(table),
            _ => None,
        };
        let arguments = match values.first() {
            None => Some(Self::Positional(Vec::new())),
            Some(first) if first.to_string().trim() == "nil" => Some(Self::Positional(Vec::new())),
            Some(_) => table(0).map(Self::Named),
        };
        (arguments, table(1))
    }

    fn named(&self) -> Option<Given<'a>> {
        match self {
            Self::Named(table) => Some(Self::Named(table)),
            Self::Positional(_) => None,
        }
    }
}

/// The literal names in a table.
pub fn names(table: &TableConstructor) -> impl Iterator<Item = (String, Option<Place>)> {
    table.fields().iter().filter_map(|field| match field {
        Field::NameKey { key, .. } => Some((literal::name(key).to_owned(), place(key))),
        _ => None,
    })
}

/// Where an expression or token stands.
pub fn place(node: &impl Node) -> Option<Place> {
    node.start_position().map(|position| Place { line: position.line(), column: position.character() })
}

/// What is known of the arguments.
struct Seen<'a> {
    callable: &'a Callable,
    /// Where the function's name stands.
    at: Place,
    object: Map<String, Value>,
    places: HashMap<String, Place>,
    /// Given, with a value that is not known.
    unknown: Vec<String>,
    /// There may be more arguments than can be seen.
    open: bool,
    remarks: Vec<Remark>,
}

/// Everything that is wrong with the arguments of a call.
pub fn check(callable: &Callable, given: &Given<'_>, at: Place) -> Vec<Remark> {
    let (object, places) = (Map::new(), HashMap::new());
    let mut seen = Seen { callable, at, object, places, unknown: Vec::new(), open: false, remarks: Vec::new() };
    match given {
        Given::Named(table) => seen.named(table),
        Given::Positional(values) => seen.positional(values),
    }
    seen.compare();
    seen.remarks
}

impl Seen<'_> {
    fn named(&mut self, table: &TableConstructor) {
        let fields: Vec<&Field> = table.fields().iter().collect();
        for (index, field) in fields.iter().enumerate() {
            match (literal::key(field), field) {
                (Some((key, token, value)), _) => self.take(&key, value, place(token)),
                (None, Field::NoKey(value)) if !(index + 1 == fields.len() && literal::gives_many(value)) => {
                    let message = format!("value {} of the arguments has no name", index + 1);
                    let hint = format!("Write {} = …", self.callable.function.parameters.keys().next().map_or("name", String::as_str));
                    self.remarks.push(Remark::error(place(value).unwrap_or(self.at), "unknown_argument", message).hints([hint]));
                }
                _ => self.open = true,
            }
        }
    }

    fn positional(&mut self, values: &[Cow<'_, Expression>]) {
        let names: Vec<&String> = self.callable.function.parameters.keys().collect();
        // One value that is no literal may be the table of all arguments.
        if let [only] = values {
            let known = literal::read(only, None);
            self.open = known == Literal::Unknown;
            if self.open {
                return;
            }
        }
        for (index, value) in values.iter().enumerate() {
            self.open |= index + 1 == values.len() && literal::gives_many(value);
            match names.get(index) {
                Some(name) => self.take(name, value, place(value.as_ref())),
                None if self.open || literal::read(value, None) == Literal::Nil => {}
                None => {
                    let message = format!("{} takes at most {} argument(s)", self.callable.name, names.len());
                    let hints = [self.docs()];
                    let at = place(value.as_ref()).unwrap_or(self.at);
                    return self.remarks.push(Remark::error(at, "too_many_arguments", message).hints(hints));
                }
            }
        }
    }

    fn docs(&self) -> String {
        format!("angelia integrations:docs {}", self.callable.name)
    }

    /// One argument.
    fn take(&mut self, key: &str, value: &Expression, at: Option<Place>) {
        let at = at.unwrap_or(self.at);
        let parameters = &self.callable.function.parameters;
        let Some(schema) = parameters.get(key) else {
            if self.callable.function.mcp.is_some() {
                // A server's schema may take more than it names; the whole of it is compared below.
                return self.unknown.push(key.to_owned());
            }
            let near = nearest(key, parameters.keys().map(String::as_str)).into_iter().map(|near| format!("Did you mean '{near}'?"));
            let message = format!("{} has no argument '{}'", self.callable.name, printable(key));
            let hints = near.chain([self.docs()]);
            return self.remarks.push(Remark::error(at, "unknown_argument", message).hints(hints));
        };
        self.places.insert(key.to_owned(), at);
        match literal::read(value, Some(schema)) {
            Literal::Value(value) => _ = self.object.insert(key.to_owned(), value),
            Literal::Nil => {}
            Literal::Kind(kind) => {
                self.unknown.push(key.to_owned());
                let wanted = literal::types(schema);
                let whole = kind == "number" && wanted.contains(&"integer");
                let fits = if wanted.is_empty() { kind != "function" } else { whole || wanted.contains(&kind) };
                if !fits {
                    let message = format!("argument '{key}' is {kind}, expected {}", or(&wanted));
                    self.remarks.push(Remark::error(at, "wrong_type", message).hints([self.docs()]));
                }
            }
            Literal::Unknown => self.unknown.push(key.to_owned()),
        }
    }

    fn has(&self, key: &str) -> bool {
        self.object.contains_key(key) || self.unknown.iter().any(|unknown| unknown == key)
    }

    fn compare(&mut self) {
        let function = &self.callable.function;
        for (name, schema) in &function.parameters {
            if let Some(default) = schema.get("default").filter(|_| !self.has(name)) {
                self.object.insert(name.clone(), default.clone());
            }
        }
        let Ok(checker) = self.callable.checker() else { return };
        for problem in checker.problems(self.object.clone()) {
            self.problem(&problem);
        }
        for group in &function.any_of {
            if self.open || group.iter().any(|name| self.has(name)) {
                continue;
            }
            let message = format!("{} needs at least one of: {}", self.callable.name, group.join(", "));
            self.remarks.push(Remark::error(self.at, "missing_argument", message).hints([self.docs()]));
        }
    }

    fn problem(&mut self, problem: &Problem) {
        let path: Vec<String> = problem.pointer.split('/').skip(1).map(|step| step.replace("~1", "/").replace("~0", "~")).collect();
        let Some(key) = path.first() else { return };
        let at = self.places.get(key).copied().unwrap_or(self.at);
        let dotted = printable(&path.join("."));
        let missing = problem.message == REQUIRED;
        if missing && path.len() == 1 && (self.open || self.has(key)) {
            return;
        }
        let code = match () {
            () if missing => "missing_argument",
            () if problem.message.starts_with("is not a parameter") => "unknown_argument",
            () => "wrong_type",
        };
        let message = match code {
            "missing_argument" => format!("{} needs the argument '{dotted}'", self.callable.name),
            "unknown_argument" => format!("argument '{dotted}' {}", problem.message),
            _ => format!("argument '{dotted}': {}", printable(&problem.message)),
        };
        self.remarks.push(Remark::error(at, code, message).hints([self.docs()]));
    }
}

fn or(types: &[&str]) -> String {
    if types.is_empty() { String::from("a JSON value") } else { types.join(" or ") }
}
