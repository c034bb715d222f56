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

is(strings.dedent("  a\n    b\n\n  c\n"), "a\n  b\n\nc\n")
is(strings.dedent("a\n  b"), "a\n  b")
is(strings.dedent("    \n  é"), "\né")
is(strings.dedent("\ta\n\tb"), "a\nb")
is(strings.dedent("\ta\n  b"), "\ta\n  b")
is(strings.dedent(""), "")
is(strings.dedent("   "), "")
fails("strings.dedent: expected a string, got nil", strings.dedent)
