local tables = require("tables")

-- The call must fail, and its message must have these words.
local function fails(words, fn, ...)
  local ok, err = pcall(fn, ...)
  assert(not ok, "expected an error with: " .. words)
  assert(string.find(tostring(err), words, 1, true), "expected '" .. words .. "' in: " .. tostring(err))
end

local function is(got, wanted)
  if got ~= wanted then
    error("got " .. tostring(got) .. ", wanted " .. tostring(wanted), 2)
  end
end

local data = { a = { b = { { c = "x" }, { c = false } } }, ["1"] = "text key", n = json.null }
is(tables.get(data, "a.b.1.c"), "x")
is(tables.get(data, "a.b.2.c", true), false)
is(tables.get(data, "a.b.3.c"), nil)
is(tables.get(data, "a.b.3.c", "none"), "none")
is(tables.get(data, "a.b.1.c.d", 5), 5)
is(tables.get(data, "1"), "text key")
is(tables.get(data, "n", "none"), "none")
is(tables.get(data, "n.deeper", "none"), "none")
is(tables.get(nil, "a", 1), 1)
is(tables.get({ ["a.b"] = { 7 } }, { "a.b", 1 }), 7)
is(tables.get({ "first" }, 1), "first")
is(tables.get(data, {}), data)
fails("tables.get: expected a path, got nil", tables.get, data)
