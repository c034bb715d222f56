-- retry: calls once more what failed for the moment.
--
-- Only errors that say so themselves (`retryable = true`) are tried again. What must not be repeated never is: a
-- refusal, a missing approval, a spent time limit, and a call whose outcome is unknown, which may have done its work.
--
-- Deliberately absent: circuit breakers, retries across runs of a workflow, and time limits (the run has one).

local retry = {}

--- What waits between two attempts; tests put their own function here.
---@type fun(seconds: number)
retry.sleep = time.sleep

local DEFAULTS = { attempts = 5, base = 0.5, max = 30, jitter = true }
local KINDS = {
  attempts = "number", base = "number", max = "number", jitter = "boolean", when = "function", on_retry = "function",
}

-- Codes of errors that are never tried again, whatever `when` says.
local FINAL = { permission_denied = true, approval_required = true, time_limit = true, outcome_unknown = true }

local function fail(message, ...)
  error("retry.call: " .. string.format(message, ...), 0)
end

local function check_options(options)
  if options ~= nil and type(options) ~= "table" then
    fail("expected a table of options, got %s", type(options))
  end
  local result = table.clone(DEFAULTS)
  for key, value in pairs(options or {}) do
    if not KINDS[key] then
      fail("unknown option %q", tostring(key))
    elseif type(value) ~= KINDS[key] then
      fail("expected the option %q as a %s, got %s", key, KINDS[key], type(value))
    end
    result[key] = value
  end
  if result.attempts < 1 or result.attempts ~= math.floor(result.attempts) then
    fail("the option \"attempts\" must be a whole number from 1, got %s", tostring(result.attempts))
  elseif not (result.base >= 0 and result.max >= 0) then
    fail("the options \"base\" and \"max\" must not be negative")
  end
  return result
end

local function may_retry(err, when)
  if type(err) == "table" and FINAL[err.code] then
    return false
  elseif when then
    return when(err) and true or false
  end
  return type(err) == "table" and err.retryable == true
end

-- How long to wait after an attempt: what the service asked for, or twice as long each time, up to the maximum.
local function delay_after(attempt, err, options)
  local asked = type(err) == "table" and err.retry_after_ms
  if type(asked) == "number" and asked >= 0 then
    return asked / 1000
  end
  local delay = math.min(options.base * 2 ^ (attempt - 1), options.max)
  if options.jitter then
    return delay * (0.5 + math.random() / 2)
  end
  return delay
end

--- Calls a function until it succeeds, and returns what it returned. The function gets the number of the attempt. When
--- no attempt is left, or an error is not to be tried again, the last error is raised as it came.
---
--- Options: `attempts` (5), `base` (0.5 s, the first wait), `max` (30 s, the longest wait of our own; a service's
--- `retry_after_ms` is kept to in full), `jitter` (true: waits are shortened at random by up to a half), `when`
--- (decides instead of `retryable`), `on_retry` (called with the error, the attempt and the wait before each one).
---@param fn fun(attempt: integer): ...
---@param options table|nil
---@return any ...
function retry.call(fn, options)
  if type(fn) ~= "function" then
    fail("expected a function, got %s", type(fn))
  end
  options = check_options(options)
  local attempt = 1
  while true do
    local results = table.pack(pcall(fn, attempt))
    if results[1] then
      return table.unpack(results, 2, results.n)
    end
    local err = results[2]
    if attempt >= options.attempts or not may_retry(err, options.when) then
      error(err, 0)
    end
    local delay = delay_after(attempt, err, options)
    if options.on_retry then
      options.on_retry(err, attempt, delay)
    end
    retry.sleep(delay)
    attempt = attempt + 1
  end
end

return retry
