//! Help for one function: its parameters as flags, and the flags of every call.

use crate::base::name::clean;
use crate::cli::words::OWN;
use crate::registry::catalog::Callable;
use crate::registry::docs::{self, OWN_NAMES};

/// The help text of a function.
pub fn function(callable: &Callable) -> String {
    let function = &callable.function;
    let mut text = format!("{} ({})\n\n", function.description, function.operation.as_str());
    text.push_str(&format!("Usage: angelia integrations:call {} [JSON|-] [--parameter=value …] [flags]\n", callable.name));
    let parameters = docs::parameters(function);
    let shown: Vec<(String, String)> = parameters
        .iter()
        .map(|parameter| {
            let flag = if OWN_NAMES.contains(&parameter.name.as_str()) {
                format!("--arg {}=…", parameter.name)
            } else {
                format!("--{}", parameter.name.replace('_', "-"))
            };
            let required = if parameter.required { " [required]" } else { "" };
            (flag, format!("{}{required}", parameter.said()))
        })
        .collect();
    text.push_str("\nParameters:\n");
    if shown.is_empty() {
        text.push_str("  none\n");
    }
    list(&mut text, &shown);
    text.push_str("\nFlags:\n");
    let own: Vec<(String, String)> = OWN
        .iter()
        .map(|(name, takes, help)| (takes.map_or_else(|| format!("--{name}"), |what| format!("--{name} {what}")), (*help).to_owned()))
        .collect();
    list(&mut text, &own);
    if let Some(example) = function.examples.first() {
        text.push_str(&format!("\nExample:\n  {}\n", docs::ways(&callable.provider.id, function, &example.arguments).generic));
    }
    text.push_str(&format!("\nMore: angelia integrations:docs {}, angelia integrations:schema {}\n", callable.name, callable.name));
    clean(&text)
}

fn list(text: &mut String, rows: &[(String, String)]) {
    let width = rows.iter().map(|(flag, _)| flag.chars().count()).max().unwrap_or(0);
    for (flag, help) in rows {
        text.push_str(&format!("  {flag:width$}  {help}\n"));
    }
}
