local tables = require("tables")

-- Both values must be the same, tables by their content.
local function same(got, wanted)
  if not tables.equal(got, wanted) then
    error("got " .. json.encode(got) .. ", wanted " .. json.encode(wanted), 2)
  end
end

same(regex.split("a1b22c", "\\d+"), { "a", "b", "c" })
same(regex.split("a, b ,c", "\\s*,\\s*"), { "a", "b", "c" })
same(regex.split("abc", ","), { "abc" })
same(regex.split("", ","), { "" })
same(regex.split(",a,", ","), { "", "a", "" })
same(regex.split("a,b,c", ",", 2), { "a", "b,c" })
same(regex.split("日 本", " "), { "日", "本" })
local ok, err = pcall(regex.split, "a", "[")
assert(not ok and err.code == "invalid_arguments")
