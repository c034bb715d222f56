//! What `search_functions` and `read_docs` answer: few bytes, for models. Only what the scope lets be used is in them.

use serde_json::{Value, json};

use crate::access::policy::{self, Question};
use crate::base::envelope::Envelope;
use crate::base::error::{Code, Error, Result};
use crate::base::name::{DEFAULT_ACCOUNT, printable};
use crate::call::pages::{Hit, Narrow, Pages};
use crate::call::reach::Reach;
use crate::call::runtime::Runtime;
use crate::config::layers::Rule;
use crate::registry::catalog::Callable;
use crate::registry::docs;
use crate::registry::function::Operation;

/// Longest documentation of one page.
const LONGEST: usize = 3900;

/// Longest schema that is shown as it is.
const LONGEST_SCHEMA: usize = 2400;

/// Longest description of a function in a search answer.
const LONGEST_LINE: usize = 90;

/// Longest search answer.
const LONGEST_ANSWER: usize = 1450;

/// A query with what it is narrowed to.
pub struct Wanted<'a> {
    pub query: &'a str,
    pub provider: Option<&'a str>,
    pub operation: Option<Operation>,
    /// Also what is not set up.
    pub all: bool,
    pub limit: usize,
}

/// The best functions for a query, one line each.
pub fn search(runtime: &Runtime, reach: &Reach, wanted: &Wanted<'_>) -> Result<String> {
    // Where everything but reads is denied, nothing else is looked for.
    let operation = wanted.operation.or(reach.only_reads().then_some(Operation::Read));
    let find = |active: bool| -> Result<Vec<Hit>> {
        let narrow = Narrow { provider: wanted.provider, active, operation, ..Narrow::default() };
        let mut hits = Vec::new();
        for times in [5, 100] {
            hits = Pages::of(runtime).search(wanted.query, &narrow, wanted.limit.saturating_mul(times))?;
            let whole = hits.len() < wanted.limit.saturating_mul(times);
            hits.retain(|hit| shows(runtime, reach, &hit.found.record.name, hit.found.record.operation));
            hits.truncate(wanted.limit);
            if whole || hits.len() == wanted.limit {
                break;
            }
        }
        Ok(hits)
    };
    let mut hits = find(!wanted.all)?;
    if hits.is_empty() && !wanted.all {
        hits = find(false)?;
    }
    if hits.is_empty() {
        return Ok(format!("Nothing fits '{}'. Try other words, or read_docs without page to see all providers.", printable(wanted.query)));
    }
    let mut answer = String::new();
    for hit in &hits {
        let record = &hit.found.record;
        let state = if hit.active { "" } else { ", not set up" };
        let line = format!("{} ({}{state}) {}\n", record.name, record.operation.as_str(), cut(&record.description, LONGEST_LINE));
        if answer.len() + line.len() > LONGEST_ANSWER {
            break;
        }
        answer.push_str(&line);
    }
    if hits.iter().any(|hit| !hit.active) {
        answer.push_str("Not set up: the person runs angelia integrations:doctor PROVIDER\n");
    }
    Ok(answer)
}

/// Whether a function may be shown to a client.
pub fn shows(runtime: &Runtime, reach: &Reach, name: &str, operation: Operation) -> bool {
    let Some((provider, function)) = name.rsplit_once('.') else { return false };
    // Whether it is local matters only where no rule says anything, and then it is not denied either way.
    reach.shows(&runtime.config, &Question { provider, function, operation, account: DEFAULT_ACCOUNT, local: false })
}

/// Takes names that may not be shown out of what is suggested for a wrong name.
pub fn forget_hidden(runtime: &Runtime, reach: &Reach, envelope: &mut Envelope) {
    if let Some(detail) = &mut envelope.error_detail {
        hide(runtime, reach, &mut detail.hints);
    }
}

fn hide(runtime: &Runtime, reach: &Reach, hints: &mut Vec<String>) {
    hints.retain(|hint| {
        let name = hint.strip_prefix("Did you mean '").and_then(|rest| rest.split('\'').next());
        name.is_none_or(|name| match runtime.catalog.function(name) {
            Ok(callable) => shows(runtime, reach, name, callable.function.operation),
            Err(_) => reach.has_provider(name),
        })
    });
}

