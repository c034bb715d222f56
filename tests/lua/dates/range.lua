local dates = require("dates")
local tables = require("tables")

-- The call must fail, and its message must have these words.
local function fails(words, fn, ...)
  local ok, err = pcall(fn, ...)
  assert(not ok, "expected an error with: " .. words)
  assert(string.find(tostring(err), words, 1, true), "expected '" .. words .. "' in: " .. tostring(err))
end

-- Both values must be the same, tables by their content.
local function same(got, wanted)
  if not tables.equal(got, wanted) then
    error("got " .. json.encode(got) .. ", wanted " .. json.encode(wanted), 2)
  end
end

local function range(from, to, step)
  return tables.map(dates.range(dates.parse(from), dates.parse(to), step), function(moment)
    return dates.format(moment, "%Y-%m-%d")
  end)
end
same(range("2026-01-01", "2026-01-03", { days = 1 }), { "2026-01-01", "2026-01-02", "2026-01-03" })
same(range("2026-01-31", "2026-04-30", { months = 1 }), { "2026-01-31", "2026-02-28", "2026-03-31", "2026-04-30" })
same(range("2026-01-01", "2026-01-01", { days = 1 }), { "2026-01-01" })
assert(json.encode(range("2026-01-02", "2026-01-01", { days = 1 })) == "[]")
fails("dates.range: the step must lead forward", dates.range, 0, 10, { days = -1 })
fails("dates.range: the step must lead forward", dates.range, 0, 10, {})
fails("dates.range: more than 100000 moments", dates.range, 0, 1e9, { seconds = 1 })
fails("dates.range: expected a table such as { days = 1 }, got nil", dates.range, 0, 10)
fails("dates.range: expected epoch seconds as a number, got nil", dates.range, 0)
