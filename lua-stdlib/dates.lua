-- dates: calendar reckoning over epoch seconds (the numbers that `time.now` returns).
--
-- Moments are numbers of seconds since 1970-01-01T00:00:00Z. Where a day, a month or a weekday matters, an offset such
-- as "+02:00" may be given; without one it is UTC. The calendar is the Gregorian one, also before it was introduced.
--
-- Deliberately absent: time zones with names and daylight saving (`time.format` knows them), the clock (`time.now`),
-- leap seconds, and names of days and months in other languages than English.

local dates = {}

local SECONDS = { seconds = 1, minutes = 60, hours = 3600, days = 86400, weeks = 604800 }
local MONTHS = { months = 1, years = 12 }
local DAY = 86400

local DAY_NAMES = { "Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun" }
local MONTH_NAMES = { "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec" }
local MONTH_DAYS = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 }

local RFC_3339 = "%Y-%m-%dT%H:%M:%S"
local MOST_IN_RANGE = 100000

-- The largest unit that fits says how long ago something was; the lengths of months and years are averages.
local AGES = {
  { "year", 31556952 }, { "month", 2629746 }, { "day", 86400 }, { "hour", 3600 }, { "minute", 60 }, { "second", 1 },
}

local function fail(name, message, ...)
  error("dates." .. name .. ": " .. string.format(message, ...), 0)
end

local function check_number(name, what, value)
  if type(value) ~= "number" then
    fail(name, "expected %s as a number, got %s", what, type(value))
  elseif value ~= value or value == math.huge or value == -math.huge then
    fail(name, "%s must be finite, got %s", what, tostring(value))
  end
end

local function check_moment(name, value)
  check_number(name, "epoch seconds", value)
end

local function check_whole(name, what, value, least, most)
  check_number(name, what, value)
  if value ~= math.floor(value) then
    fail(name, "%s must be a whole number, got %s", what, tostring(value))
  elseif least and (value < least or value > most) then
    fail(name, "%s must be from %d to %d, got %d", what, least, most, value)
  end
end

-- The seconds of an offset such as "+02:00", nil where the text is none.
local function offset_seconds(text)
  if text == "Z" or text == "z" then
    return 0
  end
  local sign, hours, minutes = string.match(text, "^([+-])(%d%d):(%d%d)$")
  if not sign or tonumber(hours) > 23 or tonumber(minutes) > 59 then
    return nil
  end
  local seconds = tonumber(hours) * 3600 + tonumber(minutes) * 60
  return sign == "-" and -seconds or seconds
end

local function check_offset(name, offset)
  if offset == nil then
    return 0
  elseif type(offset) ~= "string" then
    fail(name, "expected an offset such as \"+02:00\", got %s", type(offset))
  end
  local seconds = offset_seconds(offset)
  if not seconds then
    fail(name, "%q is no offset such as \"+02:00\" or \"Z\"", offset)
  end
  return seconds
end

-- Days since 1970-01-01. The year is counted from March, so that the leap day is its last; 400 years repeat.
local function days_from_civil(year, month, day)
  if month <= 2 then
    year = year - 1
  end
  local era = math.floor(year / 400)
  local year_of_era = year - era * 400
  local day_of_year = math.floor((153 * ((month + 9) % 12) + 2) / 5) + day - 1
  local day_of_era = year_of_era * 365 + math.floor(year_of_era / 4) - math.floor(year_of_era / 100) + day_of_year
  return era * 146097 + day_of_era - 719468
end

-- Year, month and day of a number of days since 1970-01-01.
local function civil_from_days(days)
  days = days + 719468
  local era = math.floor(days / 146097)
  local day_of_era = days - era * 146097
  local leaps = math.floor(day_of_era / 1460) - math.floor(day_of_era / 36524) + math.floor(day_of_era / 146096)
  local year_of_era = math.floor((day_of_era - leaps) / 365)
  local day_of_year = day_of_era - (365 * year_of_era + math.floor(year_of_era / 4) - math.floor(year_of_era / 100))
  local shifted = math.floor((5 * day_of_year + 2) / 153)
  local day = day_of_year - math.floor((153 * shifted + 2) / 5) + 1
  local month = shifted < 10 and shifted + 3 or shifted - 9
  local year = year_of_era + era * 400
  return month <= 2 and year + 1 or year, month, day
end

-- Days since 1970-01-01 and the seconds of the day, where the offset is in force.
local function split_moment(moment, shift)
  local days = math.floor((moment + shift) / DAY)
  return days, moment + shift - days * DAY
end

local function is_leap(year)
  return year % 4 == 0 and (year % 100 ~= 0 or year % 400 == 0)
end

local function month_days(year, month)
  return month == 2 and is_leap(year) and 29 or MONTH_DAYS[month]
end

-- 1 for Monday to 7 for Sunday; the first of January 1970 was a Thursday.
local function weekday_of(days)
  return (days + 3) % 7 + 1
end

--- Whether a year has a 29th of February.
---@param year integer
---@return boolean
function dates.is_leap(year)
  check_whole("is_leap", "the year", year)
  return is_leap(year)
