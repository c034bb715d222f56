-- A variable that is not open cannot be read, and the error says how to open it.
local ok, err = pcall(env, "PATH")
assert(not ok and err.code == "permission_denied", tostring(err))
assert(string.find(err.message, "PATH", 1, true))
assert(string.find(err.hints[1], "--env PATH", 1, true), json.encode(err.hints))
assert(not pcall(env, "ANGELIA_HOME"))

ok, err = pcall(env)
assert(not ok and err.code == "invalid_arguments")
