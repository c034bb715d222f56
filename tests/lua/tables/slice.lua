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

local list = { 1, 2, 3, 4, 5 }
same(tables.slice(list, 2, 4), { 2, 3, 4 })
same(tables.slice(list, 3), { 3, 4, 5 })
same(tables.slice(list, -2), { 4, 5 })
same(tables.slice(list, 1, -2), { 1, 2, 3, 4 })
same(tables.slice(list, -100, 100), list)
is(json.encode(tables.slice(list, 4, 2)), "[]")
is(json.encode(tables.slice({}, 1)), "[]")
fails("tables.slice: the first place must be a whole number, got nil", tables.slice, list)
fails("tables.slice: expected a list, got nil", tables.slice, nil, 1)
