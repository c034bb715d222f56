local schema = require("schema")
local tables = require("tables")

local function is(got, wanted)
  if got ~= wanted then
    error("got " .. tostring(got) .. ", wanted " .. tostring(wanted), 2)
  end
end

-- The problems as `path: message`, one a line.
local function problems(value, spec)
  local ok, found = schema.check(value, spec)
  local lines = {}
  for index, problem in ipairs(found) do
    lines[index] = problem.path .. ": " .. problem.message
  end
  assert(ok == (#lines == 0))
  return table.concat(lines, "\n")
end

local user = {
  type = "object",
  required = { "name", "id" },
  additionalProperties = false,
  properties = {
    name = { type = "string", minLength = 1, maxLength = 3, description = "shown to others" },
    id = { type = "integer", minimum = 1, maximum = 10 },
    tags = { type = "array", items = { type = "string" } },
    state = { enum = { "open", "done" } },
    boss = { type = { "string", "null" } },
  },
}
is(problems({ name = "日本語", id = 10, tags = { "a" }, state = "open", boss = json.null }, user), "")
is(problems({}, user), "name: is required\nid: is required")
is(
  problems({ name = "", id = 0.5, tags = { "a", 2 }, state = "x", age = 1 }, user),
  table.concat({
    "age: is not known here",
    "id: must be at least 1, got 0.5",
    "id: expected integer, got the number 0.5",
    "name: must have at least 1 characters, has 0",
    'state: expected one of "open", "done", got "x"',
    "tags.2: expected string, got the number 2",
  }, "\n")
)
is(problems({ 1 }, user), ": expected object, got array")
is(problems(nil, user), ": expected object, got null")
is(problems("x", user), ": expected object, got string")

-- Deep places are named as `tables.get` takes them.
local deep = { properties = { list = { items = { properties = { id = { type = "integer" } } } } } }
local value = { list = { { id = 1 }, { id = "x" } } }
is(problems(value, deep), "list.2.id: expected integer, got string")
is(tables.get(value, "list.2.id"), "x")

local ok, list = schema.check(1, {})
is(ok, true)
is(json.encode(list), "[]")
