-- Without configured servers there are none, and every way to one says so with the same code.
assert(#mcp.servers() == 0)
local count = 0
for _ in pairs(app.mcp) do count += 1 end
assert(count == 0)

local ways = {
  function() return app.mcp.nothing.tool({}) end,
  function() return app.mcp.nothing["some-tool"]({}) end,
  function() for _ in pairs(app.mcp.nothing) do end end,
  function() return mcp.tools("nothing") end,
  function() return mcp.schema("nothing", "tool") end,
  function() return mcp.call("nothing", "tool", {}) end,
  function() return mcp.resources("nothing") end,
  function() return mcp.read_resource("nothing", "file:///a") end,
  function() return mcp.prompts("nothing") end,
  function() return mcp.get_prompt("nothing", "name", { a = "b" }) end,
}
for number, way in ipairs(ways) do
  local ok, failure = pcall(way)
  assert(not ok and failure.code == "unknown_provider", `{number}: {tostring(failure)}`)
end

-- The same inside of async, where a script waits in another way.
local _, errors = async.map({ 1, 2, 3 }, function() return mcp.tools("nothing") end, { on_error = "collect" })
for number = 1, 3 do assert(errors[number].code == "unknown_provider") end

assert(not pcall(mcp.tools, 7))
assert(not pcall(function() app.mcp.x = 1 end))
assert(tostring(app.mcp) == "mcp servers" and tostring(app.mcp.files) == "mcp server files")
