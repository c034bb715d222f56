"""Peers: MCP clients that others wrote, against `mcp:serve`: the official SDKs for TypeScript and Python, FastMCP, the Inspector.

Also what model providers demand of tools: names and schemas. Arguments: folder, binary, folder of npm packages, which client.
"""

import asyncio
import contextlib
import http.server
import json
import pathlib
import re
import shutil
import subprocess
import sys
import threading
import time
import urllib.parse

from support import Angelia, Failed, Peer, brief, reply, same, true

FOLDER, BINARY, NODE = (pathlib.Path(word).absolute() for word in sys.argv[1:4])
WHICH = sys.argv[4]
HERE = pathlib.Path(__file__).parent
PEER = Peer(f"mcp-{WHICH}")
NAME = re.compile(r"^[a-zA-Z0-9_-]{1,64}$")

DEPOT = """
id: depot
title: Depot
description: Parts in a depot.
category: test
auth_strategy: none
servers: {default: "http://127.0.0.1:1"}
functions:
  - id: list_parts
    title: List parts
    description: Lists parts, page by page.
    operation: read
    request: GET /parts
    parameters: {cursor: {type: string, description: Cursor of the next page.}}
    pagination: {style: cursor, items: parts, parameter: cursor, next: next}
    examples: [{arguments: {}}]
  - id: get_part
    title: Get a part
    description: Returns one part.
    operation: read
    request: GET /parts/{part}
    parameters: {part: {type: string, description: Its number.}}
    required: [part]
    examples: [{arguments: {part: p1}}]
"""

PROMPT = """--[[ workflow
description: Asks for a review of a note.
operation: read
prompt: true
input:
  properties:
    note: {type: string, description: Which one., enum: [first, second]}
  required: [note]
]]
local one = app.integrations.data.get{collection = "notes", id = args.note}
return "Review " .. one.document.title
"""

# So that every function of the built-in catalog is ready to use; nothing is called with them.
CREDENTIALS = {
    "CLICKUP_API_TOKEN": "pk_test-token",
    "GITHUB_TOKEN": "test-token",
    "JIRA_URL": "https://example.atlassian.net",
    "JIRA_EMAIL": "ada@example.com",
    "JIRA_API_TOKEN": "test-token",
    "LINEAR_API_KEY": "lin_api_test",
    "NOTION_TOKEN": "test-token",
    "PLANE_API_KEY": "test-token",
    "SLACK_BOT_TOKEN": "test-token",
    "STRIPE_API_KEY": "test-token",
    "TODOIST_API_TOKEN": "test-token",
}
PROVIDERS = "clickup coingecko github hackernews jira linear notion open_meteo plane slack stripe todoist".split()


class Depot(http.server.BaseHTTPRequestHandler):
    """Six parts in three pages; a part whose number begins with `slow` takes three seconds."""

    protocol_version = "HTTP/1.1"

    def do_GET(self):
        url = urllib.parse.urlparse(self.path)
        page = int(urllib.parse.parse_qs(url.query).get("cursor", ["0"])[0])
        if url.path == "/parts":
            parts = [{"id": f"p{page * 2 + one}"} for one in (1, 2)]
            answer = {"parts": parts, "next": str(page + 1) if page < 2 else None}
        else:
            answer = {"id": url.path.rsplit("/", 1)[1]}
            if answer["id"].startswith("slow"):
                time.sleep(3)
        with contextlib.suppress(OSError):  # a client that went away
            reply(self, answer)

    def log_message(self, *_):
        pass


def settings(address, more=""):
    enabled = "".join(f'[integrations.{name}]\nenabled = true\nread = "allow"\n' for name in PROVIDERS)
    return (
        "[mcp]\nresult_bytes = 4000\n"
        f'[integrations.data]\nwrite = "ask"\n{more}'
        f'[integrations.depot]\nenabled = true\nread = "allow"\nallow_private = true\n[integrations.depot.servers]\ndefault = "{address}"\n'
        f"{enabled}"
    )


