local tables = require("tables")
local strings = require("strings")

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

same(strings.split("a,b,,c", ","), { "a", "b", "", "c" })
same(strings.split("", ","), { "" })
same(strings.split("a", ","), { "a" })
same(strings.split(",", ","), { "", "" })
same(strings.split("a.b", "."), { "a", "b" })
same(strings.split("a=b=c", "=", 2), { "a", "b=c" })
same(strings.split("a=b", "=", 1), { "a=b" })
same(strings.split("a=b", "=", 9), { "a", "b" })
same(strings.split("aéé b", "é"), { "a", "", " b" })
same(strings.split("a, b", ", "), { "a", "b" })
fails("strings.split: the separator must not be empty", strings.split, "a", "")
fails("strings.split: expected a string, got nil", strings.split, nil, ",")
fails("strings.split: the limit must be at least 1, got 0", strings.split, "a", ",", 0)
