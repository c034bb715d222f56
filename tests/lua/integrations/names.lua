local function fails(code, words, fn)
  local ok, err = pcall(fn)
  assert(not ok and err.code == code, tostring(err))
  assert(string.find(tostring(err), words, 1, true), "expected '" .. words .. "' in: " .. tostring(err))
end

-- A name that does not exist names what is near.
fails("unknown_provider", "'github'", function() return app.integrations.githb end)
fails("unknown_function", "data.create", function() return app.integrations.data.creat end)
fails("unknown_function", "data.create", function() return app.integrations.data.default.creat end)

-- The default account has a name.
assert(app.integrations.data.default.collections)

-- Nothing of it can be changed.
fails("script_error", "cannot be changed", function() app.integrations.data = nil end)
fails("script_error", "cannot be changed", function() app.integrations.data.get = print end)
fails("script_error", "cannot be changed", function() app.integrations.data.get.each = print end)

-- Active providers and the functions of one can be listed.
local providers = {}
for id, provider in pairs(app.integrations) do
  providers[id] = provider
end
assert(providers.data == app.integrations.data)
local count = 0
for name, call in app.integrations.data do
  assert(app.integrations.data[name] == call)
  count += 1
end
assert(count == 8, count)
