local dates = require("dates")

-- The call must fail, and its message must have these words.
local function fails(words, fn, ...)
  local ok, err = pcall(fn, ...)
  assert(not ok, "expected an error with: " .. words)
  assert(string.find(tostring(err), words, 1, true), "expected '" .. words .. "' in: " .. tostring(err))
end

local function is(got, wanted)
  if got ~= wanted then
    error("got " .. tostring(got) .. ", wanted " .. tostring(wanted), 2)
  end
end

is(dates.format(0), "1970-01-01T00:00:00Z")
is(dates.format(1769846400), "2026-01-31T08:00:00Z")
is(dates.format(1769846400.9), "2026-01-31T08:00:00Z")
is(dates.format(1769846400, nil, "+02:00"), "2026-01-31T10:00:00+02:00")
is(dates.format(1769846400, nil, "-08:30"), "2026-01-30T23:30:00-08:30")
is(dates.format(-1), "1969-12-31T23:59:59Z")
is(dates.format(-0.5), "1969-12-31T23:59:59Z")
is(dates.format(951782400, "%a %d %b %Y, day %j, 100%%"), "Tue 29 Feb 2000, day 060, 100%")
is(dates.format(1769846400, "%H:%M:%S"), "08:00:00")
is(dates.format(0, "é"), "é")
is(dates.format(0, ""), "")
is(select("#", dates.format(0)), 1)

-- Both ways, on every 97th day of many centuries.
for day = -300000, 300000, 97 do
  local moment = day * 86400
  is(dates.parse(dates.format(moment)), moment)
end

fails('dates.format: unknown "%Q"', dates.format, 0, "%Q")
fails('dates.format: unknown "%"', dates.format, 0, "100%")
fails("dates.format: expected epoch seconds as a number, got string", dates.format, "2026-01-01")
fails("dates.format: epoch seconds must be finite", dates.format, 0 / 0)
fails("dates.format: epoch seconds must be finite", dates.format, math.huge)
fails("is no offset such as", dates.format, 0, nil, "CET")
fails("dates.format: expected a format as a string, got number", dates.format, 0, 5)
