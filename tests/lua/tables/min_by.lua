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

local list = { { n = 3 }, { n = 1, id = "first" }, {}, { n = 1, id = "second" } }
local item, index = tables.min_by(list, "n")
is(item.id, "first")
is(index, 2)
is((tables.min_by({ 5, 2, 9 })), 2)
is((tables.min_by({ "b", "a" })), "a")
is((tables.min_by({}, "n")), nil)
is((tables.min_by({ {}, {} }, "n")), nil)
fails("tables.min_by: item 2 gives a string, the ones before it a number", tables.min_by, { 1, "2" })
fails("tables.min_by: item 1 gives table, neither a number nor a string", tables.min_by, { {} })
fails("tables.min_by: expected a list, got nil", tables.min_by)
