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

local moment = dates.parse("2026-08-13T15:04:05Z")
local function start_of(unit, offset)
  return dates.format(dates.start_of(moment, unit, offset))
end
local function end_of(unit, offset)
  return dates.format(dates.end_of(moment, unit, offset))
end
is(start_of("day"), "2026-08-13T00:00:00Z")
is(start_of("week"), "2026-08-10T00:00:00Z")
is(start_of("month"), "2026-08-01T00:00:00Z")
is(start_of("year"), "2026-01-01T00:00:00Z")
is(start_of("day", "+09:00"), "2026-08-13T15:00:00Z")
is(end_of("day"), "2026-08-13T23:59:59Z")
is(end_of("week"), "2026-08-16T23:59:59Z")
is(end_of("month"), "2026-08-31T23:59:59Z")
is(end_of("year"), "2026-12-31T23:59:59Z")
is(end_of("day", "-05:00"), "2026-08-14T04:59:59Z")

moment = dates.parse("2024-02-29")
is(start_of("day"), "2024-02-29T00:00:00Z")
is(end_of("month"), "2024-02-29T23:59:59Z")
is(dates.start_of(-1, "day"), -86400)
is(dates.start_of(-0.5, "day"), -86400)
fails('dates.start_of: unknown unit "decade"; known are day, week, month, year', dates.start_of, 0, "decade")
fails('dates.end_of: unknown unit "nil"', dates.end_of, 0)
fails("dates.start_of: expected epoch seconds as a number, got nil", dates.start_of, nil, "day")
