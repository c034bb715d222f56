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

is(tables.sum({ 1, 2, 3.5 }), 6.5)
is(tables.sum({}), 0)
is(tables.sum({ { n = 2 }, { n = -5 } }, "n"), -3)
is(tables.sum({ "a", "bb" }, function(text)
  return #text
end), 3)
fails("tables.sum: item 2 gives string, not a number", tables.sum, { 1, "2" })
fails("tables.sum: item 1 gives nil, not a number", tables.sum, { {} }, "n")
fails("tables.sum: expected a list, got nil", tables.sum)
