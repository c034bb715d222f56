local data = app.integrations.data
for number = 1, 25 do
  data.create({ collection = "all", id = string.format("%02d", number), document = { n = number } })
end

-- One page, unless all are asked for.
local page, meta = data.list({ collection = "all", limit = 10 })
assert(#page.documents == 10 and meta.complete == false and meta.stopped_by == "one_page")
local whole
whole, meta = data.list:all({ collection = "all", limit = 10 })
assert(#whole.documents == 25 and meta.complete == true and meta.items == 25, json.encode(meta))
whole, meta = data.list:all({ collection = "all", limit = 10 }, { max_pages = 2 })
assert(#whole.documents == 20 and meta.stopped_by == "max_pages", json.encode(meta))

local ok, err = pcall(data.list.all, data.list, { collection = "all" }, { max_items = 0 })
assert(not ok and err.code == "invalid_arguments")
