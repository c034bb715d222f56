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

local function add(sum, item)
  return sum + item
end
is(tables.reduce({ 1, 2, 3 }, add, 10), 16)
is(tables.reduce({ 1, 2, 3 }, add), 6)
is(tables.reduce({ 7 }, add), 7)
is(tables.reduce({}, add, 0), 0)
is(tables.reduce({ "a", "b" }, function(so_far, item, index)
  return so_far .. item .. index
end, ""), "a1b2")
is(tables.reduce({ true, true }, function()
  return false
end, false), false)
fails("tables.reduce: an empty list needs an initial value", tables.reduce, {}, add)
fails("tables.reduce: expected a list, got nil", tables.reduce, nil, add, 0)
fails("tables.reduce: expected a function, got string", tables.reduce, {}, "add", 0)
