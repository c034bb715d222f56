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

same(tables.filter({ 1, 2, 3, 4 }, function(item)
  return item % 2 == 0
end), { 2, 4 })
same(tables.filter({ "a", "b", "c" }, function(_, index)
  return index ~= 2
end), { "a", "c" })
same(tables.filter({ { on = true, id = 1 }, { on = false, id = 2 }, { id = 3 } }, "on"), { { on = true, id = 1 } })
assert(json.encode(tables.filter({ 1 }, function()
  return false
end)) == "[]")
same(tables.filter({}, "on"), {})
fails("tables.filter: expected a list, got string", tables.filter, "text", "on")
fails("tables.filter: expected a function or the name of a field, got boolean", tables.filter, {}, true)
