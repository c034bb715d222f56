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

local users = { { id = "a", n = 1 }, { id = "b", n = 2 }, { id = "a", n = 3 } }
same(tables.index_by(users, "id"), { a = users[3], b = users[2] })
same(tables.index_by({ "x", "y" }, function(item, index)
  return item .. index
end), { x1 = "x", y2 = "y" })
same(tables.index_by({}, "id"), {})
fails("tables.index_by: item 2 has no key", tables.index_by, { { id = 1 }, { name = 2 } }, "id")
fails("tables.index_by: item 1 has no key", tables.index_by, { 5 }, "id")
fails("tables.index_by: expected a list, got nil", tables.index_by, nil, "id")
