local tables = require("tables")
local schema = require("schema")

-- Both values must be the same, tables by their content.
local function same(got, wanted)
  if not tables.equal(got, wanted) then
    error("got " .. json.encode(got) .. ", wanted " .. json.encode(wanted), 2)
  end
end

local spec = { any_of = { { type = "string" }, { type = "object", required = { "id" } } } }
assert(schema.check("x", spec))
assert(schema.check({ id = 1 }, spec))
local ok, problems = schema.check({ a = 1 }, spec)
assert(not ok)
same(problems, {
  { path = "", message = "fits none of the allowed forms (expected string, got object; id is required)" },
})
ok, problems = schema.check({ v = 5 }, { properties = { v = spec } })
assert(not ok)
assert(problems[1].path == "v")
