-- A failed call raises a table that says what a program wants to know.
local ok, err = pcall(app.integrations.data.get, { collection = "errors", id = "none" })
assert(not ok and type(err) == "table")
assert(err.code == "not_found")
assert(err["function"] == "data.get")
assert(type(err.message) == "string" and not string.find(err.message, "\n", 1, true))
assert(type(err.hints) == "table" and type(err.problems) == "table")
assert(err.retryable == false)
assert(err.http_status == nil)
assert(err.script == "calls.lua" and err.line == 2, err.script .. ":" .. err.line)

-- As text it names the place, the function, the code and what to do next.
local text = tostring(err)
assert(string.find(text, "calls.lua:2: data.get: ", 1, true) == 1, text)
assert(string.find(text, "(not_found)", 1, true), text)
assert(string.find("failed: " .. err, "data.get", 1, true))

-- All problems of the arguments at once, each with its place.
ok, err = pcall(app.integrations.data.create, { colection = "a", document = 7 })
assert(not ok and err.code == "invalid_arguments")
local places = {}
for _, problem in err.problems do
  places[problem.pointer] = problem.message
end
assert(places["/collection"] == "is required", json.encode(err.problems))
assert(string.find(places["/colection"], "did you mean 'collection'", 1, true))
assert(places["/document"])

-- What is not active says how to make it so.
ok, err = pcall(app.integrations.github.list_issues, { owner = "a", repo = "b" })
assert(not ok and err.code == "inactive")
assert(string.find(err.hints[1], "integrations:configure github --enable", 1, true))
