
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

is(json.encode(nil), "null")
is(json.encode(true), "true")
is(json.encode("é\"\\\n\t"), '"é\\"\\\\\\n\\t"')
is(json.encode("\0\31"), '"\\u0000\\u001f"')
is(json.encode({ b = 1, a = { c = "x" } }, { sorted = true }), '{"a":{"c":"x"},"b":1}')
is(json.encode({ a = 1, b = { 1 } }, { pretty = true, sorted = true }), '{\n  "a": 1,\n  "b": [\n    1\n  ]\n}')
is(json.encode({ ["é"] = "日本" }), '{"é":"日本"}')

-- What JSON cannot hold, with the path in the message.
fails("/a/b", json.encode, { a = { b = 0 / 0 } })
fails("/a/b", json.encode, { a = { b = math.huge } })
fails("f", json.encode, { f = print })
fails("extra", json.encode, { list = { 1, 2, extra = true } })
fails("list", json.encode, { list = { [1] = 1, [3] = 3 } })
local cycle = { inner = {} }
cycle.inner.back = cycle
fails("/inner/back", json.encode, cycle)

-- The same table twice is no cycle.
local shared = { 1 }
is(json.encode({ a = shared, b = shared }, { sorted = true }), '{"a":[1],"b":[1]}')

local function nested(depth)
  local value = {}
  for _ = 2, depth do
    value = { a = value }
  end
  return value
end
assert(json.encode(nested(128)))
fails("a/a/a", json.encode, nested(130))
