//! A description as a tree with references inside it. References to files and addresses are never followed.

use std::collections::{HashMap, HashSet};

use serde_json::{Map, Value};

use crate::base::name::printable;

/// How many references may stand between a name and what it means.
const LONGEST_CHAIN: usize = 16;

/// The document.
#[derive(Debug, Clone, Copy)]
pub struct Doc<'a> {
    pub root: &'a Value,
    /// It is Swagger 2: what parameters and answers look like differs.
    pub old: bool,
}

impl<'a> Doc<'a> {
    /// What a local reference means.
    pub fn pointer(&self, reference: &str) -> Result<&'a Value, String> {
        let Some(fragment) = reference.strip_prefix('#') else {
            return Err(format!("a reference to {} was not followed: only the description itself is read", printable(reference)));
        };
        let decoded = percent_encoding::percent_decode_str(fragment).decode_utf8_lossy();
        let found = self.root.pointer(fragment).or_else(|| self.root.pointer(&decoded));
        found.ok_or_else(|| format!("nothing stands at {}", printable(reference)))
    }

    /// The thing itself, when it may be a reference to it.
    pub fn resolve(&self, value: &'a Value) -> Result<&'a Value, String> {
        let mut at = value;
        for _ in 0..LONGEST_CHAIN {
            match reference(at) {
                Some(reference) => at = self.pointer(reference)?,
                None => return Ok(at),
            }
        }
        Err(String::from("a reference leads only to itself"))
    }

    /// A member that is a list; nothing where there is none.
    pub fn list(value: &'a Value, key: &str) -> &'a [Value] {
        value.get(key).and_then(Value::as_array).map_or(&[], Vec::as_slice)
    }

    /// The reusable things of a kind, by name.
    pub fn components(&self, kind: &str) -> Option<&'a Map<String, Value>> {
        let place = if self.old { self.root.get(kind) } else { self.root.get("components").and_then(|all| all.get(kind)) };
        place.and_then(Value::as_object)
    }
}

/// The reference that a value is.
pub fn reference(value: &Value) -> Option<&str> {
    value.get("$ref").and_then(Value::as_str)
}

/// A text among the members of a value.
pub fn word<'a>(value: &'a Value, key: &str) -> Option<&'a str> {
    value.get(key).and_then(Value::as_str).map(str::trim).filter(|text| !text.is_empty())
}

/// A yes among the members of a value.
pub fn says(value: &Value, key: &str) -> bool {
    value.get(key).and_then(Value::as_bool) == Some(true)
}

/// The first type that a schema names.
pub fn kind(schema: &Value) -> Option<&str> {
    match schema.get("type") {
        Some(Value::String(one)) => Some(one),
        Some(Value::Array(several)) => several.iter().filter_map(Value::as_str).find(|kind| *kind != "null"),
        _ if schema.get("properties").is_some() => Some("object"),
        _ if schema.get("items").is_some() => Some("array"),
        _ => None,
    }
}

/// The members of an object that is described in one piece or in several.
#[derive(Debug, Default)]
pub struct Shape<'a> {
    pub properties: Vec<(&'a str, &'a Value)>,
    /// What members are in other ways of the object.
    pub others: Vec<(&'a str, &'a Value)>,
    /// Members that say which way is meant, with all their values.
    pub kinds: Vec<(&'a str, Vec<&'a str>)>,
    pub required: Vec<&'a str>,
    /// Groups of which at least one member must be there.
    pub any_of: Vec<Vec<&'a str>>,
    /// Members that are not named may be there too.
    pub open: bool,
    /// Which of the members go together is not all said by the lists above.
    pub loose: bool,
    /// Where each of the properties stands: there may be very many.
    at: HashMap<&'a str, usize>,
}

