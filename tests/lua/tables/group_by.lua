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

local issues = { { state = "open", n = 1 }, { state = "done", n = 2 }, { state = "open", n = 3 } }
same(tables.group_by(issues, "state"), { open = { issues[1], issues[3] }, done = { issues[2] } })
same(tables.group_by({ 1, 2, 3 }, function(item)
  return item % 2 == 0
end), { [true] = { 2 }, [false] = { 1, 3 } })
same(tables.group_by({}, "state"), {})
same(issues[1], { state = "open", n = 1 })
fails("tables.group_by: expected a list, got nil", tables.group_by, nil, "state")
fails("tables.group_by: item 1 has no key", tables.group_by, { {} }, "state")
fails("tables.group_by: expected a function or the name of a field, got table", tables.group_by, {}, {})
