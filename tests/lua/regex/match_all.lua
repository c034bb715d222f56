
local function is(got, wanted)
  if got ~= wanted then
    error("got " .. tostring(got) .. ", wanted " .. tostring(wanted), 2)
  end
end

local all = regex.match_all("a1 b22 c333", "([a-z])(\\d+)")
is(#all, 3)
is(all[1][0], "a1")
is(all[2][1], "b")
is(all[3][2], "333")
is(all[2].start, 4)
is(all[2].stop, 6)
is(#regex.match_all("abc", "\\d"), 0)
is(#regex.match_all("", "a"), 0)
is(regex.match_all("x=1", "(?P<k>\\w)=(?P<v>\\d)")[1].v, "1")
is(regex.match_all("éaé", "é")[2].start, 4)
local ok, err = pcall(regex.match_all, "a", "(")
is(ok, false)
is(err.code, "invalid_arguments")
