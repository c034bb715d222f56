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

local function is(got, wanted)
  if got ~= wanted then
    error("got " .. tostring(got) .. ", wanted " .. tostring(wanted), 2)
  end
end

local function is(got, wanted)
  assert(got == wanted, string.format("got %q, wanted %q", got, wanted))
end
is(csv.encode({ { "a", "b" }, { 1, true } }), "a,b\r\n1,true\r\n")
is(csv.encode({ { b = 2, a = 1 }, { c = "é" } }), "a,b,c\r\n1,2,\r\n,,é\r\n")
is(csv.encode({ { b = 2, a = 1 } }, { columns = { "b", "none", "a" } }), "b,none,a\r\n2,,1\r\n")
is(csv.encode({ { 1, 2 } }, { columns = { "x", "y" } }), "x,y\r\n1,2\r\n")
is(csv.encode({ { 'say "hi"', "a,b", "two\nlines", " x" } }), '"say ""hi""","a,b","two\nlines"," x"\r\n')
is(csv.encode({ { "a,b", "c;d" } }, { separator = ";" }), 'a,b;"c;d"\r\n')
is(csv.encode({ { json.null, "x" } }), ",x\r\n")
is(csv.encode({ { "" }, { "x" } }), '""\r\nx\r\n')
is(csv.encode({}), "")
is(csv.encode({}, { columns = { "a", "b" } }), "a,b\r\n")

-- What a spreadsheet would run.
local formulas = { { "=1+1", "@cmd", "+a", "-a", "\tx", "-5", "+1.5", -5, "a=b", "" } }
is(csv.encode(formulas, { safe = true }), "'=1+1,'@cmd,'+a,'-a,'\tx,-5,+1.5,-5,a=b,\r\n")
is(csv.encode({ { "=1" } }), "=1\r\n")
is(csv.encode({ { ["=h"] = "=1,2" } }, { safe = true }), "'=h\r\n\"'=1,2\"\r\n")

-- There and back.
local rows = { { "", 'q"', "a,b", "\r\n", " lead", "日本" }, { "x", "", "", "", "", "" }, { "=" , "'", ";", "\t", "1", "\n" } }
same(csv.parse(csv.encode(rows)), rows)
same(csv.parse(csv.encode({ { "" }, { "a" }, { "" } })), { { "" }, { "a" }, { "" } })
local records = { { name = "Ada", note = "x\ny" }, { name = "É", note = "" } }
same(csv.parse(csv.encode(records), { header = true }), records)

fails("csv.encode: expected a list of rows, got nil", csv.encode)
fails('csv.encode: expected a list of rows, got a table with the key "a"', csv.encode, { a = 1 })
fails("csv.encode: row 2 is string, neither a list nor a record", csv.encode, { { 1 }, "x" })
fails('csv.encode: row 1, column "a" is table, which no cell can hold', csv.encode, { { a = {} } })
fails("csv.encode: row 1, column 2 is table, which no cell can hold", csv.encode, { { 1, {} } })
fails("csv.encode: row 2 is no list like the first one", csv.encode, { { 1 }, { a = 1 } })
fails("csv.encode: row 2 is no record like the first one", csv.encode, { { a = 1 }, { 1 } })
fails("csv.encode: column 1 is number, not a name", csv.encode, {}, { columns = { 1 } })
fails('csv.encode: unknown option "column"', csv.encode, {}, { column = {} })
