local tables = require("tables")
local retry = require("retry")

-- Both values must be the same, tables by their content.
local function same(got, wanted)
  if not tables.equal(got, wanted) then
    error("got " .. json.encode(got) .. ", wanted " .. json.encode(wanted), 2)
  end
end

local waited = 0
retry.sleep = function(seconds)
  waited = waited + seconds
end
local seen = {}
local busy = { code = "network", retryable = true }
local ok = pcall(retry.call, function()
  error(busy, 0)
end, {
  attempts = 3,
  jitter = false,
  on_retry = function(err, attempt, delay)
    seen[#seen + 1] = { err.code, attempt, delay }
  end,
})
assert(not ok)
same(seen, { { "network", 1, 0.5 }, { "network", 2, 1 } })
assert(waited == 1.5)
