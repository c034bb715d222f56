local value = json.decode('{"n": 1, "none": null, "list": [], "deep": [{"a": [1.5]}], "empty": {}}')
assert(value.n == 1 and value.none == nil and #value.list == 0 and value.deep[1].a[1] == 1.5)
assert(json.decode("null") == nil and json.decode('"a"') == "a" and json.decode(" true ") == true)

-- What is handed on unchanged is what came.
for _, text in { '{"a":null}', '{"a":[]}', "[]", "[null,1,null]", '{"id":12345678901234567890}', "[1.5,true]", "{}", '{"a":{"b":[{}]}}' } do
  assert(json.encode(json.decode(text)) == text, json.encode(json.decode(text)))
end

-- Integers that a number does not hold are digits.
local large = json.decode('{"id": 12345678901234567890, "exact": 9007199254740992, "next": 9007199254740993}')
assert(large.id == "12345678901234567890" and large.exact == 2 ^ 53 and large.next == "9007199254740993")

-- A null that was replaced is gone.
local changed = json.decode('{"a":null}')
changed.a = 1
assert(json.encode(changed) == '{"a":1}')

for _, text in { "", "{", "[1,]", "nope", "1 2", string.rep("[", 1000), '{"a":' } do
  local ok, err = pcall(json.decode, text)
  assert(not ok and err.code == "invalid_arguments", text)
end
assert(not pcall(json.decode, nil) and not pcall(json.decode, {}))
