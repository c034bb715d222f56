local schema = require("schema")

local function is(got, wanted)
  if got ~= wanted then
    error("got " .. tostring(got) .. ", wanted " .. tostring(wanted), 2)
  end
end

local function message(value, spec)
  local _, problems = schema.check(value, spec)
  return problems[1] and problems[1].message or ""
end
is(message(5, { minimum = 5, maximum = 5 }), "")
is(message(4, { minimum = 5 }), "must be at least 5, got 4")
is(message(5.5, { maximum = 5 }), "must be at most 5, got 5.5")
is(message("text", { minimum = 5 }), "")
is(message("éé", { maxLength = 2 }), "")
is(message("ééé", { maxLength = 2 }), "must have at most 2 characters, has 3")
is(message("é", { minLength = 2 }), "must have at least 2 characters, has 1")
is(message("abc-12", { pattern = "^[a-z]+-\\d+$" }), "")
is(message("ABC", { pattern = "^[a-z]+$" }), 'must match ^[a-z]+$, got "ABC"')
is(message(5, { pattern = "^x" }), "")
is(message("b", { enum = { "a", 1, json.null } }), 'expected one of "a", 1, null, got "b"')
is(message(json.null, { enum = { "a", json.null } }), "")
is(message(false, { enum = { false } }), "")
is(message({ a = 1 }, { required = { "a" } }), "")
is(message("x", { required = { "a" } }), "")
is(message({ a = 1 }, { additionalProperties = true }), "")
is(message({ a = 1 }, { additionalProperties = false }), "is not known here")
is(message("x", { items = { type = "string" } }), "")
is(message({}, { items = { type = "string" } }), "")
