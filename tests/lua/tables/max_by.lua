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

local list = { { n = 3, id = "first" }, { n = 1 }, {}, { n = 3, id = "second" } }
local item, index = tables.max_by(list, "n")
is(item.id, "first")
is(index, 1)
is((tables.max_by({ -5, -2, -9 })), -2)
is((tables.max_by({ 0 / 0, 1 })), 1)
is((tables.max_by({ "a", "bb" }, function(text)
  return #text
end)), "bb")
is((tables.max_by({})), nil)
fails("tables.max_by: item 2 gives a number, the ones before it a string", tables.max_by, { "2", 1 })
fails("tables.max_by: expected a list, got string", tables.max_by, "x")
