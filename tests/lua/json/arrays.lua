
local function is(got, wanted)
  if got ~= wanted then
    error("got " .. tostring(got) .. ", wanted " .. tostring(wanted), 2)
  end
end

is(json.encode({}), "{}")
is(json.encode(json.array({})), "[]")
is(json.encode(json.array({ 1, 2 })), "[1,2]")
is(json.encode({ 1, 2 }), "[1,2]")
is(json.encode({ list = json.array({}) }), '{"list":[]}')
is(json.encode(json.decode("[]")), "[]")
is(json.encode(json.decode("{}")), "{}")

-- A list from JSON stays one when items are added or taken away.
local list = json.decode("[]")
list[1] = "x"
is(json.encode(list), '["x"]')
list = json.array({ 1 })
list[1] = nil
is(json.encode(list), "[]")
is(#json.decode("[1,2,3]"), 3)

for _, broken in ipairs({ { [1] = 1, [3] = 3 }, { 1, a = 2 }, { [0] = 1 }, { [1.5] = 1 } }) do
  assert(not pcall(json.encode, broken))
end
