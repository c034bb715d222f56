local strings = require("strings")

-- The call must fail, and its message must have these words.
local function fails(words, fn, ...)
  local ok, err = pcall(fn, ...)
  assert(not ok, "expected an error with: " .. words)
  assert(string.find(tostring(err), words, 1, true), "expected '" .. words .. "' in: " .. tostring(err))
end

local function is(got, wanted)
  if got ~= wanted then
    error("got " .. tostring(got) .. ", wanted " .. tostring(wanted), 2)
  end
end

is(strings.template("Hello {name}", { name = "Ada" }), "Hello Ada")
is(strings.template("{a}{a}-{b}", { a = 1, b = false }), "11-false")
is(strings.template("{user.name} {list.2}", { user = { name = "é" }, list = { "x", "y" } }), "é y")
is(strings.template('{{"a": {n}}}', { n = 5 }), '{"a": 5}')
is(strings.template("{ name }", { name = "%1" }), "%1")
is(strings.template("{a.b}", { ["a.b"] = "direct" }), "direct")
is(strings.template("{a}", { a = "{b}" }), "{b}")
is(strings.template("100% } {{}}", {}), "100% } {}")
is(strings.template("", {}), "")
fails('strings.template: no value for "nmae"', strings.template, "{nmae}", { name = 1 })
fails('strings.template: no value for "a.b.c"', strings.template, "{a.b.c}", { a = {} })
fails('strings.template: the value for "a" is table', strings.template, "{a}", { a = {} })
fails("strings.template: the brace at byte 3 opens no name", strings.template, "a {", {})
fails("strings.template: the brace at byte 1 opens no name", strings.template, "{}", {})
fails("strings.template: expected a table of values, got nil", strings.template, "a")
fails("strings.template: expected a string, got nil", strings.template, nil, {})
