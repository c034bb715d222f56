//! `app.mcp` and `mcp` from below: which upstream servers there are, what their tools are called and take. The tools themselves are
//! functions like all others, and are called like them; a server that was never asked for its tools is asked when a script names it.

use std::rc::Rc;

use mlua::{IntoLuaMulti as _, Lua, MultiValue};
use serde_json::{Value, json};

use crate::base::error::{Code, Error};
use crate::base::name::{nearest, printable, slug};
use crate::lua::calls::Done;
use crate::lua::globals::{one, text};
use crate::lua::host::{Function, Host, Told};
use crate::registry::catalog::{Layer, upstream_tool};
use crate::registry::function::{self, UPSTREAMS};

/// The functions of this file.
pub const FUNCTIONS: &[(&str, Function)] =
    &[("mcp_servers", servers), ("mcp_open", open), ("mcp_tools", tools), ("mcp_tool", tool), ("mcp_schema", schema)];

/// `mcp.servers()`: what is known of them without asking.
fn servers(host: &Rc<Host>, lua: &Lua, _: MultiValue) -> Told<MultiValue> {
    let ctx = host.ctx();
    let within = |id: &str| ctx.reach.as_ref().is_none_or(|reach| reach.has_provider(id));
    let listed = host.runtime.catalog.list()?.into_iter().filter(|listed| listed.layer == Layer::Upstreams && within(&listed.summary.id));
    let all: Vec<Value> = listed
        .map(|listed| {
            let summary = listed.summary;
            let id = summary.id.strip_prefix(UPSTREAMS).unwrap_or(&summary.id);
            json!({"id": id, "title": summary.title, "description": summary.description, "functions": summary.functions()})
        })
        .collect();
    one(lua, host.json.to_lua(lua, &Value::Array(all))?)
}

/// The provider of a server, and a ticket where it has to be asked for its tools first.
fn open(host: &Rc<Host>, lua: &Lua, mut arguments: MultiValue) -> Told<MultiValue> {
    let server = text(arguments.pop_front(), "mcp: the server")?;
    let provider = format!("{UPSTREAMS}{}", slug(server.strip_prefix(UPSTREAMS).unwrap_or(&server)));
    if host.ctx().reach.as_ref().is_some_and(|reach| !reach.has_provider(&provider)) {
        return Err(Error::new(Code::PermissionDenied, format!("{provider} is not offered by this server")).into());
    }
    let known = host.upstreams.borrow().contains_key(&provider);
    let asked = |opened: &crate::registry::catalog::Opened| !opened.functions.is_empty();
    if known || host.runtime.catalog.provider(&provider).as_ref().is_ok_and(asked) {
        return Ok(provider.into_lua_multi(lua)?);
    }
    let Some(upstreams) = host.runtime.upstreams.clone() else {
        return Err(host.runtime.catalog.provider(&provider).err().unwrap_or_else(|| nothing(&provider)).into());
    };
    let (runtime, id) = (host.runtime.clone(), provider.clone());
    let ticket = host.calls.start(Box::pin(async move {
        let found = upstreams.discover(&id).await.map(|(provider, functions)| {
            runtime.catalog.learn(&provider, functions.clone());
            functions
        });
        Done::Discovered(id, Box::new(found))
    }));
    Ok((provider, ticket as f64).into_lua_multi(lua)?)
}

fn nothing(provider: &str) -> Error {
    Error::new(Code::NotFound, format!("{provider} has no tools"))
}

/// Works with the functions of a server that was opened.
fn with<T>(host: &Host, provider: &str, work: impl FnOnce(&[function::Function]) -> Told<T>) -> Told<T> {
    if let Some(functions) = host.upstreams.borrow().get(provider) {
        return work(functions);
    }
    work(&host.runtime.catalog.provider(provider)?.functions)
}

/// The names that a script may call.
fn tools(host: &Rc<Host>, lua: &Lua, mut arguments: MultiValue) -> Told<MultiValue> {
    let provider = text(arguments.pop_front(), "mcp.tools: the server")?;
    let all = with(host, &provider, |functions| {
        let shown = |function: &function::Function| {
            let tool = function.mcp.as_ref().and_then(|mcp| mcp.tool.as_ref());
            tool.map(|tool| {
                json!({
                    "id": function.id, "name": tool, "title": function.title, "description": function.description,
                    "operation": function.operation.as_str(),
                })
            })
        };
        Ok(functions.iter().filter_map(shown).collect::<Vec<Value>>())
    })?;
    one(lua, host.json.to_lua(lua, &Value::Array(all))?)
}

/// The full name of a tool's function.
fn tool(host: &Rc<Host>, lua: &Lua, mut arguments: MultiValue) -> Told<MultiValue> {
    let provider = text(arguments.pop_front(), "mcp: the server")?;
    let key = text(arguments.pop_front(), "mcp: the tool")?;
    let id = with(host, &provider, |functions| Ok(find(functions, &provider, &key)?.id.clone()))?;
    one(lua, format!("{provider}.{id}"))
}

/// `mcp.schema(server, tool)`.
fn schema(host: &Rc<Host>, lua: &Lua, mut arguments: MultiValue) -> Told<MultiValue> {
    let provider = text(arguments.pop_front(), "mcp.schema: the server")?;
    let key = text(arguments.pop_front(), "mcp.schema: the tool")?;
    let schema = with(host, &provider, |functions| Ok(find(functions, &provider, &key)?.input_schema()))?;
    one(lua, host.json.to_lua(lua, &schema)?)
}

/// A tool, or why there is none.
pub fn find<'a>(functions: &'a [function::Function], provider: &str, key: &str) -> Result<&'a function::Function, Error> {
    upstream_tool(functions, key).ok_or_else(|| {
        let near = nearest(key, functions.iter().map(|function| function.id.as_str()));
        let hints = near.into_iter().map(|near| format!("Did you mean '{near}'?"));
        let server = provider.strip_prefix(UPSTREAMS).unwrap_or(provider);
        Error::new(Code::UnknownFunction, format!("The MCP server '{server}' has no tool '{}'", printable(key)))
            .hints(hints)
            .hint(format!("angelia mcp:tools {server}"))
    })
}
