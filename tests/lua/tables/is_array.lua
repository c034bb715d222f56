local tables = require("tables")

local function is(got, wanted)
  if got ~= wanted then
    error("got " .. tostring(got) .. ", wanted " .. tostring(wanted), 2)
  end
end

is(tables.is_array({}), true)
is(tables.is_array({ 1, 2 }), true)
is(tables.is_array({ a = 1 }), false)
is(tables.is_array({ 1, a = 1 }), false)
is(tables.is_array({ [1] = 1, [3] = 3 }), false)
is(tables.is_array({ [0] = 1 }), false)
is(tables.is_array({ [1.5] = 1 }), false)
is(tables.is_array(nil), false)
is(tables.is_array("text"), false)
