local strings = require("strings")

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

is(strings.count("a.b.c", "."), 2)
is(strings.count("aaaa", "aa"), 2)
is(strings.count("", "a"), 0)
is(strings.count("ééé", "é"), 3)
fails("strings.count: the needle must not be empty", strings.count, "a", "")
fails("strings.count: expected the needle as a string, got nil", strings.count, "a")
