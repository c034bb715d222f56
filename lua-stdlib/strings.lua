-- strings: text for messages, file names and reports.
--
-- All text is UTF-8. Lengths and widths count characters (code points), and no character is ever cut in the middle.
-- Separators and needles are plain text, never patterns.
--
-- Deliberately absent: patterns (`regex` and Luau's own `string` have them), JSON and CSV (`json`, `csv`), edit
-- distances, and upper and lower case beyond the Latin letters of Western Europe.

local strings = {}

local BLANK = " \t\r\n\f\v"

-- One character: any byte that may start one, and the continuation bytes behind it.
local CHARACTER = "[%z\1-\127\192-\255][\128-\191]*"

-- Latin letters as ASCII, for `slug`.
local ASCII = {
  a = "àáâãåāăąÀÁÂÃÅĀĂĄ", ae = "äæÄÆ", c = "çćĉċčÇĆĈĊČ", d = "ðďđÐĎĐ", e = "èéêëēĕėęěÈÉÊËĒĔĖĘĚ", g = "ĝğġģĜĞĠĢ",
  h = "ĥħĤĦ", i = "ìíîïĩīĭįıÌÍÎÏĨĪĬĮİ", j = "ĵĴ", k = "ķĶ", l = "ĺļľŀłĹĻĽĿŁ", n = "ñńņňŋÑŃŅŇŊ", o = "òóôõøōŏőÒÓÔÕØŌŎŐ",
  oe = "öœÖŒ", r = "ŕŗřŔŖŘ", s = "śŝşšșŚŜŞŠȘ", ss = "ßẞ", t = "ţťŧțŢŤŦȚ", th = "þÞ", u = "ùúûũūŭůűųÙÚÛŨŪŬŮŰŲ",
  ue = "üÜ", w = "ŵŴ", y = "ýÿŷÝŸŶ", z = "źżžŹŻŽ",
}

local TO_ASCII = {}
for letters, originals in pairs(ASCII) do
  for original in string.gmatch(originals, CHARACTER) do
    TO_ASCII[original] = letters
  end
end
for apostrophe in string.gmatch("'‘’", CHARACTER) do
  TO_ASCII[apostrophe] = ""
end

local HTML = { ["&"] = "&amp;", ["<"] = "&lt;", [">"] = "&gt;", ['"'] = "&quot;", ["'"] = "&#39;" }

local function fail(name, message, ...)
  error("strings." .. name .. ": " .. string.format(message, ...), 0)
end

local function check_text(name, value)
  if type(value) ~= "string" then
    fail(name, "expected a string, got %s", type(value))
  end
end

local function check_needle(name, what, value)
  if type(value) ~= "string" then
    fail(name, "expected %s as a string, got %s", what, type(value))
  elseif value == "" then
    fail(name, "%s must not be empty", what)
  end
end

local function check_whole(name, what, value, least)
  if type(value) ~= "number" or value ~= math.floor(value) then
    fail(name, "%s must be a whole number, got %s", what, tostring(value))
  elseif value < least then
    fail(name, "%s must be at least %d, got %d", what, least, value)
  end
end

-- How many characters a text has. Bytes that are no UTF-8 count as parts of the character before them.
local function length(text)
  local _, count = string.gsub(text, CHARACTER, "")
  if string.find(text, "^[\128-\191]") then
    count = count + 1
  end
  return count
end

-- The first `count` characters.
local function head(text, count)
  local place = 1
  local stray = string.match(text, "^[\128-\191]+")
  if stray and count > 0 then
    place, count = #stray + 1, count - 1
  end
  while count > 0 and place <= #text do
    local _, stop = string.find(text, "^" .. CHARACTER, place)
    place, count = stop + 1, count - 1
  end
  return string.sub(text, 1, place - 1)
end

--- The text without blanks at both ends.
---@param text string
---@return string
function strings.trim(text)
  check_text("trim", text)
  return strings.rtrim(strings.ltrim(text))
end

--- The text without blanks at its start.
---@param text string
---@return string
function strings.ltrim(text)
  check_text("ltrim", text)
  local first = string.find(text, "[^" .. BLANK .. "]")
  return first and string.sub(text, first) or ""
end

--- The text without blanks at its end.
---@param text string
---@return string
function strings.rtrim(text)
  check_text("rtrim", text)
  local last = #text
  while last > 0 and string.find(BLANK, string.sub(text, last, last), 1, true) do
    last = last - 1
  end
  return string.sub(text, 1, last)
end

--- Whether a text is nil, `json.null`, empty, or nothing but blanks.
---@param text string|nil
---@return boolean
function strings.is_blank(text)
  if text == nil or text == json.null then
    return true
  end
  check_text("is_blank", text)
  return not string.find(text, "[^" .. BLANK .. "]")
end

--- Whether a text starts with another one.
---@param text string
---@param start string
---@return boolean
function strings.starts_with(text, start)
  check_text("starts_with", text)
  check_text("starts_with", start)
  return string.sub(text, 1, #start) == start
end

--- Whether a text ends with another one.
---@param text string
---@param ending string
---@return boolean
function strings.ends_with(text, ending)
  check_text("ends_with", text)
  check_text("ends_with", ending)
  return ending == "" or string.sub(text, -#ending) == ending
end

--- Whether a text has another one in it.
---@param text string
---@param needle string
---@return boolean
function strings.contains(text, needle)
  check_text("contains", text)
  check_text("contains", needle)
  return string.find(text, needle, 1, true) ~= nil
end

--- How often a text has another one in it; places that overlap count once.
---@param text string
---@param needle string
---@return integer
function strings.count(text, needle)
  check_text("count", text)
  check_needle("count", "the needle", needle)
  local count, place = 0, 1
  while true do
    local first, last = string.find(text, needle, place, true)
    if not first then
      return count
    end
    count, place = count + 1, last + 1
  end
end

--- The parts of a text between separators. With a limit there are at most so many; the last one has the rest.
---@param text string
---@param separator string
---@param limit integer|nil
---@return table list
function strings.split(text, separator, limit)
  check_text("split", text)
  check_needle("split", "the separator", separator)
  if limit ~= nil then
    check_whole("split", "the limit", limit, 1)
  end
  local parts, place = {}, 1
  while limit == nil or #parts + 1 < limit do
    local first, last = string.find(text, separator, place, true)
    if not first then
      break
    end
    parts[#parts + 1] = string.sub(text, place, first - 1)
    place = last + 1
  end
  parts[#parts + 1] = string.sub(text, place)
  return parts
end

--- The items of a list as one text. Items are strings, numbers or booleans.
---@param list table
---@param separator string|nil nothing without it
---@return string
function strings.join(list, separator)
  if type(list) ~= "table" then
    fail("join", "expected a list, got %s", type(list))
  end
  separator = separator == nil and "" or separator
  check_text("join", separator)
  local parts = {}
  for index = 1, #list do
    local item = list[index]
    local kind = type(item)
    if kind ~= "string" and kind ~= "number" and kind ~= "boolean" then
      fail("join", "item %d is %s, neither text nor a number", index, kind)
    end
    parts[index] = tostring(item)
  end
  return table.concat(parts, separator)
end

--- The lines of a text, without their ends (LF or CRLF). A line end at the end of the text starts no further line.
---@param text string
---@return table list
function strings.lines(text)
  check_text("lines", text)
  local result = {}
  for line, ending in string.gmatch(text, "([^\n]*)(\n?)") do
    if ending ~= "" then
      line = string.gsub(line, "\r$", "")
    end
    if ending ~= "" or line ~= "" then
      result[#result + 1] = line
    end
  end
  return json.array(result)
end

local function padding(name, text, width, fill)
  check_text(name, text)
  check_whole(name, "the width", width, 0)
  fill = fill == nil and " " or fill
  check_text(name, fill)
  if length(fill) ~= 1 then
    fail(name, "the fill must be one character, got %q", fill)
  end
  return string.rep(fill, math.max(0, width - length(text)))
end

--- The text with characters before it, up to a width. A longer text stays as it is.
---@param text string
---@param width integer
---@param fill string|nil one character; a space without it
---@return string
function strings.pad_left(text, width, fill)
  return padding("pad_left", text, width, fill) .. text
end

--- The text with characters behind it, up to a width. A longer text stays as it is.
---@param text string
---@param width integer
---@param fill string|nil one character; a space without it
---@return string
function strings.pad_right(text, width, fill)
  return text .. padding("pad_right", text, width, fill)
end

--- At most `width` characters of a text, the ellipsis among them where something was cut off.
---@param text string
---@param width integer
---@param ellipsis string|nil "…" without it
---@return string
function strings.truncate(text, width, ellipsis)
  check_text("truncate", text)
  check_whole("truncate", "the width", width, 0)
  ellipsis = ellipsis == nil and "…" or ellipsis
  check_text("truncate", ellipsis)
  if length(text) <= width then
    return text
  end
  local mark = head(ellipsis, width)
  return head(text, width - length(mark)) .. mark
end

-- Upper case of one character: ASCII, and the two-byte Latin letters from à to þ.
local function upper(character)
  local first, second = string.byte(character, 1, 2)
  if first == 195 and second and second >= 160 and second <= 190 and second ~= 183 then
    return string.char(195, second - 32)
  end
  return string.upper(character)
end

--- The text with the first letter of every word in upper case. The other letters stay as they are.
---@param text string
---@return string
function strings.title(text)
  check_text("title", text)
  local word = "[^" .. BLANK .. "]+"
  return (string.gsub(text, word, function(found)
    local first = head(found, 1)
    return upper(first) .. string.sub(found, #first + 1)
  end))
end

--- The text as a part of an address or a file name: lower-case ASCII letters, digits and hyphens. Latin letters lose
--- their accents; characters of other scripts are left out, so the result can be empty.
---@param text string
---@return string
function strings.slug(text)
  check_text("slug", text)
  local plain = string.gsub(text, CHARACTER, function(character)
    return TO_ASCII[character]
  end)
  plain = string.gsub(string.lower(plain), "[^a-z0-9]+", "-")
  return (string.gsub(string.gsub(plain, "^%-", ""), "%-$", ""))
end

-- Every line of `text` through `change`; line ends stay.
local function each_line(text, change)
  return (string.gsub(text, "[^\n]+", change))
end

local function is_blank_line(line)
  return not string.find(line, "[^" .. BLANK .. "]")
end

--- The text with something before every line that is not blank.
---@param text string
---@param prefix string|integer text, or a number of spaces; two spaces without it
---@return string
function strings.indent(text, prefix)
  check_text("indent", text)
  if prefix == nil then
    prefix = 2
  end
  if type(prefix) == "number" then
    check_whole("indent", "the number of spaces", prefix, 0)
    prefix = string.rep(" ", prefix)
  end
  check_text("indent", prefix)
  return each_line(text, function(line)
    return is_blank_line(line) and line or prefix .. line
  end)
end

-- The longest start that both texts have.
local function common_start(a, b)
  local last = 0
  while last < #a and string.byte(a, last + 1) == string.byte(b, last + 1) do
    last = last + 1
  end
  return string.sub(a, 1, last)
end

--- The text without the blanks that all its lines start with. Blank lines do not count and become empty.
---@param text string
---@return string
function strings.dedent(text)
  check_text("dedent", text)
  local common
  for line in string.gmatch(text, "[^\n]+") do
    if not is_blank_line(line) then
      local start = string.match(line, "^[ \t]*")
      common = common and common_start(common, start) or start
    end
  end
  return each_line(text, function(line)
    if is_blank_line(line) then
      return string.sub(line, -1) == "\r" and "\r" or ""
    end
    return string.sub(line, #(common or "") + 1)
  end)
end

local function wrap_line(line, width)
  local lines, current, used = {}, nil, 0
  for word in string.gmatch(line, "[^" .. BLANK .. "]+") do
    local size = length(word)
    if current and used + 1 + size <= width then
      current, used = current .. " " .. word, used + 1 + size
    else
      lines[#lines + 1] = current
      current, used = word, size
    end
  end
  lines[#lines + 1] = current or ""
  return table.concat(lines, "\n")
end

--- The text in lines of at most `width` characters, broken at blanks. Its own line ends stay; longer words are not cut.
---@param text string
---@param width integer|nil 80 without it
---@return string
function strings.wrap(text, width)
  check_text("wrap", text)
  if width == nil then
    width = 80
  end
  check_whole("wrap", "the width", width, 1)
  local lines = {}
  for _, line in ipairs(string.split(text, "\n")) do
    lines[#lines + 1] = wrap_line(line, width)
  end
  return table.concat(lines, "\n")
end

-- The value of a name such as `user.name` in `values`.
local function template_value(values, name)
  local value = values[name]
  if value == nil then
    value = values
    for part in string.gmatch(name, "[^.]+") do
      if type(value) ~= "table" then
        value = nil
        break
      end
      local found = value[part]
      value = found == nil and value[tonumber(part) or part] or found
    end
  end
  local kind = type(value)
  if value == nil then
    fail("template", "no value for %q", name)
  elseif kind ~= "string" and kind ~= "number" and kind ~= "boolean" then
    fail("template", "the value for %q is %s, neither text nor a number", name, kind)
  end
  return tostring(value)
end

--- The text with every `{name}` replaced by its value. `{user.name}` looks into records; `{{` and `}}` stand for single
--- braces. A name without a value is an error.
---@param text string
---@param values table
---@return string
function strings.template(text, values)
  check_text("template", text)
  if type(values) ~= "table" then
    fail("template", "expected a table of values, got %s", type(values))
  end
  local parts, place = {}, 1
  while true do
    local first = string.find(text, "[{}]", place)
    if not first then
      parts[#parts + 1] = string.sub(text, place)
      return table.concat(parts)
    end
    parts[#parts + 1] = string.sub(text, place, first - 1)
    local brace = string.sub(text, first, first)
    if string.sub(text, first + 1, first + 1) == brace then
      parts[#parts + 1] = brace
      place = first + 2
    elseif brace == "}" then
      parts[#parts + 1] = brace
      place = first + 1
    else
      local name, last = string.match(text, "^{%s*([^{}%s]+)%s*}()", first)
      if not name then
        fail("template", "the brace at byte %d opens no name; write {{ for a brace", first)
      end
      parts[#parts + 1] = template_value(values, name)
      place = last
    end
  end
end

--- The text as HTML shows it: `&`, `<`, `>` and both quotes escaped.
---@param text string
---@return string
function strings.escape_html(text)
  check_text("escape_html", text)
  return (string.gsub(text, "[&<>\"']", HTML))
end

return strings
