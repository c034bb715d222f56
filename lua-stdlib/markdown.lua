-- markdown: pieces of GitHub-flavoured Markdown for comments, messages and reports.
--
-- Deliberately absent: reading Markdown, nested lists, images, and escaping of running text: what a caller puts into
-- cells and items may be Markdown itself.

local markdown = {}

local ALIGNMENTS = { left = true, right = true, center = true }

-- Ranges of characters that take no column, and that take two, on a terminal.
local NARROW = {
  { 0x0300, 0x036F }, { 0x1AB0, 0x1AFF }, { 0x1DC0, 0x1DFF }, { 0x200B, 0x200F }, { 0x20D0, 0x20FF },
  { 0xFE00, 0xFE0F }, { 0x1F3FB, 0x1F3FF },
}
local WIDE = {
  { 0x1100, 0x115F }, { 0x2E80, 0x303E }, { 0x3041, 0x4DBF }, { 0x4E00, 0xA4CF }, { 0xAC00, 0xD7A3 },
  { 0xF900, 0xFAFF }, { 0xFE30, 0xFE6F }, { 0xFF00, 0xFF60 }, { 0xFFE0, 0xFFE6 }, { 0x1F300, 0x1F64F },
  { 0x1F680, 0x1F6FF }, { 0x1F900, 0x1F9FF }, { 0x1FA70, 0x1FAFF }, { 0x20000, 0x3FFFD },
}

local function fail(name, message, ...)
  error("markdown." .. name .. ": " .. string.format(message, ...), 0)
end

local function check_text(name, what, value)
  if type(value) ~= "string" then
    fail(name, "expected %s as a string, got %s", what, type(value))
  end
end

local function check_list(name, what, value)
  if type(value) ~= "table" then
    fail(name, "expected %s as a list, got %s", what, type(value))
  elseif #value == 0 and next(value) ~= nil then
    fail(name, "expected %s as a list, got a table with the key %q", what, tostring(next(value)))
  end
end

local function check_options(name, options, known)
  if options == nil then
    return {}
  elseif type(options) ~= "table" then
    fail(name, "expected a table of options, got %s", type(options))
  end
  for key in pairs(options) do
    if not known[key] then
      fail(name, "unknown option %q", tostring(key))
    end
  end
  return options
end

local function within(ranges, code)
  for _, range in ipairs(ranges) do
    if code >= range[1] and code <= range[2] then
      return true
    end
  end
  return false
end

-- How many columns a text takes; its bytes where it is no UTF-8.
local function display_width(text)
  if not string.find(text, "[\128-\255]") or not utf8.len(text) then
    return #text
  end
  local width = 0
  for _, code in utf8.codes(text) do
    if within(WIDE, code) then
      width = width + (within(NARROW, code) and 0 or 2)
    elseif not within(NARROW, code) then
      width = width + 1
    end
  end
  return width
end

local function text_of(name, where, value)
  local kind = type(value)
  if value == nil or value == json.null then
    return ""
  elseif kind ~= "string" and kind ~= "number" and kind ~= "boolean" then
    fail(name, "%s is %s, neither text nor a number", where, kind)
  end
  return tostring(value)
end

-- A cell's text: no pipe ends it early, no line end breaks the row.
local function cell_text(where, value)
  local text = text_of("table", where, value)
  text = string.gsub(text, "(\\*)|", "%1%1\\|")
  text = string.gsub(text, "\r?\n", "<br>")
  return (string.gsub(text, "\r", "<br>"))
end

local function row_cells(row, index, columns)
  if type(row) ~= "table" then
    fail("table", "row %d is %s, neither a list nor a record", index, type(row))
  end
  local cells = {}
  for place, name in ipairs(columns) do
    local value = row[name]
    if value == nil then
      value = row[place]
    end
    cells[place] = cell_text(string.format("row %d, column %q", index, name), value)
  end
  return cells
end

local function alignments(columns, align)
  if align ~= nil and type(align) ~= "table" then
    fail("table", "expected the option \"align\" as a table, got %s", type(align))
  end
  local result = {}
  for place, name in ipairs(columns) do
    local value = align and (align[name] or align[place])
    if value and not ALIGNMENTS[value] then
      fail("table", "column %q is to be aligned %q; known are left, right, center", name, tostring(value))
    end
    result[place] = value
  end
  return result
end

local function rule(width, align)
  if align == "center" then
    return ":" .. string.rep("-", width - 2) .. ":"
  elseif align == "right" then
    return string.rep("-", width - 1) .. ":"
  elseif align == "left" then
    return ":" .. string.rep("-", width - 1)
  end
  return string.rep("-", width)
end