impl<'a> Shape<'a> {
    fn property(&mut self, name: &str) -> Option<&mut &'a Value> {
        let at = *self.at.get(name)?;
        self.properties.get_mut(at).map(|(_, property)| property)
    }

    fn push(&mut self, name: &'a str, property: &'a Value) {
        self.at.insert(name, self.properties.len());
        self.properties.push((name, property));
    }

    /// Whether a member must be there; asked of a shape that is complete.
    pub fn requires(&self, name: &str) -> bool {
        self.required.binary_search(&name).is_ok()
    }
}

/// A schema as the members of one object; `None` where it is something else, or one whose members have no names.
pub fn shape<'a>(doc: &Doc<'a>, schema: &'a Value) -> Option<Shape<'a>> {
    let mut shape = Shape::default();
    gather(doc, schema, &mut shape, &mut HashSet::new(), 0)?;
    shape.required.sort_unstable();
    shape.required.dedup();
    let known: HashSet<&str> = shape.properties.iter().map(|(name, _)| *name).collect();
    shape.required.retain(|name| known.contains(name));
    shape.any_of.retain(|group| group.iter().all(|name| known.contains(name)));
    (!shape.properties.is_empty()).then_some(shape)
}

fn gather<'a>(doc: &Doc<'a>, schema: &'a Value, shape: &mut Shape<'a>, seen: &mut HashSet<*const Value>, depth: usize) -> Option<()> {
    let schema = doc.resolve(schema).ok()?;
    if depth > 12 || !seen.insert(std::ptr::from_ref(schema)) {
        return None;
    }
    if kind(schema).is_some_and(|kind| kind != "object") || !schema.is_object() {
        return None;
    }
    match schema.get("additionalProperties") {
        Some(Value::Bool(true)) => shape.open = true,
        Some(Value::Object(rest)) if !rest.is_empty() => return None,
        Some(Value::Object(_)) => shape.open = true,
        _ => {}
    }
    for (name, property) in schema.get("properties").and_then(Value::as_object).into_iter().flatten() {
        match shape.property(name) {
            // What only has words about a member of another part does not say what it is.
            Some(_) if only_words(property) => {}
            Some(known) => *known = property,
            None => shape.push(name, property),
        }
    }
    shape.required.extend(Doc::list(schema, "required").iter().filter_map(Value::as_str));
    for part in Doc::list(schema, "allOf") {
        let only_rules = part.get("required").is_some() && part.as_object().is_some_and(|part| part.len() == 1);
        if only_rules {
            shape.required.extend(Doc::list(part, "required").iter().filter_map(Value::as_str));
        } else {
            gather(doc, part, shape, seen, depth + 1)?;
        }
    }
    for key in ["anyOf", "oneOf"] {
        let ways = Doc::list(schema, key);
        if !ways.is_empty() {
            choose(doc, ways, shape, seen, depth)?;
            shape.kinds.extend(kinds(schema, ways));
        }
    }
    if depth == 0 && schema.get("discriminator").is_some() && ["anyOf", "oneOf"].iter().all(|key| Doc::list(schema, key).is_empty()) {
        // Others are made of this one, with members of their own: where they are named, the whole is one argument.
        if mapping(schema).is_some_and(|mapping| !mapping.is_empty()) {
            return None;
        }
        shape.open = true;
    }
    shape.loose |= ["not", "if", "dependentRequired", "dependencies"].iter().any(|word| schema.get(word).is_some());
    Some(())
}

