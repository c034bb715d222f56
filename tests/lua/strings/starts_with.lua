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

is(strings.starts_with("über", "ü"), true)
is(strings.starts_with("abc", ""), true)
is(strings.starts_with("ab", "abc"), false)
is(strings.starts_with("a.c", "a."), true)
is(strings.starts_with("abc", "a."), false)
is(strings.ends_with("file.csv", ".csv"), true)
is(strings.ends_with("filexcsv", ".csv"), false)
is(strings.ends_with("a", ""), true)
is(strings.ends_with("a", "ba"), false)
is(strings.ends_with("né", "é"), true)
fails("strings.starts_with: expected a string, got nil", strings.starts_with, "a")
fails("strings.ends_with: expected a string, got nil", strings.ends_with, nil, "a")
