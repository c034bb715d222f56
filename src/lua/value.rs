//! JSON to Lua values, without losing anything on the way; `write` goes the other way.
//!
//! A null reads as nil, and integers beyond 2^53 read as digit strings; the table that held them remembers both in its
//! metatable, so that a table which is handed on unchanged is the JSON that it came from. Lua values are built directly, so that the
//! memory limit counts while it happens.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use mlua::{LightUserData, Lua, Table, Value as LuaValue};
use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Number, Value};

use crate::lua::limits::Fence;

/// Deepest nesting, both ways.
pub const DEEPEST: usize = 128;

/// Largest integer that a Lua number holds exactly.
pub const EXACT: i128 = 1 << 53;

/// How serde_json hands over a number whose digits it keeps.
const NUMBER_TOKEN: &str = "$serde_json::private::Number";

/// Values between two looks at the limits: both ways work outside of the VM, where nothing interrupts it.
pub const STRIDE: usize = 256;

/// The metatable field that marks a list.
pub const LIST: &str = "__list";
/// The metatable field with the keys that hold null.
pub const NULLS: &str = "__nulls";
/// The metatable field with the keys that hold a large number, and its digits.
pub const DIGITS: &str = "__digits";

/// What a Lua VM needs to know of JSON: the marks.
#[derive(Clone)]
pub struct Json {
    /// Metatable of every list that came from JSON, and of `json.array{}`.
    pub list: Table,
    fence: Rc<Fence>,
}

impl Json {
    /// Makes the marks of a VM; the fence ends what takes too long.
    pub fn new(lua: &Lua, fence: Rc<Fence>) -> mlua::Result<Self> {
        let list = lua.create_table()?;
        list.raw_set(LIST, true)?;
        list.set_readonly(true);
        // `json.null` is no table, so that nothing mistakes it for an empty one.
        let meta = lua.create_table()?;
        meta.raw_set("__tostring", lua.create_function(|_, _: LuaValue| Ok("null"))?)?;
        meta.raw_set("__metatable", "null")?;
        meta.set_readonly(true);
        lua.set_type_metatable::<LightUserData>(Some(meta));
        Ok(Self { list, fence })
    }

    /// A JSON text as a Lua value. The outer error is the VM's (memory), the inner one says what is wrong with the text.
    pub fn decode(&self, lua: &Lua, text: &[u8]) -> mlua::Result<Result<LuaValue, String>> {
        let mut deserializer = serde_json::Deserializer::from_slice(text);
        let build = Build::new(lua, self);
        let built = build.seed().deserialize(&mut deserializer).and_then(|value| deserializer.end().map(|()| value));
        build.done(built.map_err(|error| error.to_string()))
    }

    /// A JSON value as a Lua value.
    pub fn to_lua(&self, lua: &Lua, value: &Value) -> mlua::Result<LuaValue> {
        let build = Build::new(lua, self);
        let built = build.seed().deserialize(value).map_err(|error| error.to_string());
        build.done(built)?.map_err(mlua::Error::runtime)
    }
}

/// Builds Lua values; an error of the VM is kept aside, because serde carries text only.
struct Build<'a> {
    lua: &'a Lua,
    json: &'a Json,
    failed: RefCell<Option<mlua::Error>>,
    built: Cell<usize>,
}

impl<'a> Build<'a> {
    fn new(lua: &'a Lua, json: &'a Json) -> Self {
        Self { lua, json, failed: RefCell::new(None), built: Cell::new(0) }
    }

    fn seed(&self) -> Seed<'_> {
        Seed { build: self }
    }

    fn done(self, built: Result<Built, String>) -> mlua::Result<Result<LuaValue, String>> {
        match self.failed.into_inner() {
            Some(error) => Err(error),
            None => Ok(built.map(Built::into_value)),
        }
    }

    /// Counts a value, and looks at the limits now and then.
    fn count<E: serde::de::Error>(&self) -> Result<(), E> {
        self.built.set(self.built.get() + 1);
        if self.built.get().is_multiple_of(STRIDE) { self.vm(self.json.fence.look()) } else { Ok(()) }
    }

    fn vm<T, E: serde::de::Error>(&self, made: mlua::Result<T>) -> Result<T, E> {
        made.map_err(|error| {
            let said = E::custom(&error);
            self.failed.replace(Some(error));
            said
        })
    }

    /// A number by its digits.
    fn number<E: serde::de::Error>(&self, digits: &str) -> Result<Built, E> {
        let whole = digits.parse::<i128>().ok();
        if let Some(whole) = whole.filter(|whole| (-EXACT..=EXACT).contains(whole)) {
            return Ok(Built::Plain(LuaValue::Number(whole as f64)));
        }
        let float = digits.parse::<f64>().ok().filter(|float| float.is_finite());
        match float {
            Some(float) if whole.is_none() && digits.contains(['.', 'e', 'E']) => Ok(Built::Plain(LuaValue::Number(float))),
            // The token can also be a key of the text itself.
            _ if serde_json::from_str::<Number>(digits).is_err() => Err(E::custom("invalid number")),
            _ => Ok(Built::Digits(self.vm(self.lua.create_string(digits))?)),
        }
    }
}

