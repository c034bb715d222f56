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

is(dates.humanize(0), "just now")
is(dates.humanize(0.9), "just now")
is(dates.humanize(1), "1 second ago")
is(dates.humanize(59.9), "59 seconds ago")
is(dates.humanize(60), "1 minute ago")
is(dates.humanize(3 * 86400 + 5), "3 days ago")
is(dates.humanize(-2 * 3600), "in 2 hours")
is(dates.humanize(40 * 86400), "1 month ago")
is(dates.humanize(800 * 86400), "2 years ago")
fails("dates.humanize: expected seconds as a number, got nil", dates.humanize)
fails("dates.humanize: seconds must be finite", dates.humanize, math.huge)
