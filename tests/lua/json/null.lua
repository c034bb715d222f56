
local function is(got, wanted)
  if got ~= wanted then
    error("got " .. tostring(got) .. ", wanted " .. tostring(wanted), 2)
  end
end

assert(json.null ~= nil)
assert(json.null == json.null)
is(json.encode(json.null), "null")
is(json.encode({ a = json.null }), '{"a":null}')
is(json.encode({ 1, json.null, 3 }), "[1,null,3]")
is(json.encode(json.array({ json.null })), "[null]")

-- A null that is read is nil, and a field like any other that is not there.
local value = json.decode('{"a":null}')
is(value.a, nil)
is(value.b, nil)
is(next(value), nil)
