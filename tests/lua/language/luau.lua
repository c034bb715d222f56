-- What differs from the Lua of other programs, as docs/lua.md says.
assert(7 // 2 == 3 and -7 // 2 == -4)
local sum = 0
for number = 1, 5 do
  if number == 3 then
    continue
  end
  sum += number
end
assert(sum == 12)
assert(`{sum} is the sum` == "12 is the sum")
local kind = if sum > 10 then "large" else "small"
assert(kind == "large")
local typed: number = 3
assert(typed == 3 and 3 == 3.0 and tostring(3.0) == "3")
assert(2 ^ 53 == 2 ^ 53 + 1)
assert(bit32.band(6, 3) == 2 and bit32.bor(6, 3) == 7)
local keys = {}
for key in { a = 1 } do
  keys[#keys + 1] = key
end
assert(keys[1] == "a")
assert(string.split("a,b", ",")[2] == "b" and table.find({ "a", "b" }, "b") == 2 and utf8.len("é") == 1)

-- What could reach further than a script may is not there.
for _, name in { "load", "loadstring", "dofile", "loadfile", "io", "debug", "package", "collectgarbage", "getfenv", "setfenv", "newproxy", "gcinfo" } do
  assert(_G[name] == nil, name .. " is there")
end
for _, name in { "execute", "getenv", "exit", "remove", "rename", "tmpname", "setlocale" } do
  assert(os[name] == nil, "os." .. name .. " is there")
end
assert(os.time() > 0 and os.clock() >= 0 and type(os.date()) == "string")
assert(string.dump == nil)

-- The libraries cannot be changed, globals of one's own can.
assert(not pcall(function() string.upper = nil end))
assert(not pcall(function() getmetatable("").__index = nil end))
mine = 1
assert(_G.mine == 1 and mine == 1)
