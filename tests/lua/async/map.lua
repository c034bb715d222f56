local function fails(words, fn, ...)
  local ok, err = pcall(fn, ...)
  assert(not ok, "expected an error with: " .. words)
  assert(string.find(tostring(err), words, 1, true), "expected '" .. words .. "' in: " .. tostring(err))
  return err
end

-- Results stand in the order of the items, whatever was ready first.
local waits = { 0.03, 0, 0.02, 0.01 }
local results = async.map(waits, function(seconds, index)
  time.sleep(seconds)
  return index * 10
end)
assert(json.encode(results) == "[10,20,30,40]", json.encode(results))

-- Waits run side by side: eight of 0.2 seconds take nowhere near 1.6.
local before = time.now()
async.map({ 1, 2, 3, 4, 5, 6, 7, 8 }, function()
  time.sleep(0.2)
end)
assert(time.now() - before < 1.2, "the items did not run side by side")

-- At most `concurrency` at once.
local now, most = 0, 0
async.map({ 1, 2, 3, 4, 5, 6 }, function()
  now += 1
  most = math.max(most, now)
  time.sleep(0.01)
  now -= 1
end, { concurrency = 2 })
assert(most == 2, most)

-- Calls work in tasks, nested ones too.
local nested = async.map({ "a", "b" }, function(id)
  return async.map({ 1, 2 }, function(number)
    app.integrations.data.create({ collection = "map", id = id .. number, document = { n = number } })
    return app.integrations.data.get({ collection = "map", id = id .. number }).document.n
  end)
end)
assert(json.encode(nested) == "[[1,2],[1,2]]", json.encode(nested))
assert(json.encode(async.map({}, print)) == "[]")

-- By default the others go on, then the first error is raised, with everything beside it.
local function odd(number)
  if number % 2 == 1 then
    error("odd: " .. number, 0)
  end
  return number
end
local err = fails("2 of 3 failed; the first: odd: 1", async.map, { 1, 2, 3 }, odd)
assert(err.code == "script_error")
assert(err.results[2] == 2 and err.errors[1] == "odd: 1" and err.errors[3] == "odd: 3")

-- The code of a call's error is kept.
err = fails("not_found", async.map, { "no" }, function(id)
  return app.integrations.data.get({ collection = "map", id = id })
end)
assert(err.code == "not_found" and err["function"] == "data.get" and type(err.hints) == "table")

-- "collect" raises nothing.
local got, wrong = async.map({ 1, 2, 3 }, odd, { on_error = "collect" })
assert(got[1] == nil and got[2] == 2 and wrong[1] == "odd: 1" and wrong[2] == nil and wrong[3] == "odd: 3")
got, wrong = async.map({ 2 }, odd, { on_error = "collect" })
assert(got[1] == 2 and next(wrong) == nil)

-- "stop" starts nothing more.
local started = 0
fails("1 of 5 failed", async.map, { 1, 2, 3, 4, 5 }, function(number)
  started += 1
  error("no " .. number, 0)
end, { on_error = "stop", concurrency = 1 })
assert(started == 1, started)

-- What is told is why it stopped, not that others were ended by it.
err = fails("1 of 2 failed; the first: no 0", async.map, { 0.05, 0 }, function(seconds)
  time.sleep(seconds)
  if seconds == 0 then
    error("no 0", 0)
  end
  time.sleep(0.05)
end, { on_error = "stop" })
assert(err.code == "script_error" and err.errors[1].code == "cancelled" and err.errors[2] == "no 0")

-- Tables of one's own are told by their message.
fails("1 of 1 failed; the first: in words", async.map, { 1 }, function()
  error({ code = "mine", message = "in words" })
end)

fails("first argument must be a list", async.map, nil, print)
fails("second argument must be a function", async.map, {}, 1)
fails("no option 'concurency'", async.map, {}, print, { concurency = 2 })
fails("whole number of at least 1", async.map, {}, print, { concurrency = 0 })
fails("whole number of at least 1", async.map, {}, print, { concurrency = 1.5 })
fails('on_error is "finish"', async.map, {}, print, { on_error = "ignore" })
