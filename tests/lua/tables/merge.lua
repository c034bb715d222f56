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

local first = { a = 1, deep = { x = 1, y = { z = 1 } }, list = { 1, 2, 3 } }
local second = { b = 2, deep = { y = { w = 2 } }, list = { 9 } }
same(tables.merge(first, second), { a = 1, b = 2, deep = { y = { w = 2 } }, list = { 9 } })
same(tables.merge(first, second, { deep = true }), { a = 1, b = 2, deep = { x = 1, y = { z = 1, w = 2 } }, list = { 9 } })
same(first, { a = 1, deep = { x = 1, y = { z = 1 } }, list = { 1, 2, 3 } })
same(second, { b = 2, deep = { y = { w = 2 } }, list = { 9 } })
same(tables.merge({ a = true }, { a = false }), { a = false })
same(tables.merge({ a = { 1, 2 } }, { a = { x = 1 } }, { deep = true }), { a = { x = 1 } })
same(tables.merge({ a = { x = 1 } }, { a = {} }, { deep = true }), { a = { x = 1 } })
same(tables.merge({ a = { 1 } }, { a = {} }, { deep = true }), { a = {} })
same(tables.merge({}, {}), {})
fails("tables.merge: expected a table, got nil", tables.merge, {}, nil)
fails('tables.merge: unknown option "depth"', tables.merge, {}, {}, { depth = 1 })
