
local function is(got, wanted)
  if got ~= wanted then
    error("got " .. tostring(got) .. ", wanted " .. tostring(wanted), 2)
  end
end

is(time.parse("1970-01-01T00:00:00Z"), 0)
is(time.parse("2026-01-31T08:00:00Z"), 1769846400)
is(time.parse("2026-01-31T10:00:00+02:00"), 1769846400)
is(time.parse("2026-01-31T08:00:00.5Z"), 1769846400.5)
is(time.parse("31.01.2026 08:00:00 +0000", "%d.%m.%Y %H:%M:%S %z"), 1769846400)
is(time.parse(time.format(1769846400)), 1769846400)
for _, text in ipairs({ "", "yesterday", "2026-13-01T00:00:00Z", "2026-02-30T00:00:00Z" }) do
  assert(not pcall(time.parse, text), "read without an error: " .. text)
end
assert(not pcall(time.parse, nil))
assert(not pcall(time.parse, "2026", "%d.%m.%Y"))
