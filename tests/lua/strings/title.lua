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

is(strings.title("hello wide world"), "Hello Wide World")
is(strings.title("élan d'iOS"), "Élan D'iOS")
is(strings.title("über ÷ þ"), "Über ÷ Þ")
is(strings.title("日本 x"), "日本 X")
is(strings.title(""), "")
is(strings.title(" a\tb"), " A\tB")
fails("strings.title: expected a string, got nil", strings.title)
