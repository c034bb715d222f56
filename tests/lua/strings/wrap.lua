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

is(strings.wrap("one two three", 7), "one two\nthree")
is(strings.wrap("verylongword a", 4), "verylongword\na")
is(strings.wrap("a  b\n\nc", 80), "a b\n\nc")
is(strings.wrap("日本 日本 日本", 5), "日本 日本\n日本")
is(strings.wrap("", 10), "")
is(strings.wrap("short"), "short")
fails("strings.wrap: the width must be at least 1, got 0", strings.wrap, "a", 0)
fails("strings.wrap: expected a string, got nil", strings.wrap)
