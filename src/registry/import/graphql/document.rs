//! What a GraphQL query does: by the kind of its operations, and by the names of the fields that it asks for. Whatever cannot be read is left to
//! whoever asks, who takes it for a write.

use std::collections::HashMap;

use graphql_parser::query::{Definition, OperationDefinition, Selection, SelectionSet, parse_query};

use crate::registry::function::Operation;
use crate::registry::import::class::{Asked, class};
use crate::registry::import::parts::words;

/// Fragments that are spread within each other are looked into so far.
const DEEPEST: usize = 8;

/// Last words of types that are answers to something done, and no things.
const ANSWERS: &[&str] = &["payload", "result", "response", "output", "status"];

/// What a field of the query type does: by its name and its text, as for every format. The name of a thing is no verb: `release` gives a
/// `Release`. Without the name of the type, a single word is taken for that of a thing.
pub(super) fn field(name: &str, description: &str, kind: Option<&str>) -> Operation {
    let said = words(name);
    let thing = match kind.map(words) {
        Some(of) => of.first() == said.first() && !of.last().is_some_and(|last| ANSWERS.contains(&last.as_str())),
        None => said.len() == 1,
    };
    match class(&Asked { method: "GET", path: "", id: Some(name), told: &[description] }).0 {
        Operation::Write if thing => Operation::Read,
        operation => operation,
    }
}

/// What a document does that holds nothing but queries; nothing for every other, and for one that cannot be read.
pub fn class_of(document: &str) -> Option<Operation> {
    let document = parse_query::<String>(document).ok()?;
    let (mut queries, mut fragments) = (Vec::new(), HashMap::new());
    for definition in &document.definitions {
        match definition {
            Definition::Operation(OperationDefinition::Query(query)) => queries.push(&query.selection_set),
            Definition::Operation(OperationDefinition::SelectionSet(set)) => queries.push(set),
            Definition::Operation(_) => return None,
            Definition::Fragment(fragment) => _ = fragments.insert(fragment.name.as_str(), &fragment.selection_set),
        }
    }
    queries.into_iter().map(|set| of_set(set, &fragments, DEEPEST)).max()
}

fn of_set(set: &SelectionSet<'_, String>, fragments: &HashMap<&str, &SelectionSet<'_, String>>, depth: usize) -> Operation {
    let one = |selection: &Selection<'_, String>| match selection {
        Selection::Field(said) => field(&said.name, "", None),
        _ if depth == 0 => Operation::Write,
        Selection::InlineFragment(inner) => of_set(&inner.selection_set, fragments, depth - 1),
        Selection::FragmentSpread(spread) => {
            fragments.get(spread.fragment_name.as_str()).map_or(Operation::Write, |set| of_set(set, fragments, depth - 1))
        }
    };
    set.items.iter().map(one).max().unwrap_or(Operation::Write)
}
