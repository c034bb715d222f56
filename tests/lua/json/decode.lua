
local function is(got, wanted)
  if got ~= wanted then
    error("got " .. tostring(got) .. ", wanted " .. tostring(wanted), 2)
  end
end

local value = json.decode('{"a": [1, true, "x"], "b": {"c": null}, "d": "\\u00e9\\ud83d\\ude00\\n"}')
is(value.a[1], 1)
is(value.a[2], true)
is(value.a[3], "x")
is(value.b.c, nil)
is(value.d, "é😀\n")
is(json.decode('"x"'), "x")
is(json.decode(" 5 "), 5)
is(json.decode("true"), true)
is(json.decode("null"), nil)

-- What was read is written the same.
for _, text in ipairs({
  "[]",
  "{}",
  "[[],{}]",
  '{"a":[],"b":{}}',
  '{"a":null,"b":[null,1,null]}',
  "[null]",
  '{"big":12345678901234567890,"list":[-9007199254740993,1]}',
  '{"a":{"b":{"c":[1,2,{"d":"é"}]}}}',
  "[1.5,-0.25]",
  '{"text":"12345678901234567890"}',
}) do
  is(json.encode(json.decode(text), { sorted = true }), text)
end

-- A change after reading counts.
value = json.decode('{"a":null,"b":1}')
value.a = 5
is(json.encode(value, { sorted = true }), '{"a":5,"b":1}')
value = json.decode('{"big":12345678901234567890}')
value.big = "text"
is(json.encode(value), '{"big":"text"}')

for _, text in ipairs({ "", "{", "[1,]", "{a:1}", "nul", "01", "1 2", '"open', "'x'", '{"a":1,}', "[1" }) do
  assert(not pcall(json.decode, text), "read without an error: " .. text)
end
assert(not pcall(json.decode, nil))
assert(not pcall(json.decode, string.rep("[", 1000) .. string.rep("]", 1000)))
