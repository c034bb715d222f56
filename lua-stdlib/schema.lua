-- schema: checks values against a description, and tells everything that is wrong at once.
--
-- A description is a table with keywords of JSON Schema: type, required, properties, additionalProperties (false),
-- items, enum, minimum, maximum, minLength, maxLength, pattern, and any_of. `title`, `description` and `default` may
-- stand there and do nothing. Any other keyword is an error, so that a typing mistake never lets a value pass. As in
-- JSON Schema, a keyword says nothing about values of another type, and an empty table is both array and object.
--
-- Deliberately absent: references, formats, defaults that fill in, and conversion of values. The schemas of providers
-- are checked by the engine itself.

local schema = {}

local ANNOTATIONS = { title = true, description = true, default = true }
local MOST_SHOWN = 60

-- A mistake in the description itself.
local function fail(where, message, ...)
  local place = where == "" and "" or string.format(" at %q", where)
  error("schema.check: in the description" .. place .. ": " .. string.format(message, ...), 0)
end

local function is_null(value)
  return value == nil or value == json.null
end

local function is_list(value)
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

local TYPES = {
  null = is_null,
  boolean = function(value)
    return type(value) == "boolean"
  end,
  string = function(value)
    return type(value) == "string"
  end,
  number = function(value)
    return type(value) == "number" and value == value and math.abs(value) ~= math.huge
  end,
  integer = function(value)
    return type(value) == "number" and math.abs(value) ~= math.huge and value == math.floor(value)
  end,
  array = function(value)
    return type(value) == "table" and is_list(value)
  end,
  object = function(value)
    return type(value) == "table" and (next(value) == nil or not is_list(value))
  end,
}

-- What a value is, in the words of a description.
local function kind_of(value)
  if is_null(value) then
    return "null"
  elseif type(value) == "table" then
    return is_list(value) and next(value) ~= nil and "array" or "object"
  end
  return type(value)
end

local function shown(value)
  local text = type(value) == "string" and string.format("%q", value) or tostring(value)
  if is_null(value) then
    return "null"
  elseif type(value) == "table" then
    return kind_of(value)
  elseif #text > MOST_SHOWN then
    return kind_of(value) .. " of " .. #text .. " bytes"
  end
  return text
end

