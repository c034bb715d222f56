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

is(strings.indent("a\n\nb\n"), "  a\n\n  b\n")
is(strings.indent("a", "> "), "> a")
is(strings.indent("é\n  ü", 4), "    é\n      ü")
is(strings.indent("", 2), "")
is(strings.indent("a", 0), "a")
fails("strings.indent: expected a string, got nil", strings.indent)
fails("strings.indent: expected a string, got boolean", strings.indent, "a", true)
