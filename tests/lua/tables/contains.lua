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

is(tables.contains({ 1, "é", false }, "é"), true)
is(tables.contains({ 1, false }, false), true)
is(tables.contains({ 1, 2 }, "1"), false)
is(tables.contains({ { a = { 1 } } }, { a = { 1 } }), true)
is(tables.contains({}, nil), false)
fails("tables.contains: expected a list, got string", tables.contains, "text", "t")
