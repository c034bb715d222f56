//! Lua values to JSON. What Lua can say and JSON cannot (holes in a list, mixed keys, NaN, functions, cycles) is an error with its place.
//! No schema is checked here; one may decide how an ambiguous value is written.

use mlua::{Table, Value as LuaValue};
use serde_json::{Map, Number, Value};

use crate::lua::limits::Fence;
use crate::lua::value::{DEEPEST, DIGITS, EXACT, LIST, NULLS, STRIDE};

/// Bytes of ours that a value takes at least while it is written.
const WEIGHT: usize = 32;

/// Why a Lua value cannot be written as JSON.
#[derive(Debug)]
pub enum Unfit {
    /// What is wrong, and where.
    Value(String),
    /// It is larger than allowed.
    TooLarge,
    /// The VM failed.
    Vm(mlua::Error),
}

impl From<mlua::Error> for Unfit {
    fn from(error: mlua::Error) -> Self {
        Self::Vm(error)
    }
}

/// Writes Lua values as JSON, at most about `left` bytes of them: tables that share parts may be far larger as JSON than in memory.
pub struct Writer<'a> {
    fence: &'a Fence,
    left: usize,
    values: usize,
    path: Vec<String>,
}

impl<'a> Writer<'a> {
    /// A writer for one value.
    pub fn new(fence: &'a Fence, most: usize) -> Self {
        Self { fence, left: most, values: 0, path: Vec::new() }
    }

    /// Lua to JSON. `schema` decides where Lua is ambiguous: `{}` is a list where it wants one, a digit string a number.
    pub fn value(&mut self, value: &LuaValue, schema: Option<&Value>) -> Result<Value, Unfit> {
        self.count()?;
        match value {
            LuaValue::Nil => Ok(Value::Null),
            LuaValue::Boolean(value) => Ok(Value::Bool(*value)),
            LuaValue::Integer(value) => Ok(Value::from(*value)),
            LuaValue::Number(value) => self.number(*value),
            LuaValue::String(text) => {
                let bytes = text.as_bytes();
                self.take(bytes.len() + 5 * bytes.iter().filter(|byte| **byte < b' ').count())?;
                let Ok(text) = std::str::from_utf8(&bytes) else { return Err(self.unfit("a string that is not UTF-8")) };
                Ok(digits(text, schema).unwrap_or_else(|| Value::from(text)))
            }
            LuaValue::LightUserData(data) if data.0.is_null() => Ok(Value::Null),
            LuaValue::Table(table) => self.table(table, schema),
            other => Err(self.unfit(&format!("a {}", other.type_name()))),
        }
    }

    fn number(&self, value: f64) -> Result<Value, Unfit> {
        if value.fract() == 0.0 && value.abs() <= EXACT as f64 {
            return Ok(Value::from(value as i64));
        }
        Number::from_f64(value).map(Value::Number).ok_or_else(|| self.unfit(if value.is_nan() { "not a number (NaN)" } else { "infinity" }))
    }

    fn table(&mut self, table: &Table, schema: Option<&Value>) -> Result<Value, Unfit> {
        if self.path.len() >= DEEPEST {
            return Err(self.unfit(&format!("nested deeper than {DEEPEST} levels, or a table that holds itself")));
        }
        let meta = table.metatable();
        let marked = meta.as_ref().is_some_and(|meta| meta.raw_get::<Option<bool>>(LIST).ok().flatten() == Some(true));
        let (nulls, digits) = self.marks(meta.as_ref())?;
        let length = table.raw_len();
        let empty = table.is_empty() && nulls.is_none();
        let list = marked || length > 0 || (empty && wants_list(schema)) || has_integer_key(table)?;
        if list {
            return self.list(table, nulls.as_ref(), digits.as_ref(), schema);
        }
        let properties = schema.and_then(|schema| schema.get("properties")).and_then(Value::as_object);
        self.object(table, nulls.as_ref(), digits.as_ref(), properties).map(Value::Object)
    }

