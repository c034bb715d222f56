
local function is(got, wanted)
  if got ~= wanted then
    error("got " .. tostring(got) .. ", wanted " .. tostring(wanted), 2)
  end
end

local m = regex.match("released 2026-01-31.", "(\\d{4})-(\\d\\d)-(\\d\\d)")
is(m[0], "2026-01-31")
is(m[1], "2026")
is(m[3], "31")
is(m[4], nil)
is(m.start, 10)
is(m.stop, 19)
is(string.sub("released 2026-01-31.", m.start, m.stop), m[0])

m = regex.match("key=value", "(?P<name>\\w+)=(?P<what>\\w+)")
is(m.name, "key")
is(m.what, "value")
is(m[1], "key")

-- A group that took no part is nil.
m = regex.match("b", "(a)?(b)")
is(m[1], nil)
is(m[2], "b")

-- Places are bytes.
m = regex.match("é日x", "x")
is(m.start, 6)
is(m.stop, 6)

-- An empty match stops before it starts.
m = regex.match("abc", "x*")
is(m[0], "")
is(m.start, 1)
is(m.stop, 0)

is(regex.match("abc", "x"), nil)
is(regex.match("", "x"), nil)
is(regex.match("ABC", "(?i)abc")[0], "ABC")

for _, pattern in ipairs({ "(", "[a", "*" }) do
  local ok, err = pcall(regex.match, "a", pattern)
  is(ok, false)
  is(err.code, "invalid_arguments")
end
assert(not pcall(regex.match, nil, "a"))
assert(not pcall(regex.match, "a", nil))
