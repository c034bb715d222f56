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

local function add(text, step, offset)
  return dates.format(dates.add(dates.parse(text), step, offset))
end
is(add("2026-01-31", { months = 1 }), "2026-02-28T00:00:00Z")
is(add("2024-01-31", { months = 1 }), "2024-02-29T00:00:00Z")
is(add("2026-03-31", { months = -1 }), "2026-02-28T00:00:00Z")
is(add("2026-01-15", { months = -1 }), "2025-12-15T00:00:00Z")
is(add("2024-02-29", { years = 1 }), "2025-02-28T00:00:00Z")
is(add("2024-02-29", { years = 4 }), "2028-02-29T00:00:00Z")
is(add("2026-12-31T23:00:00Z", { hours = 2 }), "2027-01-01T01:00:00Z")
is(add("2026-01-31", { months = 1, days = 1 }), "2026-03-01T00:00:00Z")
is(add("2026-01-01", { weeks = 1, days = -1, minutes = 90, seconds = 5 }), "2026-01-07T01:30:05Z")
is(add("2026-01-01", {}), "2026-01-01T00:00:00Z")
is(add("2026-01-31T23:00:00Z", { months = 1 }, "+02:00"), "2026-02-28T23:00:00Z")
is(dates.add(0.5, { months = 1 }), 31 * 86400 + 0.5)
fails('dates.add: unknown unit "day"', dates.add, 0, { day = 1 })
fails("dates.add: months must be a whole number, got 0.5", dates.add, 0, { months = 0.5 })
fails("dates.add: expected days as a number, got string", dates.add, 0, { days = "1" })
fails("dates.add: expected a table such as { days = 1 }, got number", dates.add, 0, 86400)
fails("dates.add: expected epoch seconds as a number, got nil", dates.add, nil, {})
