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

local item, index = tables.find({ 3, 8, 9 }, function(value)
  return value > 5
end)
is(item, 8)
is(index, 2)
item, index = tables.find({ { done = false }, { done = true, id = "ü" } }, "done")
is(item.id, "ü")
is(index, 2)
item, index = tables.find({}, "done")
is(item, nil)
is(index, nil)
item, index = tables.find({ true, false }, function(value)
  return value == false
end)
is(item, false)
is(index, 2)
fails("tables.find: expected a list, got number", tables.find, 1, "done")
