local tables = require("tables")
local csv = require("csv")

-- The call must fail, and its message must have these words.
local function fails(words, fn, ...)
  local ok, err = pcall(fn, ...)
  assert(not ok, "expected an error with: " .. words)
  assert(string.find(tostring(err), words, 1, true), "expected '" .. words .. "' in: " .. tostring(err))
end

-- Both values must be the same, tables by their content.
local function same(got, wanted)
  if not tables.equal(got, wanted) then
    error("got " .. json.encode(got) .. ", wanted " .. json.encode(wanted), 2)
  end
end

same(csv.parse("a,b\r\n1,2\r\n"), { { "a", "b" }, { "1", "2" } })
same(csv.parse("a,b\n1,2"), { { "a", "b" }, { "1", "2" } })
same(csv.parse("a\rb"), { { "a" }, { "b" } })
same(csv.parse('"a ""b""","x,y","two\r\nlines"\n'), { { 'a "b"', "x,y", "two\r\nlines" } })
same(csv.parse('"",""'), { { "", "" } })
same(csv.parse(","), { { "", "" } })
same(csv.parse("a,\n"), { { "a", "" } })
same(csv.parse("a\n\n\r\nb\n"), { { "a" }, { "b" } })
same(csv.parse(" a , b "), { { " a ", " b " } })
same(csv.parse("\239\187\191é;ü", { separator = ";" }), { { "é", "ü" } })
same(csv.parse("a\tb", { separator = "\t" }), { { "a", "b" } })
same(csv.parse("a|b^c", { separator = "^" }), { { "a|b", "c" } })
same(csv.parse("a]b", { separator = "]" }), { { "a", "b" } })
assert(json.encode(csv.parse("")) == "[]")

same(csv.parse("name,age\nAda,36\n日本,\n", { header = true }), { { name = "Ada", age = "36" }, { name = "日本", age = "" } })
assert(json.encode(csv.parse("a,b\n", { header = true })) == "[]")
assert(json.encode(csv.parse("", { header = true })) == "[]")

fails("csv.parse: row 2 has a quote that is never closed", csv.parse, 'a\n"b')
fails("csv.parse: row 2 has text behind a closing quote", csv.parse, 'a\n"b"c')
fails("csv.parse: row 3 has a quote inside a cell that is not quoted", csv.parse, 'a\nb\nc"d"')
fails("csv.parse: row 1 has a quote that is never closed", csv.parse, '"')
fails("csv.parse: row 3 has 1 cells, the header has 2", csv.parse, "a,b\n1,2\n3\n", { header = true })
fails("csv.parse: row 2 has 3 cells, the header has 2", csv.parse, "a,b\n1,2,3\n", { header = true })
fails('csv.parse: the header names "a" twice (columns 1 and 3)', csv.parse, "a,b,a\n", { header = true })
fails("csv.parse: expected a string, got nil", csv.parse)
fails('csv.parse: unknown option "headers"', csv.parse, "", { headers = true })
fails('csv.parse: expected the option "header" as a boolean, got number', csv.parse, "", { header = 1 })
fails("csv.parse: the separator must be one ASCII character", csv.parse, "", { separator = '"' })
fails("csv.parse: the separator must be one ASCII character", csv.parse, "", { separator = "" })
