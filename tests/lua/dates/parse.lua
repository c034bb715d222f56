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

is(dates.parse("1970-01-01"), 0)
is(dates.parse("1970-01-01T00:00:00Z"), 0)
is(dates.parse("2026-01-31T08:00:00Z"), 1769846400)
is(dates.parse("2026-01-31T10:00:00+02:00"), 1769846400)
is(dates.parse("2026-01-31t02:30:00-05:30"), 1769846400)
is(dates.parse("2026-01-31 08:00:00z"), 1769846400)
is(dates.parse("2026-01-31T08:00:00.25Z"), 1769846400.25)
is(dates.parse("2000-02-29"), 951782400)
is(dates.parse("1969-12-31T23:59:59Z"), -1)
is(dates.parse("1900-03-01"), -2203891200)
is(dates.parse("2016-12-31T23:59:60Z"), dates.parse("2017-01-01"))
fails("dates.parse: expected a string, got nil", dates.parse)
fails("is neither RFC 3339 nor YYYY-MM-DD", dates.parse, "yesterday")
fails("is neither RFC 3339 nor YYYY-MM-DD", dates.parse, "")
fails("is neither RFC 3339 nor YYYY-MM-DD", dates.parse, "2026-1-1")
fails("is neither RFC 3339 nor YYYY-MM-DD", dates.parse, "2026-01-01T8:00")
fails("the month 13, which must be from 1 to 12", dates.parse, "2026-13-01")
fails("the day 29, which must be from 1 to 28", dates.parse, "2026-02-29")
fails("the day 29, which must be from 1 to 28", dates.parse, "1900-02-29")
fails("the hour 24", dates.parse, "2026-01-01T24:00:00Z")
fails("has no offset", dates.parse, "2026-01-01T08:00:00")
fails('has the offset "CET"', dates.parse, "2026-01-01T08:00:00CET")
fails('has the offset "Zx"', dates.parse, "2026-01-01T08:00:00Zx")
fails('has the offset "+25:00"', dates.parse, "2026-01-01T08:00:00+25:00")
