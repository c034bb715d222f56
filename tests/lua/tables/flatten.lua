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

same(tables.flatten({ 1, { 2, { 3 } }, {}, "x" }), { 1, 2, { 3 }, "x" })
same(tables.flatten({ 1, { 2, { 3, { 4 } } } }, 2), { 1, 2, 3, { 4 } })
same(tables.flatten({ { 1 } }, 0), { { 1 } })
same(tables.flatten({ { a = 1 }, { { b = 2 } } }), { { a = 1 }, { b = 2 } })
is(json.encode(tables.flatten({ {}, {} })), "[]")
fails("tables.flatten: the depth must be at least 0", tables.flatten, {}, -1)
fails("tables.flatten: the depth must be a whole number, got 1.5", tables.flatten, {}, 1.5)
fails("tables.flatten: expected a list, got nil", tables.flatten)
