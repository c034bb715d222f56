---@meta
---What a workflow finds besides Lua itself. Luau's additions to Lua are described at the end.

---JSON's null: a member that is nil is left out, this one is sent.
---@class angelia.null

---@class angelia.App
---@field integrations angelia.Integrations # Providers by their id.
---@field mcp angelia.Mcp # MCP servers by their id.

---Active providers by their id. Every provider has its accounts as members, `default` among them.
---@class angelia.Integrations

---MCP servers by their id; each has its tools as members, by their ids or in brackets by their own names.
---@class angelia.Mcp
---@field [string] table<string, fun(arguments?: table): any>

---Everything that can be called.
---@type angelia.App
app = {}

---The arguments of the workflow: named ones by name, words of the command line by number.
---@type table<string|integer, any>
args = {}

---What was handed in on standard input; nil when nothing was.
---@type string?
stdin = nil

---Reads a variable of the environment that the workflow may see.
---@param name string
---@return string?
function env(name) end

---Loads a standard module (csv, dates, markdown, retry, schema, strings, tables) or a file that lies beside the workflow, once.
---@param name string # `./name` is always the file.
---@return any
function require(name) end

---Writes a line of the workflow's output.
---@param ... any
function print(...) end

---The answer of a call in full, as `:envelope{…}` gives it.
---@class angelia.Envelope
---@field function string
---@field success boolean
---@field data any
---@field error string?
---@field error_detail table?
---@field meta table
---@field duration_ms number

---The pages about providers and functions.
---@class angelia.library.docs
docs = {}

---The overview of all providers.
---@return string
function docs.list() end

---Functions that fit everyday words, one in a line.
---@param query string
---@param limit? integer
---@return string
function docs.search(query, limit) end

---The page of a provider or of a function.
---@param page string # `provider` or `provider.function`.
---@return string
function docs.read(page) end

---MCP servers and what they offer.
---@class angelia.library.mcp
mcp = {}

---The servers that are known, each with its id.
---@return {id: string, title: string, description: string, functions: integer}[]
function mcp.servers() end

---The tools of a server.
---@param server string
---@return {id: string, name: string, title: string, description: string, operation: string}[]
function mcp.tools(server) end

---The JSON Schema of a tool's arguments.
---@param server string
---@param tool string
---@return table
function mcp.schema(server, tool) end

---Calls a tool.
---@param server string
---@param tool string # Its id or its own name.
---@param arguments? table
---@return any
function mcp.call(server, tool, arguments) end

---What a server lets be read.
---@param server string
---@return any
function mcp.resources(server) end

---Reads a resource.
---@param server string
---@param uri string
---@return any
function mcp.read_resource(server, uri) end

---The prompts of a server.
---@param server string
---@return any
function mcp.prompts(server) end

---A prompt with its arguments filled in.
---@param server string
---@param name string
---@param arguments? table<string, string>
---@return any
function mcp.get_prompt(server, name, arguments) end

---JSON.
---@class angelia.library.json
json = {}

---JSON's null.
---@type angelia.null
json.null = nil

---Writes JSON.
---@param value any
---@param options? {pretty?: boolean, sorted?: boolean}
---@return string
function json.encode(value, options) end

---Reads JSON.
---@param text string
---@return any
function json.decode(text) end

---Marks a table as a JSON array, so that an empty one is `[]`.
---@generic T
---@param items? T[]
---@return T[]
function json.array(items) end

---A match: the whole at 0, groups by number and by name, its place in bytes.
---@class angelia.match
---@field start integer
---@field stop integer
---@field [integer|string] string?

---Regular expressions that take linear time (the syntax of Rust's regex crate).
---@class angelia.library.regex
regex = {}

---The first match with its groups; nil when nothing matches.
---@param text string
---@param pattern string
---@return angelia.match?
function regex.match(text, pattern) end

---All matches with their groups.
---@param text string
---@param pattern string
---@param limit? integer
---@return angelia.match[]
function regex.match_all(text, pattern, limit) end

---Replaces every match, and answers how many there were.
---@param text string
---@param pattern string
---@param replacement string|fun(found: angelia.match): string? # `$1` and `${name}` stand for groups.
---@param limit? integer
---@return string
---@return integer
function regex.gsub(text, pattern, replacement, limit) end

---Splits at every match.
---@param text string
---@param pattern string
---@param limit? integer
---@return string[]
function regex.split(text, pattern, limit) end

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

---Writes a time: as RFC 3339 in UTC when nothing else is said.
---@param seconds number
---@param format? string # As of strftime.
---@param zone? string # Such as Europe/Berlin.
---@return string
function time.format(seconds, format, zone) end

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

---What happens when one of several fails: the others finish and the failure is raised (`finish`), nothing more is started (`stop`),
---or results and errors are both answered (`collect`).
---@alias angelia.on_error "finish"|"stop"|"collect"

---Calls a function with every item; the results have the order of the items.
---@generic T, R
---@param items T[]
---@param work fun(item: T, index: integer): R
---@param options? {concurrency?: integer, on_error?: angelia.on_error}
---@return R[]
---@return table<integer, any>? # Errors, with `collect`.
function async.map(items, work, options) end

---Calls all functions; the results have their keys.
---@param work table<any, fun(): any>
---@param options? {concurrency?: integer, on_error?: angelia.on_error}
---@return table<any, any>
---@return table<any, any>? # Errors, with `collect`.
function async.all(work, options) end

---In tests: runs a workflow that lies beside the test, and answers what it returns.
---@param file string
---@param arguments? table<string, any>
---@return any
function workflow(file, arguments) end

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
