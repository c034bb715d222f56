local tables = require("tables")

local function is(got, wanted)
  if got ~= wanted then
    error("got " .. tostring(got) .. ", wanted " .. tostring(wanted), 2)
  end
end

local inner = { 1 }
local original = { a = inner, again = inner, text = "é", f = tostring }
local copied = tables.copy(original)
assert(copied ~= original and copied.a ~= inner)
is(copied.a, copied.again)
is(copied.f, tostring)
copied.a[1] = 2
is(inner[1], 1)
is(tables.copy(nil), nil)
is(tables.copy(5), 5)
is(json.encode(tables.copy({})), "{}")

local own = {}
own.own = own
local own_copy = tables.copy(own)
assert(own_copy ~= own and own_copy.own == own_copy)

-- A frozen table can be copied, and its copy changed.
local thawed = tables.copy(table.freeze({ a = 1 }))
thawed.a = 2
is(thawed.a, 2)

-- json.null stands for itself, here and in the others.
local nulls = tables.copy({ a = json.null, list = { json.null } })
is(nulls.a, json.null)
is(nulls.list[1], json.null)
is(tables.copy(json.null), json.null)
is(json.encode(tables.flatten({ { 1 }, json.null })), "[1,null]")
is(tables.is_array(json.null), false)
is(tables.merge({ a = { x = 1 } }, { a = json.null }, { deep = true }).a, json.null)
