
local function is(got, wanted)
  if got ~= wanted then
    error("got " .. tostring(got) .. ", wanted " .. tostring(wanted), 2)
  end
end

local text, count = regex.gsub("a1b2", "\\d", "#")
is(text, "a#b#")
is(count, 2)
is((regex.gsub("key=value", "(\\w+)=(\\w+)", "$2=$1")), "value=key")
is((regex.gsub("key=value", "(?P<k>\\w+)=(?P<v>\\w+)", "${v}:${k}")), "value:key")
is((regex.gsub("a", "a", "$$1")), "$1")
is((regex.gsub("aaa", "a", "b", 2)), "bba")
is((regex.gsub("é日", "日", "本")), "é本")

text, count = regex.gsub("abc", "x", "y")
is(text, "abc")
is(count, 0)

text = regex.gsub("1 22 333", "\\d+", function(m)
  if m[0] == "22" then
    return nil
  elseif m[0] == "333" then
    return false
  end
  return "<" .. m[0] .. ">"
end)
is(text, "<1> 22 333")
is((regex.gsub("ab", "(?P<first>a)", function(m)
  return m.first .. m.start .. m.stop
end)), "a11b")

-- An error in the function comes through.
local raised = { code = "mine" }
local ok, err = pcall(regex.gsub, "a", "a", function()
  error(raised, 0)
end)
is(ok, false)
is(err, raised)
ok, err = pcall(regex.gsub, "a", "(", "x")
is(ok, false)
is(err.code, "invalid_arguments")
assert(not pcall(regex.gsub, "a", "a", {}))
