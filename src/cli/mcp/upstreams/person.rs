//! Answers what an upstream server asks during a call, on the terminal. What it asks for is shown with the server's name, and nothing is
//! sent that the person did not type.

use std::io::IsTerminal as _;
use std::sync::Arc;

use serde_json::{Map, Value};

use crate::base::name::in_plain_sight;
use crate::call::executor::BoxFuture;
use crate::cli::call::typed;
use crate::cli::output::Out;
use crate::mcp::client::handler::Person;

/// The person at the terminal, if there is one.
pub fn person() -> Option<Arc<dyn Person>> {
    let there = std::io::stdin().is_terminal() && std::io::stderr().is_terminal();
    there.then(|| Arc::new(Terminal) as Arc<dyn Person>)
}

struct Terminal;

impl Person for Terminal {
    fn fill_in<'a>(&'a self, server: &'a str, message: &'a str, schema: &'a Value) -> BoxFuture<'a, Option<Value>> {
        Box::pin(async move {
            let out = Out::new(false);
            out.stderr(&format!("{server} asks: {}\n(an empty line leaves a field out; 'no' declines)\n", in_plain_sight(message)));
            let mut answers = Map::new();
            for (name, field) in schema["properties"].as_object().into_iter().flatten() {
                let required = schema["required"].as_array().is_some_and(|names| names.iter().any(|known| known == name));
                let about = field["description"].as_str().or(field["title"].as_str()).unwrap_or_default();
                let options: Vec<&str> = field["enum"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
                let options = if options.is_empty() { String::new() } else { format!(" [{}]", options.join(", ")) };
                let default = field.get("default");
                let star = match default {
                    Some(default) => format!(" (empty: {default})"),
                    None => String::from(if required { "" } else { " (optional)" }),
                };
                loop {
                    out.stderr(&in_plain_sight(&format!("  {name}{star}{options} {about}: ")));
                    let line = typed().await?;
                    let line = line.trim();
                    if line == "no" {
                        return None;
                    }
                    if line.is_empty() && (default.is_some() || !required) {
                        break;
                    }
                    if let Some(value) = read(field, line) {
                        answers.insert(name.clone(), value);
                        break;
                    }
                    out.stderr("  that does not fit\n");
                }
            }
            Some(Value::Object(answers))
        })
    }

    fn visit<'a>(&'a self, server: &'a str, message: &'a str, url: &'a str) -> BoxFuture<'a, bool> {
        Box::pin(async move {
            let text = format!("{server} asks you to open an address: {message}\n{url}\nDone? [y/N] ");
            Out::new(false).stderr(&in_plain_sight(&text));
            typed().await.is_some_and(|line| matches!(line.trim().to_lowercase().as_str(), "y" | "yes"))
        })
    }
}

/// A line as the field wants it.
fn read(field: &Value, line: &str) -> Option<Value> {
    match field["type"].as_str() {
        Some("boolean") => match line.to_lowercase().as_str() {
            "y" | "yes" | "true" => Some(Value::from(true)),
            "n" | "false" => Some(Value::from(false)),
            _ => None,
        },
        Some("integer") => line.parse::<i64>().ok().map(Value::from),
        Some("number") => serde_json::from_str::<Value>(line).ok().filter(Value::is_number),
        Some("array") => Some(Value::from(line.split(',').map(str::trim).collect::<Vec<_>>())),
        _ => {
            let options = field["enum"].as_array();
            let fits = options.is_none_or(|options| options.iter().any(|option| option == line));
            (fits && !line.is_empty()).then(|| Value::from(line))
        }
    }
}
