local schema = require("schema")

local values = {
  null = json.null, boolean = false, string = "", number = 1.5, integer = 3, array = { 1 }, object = { a = 1 },
}
local also = { integer = { number = true } }
for of, value in pairs(values) do
  for wanted in pairs(values) do
    local fits = of == wanted or (also[of] and also[of][wanted]) or false
    assert(schema.check(value, { type = wanted }) == fits, of .. " as " .. wanted)
  end
end
assert(schema.check(nil, { type = "null" }))
assert(schema.check({}, { type = "array" }) and schema.check({}, { type = "object" }))
assert(schema.check(2 ^ 53, { type = "integer" }))
assert(not schema.check(0 / 0, { type = "number" }))
assert(not schema.check(math.huge, { type = "integer" }))
assert(not schema.check({ [1] = 1, [3] = 3 }, { type = "array" }))
assert(schema.check("x", { type = { "integer", "string" } }))
assert(not schema.check(true, { type = { "integer", "string" } }))
