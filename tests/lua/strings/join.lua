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

is(strings.join({ "a", 1, true, 2.5 }, ", "), "a, 1, true, 2.5")
is(strings.join({ "é", "ü" }), "éü")
is(strings.join({}, ","), "")
fails("strings.join: expected a list, got nil", strings.join)
fails("strings.join: item 2 is table, neither text nor a number", strings.join, { "a", {} }, ",")
fails("strings.join: expected a string, got number", strings.join, { "a" }, 5)
