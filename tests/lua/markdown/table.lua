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

is(
  markdown.table({ { name = "Ada", n = 1 }, { name = "日本", n = 22 } }, { "name", "n" }, { align = { n = "right" } }),
  "| name |   n |\n| ---- | --: |\n| Ada  |   1 |\n| 日本 |  22 |"
)
is(markdown.table({ { "a", "b" } }, { "x", "y" }), "| x   | y   |\n| --- | --- |\n| a   | b   |")
is(markdown.table({}, { "x" }), "| x   |\n| --- |")
is(
  markdown.table({ { "a|b", "two\nlines" } }, { "p|q", "é" }),
  "| p\\|q | é            |\n| ---- | ------------ |\n| a\\|b | two<br>lines |"
)
is(markdown.table({ { "a\\|b" } }, { "x" }), "| x      |\n| ------ |\n| a\\\\\\|b |")
is(
  markdown.table({ { "a", "b", "c" } }, { "left", "right", "center" }, { align = { "left", "right", "center" } }),
  "| left | right | center |\n| :--- | ----: | :----: |\n| a    |     b |   c    |"
)
is(markdown.table({ { x = json.null }, {}, { x = false } }, { "x" }), "| x     |\n| ----- |\n|       |\n|       |\n| false |")
is(markdown.table({ { "e\204\129" }, { "😀" } }, { "x" }), "| x   |\n| --- |\n| e\204\129   |\n| 😀  |")
assert(markdown.table({ { "\255" } }, { "x" }))

fails("markdown.table: expected the rows as a list, got nil", markdown.table)
fails("markdown.table: expected the columns as a list, got nil", markdown.table, {})
fails("markdown.table: a table needs a column", markdown.table, {}, {})
fails("markdown.table: expected column 1 as a string, got number", markdown.table, {}, { 1 })
fails('markdown.table: row 1, column "x" is table', markdown.table, { { x = {} } }, { "x" })
fails("markdown.table: row 1 is string, neither a list nor a record", markdown.table, { "a" }, { "x" })
fails('markdown.table: column "x" is to be aligned "middle"', markdown.table, {}, { "x" }, { align = { x = "middle" } })
fails('markdown.table: unknown option "alignment"', markdown.table, {}, { "x" }, { alignment = {} })
