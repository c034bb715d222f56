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

is(strings.escape_html("<a href=\"x\">Tom & 'é'</a>"), "&lt;a href=&quot;x&quot;&gt;Tom &amp; &#39;é&#39;&lt;/a&gt;")
is(strings.escape_html("&amp;"), "&amp;amp;")
is(strings.escape_html(""), "")
is(select("#", strings.escape_html("<")), 1)
fails("strings.escape_html: expected a string, got nil", strings.escape_html)
