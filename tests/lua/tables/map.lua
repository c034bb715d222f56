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

same(tables.map({ 1, 2, 3 }, function(item)
  return item * 2
end), { 2, 4, 6 })
same(tables.map({ "a", "b" }, function(item, index)
  return item .. index
end), { "a1", "b2" })
same(tables.map({ { name = "Ada" }, { name = "Żółć" } }, "name"), { "Ada", "Żółć" })
same(tables.map({ false, true }, function(item)
  return not item
end), { true, false })

local input = { 1, 2 }
tables.map(input, tostring)
same(input, { 1, 2 })
assert(json.encode(tables.map({}, "name")) == "[]")
same(tables.map({ 1 }, function()
  return json.null
end), { json.null })

fails("tables.map: expected a list, got nil", tables.map, nil, "name")
fails('expected a list, got a table with the key "a"', tables.map, { a = 1 }, "name")
fails("expected a function or the name of a field, got nil", tables.map, { 1 }, nil)
fails("item 2 became nil", tables.map, { { name = 1 }, {} }, "name")
