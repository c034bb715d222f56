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

local record = { a = 1, b = false, c = "x" }
same(tables.pick(record, { "a", "b", "none" }), { a = 1, b = false })
same(tables.pick(record, {}), {})
same(record, { a = 1, b = false, c = "x" })
fails("tables.pick: expected a table, got nil", tables.pick, nil, {})
fails("tables.pick: expected a list, got string", tables.pick, {}, "a")
