-- The overview ends with the providers; the line of each says what it reaches.
local text = docs.list()
assert(type(text) == "string")
assert(string.find(text, "Providers", 1, true))
assert(string.find(text, "data", 1, true) and string.find(text, "github", 1, true))
