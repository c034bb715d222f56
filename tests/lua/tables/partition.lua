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

local even, odd = tables.partition({ 1, 2, 3, 4, 5 }, function(item)
  return item % 2 == 0
end)
same(even, { 2, 4 })
same(odd, { 1, 3, 5 })
local yes, no = tables.partition({}, "on")
is(json.encode(yes), "[]")
is(json.encode(no), "[]")
fails("tables.partition: expected a list, got nil", tables.partition, nil, "on")
