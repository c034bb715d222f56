-- Values of one's own pass through unchanged.
local ok, err = pcall(error, { code = "mine", more = 1 })
assert(not ok and err.code == "mine" and err.more == 1)
ok, err = pcall(error, "text", 0)
assert(not ok and err == "text")
ok, err = pcall(error)
assert(not ok and err == nil)

-- The language's own mistakes name the line.
ok, err = pcall(function()
  local none = nil
  return none.field
end)
assert(not ok and string.find(err, "raised.lua:12:", 1, true), tostring(err))

-- An error that is raised again keeps all it says.
ok, err = pcall(function()
  local inner, failure = pcall(app.integrations.data.get, { collection = "errors", id = "none" })
  assert(not inner)
  error(failure)
end)
assert(not ok and err.code == "not_found")

-- A handler sees the same.
local seen
xpcall(function() error("handled", 0) end, function(failure) seen = failure end)
assert(seen == "handled")

-- assert hands over any message.
ok, err = pcall(assert, false, { code = "mine" })
assert(not ok and err.code == "mine")
