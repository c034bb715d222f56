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

local function is(got, wanted)
  if got ~= wanted then
    error("got " .. tostring(got) .. ", wanted " .. tostring(wanted), 2)
  end
end

same(strings.lines("a\nb\r\nc"), { "a", "b", "c" })
same(strings.lines("a\n"), { "a" })
same(strings.lines("a\n\nb\n\n"), { "a", "", "b", "" })
same(strings.lines("\n"), { "" })
is(json.encode(strings.lines("")), "[]")
same(strings.lines("é\r\n"), { "é" })
fails("strings.lines: expected a string, got nil", strings.lines)