-- Names of a table in their order, so that problems always come in the same one.
local function sorted_names(record)
  local names = {}
  for name in pairs(record) do
    names[#names + 1] = name
  end
  table.sort(names, function(a, b)
    return tostring(a) < tostring(b)
  end)
  return names
end

local function below(path, part)
  return path == "" and tostring(part) or path .. "." .. tostring(part)
end

local function add(problems, path, message, ...)
  problems[#problems + 1] = { path = path, message = string.format(message, ...) }
end

local function check_keyword(where, keyword, value, kind)
  if type(value) ~= kind then
    fail(where, "expected %q as a %s, got %s", keyword, kind, type(value))
  end
end

local function length(text)
  return utf8.len(text) or #text
end

local check

-- One function for each keyword, with the value, what the description says, the path, the problems so far, the place in
-- the description, and the description.
local KEYWORDS = {}

function KEYWORDS.type(value, wanted, path, problems, where)
  local names = type(wanted) == "table" and wanted or { wanted }
  for _, name in ipairs(names) do
    if not TYPES[name] then
      fail(where, "unknown type %q", tostring(name))
    end
  end
  for _, name in ipairs(names) do
    if TYPES[name](value) then
      return
    end
  end
  local given = kind_of(value)
  if given == "number" then
    given = "the number " .. tostring(value)
  end
  add(problems, path, "expected %s, got %s", table.concat(names, " or "), given)
end

function KEYWORDS.enum(value, allowed, path, problems, where)
  check_keyword(where, "enum", allowed, "table")
  local texts = {}
  for index, one in ipairs(allowed) do
    if value == one or (is_null(value) and is_null(one)) then
      return
    end
    texts[index] = shown(one)
  end
  add(problems, path, "expected one of %s, got %s", table.concat(texts, ", "), shown(value))
end

function KEYWORDS.minimum(value, least, path, problems, where)
  check_keyword(where, "minimum", least, "number")
  if type(value) == "number" and value < least then
    add(problems, path, "must be at least %s, got %s", tostring(least), tostring(value))
  end
end

function KEYWORDS.maximum(value, most, path, problems, where)
  check_keyword(where, "maximum", most, "number")
  if type(value) == "number" and value > most then
    add(problems, path, "must be at most %s, got %s", tostring(most), tostring(value))
  end
end

function KEYWORDS.minLength(value, least, path, problems, where)
  check_keyword(where, "minLength", least, "number")
  if type(value) == "string" and length(value) < least then
    add(problems, path, "must have at least %s characters, has %d", tostring(least), length(value))
  end
end

function KEYWORDS.maxLength(value, most, path, problems, where)
  check_keyword(where, "maxLength", most, "number")
  if type(value) == "string" and length(value) > most then
    add(problems, path, "must have at most %s characters, has %d", tostring(most), length(value))
  end
end

function KEYWORDS.pattern(value, pattern, path, problems, where)
  check_keyword(where, "pattern", pattern, "string")
  if type(value) == "string" and not regex.match(value, pattern) then
    add(problems, path, "must match %s, got %s", pattern, shown(value))
  end
end

function KEYWORDS.required(value, names, path, problems, where)
  check_keyword(where, "required", names, "table")
  if not TYPES.object(value) then
    return
  end
  for _, name in ipairs(names) do
    if value[name] == nil then
      add(problems, below(path, name), "is required")
    end
  end
end

function KEYWORDS.properties(value, properties, path, problems, where)
  check_keyword(where, "properties", properties, "table")
  for _, name in ipairs(sorted_names(properties)) do
    local inner = below(where, "properties." .. tostring(name))
    if TYPES.object(value) and value[name] ~= nil then
      check(value[name], properties[name], below(path, name), problems, inner)
    end
  end
end

function KEYWORDS.additionalProperties(value, allowed, path, problems, where, spec)
  check_keyword(where, "additionalProperties", allowed, "boolean")
  if allowed or not TYPES.object(value) then
    return
  end
  local known = spec.properties or {}
  for _, name in ipairs(sorted_names(value)) do
    if known[name] == nil then
      add(problems, below(path, name), "is not known here")
    end
  end
end

function KEYWORDS.items(value, spec, path, problems, where)
  check_keyword(where, "items", spec, "table")
  if TYPES.array(value) then
    for index = 1, #value do
      check(value[index], spec, below(path, index), problems, below(where, "items"))
    end
  end
end

function KEYWORDS.any_of(value, specs, path, problems, where)
  check_keyword(where, "any_of", specs, "table")
  local reasons = {}
  for index, spec in ipairs(specs) do
    local found = {}
    check(value, spec, path, found, below(where, "any_of." .. index))
    if #found == 0 then
      return
    end
    local first = found[1]
    reasons[index] = (first.path == path and "" or first.path .. " ") .. first.message
  end
  add(problems, path, "fits none of the allowed forms (%s)", table.concat(reasons, "; "))
end

check = function(value, spec, path, problems, where)
  if type(spec) ~= "table" then
    fail(where, "expected a table, got %s", type(spec))
  end
  for _, keyword in ipairs(sorted_names(spec)) do
    if KEYWORDS[keyword] then
      KEYWORDS[keyword](value, spec[keyword], path, problems, where, spec)
    elseif not ANNOTATIONS[keyword] then
      fail(where, "unknown keyword %q", tostring(keyword))
    end
  end
end

--- Whether a value fits a description, and every place where it does not. A path has dots, as `tables.get` takes it; it
--- is empty for the value itself.
---@param value any
---@param spec table
---@return boolean ok
---@return table problems list of { path, message }
function schema.check(value, spec)
  local problems = {}
  check(value, spec, "", problems, "")
  return #problems == 0, json.array(problems)
end

--- The value as it is when it fits a description; else an error with the code `invalid_arguments`, one line with every
--- place in `message`, and the list in `problems`.
---@param value any
---@param spec table
---@param what string|nil what the value is, for the message; "the value" without it
---@return any
function schema.assert(value, spec, what)
  local ok, problems = schema.check(value, spec)
  if ok then
    return value
  end
  local lines = {}
  for index, problem in ipairs(problems) do
    lines[index] = (problem.path == "" and "" or problem.path .. ": ") .. problem.message
  end
  local message = (what or "the value") .. " does not fit: " .. table.concat(lines, "; ")
  local failure = { code = "invalid_arguments", message = message, hints = {}, problems = problems, retryable = false }
  error(setmetatable(failure, {
    __tostring = function(self)
      return self.code .. ": " .. self.message
    end,
  }), 0)
end

return schema
