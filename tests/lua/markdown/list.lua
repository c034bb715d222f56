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

is(markdown.list({ "a", 2, true, "é" }), "- a\n- 2\n- true\n- é")
is(markdown.list({ "a", "b" }, { ordered = true }), "1. a\n2. b")
is(markdown.list({ "two\nlines", "x" }), "- two\n  lines\n- x")
is(markdown.list({ "two\r\nlines" }, { ordered = true }), "1. two\n   lines")
is(markdown.list({ "a\n\nb" }), "- a\n\n  b")
is(markdown.list({}), "")
fails("markdown.list: expected the items as a list, got nil", markdown.list)
fails("markdown.list: item 2 is table, neither text nor a number", markdown.list, { "a", {} })
fails('markdown.list: unknown option "numbered"', markdown.list, {}, { numbered = true })