/// One of several ways: all their members, and of what they need what all of them need.
fn choose<'a>(doc: &Doc<'a>, ways: &'a [Value], shape: &mut Shape<'a>, seen: &mut HashSet<*const Value>, depth: usize) -> Option<()> {
    let single = |way: &'a Value| match (way.as_object()?.len(), Doc::list(way, "required")) {
        (1, [Value::String(one)]) => Some(one.as_str()),
        _ => None,
    };
    let singles: Vec<&str> = ways.iter().filter_map(single).collect();
    if singles.len() == ways.len() && ways.len() > 1 {
        shape.any_of.push(singles);
        return Some(());
    }
    let mut needed: Option<Vec<&str>> = None;
    let mut told: Vec<(&str, &Value, usize)> = Vec::new();
    let mut known: HashMap<&str, Vec<usize>> = HashMap::new();
    for way in ways {
        let mut own = Shape::default();
        let rules_only = way.get("required").is_some() && way.get("properties").is_none() && reference(way).is_none();
        if rules_only {
            own.required.extend(Doc::list(way, "required").iter().filter_map(Value::as_str));
        } else {
            gather(doc, way, &mut own, &mut seen.clone(), depth + 1)?;
        }
        for (name, property) in own.properties.into_iter().chain(own.others) {
            let places = known.entry(name).or_default();
            match places.iter().copied().find(|at| told.get(*at).is_some_and(|(_, of, _)| *of == property)) {
                Some(at) => told.iter_mut().skip(at).take(1).for_each(|(.., times)| *times += 1),
                None => {
                    places.push(told.len());
                    told.push((name, property, 1));
                }
            }
        }
        shape.kinds.extend(own.kinds);
        shape.open |= own.open;
        shape.any_of.extend(own.any_of.into_iter().filter(|_| ways.len() == 1));
        needed = Some(match needed {
            None => own.required,
            Some(before) => {
                let own: HashSet<&str> = own.required.into_iter().collect();
                before.into_iter().filter(|name| own.contains(name)).collect()
            }
        });
    }
    shape.required.extend(needed.unwrap_or_default());
    shape.loose |= ways.len() > 1;
    merge(shape, &told, ways.len());
    Some(())
}

/// Adds the members of several ways: one that differs is all that it is in any of them. What stands beside the ways holds for all of them;
/// where each of them says it again it is said closer there.
fn merge<'a>(shape: &mut Shape<'a>, told: &[(&'a str, &'a Value, usize)], ways: usize) {
    let beside: HashSet<&str> = shape.properties.iter().map(|(name, _)| *name).collect();
    let mut times: HashMap<&str, usize> = HashMap::new();
    told.iter().for_each(|(name, _, more)| *times.entry(name).or_default() += more);
    let mut done: HashSet<&str> = HashSet::new();
    for (name, property, _) in told {
        if beside.contains(name) && (times.get(name).is_none_or(|times| *times < ways) || only_words(property)) {
            continue;
        }
        match shape.property(name) {
            None => shape.push(name, property),
            Some(known) if !done.contains(name) => *known = property,
            Some(_) => shape.others.push((name, property)),
        }
        done.insert(name);
    }
}

/// Whether a schema allows and refuses nothing.
fn only_words(schema: &Value) -> bool {
    const WORDS: [&str; 7] = ["description", "title", "example", "examples", "default", "deprecated", "externalDocs"];
    schema.as_object().is_some_and(|members| members.keys().all(|key| WORDS.contains(&key.as_str()) || key.starts_with("x-")))
}

/// The values of a discriminator, and what each of them means.
pub fn mapping(schema: &Value) -> Option<&Map<String, Value>> {
    schema.get("discriminator")?.get("mapping")?.as_object()
}

/// The values that mean a schema that is referred to.
pub fn values_of<'a>(mapping: &'a Map<String, Value>, to: &str) -> Vec<&'a str> {
    let name = to.rsplit('/').next().unwrap_or_default();
    let means = |target: &Value| target.as_str().is_some_and(|target| target == to || target == name);
    mapping.iter().filter(|(_, target)| means(target)).map(|(value, _)| value.as_str()).collect()
}

/// All values of a discriminator, where it says them for each of the ways.
fn kinds<'a>(schema: &'a Value, ways: &'a [Value]) -> Option<(&'a str, Vec<&'a str>)> {
    let name = word(schema.get("discriminator")?, "propertyName")?;
    let mapping = mapping(schema)?;
    let all = ways.iter().map(|way| Some(values_of(mapping, reference(way)?)).filter(|values| !values.is_empty()));
    Some((name, all.collect::<Option<Vec<_>>>()?.concat()))
}
