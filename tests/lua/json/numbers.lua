
local function is(got, wanted)
  if got ~= wanted then
    error("got " .. tostring(got) .. ", wanted " .. tostring(wanted), 2)
  end
end

is(json.encode(1), "1")
is(json.encode(1.0), "1")
is(json.encode(-5), "-5")
is(json.encode(0), "0")
is(json.encode(1.5), "1.5")
is(json.encode(0.1), "0.1")
is(json.encode(2 ^ 53), "9007199254740992")
is(json.encode(-2 ^ 53), "-9007199254740992")
is(json.encode(1e15), "1000000000000000")
is(json.encode({ 1, 2.5 }), "[1,2.5]")

is(json.decode("9007199254740992"), 2 ^ 53)
is(json.decode("9007199254740991"), 2 ^ 53 - 1)
is(json.decode("1.0"), 1)
is(json.decode("1e3"), 1000)
is(json.decode("-2.5E-1"), -0.25)

-- Larger integers come as their digits.
local value = json.decode('{"id":9007199254740993,"neg":-9007199254740993}')
is(value.id, "9007199254740993")
is(value.neg, "-9007199254740993")
is(json.encode(value, { sorted = true }), '{"id":9007199254740993,"neg":-9007199254740993}')
-- They are text, and are written as text where they are put into a table of one's own.
is(json.encode({ id = value.id }), '{"id":"9007199254740993"}')