    /// A table of named arguments, each by the schema of its parameter.
    pub fn arguments(&mut self, table: &Table, parameters: &Map<String, Value>) -> Result<Map<String, Value>, Unfit> {
        let (nulls, digits) = self.marks(table.metatable().as_ref())?;
        self.object(table, nulls.as_ref(), digits.as_ref(), Some(parameters))
    }

    /// What a table remembers: the keys of nulls and of large numbers. A table that stands for something of ours is refused.
    fn marks(&self, meta: Option<&Table>) -> Result<(Option<Table>, Option<Table>), Unfit> {
        if let Some(what) = meta.and_then(ours) {
            return Err(self.unfit(&format!("a {what} of app.integrations")));
        }
        let mark = |name: &str| meta.and_then(|meta| meta.raw_get::<Option<Table>>(name).ok().flatten());
        Ok((mark(NULLS), mark(DIGITS)))
    }

    fn list(&mut self, table: &Table, nulls: Option<&Table>, digits: Option<&Table>, schema: Option<&Value>) -> Result<Value, Unfit> {
        let mut highest = nulls.map_or(0, highest_key);
        let mut count = 0_usize;
        for pair in table.pairs::<LuaValue, LuaValue>() {
            let key = pair?.0;
            match index(&key) {
                Some(at) => highest = highest.max(at),
                None => {
                    return Err(self.unfit(&format!("a list that also has the key {}; JSON has lists and objects, not both", shown(&key))));
                }
            }
            count += 1;
        }
        let items = schema.and_then(|schema| schema.get("items"));
        // A list with a hole a million wide would be built before it is refused.
        if highest > count + nulls.map_or(0, |nulls| nulls.pairs::<LuaValue, LuaValue>().count()) {
            let hole = (1..=highest).find(|at| table.raw_get::<LuaValue>(*at).is_ok_and(|value| value.is_nil()) && !is_marked(nulls, *at));
            return Err(self.unfit(&format!("a list with a hole at {} (json.null fills one)", hole.unwrap_or(highest))));
        }
        let mut list = Vec::with_capacity(highest.min(self.left / WEIGHT));
        for at in 1..=highest {
            let value: LuaValue = table.raw_get(at)?;
            if value.is_nil() && !is_marked(nulls, at) {
                return Err(self.unfit(&format!("a list with a hole at {at} (json.null fills one)")));
            }
            self.path.push(at.to_string());
            let item = self.member(&value, digits, LuaValue::Integer(at as i64), items)?;
            self.path.pop();
            list.push(item);
        }
        Ok(Value::Array(list))
    }

    fn object(
        &mut self,
        table: &Table,
        nulls: Option<&Table>,
        digits: Option<&Table>,
        properties: Option<&Map<String, Value>>,
    ) -> Result<Map<String, Value>, Unfit> {
        let mut object = Map::new();
        for pair in table.pairs::<LuaValue, LuaValue>() {
            let (key, value) = pair?;
            let LuaValue::String(name) = &key else { return Err(self.unfit(&format!("a key that is {}", shown(&key)))) };
            let Ok(name) = name.to_str().map(|name| name.to_owned()) else { return Err(self.unfit("a key that is not UTF-8")) };
            self.take(name.len() + 4)?;
            self.path.push(name.clone());
            let schema = properties.and_then(|properties| properties.get(&name));
            let member = self.member(&value, digits, key, schema)?;
            self.path.pop();
            object.insert(name, member);
        }
        for pair in nulls.iter().flat_map(|nulls| nulls.pairs::<String, LuaValue>()) {
            object.entry(pair?.0).or_insert(Value::Null);
        }
        Ok(object)
    }

    /// A member of a table; one that still is the large number that came from JSON is written as that number.
    fn member(&mut self, value: &LuaValue, digits: Option<&Table>, key: LuaValue, schema: Option<&Value>) -> Result<Value, Unfit> {
        if let (Some(digits), LuaValue::String(text)) = (digits, value) {
            let known: Option<mlua::LuaString> = digits.raw_get(key)?;
            if known.is_some_and(|known| known == *text) {
                self.take(text.as_bytes().len())?;
                return Ok(serde_json::from_slice(&text.as_bytes()).unwrap_or(Value::Null));
            }
        }
        self.value(value, schema)
    }

