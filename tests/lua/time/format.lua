
local function is(got, wanted)
  if got ~= wanted then
    error("got " .. tostring(got) .. ", wanted " .. tostring(wanted), 2)
  end
end

is(time.format(0), "1970-01-01T00:00:00Z")
is(time.format(1769846400), "2026-01-31T08:00:00Z")
is(time.format(1769846400.9), "2026-01-31T08:00:00Z")
is(time.format(-1), "1969-12-31T23:59:59Z")
is(time.format(1769846400, "%Y-%m-%d"), "2026-01-31")
is(time.format(1769846400, "%H:%M:%S %j %%"), "08:00:00 031 %")
is(time.format(1769846400, "%a %b"), "Sat Jan")

-- Zones with names; the clocks of summer are an hour ahead.
is(time.format(1769846400, "%H:%M", "Europe/Berlin"), "09:00")
is(time.format(1785484800, "%H:%M", "Europe/Berlin"), "10:00")
is(time.format(1769846400, "%Y-%m-%d %H:%M", "Asia/Tokyo"), "2026-01-31 17:00")

assert(not pcall(time.format, nil))
assert(not pcall(time.format, "x"))
assert(not pcall(time.format, 0, "%Y", "Nowhere/Town"))
