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

is(markdown.code("x = 1", "lua"), "```lua\nx = 1\n```")
is(markdown.code("x\n"), "```\nx\n```")
is(markdown.code(""), "```\n```")
is(markdown.code("```\na\n```", "md"), "````md\n```\na\n```\n````")
is(markdown.code("`````é"), "``````\n`````é\n``````")
fails("markdown.code: expected the text as a string, got nil", markdown.code)
fails("markdown.code: the language must have no blanks and no backticks", markdown.code, "x", "a b")
fails("markdown.code: expected the language as a string, got number", markdown.code, "x", 1)
