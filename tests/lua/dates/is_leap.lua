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

is(dates.is_leap(2024), true)
is(dates.is_leap(2026), false)
is(dates.is_leap(1900), false)
is(dates.is_leap(2000), true)
is(dates.days_in_month(2024, 2), 29)
is(dates.days_in_month(2026, 2), 28)
is(dates.days_in_month(2026, 4), 30)
is(dates.days_in_month(2026, 12), 31)
fails("dates.is_leap: expected the year as a number, got nil", dates.is_leap)
fails("dates.is_leap: the year must be a whole number", dates.is_leap, 2024.5)
fails("dates.days_in_month: the month must be from 1 to 12, got 13", dates.days_in_month, 2026, 13)
fails("dates.days_in_month: expected the month as a number, got nil", dates.days_in_month, 2026)
