local found = regex.match("issue #42 of acme/web", [[#(\d+) of (?P<owner>\w+)/(\w+)]])
assert(found[0] == "#42 of acme/web" and found[1] == "42" and found[2] == "acme" and found.owner == "acme" and found[3] == "web")
assert(string.sub("issue #42 of acme/web", found.start, found.stop) == found[0])
assert(regex.match("abc", "x") == nil)
assert(regex.match("ÄB", "(?i)ä")[0] == "Ä")
local optional = regex.match("ac", "a(b)?c")
assert(optional[0] == "ac" and optional[1] == nil)

-- What takes for ever elsewhere does not here.
assert(regex.match(string.rep("a", 50000), "(a+)+$"))
assert(regex.match(string.rep("a", 50000) .. "b", "^(a+)+$") == nil)

local ok, err = pcall(regex.match, "a", "(")
assert(not ok and err.code == "invalid_arguments" and string.find(err.message, "unclosed group", 1, true), tostring(err))
assert(not pcall(regex.match, nil, "a") and not pcall(regex.match, "a"))
