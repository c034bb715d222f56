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

is(strings.contains("100%", "%"), true)
is(strings.contains("abc", "b."), false)
is(strings.contains("abc", ""), true)
is(strings.contains("", "a"), false)
is(strings.contains("日本語", "本"), true)
fails("strings.contains: expected a string, got table", strings.contains, {}, "a")
fails("strings.contains: expected a string, got nil", strings.contains, "a", nil)
