local data = app.integrations.data
for number = 1, 25 do
  data.create({ collection = "each", id = string.format("%02d", number), document = { n = number } })
end

-- Every item, over all pages, in the order of the list.
local seen = {}
for item in data.list:each({ collection = "each", sort = { "id" }, limit = 10 }) do
  seen[#seen + 1] = item.document.n
end
assert(#seen == 25 and seen[1] == 1 and seen[25] == 25, json.encode(seen))

-- It can be left early, and limited.
local count = 0
for _ in data.list:each({ collection = "each", limit = 10 }) do
  count += 1
  if count == 3 then
    break
  end
end
assert(count == 3)
count = 0
for _ in data.list:each({ collection = "each", limit = 10 }, { max_items = 12 }) do
  count += 1
end
assert(count == 12, count)

-- Calls work while a list is read, and two lists can be read side by side.
local left, right = data.list:each({ collection = "each", sort = { "id" } }), data.list:each({ collection = "each", sort = { "-id" } })
assert(left().id == "01" and right().id == "25" and left().id == "02")
for item in data.list:each({ collection = "each", limit = 10 }) do
  data.get({ collection = "each", id = item.id })
end
for _ in data.list:each({ collection = "empty" }) do
  error("an empty list has no item")
end

-- Mistakes are told where they are made.
local ok, err = pcall(data.get.each, data.get, { collection = "each", id = "01" })
assert(not ok and err.code == "invalid_arguments" and string.find(err.message, "without :each", 1, true), tostring(err))
ok, err = pcall(data.list.each, data.list, { collection = "each" }, { max = 1 })
assert(not ok and string.find(err.message, "no option 'max'", 1, true), tostring(err))
ok, err = pcall(function()
  for _ in data.list:each({}) do end
end)
assert(not ok and err.code == "invalid_arguments" and err["function"] == "data.list", tostring(err))