end

--- How many days a month has.
---@param year integer
---@param month integer
---@return integer
function dates.days_in_month(year, month)
  check_whole("days_in_month", "the year", year)
  check_whole("days_in_month", "the month", month, 1, 12)
  return month_days(year, month)
end

--- The day of the week: 1 for Monday to 7 for Sunday.
---@param moment number
---@param offset string|nil
---@return integer
function dates.weekday(moment, offset)
  check_moment("weekday", moment)
  local days = split_moment(moment, check_offset("weekday", offset))
  return weekday_of(days)
end

local function check_part(text, what, value, least, most)
  if value < least or value > most then
    fail("parse", "%q has the %s %d, which must be from %d to %d", text, what, value, least, most)
  end
end

local function parse_date(text, year, month, day)
  year, month, day = tonumber(year), tonumber(month), tonumber(day)
  check_part(text, "month", month, 1, 12)
  check_part(text, "day", day, 1, month_days(year, month))
  return days_from_civil(year, month, day) * DAY
end

local function parse_time(text, time)
  local hour, minute, second, rest = string.match(time, "^(%d%d):(%d%d):(%d%d)(.*)$")
  if not hour then
    fail("parse", "%q is neither RFC 3339 nor YYYY-MM-DD", text)
  end
  hour, minute, second = tonumber(hour), tonumber(minute), tonumber(second)
  check_part(text, "hour", hour, 0, 23)
  check_part(text, "minute", minute, 0, 59)
  check_part(text, "second", second, 0, 60)
  local fraction, offset = string.match(rest, "^(%.%d+)(.*)$")
  offset = offset or rest
  if offset == "" then
    fail("parse", "%q has no offset; write Z or +02:00 behind the time", text)
  end
  local shift = offset_seconds(offset)
  if not shift then
    fail("parse", "%q has the offset %q, which is none", text, offset)
  end
  return hour * 3600 + minute * 60 + second - shift + (fraction and tonumber("0" .. fraction) or 0)
end

--- The moment that a text names: RFC 3339 such as `2026-01-31T08:00:00Z`, or `YYYY-MM-DD` for its midnight in UTC.
---@param text string
---@return number
function dates.parse(text)
  if type(text) ~= "string" then
    fail("parse", "expected a string, got %s", type(text))
  end
  local year, month, day, rest = string.match(text, "^(%d%d%d%d)%-(%d%d)%-(%d%d)(.*)$")
  if not year or (rest ~= "" and not string.find(rest, "^[Tt ]")) then
    fail("parse", "%q is neither RFC 3339 nor YYYY-MM-DD", text)
  end
  local midnight = parse_date(text, year, month, day)
  if rest == "" then
    return midnight
  end
  return midnight + parse_time(text, string.sub(rest, 2))
end

-- What stands for each letter of a format.
local function format_parts(days, seconds)
  local year, month, day = civil_from_days(days)
  local whole = math.floor(seconds)
  return {
    Y = string.format(year < 0 and "%05d" or "%04d", year),
    m = string.format("%02d", month),
    d = string.format("%02d", day),
    H = string.format("%02d", math.floor(whole / 3600)),
    M = string.format("%02d", math.floor(whole / 60) % 60),
    S = string.format("%02d", whole % 60),
    a = DAY_NAMES[weekday_of(days)],
    b = MONTH_NAMES[month],
    j = string.format("%03d", days - days_from_civil(year, 1, 1) + 1),
    ["%"] = "%",
  }
end

--- The moment as text: RFC 3339 without a format. A format may have %Y %m %d %H %M %S %a %b %j and %%. Parts of a
--- second are left out.
---@param moment number
---@param format string|nil
---@param offset string|nil
---@return string
function dates.format(moment, format, offset)
  check_moment("format", moment)
  local shift = check_offset("format", offset)
  if format == nil then
    format = RFC_3339 .. (shift == 0 and "Z" or offset)
  elseif type(format) ~= "string" then
    fail("format", "expected a format as a string, got %s", type(format))
  end
  local parts = format_parts(split_moment(moment, shift))
  return (string.gsub(format, "%%(.?)", function(letter)
    if not parts[letter] then
      fail("format", "unknown %q; known are %%Y %%m %%d %%H %%M %%S %%a %%b %%j %%%%", "%" .. letter)
    end
    return parts[letter]
  end))
end

-- Months and seconds of a table such as { months = 1, days = -2 }.
local function amounts(name, step)
  if type(step) ~= "table" then
    fail(name, "expected a table such as { days = 1 }, got %s", type(step))
  end
  local months, seconds = 0, 0
  for unit, amount in pairs(step) do
    if MONTHS[unit] then
      check_whole(name, unit, amount)
      months = months + amount * MONTHS[unit]
    elseif SECONDS[unit] then
      check_number(name, unit, amount)
      seconds = seconds + amount * SECONDS[unit]
    else
      fail(name, "unknown unit %q; known are seconds, minutes, hours, days, weeks, months, years", tostring(unit))
    end
  end
  return months, seconds
