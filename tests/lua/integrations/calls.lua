local data = app.integrations.data

-- Named arguments answer with the data and nothing else.
local made = data.create({ collection = "calls", id = "a", document = { n = 1, tags = {} } })
assert(made.id == "a", json.encode(made))
assert(select("#", data.get({ collection = "calls", id = "a" })) == 1)

-- :envelope answers with everything, and raises nothing.
local whole = data.get:envelope({ collection = "calls", id = "a" })
assert(whole.success and whole.data.document.n == 1 and whole["function"] == "data.get" and whole.error == nil)
assert(whole.meta.operation == "read" and whole.meta.account == "default" and whole.meta.dry_run == false and #whole.meta.call_id == 36)
whole = data.get:envelope("calls", "none")
assert(not whole.success and whole.data == nil and whole.error_detail.code == "not_found" and type(whole.error) == "string")

-- Positional arguments stand in the order of the schema.
assert(data.get("calls", "a").document.n == 1)
assert(data.get("calls", "a", nil).document.n == 1)
local ok, err = pcall(data.get, "calls", "a", "b")
assert(not ok and err.code == "invalid_arguments")
assert(string.find(err.message, "takes: collection, id", 1, true), err.message)

-- No arguments at all, as a call or with a table.
assert(#data.collections().collections == 1)
assert(#data.collections({}).collections == 1)
assert(#data.collections(nil).collections == 1)

-- A function is a value.
local get = data.get
assert(get({ collection = "calls", id = "a" }).id == "a")
assert(tostring(get) == "function data.get")
assert(data.get == get)
assert(app.integrations.data == data)

-- A call works where no coroutine could be left: inside sort, gsub, metamethods and coroutines of one's own.
for id in string.gmatch("b c", "%w") do
  data.create({ collection = "calls", id = id, document = { n = #id } })
end
local text = string.gsub("a b", "%w", function(id)
  return data.get("calls", id).id .. "!"
end)
assert(text == "a! b!")
local own = coroutine.wrap(function()
  for _, id in { "a", "b" } do
    coroutine.yield(data.get("calls", id).id)
  end
end)
assert(own() == "a" and own() == "b")
local ids = { "c", "a", "b" }
table.sort(ids, function(left, right)
  return data.get("calls", left).id < data.get("calls", right).id
end)
assert(table.concat(ids) == "abc")
