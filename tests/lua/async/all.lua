-- Named tasks answer by their names, a list of tasks in its order.
local both = async.all({
  slow = function()
    time.sleep(0.02)
    return "slow"
  end,
  fast = function()
    return "fast"
  end,
})
assert(both.slow == "slow" and both.fast == "fast")
local list = async.all({
  function()
    time.sleep(0.02)
    return 1
  end,
  function()
    return 2
  end,
})
assert(list[1] == 1 and list[2] == 2)
assert(next(async.all({})) == nil)

-- A task gets its key.
local keys = async.all({ a = function(key) return key end, b = function(key) return key end })
assert(keys.a == "a" and keys.b == "b")

local tasks = {
  good = function() return 1 end,
  bad = function() error("bad", 0) end,
}
local ok, err = pcall(async.all, tasks)
assert(not ok and err.errors.bad == "bad" and err.results.good == 1)
local results, errors = async.all(tasks, { on_error = "collect" })
assert(results.good == 1 and results.bad == nil and errors.bad == "bad" and errors.good == nil)

ok, err = pcall(async.all, { a = 1 })
assert(not ok and string.find(tostring(err), "'a' is no function", 1, true), tostring(err))
ok, err = pcall(async.all, 1)
assert(not ok and err.code == "invalid_arguments")
