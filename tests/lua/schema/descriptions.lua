local schema = require("schema")

-- The call must fail, and its message must have these words.
local function fails(words, fn, ...)
  local ok, err = pcall(fn, ...)
  assert(not ok, "expected an error with: " .. words)
  assert(string.find(tostring(err), words, 1, true), "expected '" .. words .. "' in: " .. tostring(err))
end

fails('unknown keyword "minimun"', schema.check, 1, { minimun = 1 })
fails('at "properties.a": unknown keyword "typ"', schema.check, { a = 1 }, { properties = { a = { typ = "string" } } })
fails('unknown type "text"', schema.check, 1, { type = "text" })
fails("expected a table, got nil", schema.check, 1)
fails('expected "minimum" as a number, got string', schema.check, 1, { minimum = "1" })
fails('expected "required" as a table, got string', schema.check, {}, { required = "a" })
fails('expected "additionalProperties" as a boolean', schema.check, {}, { additionalProperties = {} })
assert(schema.check(1, { title = "t", description = "d", default = 5 }))
