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

same(tables.count_by({ "a", "b", "a" }), { a = 2, b = 1 })
same(tables.count_by({ { k = "é" }, { k = "é" } }, "k"), { ["é"] = 2 })
same(tables.count_by({}), {})
fails("tables.count_by: item 2 has no key", tables.count_by, { { k = 1 }, {} }, "k")
fails("tables.count_by: item 1 has no key", tables.count_by, { 0 / 0 })
fails("tables.count_by: expected a list, got nil", tables.count_by)
