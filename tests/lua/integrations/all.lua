local data = app.integrations.data
for number = 1, 25 do
  data.create({ collection = "all", id = string.format("%02d", number), document = { n = number } })
end

-- One page, unless all are asked for.
local page = data.list:envelope({ collection = "all", limit = 10 })
assert(#page.data.documents == 10 and page.meta.complete == false and page.meta.stopped_by == "one_page")
assert(#data.list:all({ collection = "all", limit = 10 }) == 25)
assert(#data.list:all({ collection = "all", limit = 10 }, { max_pages = 2 }) == 20)
assert(#data.list:all({ collection = "all", limit = 10 }, { max_items = 3 }) == 3)

local items = data.list:all({ collection = "all", sort = { "id" } })
assert(items[1].id == "01" and items[25].document.n == 25)
assert(json.encode(data.list:all({ collection = "none" })) == "[]")

local ok, err = pcall(data.list.all, data.list, { collection = "all" }, { max_items = 0 })
assert(not ok and err.code == "invalid_arguments")
