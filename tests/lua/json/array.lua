assert(json.encode(json.array()) == "[]")
local list = { 1 }
assert(json.array(list) == list)
table.remove(list)
assert(json.encode(list) == "[]")
assert(json.encode({ tags = json.array({}) }) == '{"tags":[]}')
assert(not pcall(json.array, "text"))
