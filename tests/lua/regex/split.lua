assert(table.concat(regex.split("a, b;c", [[[,;]\s*]]), "|") == "a|b|c")
assert(table.concat(regex.split("a,b,c", ",", 2), "|") == "a|b,c")
assert(#regex.split("", ",") == 1)
assert(json.encode(regex.split("abc", "x")) == '["abc"]')
