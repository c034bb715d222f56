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

same(tables.zip({ 1, 2, 3 }, { "a", "b" }), { { 1, "a" }, { 2, "b" } })
same(tables.zip({ 1 }, { 2 }, { 3 }), { { 1, 2, 3 } })
same(tables.zip({ 1, 2 }), { { 1 }, { 2 } })
is(json.encode(tables.zip()), "[]")
is(json.encode(tables.zip({}, { 1 })), "[]")
fails("tables.zip: expected a list, got nil", tables.zip, { 1 }, nil)
