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

same(tables.keys({ b = 1, a = 2, ["ä"] = 3 }), { "a", "b", "ä" })
same(tables.keys({ 10, 20, x = 1, [true] = 2 }), { true, 1, 2, "x" })
is(json.encode(tables.keys({})), "[]")
fails("tables.keys: expected a table, got nil", tables.keys, nil)