end

-- The same day and time so many months later; the month's last day where it has no such day.
local function add_months(moment, months, shift)
  if months == 0 then
    return moment
  end
  local days, seconds = split_moment(moment, shift)
  local year, month, day = civil_from_days(days)
  local count = year * 12 + month - 1 + months
  year, month = math.floor(count / 12), count % 12 + 1
  return days_from_civil(year, month, math.min(day, month_days(year, month))) * DAY + seconds - shift
end

--- A later moment, or an earlier one for negative amounts. Months and years come first and stay within the month: one
--- month after January 31 is the last day of February.
---@param moment number
---@param step table any of seconds, minutes, hours, days, weeks, months, years
---@param offset string|nil
---@return number
function dates.add(moment, step, offset)
  check_moment("add", moment)
  local months, seconds = amounts("add", step)
  return add_months(moment, months, check_offset("add", offset)) + seconds
end

-- How many whole months lie between two moments, the first not after the second.
local function whole_months(from, to)
  local year, month = civil_from_days(split_moment(from, 0))
  local last_year, last_month = civil_from_days(split_moment(to, 0))
  local months = (last_year - year) * 12 + last_month - month
  if add_months(from, months, 0) > to then
    return months - 1
  end
  return months
end

--- How much time lies between two moments; negative when the second is the earlier one. Months and years are whole ones
--- in UTC, all other units can have fractions.
---@param from number
---@param to number
---@param unit string|nil "seconds" without it; "minutes", "hours", "days", "weeks", "months" or "years"
---@return number
function dates.diff(from, to, unit)
  check_moment("diff", from)
  check_moment("diff", to)
  if unit == nil then
    unit = "seconds"
  end
  if SECONDS[unit] then
    return (to - from) / SECONDS[unit]
  elseif not MONTHS[unit] then
    fail("diff", "unknown unit %q; known are seconds, minutes, hours, days, weeks, months, years", tostring(unit))
  elseif from > to then
    return -dates.diff(to, from, unit)
  end
  return math.floor(whole_months(from, to) / MONTHS[unit])
end

-- The first day of the period that has the day, and the first one of the next period.
local PERIODS = {
  day = function(days)
    return days, days + 1
  end,
  week = function(days)
    local first = days - weekday_of(days) + 1
    return first, first + 7
  end,
  month = function(days)
    local year, month = civil_from_days(days)
    local first = days_from_civil(year, month, 1)
    return first, first + month_days(year, month)
  end,
  year = function(days)
    local year = civil_from_days(days)
    return days_from_civil(year, 1, 1), days_from_civil(year + 1, 1, 1)
  end,
}

local function period(name, moment, unit, offset)
  check_moment(name, moment)
  local shift = check_offset(name, offset)
  local bounds = PERIODS[unit]
  if not bounds then
    fail(name, "unknown unit %q; known are day, week, month, year", tostring(unit))
  end
  local first, after = bounds((split_moment(moment, shift)))
  return first * DAY - shift, after * DAY - shift
end

--- The first second of the day, the week (which starts on Monday), the month or the year.
---@param moment number
---@param unit "day"|"week"|"month"|"year"
---@param offset string|nil
---@return number
function dates.start_of(moment, unit, offset)
  return (period("start_of", moment, unit, offset))
end

--- The last second of the day, the week (which ends on Sunday), the month or the year.
---@param moment number
---@param unit "day"|"week"|"month"|"year"
---@param offset string|nil
---@return number
function dates.end_of(moment, unit, offset)
  local _, after = period("end_of", moment, unit, offset)
  return after - 1
end

--- An age in words, such as `dates.humanize(time.now() - created)`: "3 days ago", "in 2 hours", "just now".
---@param seconds number how long ago; negative for what is still to come
---@return string
function dates.humanize(seconds)
  check_number("humanize", "seconds", seconds)
  local size = math.abs(seconds)
  for _, age in ipairs(AGES) do
    if size >= age[2] then
      local count = math.floor(size / age[2])
      local words = string.format("%d %s%s", count, age[1], count == 1 and "" or "s")
      return seconds < 0 and "in " .. words or words .. " ago"
    end
  end
  return "just now"
end

--- The moments from one to another, both included, a step apart. Months are counted from the first moment, so that a
--- series from January 31 comes back to the 31st.
---@param from number
---@param to number
---@param step table as `dates.add` takes it; it must lead forward
---@param offset string|nil
---@return table list
function dates.range(from, to, step, offset)
  check_moment("range", from)
  check_moment("range", to)
  local shift = check_offset("range", offset)
  local months, seconds = amounts("range", step)
  local result, count, moment = {}, 0, from
  while moment <= to do
    count = count + 1
    if count > MOST_IN_RANGE then
      fail("range", "more than %d moments; take a larger step", MOST_IN_RANGE)
    end
    result[count] = moment
    local following = add_months(from, months * count, shift) + seconds * count
    if following <= moment then
      fail("range", "the step must lead forward")
    end
    moment = following
  end
  return json.array(result)
end

return dates