local function padded(text, width, align)
  local missing = width - display_width(text)
  if align == "right" then
    return string.rep(" ", missing) .. text
  elseif align == "center" then
    local before = math.floor(missing / 2)
    return string.rep(" ", before) .. text .. string.rep(" ", missing - before)
  end
  return text .. string.rep(" ", missing)
end

local function column_widths(lines, count)
  local widths = {}
  for place = 1, count do
    widths[place] = 3
    for _, cells in ipairs(lines) do
      widths[place] = math.max(widths[place], display_width(cells[place]))
    end
  end
  return widths
end

--- A table. Rows are records with the columns' names as fields, or lists. Columns line up by what a terminal shows.
---@param rows table list of records, or list of lists
---@param columns table list of names
---@param options { align: table }|nil `align` has "left", "right" or "center" by a column's name or place
---@return string
function markdown.table(rows, columns, options)
  check_list("table", "the rows", rows)
  check_list("table", "the columns", columns)
  if #columns == 0 then
    fail("table", "a table needs a column")
  end
  local head = {}
  for place, name in ipairs(columns) do
    check_text("table", "column " .. place, name)
    head[place] = cell_text("column " .. place, name)
  end
  local align = alignments(columns, check_options("table", options, { align = true }).align)
  local lines = { head }
  for index, row in ipairs(rows) do
    lines[index + 1] = row_cells(row, index, columns)
  end
  local widths = column_widths(lines, #columns)
  local rules, written = {}, {}
  for place, width in ipairs(widths) do
    rules[place] = rule(width, align[place])
  end
  for index, cells in ipairs(lines) do
    local shown = {}
    for place, width in ipairs(widths) do
      shown[place] = padded(cells[place], width, align[place])
    end
    written[index] = "| " .. table.concat(shown, " | ") .. " |"
  end
  table.insert(written, 2, "| " .. table.concat(rules, " | ") .. " |")
  return table.concat(written, "\n")
end

--- A list with hyphens, or with numbers when `ordered`. Further lines of an item are indented under its first one.
---@param items table
---@param options { ordered: boolean }|nil
---@return string
function markdown.list(items, options)
  check_list("list", "the items", items)
  local ordered = check_options("list", options, { ordered = true }).ordered
  local lines = {}
  for index = 1, #items do
    local mark = ordered and index .. ". " or "- "
    local text = text_of("list", "item " .. index, items[index])
    text = string.gsub(text, "\r?\n", "\n" .. string.rep(" ", #mark))
    lines[index] = mark .. text
  end
  return (string.gsub(table.concat(lines, "\n"), " +\n", "\n"))
end

local URL_ESCAPES = {
  [" "] = "%20", ["\n"] = "%0A", ["\r"] = "%0D", ["\t"] = "%09", ["<"] = "%3C", [">"] = "%3E", ["("] = "%28",
  [")"] = "%29", ["\\"] = "%5C",
}

--- A link. Brackets in its text, and blanks and parentheses in its address, are escaped.
---@param text string
---@param url string
---@return string
function markdown.link(text, url)
  check_text("link", "the text", text)
  check_text("link", "the address", url)
  local shown = string.gsub(text, "[%[%]\\]", "\\%0")
  shown = string.gsub(shown, "%s*[\r\n]%s*", " ")
  return "[" .. shown .. "](" .. string.gsub(url, "[ \n\r\t<>()\\]", URL_ESCAPES) .. ")"
end

--- A block of code in fences longer than any row of backticks in it.
---@param text string
---@param language string|nil
---@return string
function markdown.code(text, language)
  check_text("code", "the text", text)
  if language == nil then
    language = ""
  end
  check_text("code", "the language", language)
  if string.find(language, "[%s`]") then
    fail("code", "the language must have no blanks and no backticks, got %q", language)
  end
  local longest = 2
  for ticks in string.gmatch(text, "`+") do
    longest = math.max(longest, #ticks)
  end
  local fence = string.rep("`", longest + 1)
  local ending = (text == "" or string.sub(text, -1) == "\n") and "" or "\n"
  return fence .. language .. "\n" .. text .. ending .. fence
end

--- A heading on one line.
---@param text string
---@param level integer|nil 1 to 6; 1 without it
---@return string
function markdown.heading(text, level)
  check_text("heading", "the text", text)
  if level == nil then
    level = 1
  end
  if type(level) ~= "number" or level ~= math.floor(level) or level < 1 or level > 6 then
    fail("heading", "the level must be a whole number from 1 to 6, got %s", tostring(level))
  end
  local shown = string.gsub(text, "%s*[\r\n]%s*", " ")
  shown = string.gsub(shown, "^%s*(.-)%s*$", "%1")
  shown = string.gsub(shown, "(%s)(#+)$", "%1\\%2")
  return string.rep("#", level) .. " " .. shown
end

return markdown
