local function fails(name, code, words)
  local ok, err = pcall(require, name)
  assert(not ok, name .. " was loaded")
  if code then
    assert(err.code == code, name .. ": " .. tostring(err))
  end
  assert(string.find(tostring(err), words, 1, true), "expected '" .. words .. "' in: " .. tostring(err))
end

-- A standard module, and a file below the script's folder in every spelling; each runs once.
assert(require("tables") == require("tables"))
local words = require("lib/words")
assert(words.shout("a") == "A")
assert(require("lib/words") == words and words.loaded == 1)
assert(require("lib.words").shout and require("./lib/words").shout)
assert(require("lib/nothing") == true)

-- What is wrong names the file.
fails("lib/broken", "script_error", "lib/broken.lua:")
fails("lib/failing", nil, "failing.lua:2: not today")
fails("lib/circle", nil, "in a circle")
fails("lib/none", "not_found", "no such file")
fails("table", "not_found", "Did you mean 'tables'?")

-- Nothing outside of the folder.
fails("../strings/trim", "permission_denied", "below the script")
fails("/etc/passwd", "permission_denied", "below the script")
fails("", "permission_denied", "below the script")
fails("lib/words.lua.lua", nil, "")
