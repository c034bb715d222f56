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

is(strings.is_blank(nil), true)
is(strings.is_blank(json.null), true)
is(strings.is_blank(""), true)
is(strings.is_blank(" \t\r\n"), true)
is(strings.is_blank(" ü "), false)
fails("strings.is_blank: expected a string, got number", strings.is_blank, 0)
