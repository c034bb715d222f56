local tables = require("tables")

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

local input = { 3, 1, 2 }
same(tables.sort_by(input), { 1, 2, 3 })
same(input, { 3, 1, 2 })
same(tables.sort_by({ { n = 2 }, { n = 1 } }, "n"), { { n = 1 }, { n = 2 } })
same(tables.sort_by({ "bb", "a", "ccc" }, function(text)
  return -#text
end), { "ccc", "bb", "a" })
is(json.encode(tables.sort_by({})), "[]")

-- Stable, in both directions.
local many = {}
for index = 1, 200 do
  many[index] = { key = index % 3, index = index }
end
for _, descending in ipairs({ false, true }) do
  local sorted = tables.sort_by(many, "key", { descending = descending })
  is(#sorted, 200)
  for index = 2, #sorted do
    local a, b = sorted[index - 1], sorted[index]
    if a.key == b.key then
      assert(a.index < b.index, "equal keys changed places")
    elseif descending then
      assert(a.key > b.key)
    else
      assert(a.key < b.key)
    end
  end
end

-- Unlike keys, and none at all.
local mixed = { { k = "b" }, { id = 1 }, { k = 10 }, { k = true }, { k = "a" }, { id = 2 }, { k = 9 }, { k = false } }
same(
  tables.sort_by(mixed, "k"),
  { { k = false }, { k = true }, { k = 9 }, { k = 10 }, { k = "a" }, { k = "b" }, { id = 1 }, { id = 2 } }
)
same(
  tables.sort_by(mixed, "k", { descending = true }),
  { { k = "b" }, { k = "a" }, { k = 10 }, { k = 9 }, { k = true }, { k = false }, { id = 1 }, { id = 2 } }
)
local numbers = tables.sort_by({ 0 / 0, 2, 0 / 0, 1 })
is(numbers[1], 1)
is(numbers[2], 2)
is(#numbers, 4)

fails("tables.sort_by: expected a list, got nil", tables.sort_by, nil)
fails("tables.sort_by: expected a table of options, got boolean", tables.sort_by, {}, "k", true)
fails('tables.sort_by: unknown option "desc"', tables.sort_by, {}, "k", { desc = true })
