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

same(tables.unique({ 3, 1, 3, 2, 1 }), { 3, 1, 2 })
same(tables.unique({ 1, "1", true, 1 }), { 1, "1", true })
same(tables.unique({ { id = 1, n = "a" }, { id = 2 }, { id = 1, n = "b" } }, "id"), { { id = 1, n = "a" }, { id = 2 } })
same(tables.unique({ { id = 1 }, {}, { x = 2 } }, "id"), { { id = 1 }, {} })
is(#tables.unique({ 0 / 0, 0 / 0 }), 1)
is(#tables.unique({ {}, {} }), 2)
is(json.encode(tables.unique({})), "[]")
fails("tables.unique: expected a list, got nil", tables.unique, nil)
