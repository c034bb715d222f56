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

is(strings.slug("Hello, World!"), "hello-world")
is(strings.slug("Crème Brûlée & Äpfel"), "creme-brulee-aepfel")
is(strings.slug("  --a__b--  "), "a-b")
is(strings.slug("Straße Łódź"), "strasse-lodz")
is(strings.slug("It's O’Neil"), "its-oneil")
is(strings.slug("日本語"), "")
is(strings.slug("v1.2"), "v1-2")
is(strings.slug(""), "")
fails("strings.slug: expected a string, got nil", strings.slug)
