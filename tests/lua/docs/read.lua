assert(type(docs.read("data")) == "string")
assert(type(docs.read("data.create")) == "string")

local ok, err = pcall(docs.read, 7)
assert(not ok and err.code == "invalid_arguments")
