local tables = require("tables")
local retry = require("retry")

-- Both values must be the same, tables by their content.
local function same(got, wanted)
  if not tables.equal(got, wanted) then
    error("got " .. json.encode(got) .. ", wanted " .. json.encode(wanted), 2)
  end
end

local function is(got, wanted)
  if got ~= wanted then
    error("got " .. tostring(got) .. ", wanted " .. tostring(wanted), 2)
  end
end

local waits = {}
retry.sleep = function(seconds)
  waits[#waits + 1] = seconds
end

-- Runs `retry.call` on a function that fails so many times; returns what pcall says, the calls and the waits.
local function run(failures, err, options)
  waits = {}
  local calls = 0
  local ok, result = pcall(retry.call, function(attempt)
    calls = calls + 1
    is(attempt, calls)
    if calls <= failures then
      error(err, 0)
    end
    return "done"
  end, options)
  return ok, result, calls
end

local busy = { code = "rate_limited", message = "slow down", retryable = true }
local plain = { jitter = false }

-- All results come back, nils among them.
local a, b, c = retry.call(function()
  return 1, nil, 3
end)
is(a, 1)
is(b, nil)
is(c, 3)
is(select("#", retry.call(function() end)), 0)

-- Retryable errors are tried again, ever later, up to the maximum.
local ok, result, calls = run(2, busy, plain)
is(ok, true)
is(result, "done")
is(calls, 3)
same(waits, { 0.5, 1 })
ok, result, calls = run(99, busy, { jitter = false, attempts = 6, base = 1, max = 5 })
is(ok, false)
is(result, busy)
is(calls, 6)
same(waits, { 1, 2, 4, 5, 5 })
ok, result, calls = run(99, busy)
is(calls, 5)
for index, wait in ipairs(waits) do
  local full = 0.5 * 2 ^ (index - 1)
  assert(wait >= full / 2 and wait <= full, "jitter out of bounds: " .. wait)
end
ok, result, calls = run(99, busy, { attempts = 1 })
is(calls, 1)
same(waits, {})

-- Others are raised as they came, at once.
for _, err in ipairs({ "plain text", { code = "not_found" }, { code = "x", retryable = false }, { retryable = "yes" } }) do
  ok, result, calls = run(99, err, plain)
  is(ok, false)
  is(result, err)
  is(calls, 1)
end

-- The service says how long.
ok, result, calls = run(1, { code = "rate_limited", retryable = true, retry_after_ms = 45000 }, { max = 5 })
is(ok, true)
same(waits, { 45 })

-- `when` decides in place of `retryable`, but never over what must not be repeated.
ok, result, calls = run(1, "plain text", {
  jitter = false,
  when = function(err)
    return err == "plain text"
  end,
})
is(ok, true)
is(calls, 2)
ok, result, calls = run(1, busy, {
  when = function()
    return false
  end,
})
is(calls, 1)
for _, code in ipairs({ "permission_denied", "approval_required", "time_limit", "outcome_unknown" }) do
  local err = { code = code, retryable = true }
  ok, result, calls = run(1, err, {
    when = function()
      return true
    end,
  })
  is(ok, false)
  is(result, err)
  is(calls, 1)
  ok, result, calls = run(1, err)
  is(calls, 1)
end