/// A page: of a function, of a provider, or of all.
pub fn docs(runtime: &Runtime, reach: &Reach, page: Option<&str>, whole: bool) -> Result<String> {
    match page {
        None => overview(runtime, reach),
        Some(name) => match runtime.catalog.function(name) {
            Ok(callable) => function(runtime, reach, &callable, whole),
            Err(_) if runtime.catalog.provider(name).is_ok() => provider(runtime, reach, name),
            Err(mut error) => {
                hide(runtime, reach, &mut error.hints);
                Err(error)
            }
        },
    }
}

fn overview(runtime: &Runtime, reach: &Reach) -> Result<String> {
    let active = Pages::of(runtime).active()?;
    let lines = active
        .iter()
        .filter(|summary| reach.has_provider(&summary.id))
        .map(|summary| format!("{} ({} functions): {}\n", summary.id, summary.functions(), cut(&summary.description, LONGEST_LINE)));
    Ok(bounded(String::from("Ready to use:\n"), lines, "search_functions finds the rest"))
}

fn provider(runtime: &Runtime, reach: &Reach, id: &str) -> Result<String> {
    if !reach.has_provider(id) {
        return Err(Error::new(Code::PermissionDenied, format!("{id} is not offered by this server")));
    }
    let opened = runtime.catalog.provider(id)?;
    let head = format!("{}: {}\n", opened.provider.title, opened.provider.description);
    let shown = opened.functions.iter().filter(|function| shows(runtime, reach, &format!("{id}.{}", function.id), function.operation));
    let lines =
        shown.map(|function| format!("{id}.{} ({}) {}\n", function.id, function.operation.as_str(), cut(&function.title, LONGEST_LINE)));
    Ok(bounded(head, lines, "search_functions with this provider finds the rest"))
}

fn bounded(mut page: String, lines: impl Iterator<Item = String>, rest: &str) -> String {
    let mut left = 0;
    for line in lines {
        if left > 0 || page.len() + line.len() > LONGEST - 100 {
            left += 1;
        } else {
            page.push_str(&line);
        }
    }
    if left > 0 {
        page.push_str(&format!("… {left} more: {rest}\n"));
    }
    page
}

fn function(runtime: &Runtime, reach: &Reach, callable: &Callable, whole: bool) -> Result<String> {
    let (provider, function) = (&callable.provider.id, &callable.function);
    let account = reach.account(provider).unwrap_or(DEFAULT_ACCOUNT);
    let question = Question { provider, function: &function.id, operation: function.operation, account, local: callable.local };
    let decision = reach.decide(&runtime.config, &question)?;
    if decision.rule == Rule::Deny {
        return Err(policy::refusal(&question, &decision));
    }
    let mut page = format!(
        "{}: {}\n{}, permission: {}\n{}\n\n",
        callable.name,
        function.title,
        function.operation.as_str(),
        decision.rule.as_str(),
        function.description
    );
    let schema = function.input_schema().to_string();
    if whole || schema.len() <= LONGEST_SCHEMA {
        page.push_str(&format!("Arguments (JSON Schema): {schema}\n"));
    } else {
        page.push_str("Arguments (schema=true shows the whole JSON Schema):\n");
        for one in docs::parameters(function) {
            let must = if one.required { ", required" } else { "" };
            page.push_str(&format!("  {} ({}{must}) {}\n", one.name, cut(&one.kind, 60), cut(&one.description, 80)));
        }
    }
    let example = function.examples.first().map(|example| Value::Object(example.arguments.clone())).unwrap_or_else(|| json!({}));
    let call = json!({"function": callable.name.to_string(), "arguments": example});
    let rest = format!("\ncall_function {}\n", cut(&call.to_string(), 800));
    let mut page = if whole { page } else { cut(&page, LONGEST - rest.len()) };
    page.push_str(&rest);
    if let Some(output) = &function.output {
        let shape = output.to_string();
        if page.len() + shape.len() + 20 < LONGEST {
            page.push_str(&format!("Answer: {shape}\n"));
        }
    }
    Ok(page)
}

/// A text of at most so many bytes, cut between characters.
pub fn cut(text: &str, most: usize) -> String {
    if text.len() <= most {
        return text.to_owned();
    }
    format!("{}…", &text[..text.floor_char_boundary(most.saturating_sub('…'.len_utf8()))])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_cut_between_characters() {
        assert_eq!(cut("short", 5), "short");
        assert_eq!(cut("äöü", 5), "ä…");
        for most in 0..20 {
            assert!(cut("日本語テキスト", most).len() <= most.max('…'.len_utf8()));
        }
    }
}
