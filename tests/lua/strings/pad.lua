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

is(strings.pad_left("7", 3, "0"), "007")
is(strings.pad_left("é", 3), "  é")
is(strings.pad_right("日本", 4, "·"), "日本··")
is(strings.pad_right("long", 2), "long")
is(strings.pad_left("", 0), "")
fails("strings.pad_left: the fill must be one character", strings.pad_left, "a", 3, "ab")
fails("strings.pad_left: the fill must be one character", strings.pad_left, "a", 3, "")
fails("strings.pad_right: the width must be a whole number, got nil", strings.pad_right, "a")
fails("strings.pad_right: expected a string, got nil", strings.pad_right, nil, 3)