/// A value on its way into a table.
enum Built {
    Plain(LuaValue),
    Null,
    /// A number that Lua cannot hold.
    Digits(mlua::LuaString),
}

impl Built {
    fn into_value(self) -> LuaValue {
        match self {
            Self::Plain(value) => value,
            Self::Null => LuaValue::Nil,
            Self::Digits(digits) => LuaValue::String(digits),
        }
    }
}

/// What a table remembers beside its members.
struct Marks<'a> {
    build: &'a Build<'a>,
    nulls: Option<Table>,
    digits: Option<Table>,
}

impl<'a> Marks<'a> {
    fn new(build: &'a Build<'a>) -> Self {
        Self { build, nulls: None, digits: None }
    }

    fn put(&mut self, table: &Table, key: LuaValue, value: Built) -> mlua::Result<()> {
        let lua = self.build.lua;
        // A key that comes twice counts as it comes last.
        for marks in self.nulls.iter().chain(&self.digits) {
            marks.raw_set(key.clone(), LuaValue::Nil)?;
        }
        let mark = |slot: &mut Option<Table>, value: LuaValue| {
            let marks = match slot.take() {
                Some(marks) => marks,
                None => lua.create_table()?,
            };
            slot.insert(marks).raw_set(key.clone(), value)
        };
        match &value {
            Built::Plain(_) => {}
            Built::Null => mark(&mut self.nulls, LuaValue::Boolean(true))?,
            Built::Digits(digits) => mark(&mut self.digits, LuaValue::String(digits.clone()))?,
        }
        table.raw_set(key, value.into_value())
    }

    fn seal(self, table: &Table, list: bool) -> mlua::Result<()> {
        if self.nulls.is_none() && self.digits.is_none() {
            return if list { table.set_metatable(Some(self.build.json.list.clone())) } else { Ok(()) };
        }
        let meta = self.build.lua.create_table()?;
        if list {
            meta.raw_set(LIST, true)?;
        }
        meta.raw_set(NULLS, self.nulls)?;
        meta.raw_set(DIGITS, self.digits)?;
        meta.set_readonly(true);
        table.set_metatable(Some(meta))
    }
}

#[derive(Clone, Copy)]
struct Seed<'a> {
    build: &'a Build<'a>,
}

impl<'de> DeserializeSeed<'de> for Seed<'_> {
    type Value = Built;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Built, D::Error> {
        self.build.count()?;
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Seed<'_> {
    type Value = Built;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Built, E> {
        Ok(Built::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Built, E> {
        Ok(Built::Plain(LuaValue::Boolean(value)))
    }

    fn visit_i64<E: serde::de::Error>(self, value: i64) -> Result<Built, E> {
        self.build.number(&value.to_string())
    }

    fn visit_u64<E: serde::de::Error>(self, value: u64) -> Result<Built, E> {
        self.build.number(&value.to_string())
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<Built, E> {
        Ok(Built::Plain(LuaValue::Number(value)))
    }

    fn visit_str<E: serde::de::Error>(self, value: &str) -> Result<Built, E> {
        self.build.vm(self.build.lua.create_string(value)).map(|text| Built::Plain(LuaValue::String(text)))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Built, A::Error> {
        let build = self.build;
        let table = build.vm(build.lua.create_table_with_capacity(items.size_hint().unwrap_or(0).min(1 << 16), 0))?;
        let mut marks = Marks::new(build);
        let mut at = 0_u32;
        while let Some(item) = items.next_element_seed(self)? {
            at += 1;
            build.vm(marks.put(&table, LuaValue::Number(f64::from(at)), item))?;
        }
        build.vm(marks.seal(&table, true))?;
        Ok(Built::Plain(LuaValue::Table(table)))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Built, A::Error> {
        let build = self.build;
        let Some(mut key) = members.next_key::<String>()? else {
            return build.vm(build.lua.create_table()).map(|table| Built::Plain(LuaValue::Table(table)));
        };
        if key == NUMBER_TOKEN {
            let digits: String = members.next_value()?;
            return build.number(&digits);
        }
        let table = build.vm(build.lua.create_table())?;
        let mut marks = Marks::new(build);
        loop {
            let value = members.next_value_seed(self)?;
            let name = build.vm(build.lua.create_string(&key))?;
            build.vm(marks.put(&table, LuaValue::String(name), value))?;
            match members.next_key::<String>()? {
                Some(next) => key = next,
                None => break,
            }
        }
        build.vm(marks.seal(&table, false))?;
        Ok(Built::Plain(LuaValue::Table(table)))
    }
}
