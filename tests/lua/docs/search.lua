-- A line for each function that fits: provider.function - description.
local text = docs.search("create an issue")
local first = string.split(text, "\n")[1]
assert(string.match(first, "^[%w_]+%.[%w_]+ %- .+$"), first)
assert(string.find(text, "create_issue", 1, true))

local ok, err = pcall(docs.search)
assert(not ok and err.code == "invalid_arguments")
