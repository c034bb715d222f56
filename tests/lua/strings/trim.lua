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

is(strings.trim("  \t a b \r\n"), "a b")
is(strings.trim(" \n "), "")
is(strings.trim(""), "")
is(strings.trim("\194\160é "), "\194\160é")
is(#strings.trim(string.rep(" ", 100000) .. "x" .. string.rep(" ", 100000)), 1)
is(strings.ltrim("  a "), "a ")
is(strings.ltrim("   "), "")
is(strings.rtrim("  a "), "  a")
is(strings.rtrim("à"), "à")
is(strings.rtrim("   "), "")
fails("strings.trim: expected a string, got nil", strings.trim)
fails("strings.ltrim: expected a string, got number", strings.ltrim, 5)
fails("strings.rtrim: expected a string, got table", strings.rtrim, {})