    /// Counts a value, and looks at the limits now and then.
    fn count(&mut self) -> Result<(), Unfit> {
        self.values += 1;
        if self.values.is_multiple_of(STRIDE) {
            self.fence.look()?;
        }
        if self.values > self.fence.limits().memory / WEIGHT {
            return Err(Unfit::TooLarge);
        }
        self.take(2)
    }

    fn take(&mut self, bytes: usize) -> Result<(), Unfit> {
        self.left = self.left.checked_sub(bytes).ok_or(Unfit::TooLarge)?;
        Ok(())
    }

    fn unfit(&self, what: &str) -> Unfit {
        let place = if self.path.is_empty() {
            String::new()
        } else {
            format!(" at /{}", self.path.iter().take(12).cloned().collect::<Vec<_>>().join("/"))
        };
        Unfit::Value(format!("{what}{place}"))
    }
}

/// The number that a digit string stands for where the schema wants a number and no string.
fn digits(text: &str, schema: Option<&Value>) -> Option<Value> {
    let kinds = kinds(schema?);
    let number = kinds.contains(&"integer") || kinds.contains(&"number");
    let plain = text.strip_prefix('-').unwrap_or(text);
    let large = plain.len() >= 16 && plain.bytes().all(|byte| byte.is_ascii_digit());
    (number && large && !kinds.contains(&"string")).then(|| serde_json::from_str(text).ok()).flatten()
}

fn wants_list(schema: Option<&Value>) -> bool {
    let kinds = schema.map(kinds).unwrap_or_default();
    kinds.contains(&"array") && !kinds.contains(&"object")
}

/// The types that a schema names, its alternatives included.
fn kinds(schema: &Value) -> Vec<&str> {
    match schema.get("type") {
        Some(Value::String(one)) => vec![one],
        Some(Value::Array(several)) => several.iter().filter_map(Value::as_str).collect(),
        _ => ["anyOf", "oneOf"].iter().filter_map(|word| schema.get(word)?.as_array()).flatten().flat_map(kinds).collect(),
    }
}

/// What of ours a table stands for: it looks empty and is no data.
fn ours(meta: &Table) -> Option<String> {
    let kind: String = meta.raw_get::<Option<String>>("__metatable").ok().flatten()?;
    ["function", "provider", "integrations"].contains(&kind.as_str()).then_some(kind)
}

fn index(key: &LuaValue) -> Option<usize> {
    match key {
        LuaValue::Integer(at) => usize::try_from(*at).ok().filter(|at| *at > 0),
        LuaValue::Number(at) if at.fract() == 0.0 && *at >= 1.0 && *at <= EXACT as f64 => Some(*at as usize),
        _ => None,
    }
}

fn has_integer_key(table: &Table) -> mlua::Result<bool> {
    match table.pairs::<LuaValue, LuaValue>().next() {
        Some(pair) => Ok(index(&pair?.0).is_some()),
        None => Ok(false),
    }
}

fn highest_key(nulls: &Table) -> usize {
    nulls.pairs::<LuaValue, LuaValue>().flatten().filter_map(|(key, _)| index(&key)).max().unwrap_or(0)
}

fn is_marked(nulls: Option<&Table>, at: usize) -> bool {
    nulls.is_some_and(|nulls| nulls.raw_get::<Option<bool>>(at).ok().flatten() == Some(true))
}

fn shown(key: &LuaValue) -> String {
    match key {
        LuaValue::String(text) => format!("'{}'", text.to_string_lossy()),
        LuaValue::Integer(number) => number.to_string(),
        LuaValue::Number(number) => number.to_string(),
        LuaValue::Boolean(value) => value.to_string(),
        other => format!("a {}", other.type_name()),
    }
}
