local tables = require("tables")

-- The call must fail, and its message must have these words.
local function fails(words, fn, ...)
  local ok, err = pcall(fn, ...)
  assert(not ok, "expected an error with: " .. words)
  assert(string.find(tostring(err), words, 1, true), "expected '" .. words .. "' in: " .. tostring(err))
end

-- Both values must be the same, tables by their content.
local function same(got, wanted)
  if not tables.equal(got, wanted) then
    error("got " .. json.encode(got) .. ", wanted " .. json.encode(wanted), 2)
  end
end

local function is(got, wanted)
  if got ~= wanted then
    error("got " .. tostring(got) .. ", wanted " .. tostring(wanted), 2)
  end
end

same(tables.values({ b = 1, a = 2 }), { 2, 1 })
same(tables.values({ 10, 20, 30 }), { 10, 20, 30 })
same(tables.values({ a = false }), { false })
is(json.encode(tables.values({})), "[]")
fails("tables.values: expected a table, got string", tables.values, "x")
