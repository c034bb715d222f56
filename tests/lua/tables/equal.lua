local tables = require("tables")

local function is(got, wanted)
  if got ~= wanted then
    error("got " .. tostring(got) .. ", wanted " .. tostring(wanted), 2)
  end
end

is(tables.equal(nil, nil), true)
is(tables.equal(nil, false), false)
is(tables.equal(1, 1.0), true)
is(tables.equal(1, "1"), false)
is(tables.equal({}, {}), true)
is(tables.equal({ a = { 1, { b = "ü" } } }, { a = { 1, { b = "ü" } } }), true)
is(tables.equal({ 1, 2 }, { 1, 2, 3 }), false)
is(tables.equal({ 1, 2, 3 }, { 1, 2 }), false)
is(tables.equal({ a = 1 }, { b = 1 }), false)
is(tables.equal({ json.null }, { json.null }), true)
is(tables.equal(json.null, {}), false)
is(tables.equal({}, json.null), false)
is(tables.equal(0 / 0, 0 / 0), false)

local one, two = { x = 1 }, { x = 1 }
one.own, two.own = one, two
is(tables.equal(one, two), true)
two.x = 2
is(tables.equal(one, two), false)
