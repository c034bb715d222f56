local markdown = require("markdown")

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

is(markdown.link("text", "https://example.org/a?b=c&d=1"), "[text](https://example.org/a?b=c&d=1)")
is(markdown.link("a [b] \\ c", "https://example.org"), "[a \\[b\\] \\\\ c](https://example.org)")
is(markdown.link("é", "https://example.org/a b_(c)<d>"), "[é](https://example.org/a%20b_%28c%29%3Cd%3E)")
is(markdown.link("two\nlines", "x\ny"), "[two lines](x%0Ay)")
is(markdown.link("", ""), "[]()")
fails("markdown.link: expected the text as a string, got nil", markdown.link)
fails("markdown.link: expected the address as a string, got nil", markdown.link, "text")
