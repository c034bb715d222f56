---@meta
---What a workflow finds besides Lua itself. Luau's additions to Lua are described at the end.

---JSON's null: a member that is nil is left out, this one is sent.
---@class angelia.null

---@class angelia.App
---@field integrations angelia.Integrations # Providers by their id.

---Active providers by their id. Every provider has its accounts as members, `default` among them.
---@class angelia.Integrations

---Everything that can be called.
---@type angelia.App
app = {}

---The arguments of the workflow.
---@type table<string, any>
args = {}

---What was handed in on standard input; nil when nothing was.
---@type string?
stdin = nil

---Reads a variable of the environment that the workflow may see.
---@param name string
---@return string?
function env(name) end

---Loads a module that lies beside the workflow, once.
---@param name string # Without `..` and without a `/` at its start.
---@return any
function require(name) end

---Writes a line of the workflow's output.
---@param ... any
function print(...) end

---The pages about providers and functions.
---@class angelia.library.docs
docs = {}

---The overview of all providers.
---@return string
function docs.list() end

---Functions that fit everyday words.
---@param query string
---@return string
function docs.search(query) end

---The page of a provider or of a function.
---@param page string # `provider` or `provider.function`.
---@return string
function docs.read(page) end

---JSON.
---@class angelia.library.json
json = {}

---JSON's null.
---@type angelia.null
json.null = nil

---Writes JSON.
---@param value any
---@return string
function json.encode(value) end

---Reads JSON.
---@param text string
---@return any
function json.decode(text) end

---Marks a table as a JSON array, so that an empty one is `[]`.
---@generic T
---@param items? T[]
---@return T[]
function json.array(items) end

---Marks a table as a JSON object, so that an empty one is `{}`.
---@generic T: table
---@param members? T
---@return T
function json.object(members) end

---Regular expressions.
---@class angelia.library.regex
regex = {}

---The first match with its groups; nil when nothing matches.
---@param text string
---@param pattern string
---@return table?
function regex.match(text, pattern) end

---All matches with their groups.
---@param text string
---@param pattern string
---@return table[]
function regex.match_all(text, pattern) end

---Replaces every match.
---@param text string
---@param pattern string
---@param replacement string
---@return string
function regex.gsub(text, pattern, replacement) end

---Splits at every match.
---@param text string
---@param pattern string
---@return string[]
function regex.split(text, pattern) end

---Messages for people; they are no part of the output.
---@class angelia.library.log
log = {}

---Says what happens.
---@param ... any
function log.info(...) end

---Says what deserves a look.
---@param ... any
function log.warn(...) end

---Says what failed.
---@param ... any
function log.error(...) end

---Time.
---@class angelia.library.time
time = {}

---Seconds since 1970.
---@return number
function time.now() end

---Writes a time.
---@param seconds number
---@param format? string
---@return string
function time.format(seconds, format) end

---Reads a time.
---@param text string
---@param format? string
---@return number
function time.parse(text, format) end

---Waits.
---@param seconds number
function time.sleep(seconds) end

---Work that goes on at the same time.
---@class angelia.library.async
async = {}

---Calls a function with every item; the results have the order of the items.
---@generic T, R
---@param items T[]
---@param work fun(item: T): R
---@return R[]
function async.map(items, work) end

---Calls all functions; the results have their order.
---@param work (fun(): any)[]
---@return any[]
function async.all(work) end

---The type of a value.
---@param value any
---@return string
function typeof(value) end

---The items of a list, one by one.
---@generic T
---@param list T[]
---@param first? integer
---@param last? integer
---@return T ...
function unpack(list, first, last) end

---The time.
---@class angelia.library.os
os = {}

---Seconds of work, for measuring.
---@return number
function os.clock() end

---Writes a time.
---@param format? string
---@param seconds? number
---@return string|table
function os.date(format, seconds) end

---The seconds between two times.
---@param later number
---@param earlier number
---@return number
function os.difftime(later, earlier) end

---Seconds since 1970.
---@param parts? table
---@return number
function os.time(parts) end

---Splits at a separator, `,` when left out.
---@param text string
---@param separator? string
---@return string[]
function string.split(text, separator) end

---Empties a table.
---@param t table
function table.clear(t) end

---A copy that shares its members.
---@generic T: table
---@param t T
---@return T
function table.clone(t) end

---A list of so many equal items.
---@generic T
---@param count integer
---@param value? T
---@return T[]
function table.create(count, value) end

---The place of an item; nil when it is not there.
---@generic T
---@param list T[]
---@param value T
---@param first? integer
---@return integer?
function table.find(list, value, first) end

---Makes a table read-only.
---@generic T: table
---@param t T
---@return T
function table.freeze(t) end

---Whether a table is read-only.
---@param t table
---@return boolean
function table.isfrozen(t) end

---A number within bounds.
---@param value number
---@param least number
---@param most number
---@return number
function math.clamp(value, least, most) end

---The nearest whole number.
---@param value number
---@return number
function math.round(value) end

---Minus one, zero or one.
---@param value number
---@return number
function math.sign(value) end
