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

local function diff(from, to, unit)
  return dates.diff(dates.parse(from), dates.parse(to), unit)
end
is(diff("2026-01-01", "2026-01-02"), 86400)
is(diff("2026-01-01", "2026-01-02", "hours"), 24)
is(diff("2026-01-02", "2026-01-01", "days"), -1)
is(diff("2026-01-01", "2026-01-15", "weeks"), 2)
is(diff("2026-01-01T00:00:00Z", "2026-01-01T12:00:00Z", "days"), 0.5)
is(diff("2026-01-31", "2026-02-28", "months"), 1)
is(diff("2026-01-31", "2026-02-27", "months"), 0)
is(diff("2026-01-15", "2026-03-14", "months"), 1)
is(diff("2026-03-14", "2026-01-15", "months"), -1)
is(diff("2024-02-29", "2026-02-28", "years"), 2)
is(diff("2024-03-01", "2026-02-28", "years"), 1)
is(diff("2026-01-01", "2026-01-01", "months"), 0)
fails('dates.diff: unknown unit "day"', dates.diff, 0, 0, "day")
fails("dates.diff: expected epoch seconds as a number, got nil", dates.diff, 0)
