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

is(markdown.heading("Title"), "# Title")
is(markdown.heading("É", 6), "###### É")
is(markdown.heading(" two\nlines "), "# two lines")
is(markdown.heading("C #"), "# C \\#")
is(markdown.heading("C#"), "# C#")
is(markdown.heading(""), "# ")
fails("markdown.heading: the level must be a whole number from 1 to 6, got 7", markdown.heading, "x", 7)
fails("markdown.heading: the level must be a whole number from 1 to 6, got 1.5", markdown.heading, "x", 1.5)
fails("markdown.heading: expected the text as a string, got nil", markdown.heading)
