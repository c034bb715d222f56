-- csv: text tables as RFC 4180 describes them, and what spreadsheets make of them.
--
-- Cells are text: `parse` makes no numbers, dates or nils of them. Blank lines between rows are skipped.
--
-- Deliberately absent: guessing the separator or the types, comment lines, other quotes than `"`, and other encodings
-- than UTF-8.

local csv = {}

local BYTE_ORDER_MARK = "\239\187\191"

local function fail(name, message, ...)
  error("csv." .. name .. ": " .. string.format(message, ...), 0)
end

local function check_options(name, options, known)
  if options == nil then
    return {}
  elseif type(options) ~= "table" then
    fail(name, "expected a table of options, got %s", type(options))
  end
  for key, value in pairs(options) do
    if not known[key] then
      fail(name, "unknown option %q", tostring(key))
    elseif type(value) ~= known[key] then
      fail(name, "expected the option %q as a %s, got %s", key, known[key], type(value))
    end
  end
  return options
end

local function check_separator(name, options)
  local separator = options.separator or ","
  if #separator ~= 1 or string.find(separator, '["\r\n]') then
    fail(name, "the separator must be one ASCII character, and no quote or line end, got %q", separator)
  end
  return separator
end

-- The text of a quoted cell whose quote opens at `place`, and the place behind its closing quote.
local function quoted_cell(text, place, row)
  local parts, from = {}, place + 1
  while true do
    local quote = string.find(text, '"', from, true)
    if not quote then
      fail("parse", "row %d has a quote that is never closed", row)
    end
    parts[#parts + 1] = string.sub(text, from, quote - 1)
    if string.sub(text, quote + 1, quote + 1) ~= '"' then
      return table.concat(parts), quote + 1
    end
    parts[#parts + 1] = '"'
    from = quote + 2
  end
end

-- The text of the cell at `place`, and the place behind it.
local function next_cell(text, place, row, ends)
  if string.sub(text, place, place) == '"' then
    local cell, after = quoted_cell(text, place, row)
    if after <= #text and string.find(text, ends, after) ~= after then
      fail("parse", "row %d has text behind a closing quote", row)
    end
    return cell, after
  end
  local after = string.find(text, ends, place) or #text + 1
  local cell = string.sub(text, place, after - 1)
  if string.find(cell, '"', 1, true) then
    fail("parse", "row %d has a quote inside a cell that is not quoted", row)
  end
  return cell, after
end

-- The cells of the row at `place`, and the place of the next row.
local function next_row(text, place, row, separator, ends)
  local cells = {}
  while true do
    cells[#cells + 1], place = next_cell(text, place, row, ends)
    local mark = string.sub(text, place, place)
    if mark ~= separator then
      local line_end = string.match(text, "^\r?\n?", place)
      return cells, place + #line_end
    end
    place = place + 1
  end
end

local function read_rows(text, separator)
  local ends = "[\r\n%" .. separator .. "]"
  local place = string.sub(text, 1, 3) == BYTE_ORDER_MARK and 4 or 1
  local rows = {}
  while place <= #text do
    local blank = string.match(text, "^[\r\n]+", place)
    if blank then
      place = place + #blank
    else
      local cells
      cells, place = next_row(text, place, #rows + 1, separator, ends)
      rows[#rows + 1] = json.array(cells)
    end
  end
  return rows
end

local function check_header(names)
  local seen = {}
  for place, name in ipairs(names) do
    if seen[name] then
      fail("parse", "the header names %q twice (columns %d and %d)", name, seen[name], place)
    end
    seen[name] = place
  end
end

local function to_records(rows)
  local names = rows[1] or {}
  check_header(names)
  local records = {}
  for index = 2, #rows do
    if #rows[index] ~= #names then
      fail("parse", "row %d has %d cells, the header has %d", index, #rows[index], #names)
    end
    local record = {}
    for place, name in ipairs(names) do
      record[name] = rows[index][place]
    end
    records[index - 1] = record
  end
  return records
end

--- The rows of a text: lists of cells, or records with `header`, which takes the first row as the names of the fields.
--- Row numbers in errors count the header as 1 and leave out blank lines.
---@param text string
---@param options { header: boolean, separator: string }|nil
---@return table list
function csv.parse(text, options)
  if type(text) ~= "string" then
    fail("parse", "expected a string, got %s", type(text))
  end
  options = check_options("parse", options, { header = "boolean", separator = "string" })
  local rows = read_rows(text, check_separator("parse", options))
  if options.header then
    return json.array(to_records(rows))
  end
  return json.array(rows)
end

local function is_list(value)
  return #value > 0 or next(value) == nil
end

-- The names of all fields, sorted.
local function all_names(rows)
  local seen, names = {}, {}
  for index, row in ipairs(rows) do
    for name in pairs(row) do
      if type(name) ~= "string" then
        fail("encode", "row %d is no record like the first one", index)
      end
      if not seen[name] then
        seen[name] = true
        names[#names + 1] = name
      end
    end
  end
  table.sort(names)
  return names
end

-- Whether a spreadsheet would run the text as a formula; plain signed numbers are none.
local function is_formula(text)
  return string.find(text, "^[=+%-@\t\r\n]") ~= nil and not string.find(text, "^[+-]%d+%.?%d*$")
end

local function cell_text(value, row, column, safe)
  local kind = type(value)
  if value == nil or value == json.null then
    return ""
  elseif kind ~= "string" and kind ~= "number" and kind ~= "boolean" then
    fail("encode", "row %d, column %s is %s, which no cell can hold", row, column, kind)
  end
  local text = tostring(value)
  if safe and kind == "string" and is_formula(text) then
    return "'" .. text
  end
  return text
end

local function quoted(text, separator)
  if string.find(text, '["\r\n%' .. separator .. "]") or string.find(text, "^ ") or string.find(text, " $") then
    return '"' .. string.gsub(text, '"', '""') .. '"'
  end
  return text
end

local function line(values, width, row, separator, options, names)
  local cells = {}
  for place = 1, width do
    local column = names and string.format("%q", names[place]) or tostring(place)
    cells[place] = quoted(cell_text(values[place], row, column, options.safe), separator)
  end
  if width == 1 and cells[1] == "" then
    return '""'
  end
  return table.concat(cells, separator)
end

local function check_rows(rows)
  if type(rows) ~= "table" then
    fail("encode", "expected a list of rows, got %s", type(rows))
  elseif not is_list(rows) then
    fail("encode", "expected a list of rows, got a table with the key %q", tostring(next(rows)))
  end
  for index, row in ipairs(rows) do
    if type(row) ~= "table" then
      fail("encode", "row %d is %s, neither a list nor a record", index, type(row))
    end
  end
end

local function check_columns(columns)
  for place, name in ipairs(columns) do
    if type(name) ~= "string" then
      fail("encode", "column %d is %s, not a name", place, type(name))
    end
  end
end

local function encode_lists(rows, separator, options)
  local lines = {}
  if options.columns then
    lines[1] = line(options.columns, #options.columns, 0, separator, options)
  end
  for index, row in ipairs(rows) do
    if not is_list(row) then
      fail("encode", "row %d is no list like the first one", index)
    end
    lines[#lines + 1] = line(row, math.max(#row, options.columns and #options.columns or 0), index, separator, options)
  end
  return lines
end

local function encode_records(rows, separator, options)
  local names = options.columns or all_names(rows)
  local lines = { line(names, #names, 0, separator, options) }
  for index, row in ipairs(rows) do
    local values = {}
    for place, name in ipairs(names) do
      values[place] = row[name]
    end
    lines[#lines + 1] = line(values, #names, index, separator, options, names)
  end
  return lines
end

--- The rows as text with CRLF line ends. A list of records gets a header of all fields, sorted, or of `columns` in
--- their order; a list of lists gets one only from `columns`. Nil and `json.null` are empty cells. With `safe`, text
--- that a spreadsheet would run as a formula gets an apostrophe before it.
---@param rows table list of records, or list of lists
---@param options { columns: table, separator: string, safe: boolean }|nil
---@return string
function csv.encode(rows, options)
  check_rows(rows)
  options = check_options("encode", options, { columns = "table", separator = "string", safe = "boolean" })
  check_columns(options.columns or {})
  local separator = check_separator("encode", options)
  local lines
  if rows[1] and not is_list(rows[1]) then
    lines = encode_records(rows, separator, options)
  else
    lines = encode_lists(rows, separator, options)
  end
  if #lines == 0 then
    return ""
  end
  return table.concat(lines, "\r\n") .. "\r\n"
end

return csv
