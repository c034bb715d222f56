local schema = require("schema")

local function is(got, wanted)
  if got ~= wanted then
    error("got " .. tostring(got) .. ", wanted " .. tostring(wanted), 2)
  end
end

local value = { id = 1 }
is(schema.assert(value, { type = "object" }), value)
is(schema.assert(false, { type = "boolean" }), false)
local ok, err = pcall(schema.assert, { id = "x" }, {
  required = { "name" },
  properties = { id = { type = "integer" } },
}, "the order")
is(ok, false)
is(err.code, "invalid_arguments")
is(#err.problems, 2)
is(err.retryable, false)
is(err.message, "the order does not fit: id: expected integer, got string; name: is required")
is(tostring(err), "invalid_arguments: " .. err.message)
ok, err = pcall(schema.assert, nil, { type = "object" })
is(err.message, "the value does not fit: expected object, got null")
