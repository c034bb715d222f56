local retry = require("retry")

-- The call must fail, and its message must have these words.
local function fails(words, fn, ...)
  local ok, err = pcall(fn, ...)
  assert(not ok, "expected an error with: " .. words)
  assert(string.find(tostring(err), words, 1, true), "expected '" .. words .. "' in: " .. tostring(err))
end

local function nothing() end
fails("retry.call: expected a function, got nil", retry.call)
fails("retry.call: expected a table of options, got number", retry.call, nothing, 5)
fails('retry.call: unknown option "tries"', retry.call, nothing, { tries = 2 })
fails('retry.call: expected the option "attempts" as a number, got string', retry.call, nothing, { attempts = "2" })
fails('the option "attempts" must be a whole number from 1, got 0', retry.call, nothing, { attempts = 0 })
fails('the option "attempts" must be a whole number from 1, got 1.5', retry.call, nothing, { attempts = 1.5 })
fails('the options "base" and "max" must not be negative', retry.call, nothing, { base = -1 })
fails('expected the option "when" as a function, got boolean', retry.call, nothing, { when = true })
assert(type(retry.sleep) == "function")
local options = { attempts = 2 }
retry.call(nothing, options)
assert(next(options, next(options)) == nil and options.attempts == 2)
