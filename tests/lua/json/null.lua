assert(json.null ~= nil and tostring(json.null) == "null")
assert(json.encode({ a = json.null }) == '{"a":null}')
assert(not pcall(function() json.null.a = 1 end))
