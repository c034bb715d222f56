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

same(tables.chunk({ 1, 2, 3, 4, 5 }, 2), { { 1, 2 }, { 3, 4 }, { 5 } })
same(tables.chunk({ 1, 2 }, 2), { { 1, 2 } })
same(tables.chunk({ 1 }, 100), { { 1 } })
is(json.encode(tables.chunk({}, 3)), "[]")
fails("tables.chunk: the size must be at least 1, got 0", tables.chunk, {}, 0)
fails("tables.chunk: the size must be a whole number, got nil", tables.chunk, {}, nil)