class Place:
    """A home with documents, a prompt, and a service behind a provider of the user's own."""

    def __init__(self):
        self.service = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Depot)
        self.service.daemon_threads = True
        threading.Thread(target=self.service.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{self.service.server_port}"
        self.program = Angelia(BINARY, FOLDER / "home", CREDENTIALS)
        for name, text in (("providers/depot.yaml", DEPOT), ("workflows/review.lua", PROMPT)):
            (self.program.config / name).parent.mkdir(exist_ok=True)
            (self.program.config / name).write_text(text)
        lines = [f"{number}: a line of Käse & Söhne, 日本" for number in range(400)]
        for collection, name, document in (("notes", "first", {"title": "First"}), ("big", "all", {"lines": lines})):
            self.program.call("data.create", {"collection": collection, "id": name, "document": document})
        self.usual = settings(address)
        self.changed = settings(address, '[integrations.data.functions]\ncreate = "deny"\n')
        self.program.settings(self.usual)

    def http(self):
        """Whether the built program serves over HTTP."""
        return "--http" in self.program.run("mcp:serve", "--help").stdout


# ---- the TypeScript SDK ----


def typescript(place):
    script = NODE / "mcp_typescript.mjs"
    shutil.copy(HERE / script.name, script)  # packages are looked for beside the script
    given = {
        "binary": str(BINARY),
        "environment": place.program.environment,
        "home": str(place.program.home),
        "settings": str(place.program.config / "config.toml"),
        "usual": place.usual,
        "changed": place.changed,
        "http": place.http(),
        "peer": PEER.name,
    }
    finished = subprocess.run([NODE / "node_modules/.bin/node", script, json.dumps(given)], stdin=subprocess.DEVNULL)
    if finished.returncode != 0:
        PEER.failed("end", f"exit code {finished.returncode}")


# ---- the Inspector ----


def inspector(place):
    def inspect(method, *words, serve=()):
        command = [NODE / "node_modules/.bin/node", NODE / "node_modules/.bin/mcp-inspector", "--cli"]
        for name, value in place.program.environment.items():
            command += ["-e", f"{name}={value}"]
        # Options that take several values end at the next option, so the method comes last.
        command += [str(BINARY), *words, "--method", method, "--", "mcp:serve", *serve]
        finished = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=60, cwd=place.program.home)
        if finished.returncode != 0:
            raise Failed(f"{method}: exit code {finished.returncode}: {finished.stderr.decode()}")
        return json.loads(finished.stdout)

    def tools():
        names = [tool["name"] for tool in inspect("tools/list")["tools"]]
        same(names, ["search_functions", "read_docs", "call_function", "run_lua", "read_result"], "tools")
        return names

    def chosen():
        names = [tool["name"] for tool in inspect("tools/list", serve=["--tools", "data.*"])["tools"]]
        same(names, ["data-get", "data-list", "data-search", "data-collections", "read_result"], "tools")
        return names

    def call():
        words = ["--tool-name", "data-get", "--tool-arg", "collection=notes", "--tool-arg", "id=first"]
        result = inspect("tools/call", *words, serve=["--tools", "data.*"])
        same(result["structuredContent"]["data"]["document"], {"title": "First"}, "document")
        return result["structuredContent"]

    def failure():
        words = ["--tool-name", "data-get", "--tool-arg", "collection=notes", "--tool-arg", "id=none"]
        result = inspect("tools/call", *words, serve=["--tools", "data.*"])
        same(result["isError"], True, "isError")
        return result["content"][0]["text"]

    def search():
        result = inspect("tools/call", "--tool-name", "search_functions", "--tool-arg", "query=list documents")
        true("data.list" in result["content"][0]["text"], brief(result))
        return result["content"][0]["text"]

    def resources():
        uris = [one["uri"] for one in inspect("resources/list")["resources"]]
        true("angelia://audit" in uris, uris)
        same(len(inspect("resources/templates/list")["resourceTemplates"]), 2, "templates")
        page = inspect("resources/read", "--uri", "angelia://docs/data.get")["contents"][0]["text"]
        true("data.get" in page, page)
        return f"{len(uris)} resources"

    def prompts():
        same(inspect("prompts/list")["prompts"][0]["name"], "review", "prompt")
        return inspect("prompts/get", "--prompt-name", "review", "--prompt-args", "note=first")["messages"]

    for what in (tools, chosen, call, failure, search, resources, prompts):
        PEER.check(what.__name__, what)


# ---- names and schemas ----


def limits(place):
    from jsonschema import Draft202012Validator

    async def listed(words):
        from mcp_python import opened

        async with opened(place, words) as client:
            tools, cursor = [], None
            while True:
                page = await client.list_tools(cursor=cursor)
                tools += page.tools
                cursor = page.next_cursor
                if not cursor:
                    return tools

    async def passed_on(words):
        """What the upstream server says that it was asked for, tool by tool."""
        from mcp_python import opened, text

        async with opened(place, words) as client:
            tools = [tool.name for tool in (await client.list_tools()).tools if tool.name.startswith("mcp-")]
            return [text(await client.call_tool(tool, {})) for tool in tools]

    def originals():
        from mcp_odd_tools import NAMES

        got = asyncio.run(passed_on(["--tools", "mcp.*", "--upstream", "*", "--write", "allow"]))
        same(sorted(got), sorted(NAMES), "names that arrive")
        return f"{len(got)} tools"

    def face(least, *words):
        tools = asyncio.run(listed(words))
        true(len(tools) >= least, f"{len(tools)} tools")
        names = [tool.name for tool in tools]
        same(len(set(names)), len(names), "different names")
        same([name for name in names if not NAME.match(name)], [], "names that some client refuses")
        for tool in tools:
            for kind, schema in (("input", tool.input_schema), ("output", tool.output_schema)):
                if schema is None and kind == "output":
                    continue
                Draft202012Validator.check_schema(schema)
                same(schema.get("type"), "object", f"type of the {kind} schema of {tool.name}")
            true(tool.description, f"{tool.name} has no description")
        longest = max(names, key=len)
        return f"{len(tools)} tools, the longest name {longest}"

    odd = [sys.executable, str(HERE / "mcp_odd_tools.py")]
    upstreams = {"mcpServers": {"odd names": {"command": odd[0], "args": odd[1:]}}}
    (place.program.config / "mcp.json").write_text(json.dumps(upstreams))
    PEER.check("upstream-listed", lambda: len(place.program.json("mcp:tools", "odd names")["servers"][0]["tools"]))
    PEER.check("upstream", face, 10, "--tools", "mcp.*", "--upstream", "*", "--write", "allow")
    PEER.check("upstream-called", originals)
    PEER.check("small-face", face, 5)
    PEER.check("one-provider", face, 9, "--tools", "data.*", "--write", "allow")
    PEER.check("everything", face, 400, "--tools", "*", "--write", "allow")
    PEER.check("read-only", face, 100, "--tools", "*", "--read-only")


def main():
    place = Place()
    if WHICH == "python":
        import mcp_python

        mcp_python.run(place, PEER)
    else:
        {"typescript": typescript, "inspector": inspector, "limits": limits}[WHICH](place)


main()
