-- tables: lists and records, the way workflows need them: pick, group, sort, compare.
--
-- A list is a table with the keys 1..n, a record any other table. No function changes its input. Functions that return
-- a list mark it with `json.array`, so that an empty result is written as `[]`.
-- Where a parameter is called `by`, it is a function or the name of a field.
--
-- Deliberately absent: `each` (write a `for` loop), chained calls, lazy sequences, and functions that change a table
-- (Luau's `table.insert`, `table.remove` and `table.sort` do that).

local tables = {}

-- Stand for keys that a Lua table cannot have.
local NIL = {}
local NAN = {}

-- The order of unlike keys when they are sorted; whatever is not listed stands between strings and nil.
local RANKS = { boolean = 1, number = 2, string = 3 }
local RANK_OTHER = 4
local RANK_NIL = 5

local function fail(name, message, ...)
  error("tables." .. name .. ": " .. string.format(message, ...), 0)
end

local function check_table(name, value)
  if type(value) ~= "table" then
    fail(name, "expected a table, got %s", type(value))
  end
end

local function check_list(name, value)
  if type(value) ~= "table" then
    fail(name, "expected a list, got %s", type(value))
  end
  if #value == 0 then
    local key = next(value)
    if key ~= nil and type(key) ~= "number" then
      fail(name, "expected a list, got a table with the key %q", tostring(key))
    end
  end
end

local function check_function(name, value)
  if type(value) ~= "function" then
    fail(name, "expected a function, got %s", type(value))
  end
end

local function check_whole(name, what, value, least)
  if type(value) ~= "number" or value ~= math.floor(value) then
    fail(name, "%s must be a whole number, got %s", what, tostring(value))
  end
  if least and value < least then
    fail(name, "%s must be at least %d, got %d", what, least, value)
  end
end

local function check_options(name, options, known)
  if options == nil then
    return {}
  end
  if type(options) ~= "table" then
    fail(name, "expected a table of options, got %s", type(options))
  end
  for key in pairs(options) do
    if not known[key] then
      fail(name, "unknown option %q", tostring(key))
    end
  end
  return options
end

-- What `by` means: a function as it is, or a function that reads the field of that name.
local function selector(name, by)
  if type(by) == "function" then
    return by
  end
  if type(by) ~= "string" and type(by) ~= "number" then
    fail(name, "expected a function or the name of a field, got %s", type(by))
  end
  return function(item)
    if type(item) == "table" then
      return item[by]
    end
    return nil
  end
end

local function optional_selector(name, by)
  if by == nil then
    return function(item)
      return item
    end
  end
  return selector(name, by)
end

-- A key for `value` that a table can hold.
local function as_key(value)
  if value == nil then
    return NIL
  elseif value ~= value then
    return NAN
  end
  return value
end

local function key_of(name, choose, item, index)
  local key = choose(item, index)
  if key == nil or key ~= key then
    fail(name, "item %d has no key", index)
  end
  return key
end

local function rank(value)
  if value == nil then
    return RANK_NIL
  elseif value ~= value then
    return RANK_OTHER
  end
  return RANKS[type(value)] or RANK_OTHER
end

-- Whether `a` stands before `b`; values of the same kind without an order of their own are equal.
local function before(a, b)
  local rank_a, rank_b = rank(a), rank(b)
  if rank_a ~= rank_b then
    return rank_a < rank_b
  elseif rank_a == RANKS.boolean then
    return a == false and b == true
  elseif rank_a == RANKS.number or rank_a == RANKS.string then
    return a < b
  end
  return false
end

--- The results of a function, one for each item.
---@param list table
---@param by fun(item: any, index: integer): any function or name of a field
---@return table list
function tables.map(list, by)
  check_list("map", list)
  local choose = selector("map", by)
  local result = {}
  for index = 1, #list do
    local value = choose(list[index], index)
    if value == nil then
      fail("map", "item %d became nil, which a list cannot hold; use tables.filter first, or json.null", index)
    end
    result[index] = value
  end
  return json.array(result)
end

--- The items for which a function returns a true value.
---@param list table
---@param by fun(item: any, index: integer): any function or name of a field
---@return table list
function tables.filter(list, by)
  check_list("filter", list)
  local choose = selector("filter", by)
  local result = {}
  for index = 1, #list do
    if choose(list[index], index) then
      result[#result + 1] = list[index]
    end
  end
  return json.array(result)
end

--- One value out of all items: `fn(so_far, item, index)` returns the next `so_far`.
---@param list table
---@param fn fun(so_far: any, item: any, index: integer): any
---@param initial any without it the first item is the start, and an empty list is an error
---@return any
function tables.reduce(list, fn, initial)
  check_list("reduce", list)
  check_function("reduce", fn)
  local result, first = initial, 1
  if initial == nil then
    if #list == 0 then
      fail("reduce", "an empty list needs an initial value")
    end
    result, first = list[1], 2
  end
  for index = first, #list do
    result = fn(result, list[index], index)
  end
  return result
end

--- The first item for which a function returns a true value, and its place; nil when there is none.
---@param list table
---@param by fun(item: any, index: integer): any function or name of a field
---@return any item
---@return integer|nil index
function tables.find(list, by)
  check_list("find", list)
  local choose = selector("find", by)
  for index = 1, #list do
    if choose(list[index], index) then
      return list[index], index
    end
  end
  return nil, nil
end

--- Two lists: the items for which a function returns a true value, and the others.
---@param list table
---@param by fun(item: any, index: integer): any function or name of a field
---@return table matching
---@return table others
function tables.partition(list, by)
  check_list("partition", list)
  local choose = selector("partition", by)
  local matching, others = {}, {}
  for index = 1, #list do
    local target = choose(list[index], index) and matching or others
    target[#target + 1] = list[index]
  end
  return json.array(matching), json.array(others)
end

--- A record of the items by their key. Of items with the same key the last one stays.
---@param list table
---@param by fun(item: any, index: integer): any function or name of a field
---@return table record
function tables.index_by(list, by)
  check_list("index_by", list)
  local choose = selector("index_by", by)
  local result = {}
  for index = 1, #list do
    result[key_of("index_by", choose, list[index], index)] = list[index]
  end
  return result
end

--- A record of lists: the items of each key, in their order.
---@param list table
---@param by fun(item: any, index: integer): any function or name of a field
---@return table record
function tables.group_by(list, by)
  check_list("group_by", list)
  local choose = selector("group_by", by)
  local result = {}
  for index = 1, #list do
    local key = key_of("group_by", choose, list[index], index)
    local group = result[key]
    if not group then
      group = {}
      result[key] = group
    end
    group[#group + 1] = list[index]
  end
  return result
end

--- A record of numbers: how many items have each key.
---@param list table
---@param by fun(item: any, index: integer): any function or name of a field; the item itself without it
---@return table record
function tables.count_by(list, by)
  check_list("count_by", list)
  local choose = optional_selector("count_by", by)
  local result = {}
  for index = 1, #list do
    local key = key_of("count_by", choose, list[index], index)
    result[key] = (result[key] or 0) + 1
  end
  return result
end

--- The items without those whose key was seen before. Tables are told apart by identity: give a key for them.
---@param list table
---@param by fun(item: any, index: integer): any function or name of a field; the item itself without it
---@return table list
function tables.unique(list, by)
  check_list("unique", list)
  local choose = optional_selector("unique", by)
  local seen, result = {}, {}
  for index = 1, #list do
    local key = as_key(choose(list[index], index))
    if not seen[key] then
      seen[key] = true
      result[#result + 1] = list[index]
    end
  end
  return json.array(result)
end

--- The items in the order of their keys. Items with equal keys keep their order, also when descending. Unlike keys
--- stand in the order false, true, numbers, strings, others; items without a key are last, in both directions.
---@param list table
---@param by fun(item: any, index: integer): any function or name of a field; the item itself without it
---@param options { descending: boolean }|nil
---@return table list
function tables.sort_by(list, by, options)
  check_list("sort_by", list)
  local choose = optional_selector("sort_by", by)
  local descending = check_options("sort_by", options, { descending = true }).descending
  local entries = {}
  for index = 1, #list do
    entries[index] = { key = choose(list[index], index), index = index }
  end
  table.sort(entries, function(a, b)
    if a.key == nil or b.key == nil or not descending then
      if before(a.key, b.key) then
        return true
      elseif before(b.key, a.key) then
        return false
      end
    elseif before(b.key, a.key) then
      return true
    elseif before(a.key, b.key) then
      return false
    end
    return a.index < b.index
  end)
  local result = {}
  for place, entry in ipairs(entries) do
    result[place] = list[entry.index]
  end
  return json.array(result)
end

--- The keys of a table, sorted.
---@param record table
---@return table list
function tables.keys(record)
  check_table("keys", record)
  local result = {}
  for key in pairs(record) do
    result[#result + 1] = key
  end
  table.sort(result, before)
  return json.array(result)
end

--- The values of a table, in the order of their sorted keys.
---@param record table
---@return table list
function tables.values(record)
  check_table("values", record)
  local result = {}
  for index, key in ipairs(tables.keys(record)) do
    result[index] = record[key]
  end
  return json.array(result)
end

local function key_set(name, keys)
  check_list(name, keys)
  local set = {}
  for _, key in ipairs(keys) do
    set[key] = true
  end
  return set
end

--- A record of the named fields only. Fields that the record does not have are left out.
---@param record table
---@param keys table list of names
---@return table record
function tables.pick(record, keys)
  check_table("pick", record)
  local result = {}
  for key in pairs(key_set("pick", keys)) do
    result[key] = record[key]
  end
  return result
end

--- The record without the named fields.
---@param record table
---@param keys table list of names
---@return table record
function tables.omit(record, keys)
  check_table("omit", record)
  local left_out = key_set("omit", keys)
  local result = {}
  for key, value in pairs(record) do
    if not left_out[key] then
      result[key] = value
    end
  end
  return result
end

local function is_record(value)
  return type(value) == "table" and not tables.is_array(value)
end

local function is_empty(value)
  return type(value) == "table" and next(value) == nil
end

local function merge(first, second, deep)
  local result = table.clone(first)
  for key, value in pairs(second) do
    local old = result[key]
    if deep and is_record(old) and (is_record(value) or is_empty(value)) then
      result[key] = merge(old, value, true)
    else
      result[key] = value
    end
  end
  return result
end

--- One record with the fields of both; where both have a field, the second one's value stays. With `deep`, records in
--- records are merged as well. Lists are never merged: the second one's stays.
---@param first table
---@param second table
---@param options { deep: boolean }|nil
---@return table record
function tables.merge(first, second, options)
  check_table("merge", first)
  check_table("merge", second)
  local deep = check_options("merge", options, { deep = true }).deep
  return merge(first, second, deep == true)
end

local function flatten_into(result, list, depth)
  for index = 1, #list do
    local item = list[index]
    if depth > 0 and type(item) == "table" and tables.is_array(item) then
      flatten_into(result, item, depth - 1)
    else
      result[#result + 1] = item
    end
  end
end

--- A list in which the items that are lists are replaced by their items. An empty table counts as a list.
---@param list table
---@param depth integer|nil how many levels to open; 1 without it
---@return table list
function tables.flatten(list, depth)
  check_list("flatten", list)
  if depth == nil then
    depth = 1
  end
  check_whole("flatten", "the depth", depth, 0)
  local result = {}
  flatten_into(result, list, depth)
  return json.array(result)
end

--- Lists of at most `size` items.
---@param list table
---@param size integer
---@return table list of lists
function tables.chunk(list, size)
  check_list("chunk", list)
  check_whole("chunk", "the size", size, 1)
  local result = {}
  for first = 1, #list, size do
    result[#result + 1] = tables.slice(list, first, math.min(first + size - 1, #list))
  end
  return json.array(result)
end

--- Lists of the first items, of the second items, and so on, as many as the shortest list has.
---@param ... table lists
---@return table list of lists
function tables.zip(...)
  local lists = { ... }
  local count = select("#", ...)
  local length = count == 0 and 0 or math.huge
  for place = 1, count do
    check_list("zip", lists[place])
    length = math.min(length, #lists[place])
  end
  local result = {}
  for index = 1, length do
    local row = {}
    for place = 1, count do
      row[place] = lists[place][index]
    end
    result[index] = json.array(row)
  end
  return json.array(result)
end

--- The items from one place to another, both included. Negative places count from the end: -1 is the last item.
---@param list table
---@param first integer
---@param last integer|nil the last item without it
---@return table list
function tables.slice(list, first, last)
  check_list("slice", list)
  check_whole("slice", "the first place", first)
  if last == nil then
    last = #list
  end
  check_whole("slice", "the last place", last)
  if first < 0 then
    first = #list + first + 1
  end
  if last < 0 then
    last = #list + last + 1
  end
  local result = {}
  for index = math.max(first, 1), math.min(last, #list) do
    result[#result + 1] = list[index]
  end
  return json.array(result)
end

--- The items from the last to the first.
---@param list table
---@return table list
function tables.reverse(list)
  check_list("reverse", list)
  local result = {}
  for index = #list, 1, -1 do
    result[#result + 1] = list[index]
  end
  return json.array(result)
end

local function equal(a, b, visited)
  if a == b then
    return true
  elseif type(a) ~= "table" or type(b) ~= "table" then
    return false
  elseif visited[a] and visited[a][b] then
    return true
  end
  visited[a] = visited[a] or {}
  visited[a][b] = true
  for key, value in pairs(a) do
    if not equal(value, b[key], visited) then
      return false
    end
  end
  for key in pairs(b) do
    if a[key] == nil then
      return false
    end
  end
  return true
end

--- Whether two values are the same, tables by their content. NaN equals nothing.
---@param a any
---@param b any
---@return boolean
function tables.equal(a, b)
  return equal(a, b, {})
end

--- Whether a list has an item that equals `value` (as `tables.equal` says).
---@param list table
---@param value any
---@return boolean
function tables.contains(list, value)
  check_list("contains", list)
  for index = 1, #list do
    if equal(list[index], value, {}) then
      return true
    end
  end
  return false
end

local function path_parts(path)
  if type(path) == "table" then
    return path
  elseif type(path) == "number" then
    return { path }
  elseif type(path) ~= "string" then
    fail("get", "expected a path, got %s", type(path))
  end
  return string.split(path, ".")
end

--- The value at a path such as `"a.b.1.c"`, where numbers are places in lists. A nil or `json.null` on the way, or at
--- the end, gives the default.
---@param value any
---@param path string|number|table text with dots, or a list of keys for names that have dots themselves
---@param default any
---@return any
function tables.get(value, path, default)
  for _, part in ipairs(path_parts(path)) do
    if type(value) ~= "table" then
      return default
    end
    local found = value[part]
    if found == nil and type(part) == "string" and string.find(part, "^%-?%d+$") then
      found = value[tonumber(part)]
    end
    value = found
  end
  if value == nil or value == json.null then
    return default
  end
  return value
end

--- The sum of numbers; 0 for an empty list.
---@param list table
---@param by fun(item: any, index: integer): number function or name of a field; the item itself without it
---@return number
function tables.sum(list, by)
  check_list("sum", list)
  local choose = optional_selector("sum", by)
  local result = 0
  for index = 1, #list do
    local value = choose(list[index], index)
    if type(value) ~= "number" then
      fail("sum", "item %d gives %s, not a number", index, type(value))
    end
    result = result + value
  end
  return result
end

-- The first item whose key no other one's `beats`.
local function best(name, list, by, beats)
  check_list(name, list)
  local choose = optional_selector(name, by)
  local item, place, best_key
  for index = 1, #list do
    local key = choose(list[index], index)
    if key ~= nil and key == key then
      local kind = type(key)
      if kind ~= "number" and kind ~= "string" then
        fail(name, "item %d gives %s, neither a number nor a string", index, kind)
      elseif best_key ~= nil and kind ~= type(best_key) then
        fail(name, "item %d gives a %s, the ones before it a %s", index, kind, type(best_key))
      elseif best_key == nil or beats(key, best_key) then
        item, place, best_key = list[index], index, key
      end
    end
  end
  return item, place
end

--- The item with the smallest key, and its place; nil for an empty list. Items without a key do not count.
---@param list table
---@param by fun(item: any, index: integer): any function or name of a field; the item itself without it
---@return any item
---@return integer|nil index
function tables.min_by(list, by)
  return best("min_by", list, by, function(a, b)
    return a < b
  end)
end

--- The item with the largest key, and its place; nil for an empty list. Items without a key do not count.
---@param list table
---@param by fun(item: any, index: integer): any function or name of a field; the item itself without it
---@return any item
---@return integer|nil index
function tables.max_by(list, by)
  return best("max_by", list, by, function(a, b)
    return a > b
  end)
end

--- Whether a value is a table with the keys 1..n and no others. An empty table is one.
---@param value any
---@return boolean
function tables.is_array(value)
  if type(value) ~= "table" then
    return false
  end
  local count = 0
  for _ in pairs(value) do
    count = count + 1
  end
  for index = 1, count do
    if value[index] == nil then
      return false
    end
  end
  return true
end

local function copy(value, copies)
  if type(value) ~= "table" then
    return value
  elseif copies[value] then
    return copies[value]
  end
  local result = table.clone(value)
  copies[value] = result
  for key, item in pairs(result) do
    if type(item) == "table" then
      result[key] = copy(item, copies)
    end
  end
  return result
end

--- A copy of a value and of all tables in it. Tables that occur twice, or in themselves, do so in the copy.
---@param value any
---@return any
function tables.copy(value)
  return copy(value, {})
end

return tables
