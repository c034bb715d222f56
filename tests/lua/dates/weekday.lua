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

is(dates.weekday(0), 4)
is(dates.weekday(dates.parse("2026-08-10")), 1)
is(dates.weekday(dates.parse("2026-08-16")), 7)
is(dates.weekday(-1), 3)
is(dates.weekday(dates.parse("2026-08-16T23:00:00Z"), "+02:00"), 1)
fails("dates.weekday: expected epoch seconds as a number, got nil", dates.weekday)
