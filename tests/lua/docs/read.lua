assert(type(docs.read("data")) == "string")
assert(type(docs.read("data.create")) == "string")

local ok, err = pcall(docs.read, 7)
assert(not ok and err.code == "invalid_arguments")

-- The pages of integrations:docs.
assert(string.find(docs.read("data"), "data.create", 1, true))
assert(string.find(docs.read("data.create"), "collection", 1, true))
ok, err = pcall(docs.read, "data.creat")
assert(not ok and err.code == "unknown_function" and string.find(tostring(err), "data.create", 1, true), tostring(err))
