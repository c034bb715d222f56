
local function is(got, wanted)
  if got ~= wanted then
    error("got " .. tostring(got) .. ", wanted " .. tostring(wanted), 2)
  end
end

local now = time.now()
is(type(now), "number")
assert(now > 1700000000 and now < 10000000000, "no plausible time: " .. now)
assert(time.now() >= now)
assert(string.find(time.format(now), "^%d%d%d%d%-%d%d%-%d%dT%d%d:%d%d:%d%dZ$"))
assert(math.abs(time.parse(time.format(now)) - now) <= 1)
