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

is(strings.truncate("hello world", 5), "hell…")
is(strings.truncate("hello", 5), "hello")
is(strings.truncate("", 5), "")
is(strings.truncate("日本語テキスト", 4), "日本語…")
is(strings.truncate("äöüß", 2, ""), "äö")
is(strings.truncate("hello world", 8, "..."), "hello...")
is(strings.truncate("hello", 2, "..."), "..")
is(strings.truncate("hello", 0), "")
for width = 0, 8 do
  local cut = strings.truncate("aé日😀é日x", width)
  assert(utf8.len(cut) and utf8.len(cut) <= width, "cut within a character: " .. cut)
end
-- Bytes that are no UTF-8 do no harm.
assert(#strings.truncate("\128\128\255\255\255", 2) > 0)
fails("strings.truncate: the width must be at least 0", strings.truncate, "a", -1)
fails("strings.truncate: expected a string, got nil", strings.truncate, nil, 5)
