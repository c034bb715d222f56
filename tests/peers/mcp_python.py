"""The official Python SDK's client and FastMCP's, both with the handshake and in the revision without one, over stdio and over HTTP.

Called by mcp_clients.py, which made the home. Each client checks structured answers against the output schemas it listed.
"""

import asyncio
import contextlib
import json
import re
import subprocess
import time

import fastmcp
import mcp
import mcp_types as types
from fastmcp.client.transports import StdioTransport
from mcp.client.stdio import StdioServerParameters

from support import Failed, brief, same, true

PATIENCE = 30
SMALL = ["search_functions", "read_docs", "call_function", "run_lua", "read_result"]


def parameters(place, words):
    program = place.program
    return StdioServerParameters(command=program.binary, args=["mcp:serve", *words], env=program.environment, cwd=program.home)


def opened(place, words, **how):
    """The official client on a server of its own, over stdio."""
    return mcp.Client(parameters(place, words), **{"mode": "legacy", **how})


@contextlib.contextmanager
def listening(place, words):
    """A server over HTTP; its URL."""
    program = place.program
    command = [program.binary, "mcp:serve", "--http", "127.0.0.1:0", *words]
    log = program.home / f"http-{time.monotonic_ns()}"
    with open(log, "wb") as stderr:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=stderr, env=program.environment, cwd=program.home
        )
    try:
        deadline = time.monotonic() + PATIENCE
        while not (found := re.search(r"http://\S+/mcp", log.read_text())):
            true(time.monotonic() < deadline and process.poll() is None, f"the server did not say where it listens: {log.read_text()}")
            time.sleep(0.05)
        yield found.group()
    finally:
        process.terminate()
        process.wait(10)


def text(result):
    return "\n".join(getattr(block, "text", "") for block in result.content)


def good(result):
    true(not result.is_error, f"an error: {text(result)}")
    return result.structured_content


def bad(result, code):
    got = ((result.structured_content or {}).get("error_detail") or {}).get("code")
    same([result.is_error, got], [True, code], text(result))
    return text(result)


async def until(ready, what):
    deadline = time.monotonic() + PATIENCE - 5
    while not (got := ready()):
        true(time.monotonic() < deadline, f"{what} did not come")
        await asyncio.sleep(0.05)
    return got


class Checks:
    """Checks of one client; each prints its line, and one that fails hides no other."""

    def __init__(self, place, peer, at):
        self.place, self.peer, self.at = place, peer, at

    async def check(self, what, body, *arguments):
        try:
            got = await asyncio.wait_for(body(*arguments), PATIENCE)
        except Exception as error:
            got = error if isinstance(error, Failed) else Failed(f"{type(error).__name__}: {error}")
        self.peer.check(f"{self.at}-{what}", lambda: self.shown(got))

    @staticmethod
    def shown(got):
        if isinstance(got, Failed):
            raise got
        return got

    async def with_client(self, what, client, *bodies):
        """Connects, and runs the checks with what came of it."""
        try:
            async with client:
                for body in bodies:
                    await self.check(body.__name__.replace("_", "-"), body, client)
        except Exception as error:
            self.peer.failed(f"{self.at}-{what}", f"{type(error).__name__}: {brief(str(error))}")


class Official(Checks):
    """The official SDK."""

    def __init__(self, place, peer, at, server, mode):
        super().__init__(place, peer, at)
        self.server, self.mode, self.heard, self.answer = server, mode, [], None
        self.questions = []

    async def run(self):
        for words, bodies in [
            (["--write", "allow"], [self.handshake, self.small_face, self.call, self.lua, self.failures, self.preview, self.resources,
                                    self.subscription, self.prompts, self.completion, self.progress, self.cancellation]),
            (["--tools", "data.*", "--write", "allow"], [self.chosen, self.structured, self.list_changed]),
            (["--write", "ask"], [self.elicitation_decline, self.elicitation_accept]),
        ]:
            async with self.server(words) as at:
                asked = {"elicitation_callback": self.ask} if "ask" in words else {}
                client = mcp.Client(at, mode=self.mode, message_handler=self.hear, client_info=types.Implementation(name="python", version="1"), **asked)
                await self.with_client("connect", client, *bodies)

    async def hear(self, message):
        self.heard.append(message)

    async def ask(self, _context, params):
        self.questions.append(params)
        return self.answer

    async def function(self, client, name, arguments, **more):
        progress = more.pop("progress_callback", None)
        given = {"function": name, "arguments": arguments, **more}
        return await client.call_tool("call_function", given, progress_callback=progress)

    async def handshake(self, client):
        expected = "2026-07-28" if self.mode == "auto" else "2025-11-25"
        same(client.protocol_version, expected, "protocol version")
        true("search_functions" in client.instructions, client.instructions)
        true(client.server_capabilities.tools.list_changed, "tools do not say that they change")
        return f"{client.protocol_version} with {client.server_info.name}"

    async def small_face(self, client):
        names = [tool.name for tool in (await client.list_tools()).tools]
        same(names, SMALL, "tools")
        found = text(await client.call_tool("search_functions", {"query": "add a document to a collection"}))
        true("data.create (write)" in found, found)
        page = text(await client.call_tool("read_docs", {"page": "data.create"}))
        true('"collection"' in page, page)
        return found.splitlines()[0]

    async def call(self, client):
        name = f"{self.at}-note"
        document = {"title": "Käse 日本"}
        good(await self.function(client, "data.create", {"collection": "notes", "id": name, "document": document}))
        listed = good(await self.function(client, "data.list", {"collection": "notes"}))["data"]["documents"]
        true(any(item["id"] == name and item["document"] == document for item in listed), brief(listed))
        return f"{len(listed)} notes"

    async def lua(self, client):
        code = "local one = app.integrations.data.get{collection = 'notes', id = 'first'}\nreturn one.document.title .. ' ' .. args.n"
        result = await client.call_tool("run_lua", {"code": code, "args": {"n": 3}})
        true(not result.is_error and "First 3" in text(result), text(result))
        return text(result)

    async def failures(self, client):
        bad(await self.function(client, "data.get", {"collection": "notes", "id": "none"}), "not_found")
        return bad(await self.function(client, "data.get", {"colection": 1}), "invalid_arguments")

    async def preview(self, client):
        cut = good(await self.function(client, "data.get", {"collection": "big", "id": "all"}))
        true(cut["meta"]["truncated"], brief(cut["meta"]))
        given = {"id": cut["meta"]["result_id"], "select": ".document.lines | length"}
        result = await client.call_tool("read_result", given)
        true(not result.is_error and "400" in text(result), text(result))
        return text(result)

    async def resources(self, client):
        uris = [str(one.uri) for one in (await client.list_resources()).resources]
        true({"angelia://docs/data", "angelia://audit"} <= set(uris), uris)
        templates = (await client.list_resource_templates()).resource_templates
        true(any(one.uri_template == "angelia://docs/{page}" for one in templates), templates)
        contents = (await client.read_resource("angelia://docs/data.create")).contents
        true("data.create" in contents[0].text, brief(contents[0].text))
        return f"{len(uris)} resources, {len(templates)} templates"

    async def subscription(self, client):
        audit = "angelia://audit"
        if self.mode == "auto":
            async with client.listen(resource_subscriptions=[audit]) as news:
                good(await self.function(client, "data.collections", {}))
                async for event in news:
                    same(str(event.uri), audit, "what was updated")
                    return f"{type(event).__name__} {event.uri}"
        await client.subscribe_resource(audit)
        good(await self.function(client, "data.collections", {}))
        updated = types.ResourceUpdatedNotification
        notice = await until(lambda: next((one for one in self.heard if isinstance(one, updated)), None), "the notice")
        return str(notice.params.uri)

    async def prompts(self, client):
        same([prompt.name for prompt in (await client.list_prompts()).prompts], ["review"], "prompts")
        return (await client.get_prompt("review", {"note": "first"})).messages[0].content.text

    async def completion(self, client):
        page = types.ResourceTemplateReference(type="ref/resource", uri="angelia://docs/{page}")
        values = (await client.complete(page, {"name": "page", "value": "data.c"})).completion.values
        same(values, ["data.create", "data.collections"], "pages")
        note = types.PromptReference(type="ref/prompt", name="review")
        same((await client.complete(note, {"name": "note", "value": "f"})).completion.values, ["first"], "notes")
        return values

    async def progress(self, client):
        steps = []

        async def step(progress, _total, _message):
            steps.append(progress)

        all_parts = good(await self.function(client, "depot.list_parts", {}, all=True, progress_callback=step))
        same(all_parts["meta"]["items"], 6, "items")
        await until(lambda: steps, "progress")
        return f"steps {steps}"

    async def cancellation(self, client):
        def cancelled():
            calls = self.place.program.json("audit:list", "--code", "cancelled")["calls"]
            return sum(call["function"] == "depot.get_part" for call in calls)

        before = cancelled()
        task = asyncio.create_task(self.function(client, "depot.get_part", {"part": "slow"}))
        await asyncio.sleep(0.7)
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
        await until(lambda: cancelled() > before, "the audit row")
        good(await self.function(client, "data.collections", {}))
        return "depot.get_part cancelled"

    async def chosen(self, client):
        tools = (await client.list_tools()).tools
        hints = {tool.name: tool.annotations for tool in tools}
        same([hints["data-get"].read_only_hint, hints["data-delete"].destructive_hint], [True, True], "hints")
        return " ".join(hints)

    async def structured(self, client):
        """The session validates what it is given against the output schema, also an answer that was cut."""
        one = good(await client.call_tool("data-get", {"collection": "notes", "id": "first"}))
        same(one["data"]["document"], {"title": "First"}, "document")
        true(good(await client.call_tool("data-get", {"collection": "big", "id": "all"}))["meta"]["truncated"], "nothing was cut")
        return bad(await client.call_tool("data-get", {"collection": "notes"}), "invalid_arguments")

    async def list_changed(self, client):
        program, place = self.place.program, self.place
        try:
            if self.mode == "auto":
                async with client.listen(tools_list_changed=True) as news:
                    program.settings(place.changed)
                    async for _ in news:
                        break
            else:
                self.heard.clear()
                program.settings(place.changed)
                changed = types.ToolListChangedNotification
                await until(lambda: any(isinstance(one, changed) for one in self.heard), "the notice")
            names = [tool.name for tool in (await client.list_tools()).tools]
            true("data-create" not in names and "data-get" in names, names)
            return names
        finally:
            program.settings(place.usual)

    async def elicitation_decline(self, client):
        return await self.asked(client, types.ElicitResult(action="decline"), False)

    async def elicitation_accept(self, client):
        return await self.asked(client, types.ElicitResult(action="accept", content={"approve": True}), True)

    async def asked(self, client, answer, written):
        self.questions.clear()
        self.answer = answer
        name = f"{self.at}-{answer.action}"
        result = await self.function(client, "data.create", {"collection": "notes", "id": name, "document": {"title": "Asked"}})
        same(len(self.questions), 1, "questions")
        true("data.create (write" in self.questions[0].message and name in self.questions[0].message, self.questions[0].message)
        same(not result.is_error, written, f"success: {text(result)}")
        there = await self.function(client, "data.get", {"collection": "notes", "id": name})
        same(not there.is_error, written, "whether the document is there")
        return text(result)


class Fast(Checks):
    """FastMCP's client, which makes types of output schemas."""

    def __init__(self, place, peer, at, server, mode):
        super().__init__(place, peer, at)
        self.server, self.mode = server, mode

    async def run(self):
        for words, bodies in [
            (["--write", "allow"], [self.small_face, self.call, self.failure, self.resources, self.prompts]),
            (["--tools", "data.*", "--write", "allow"], [self.chosen]),
            (["--write", "ask"], [self.elicitation]),
        ]:
            async with self.server(words) as at:
                handler = {"elicitation_handler": self.ask} if "ask" in words else {}
                await self.with_client("connect", fastmcp.Client(at, mode=self.mode, **handler), *bodies)

    async def ask(self, message, _kind, _params, _context):
        self.message = message
        return {"approve": True}

    async def small_face(self, client):
        names = [tool.name for tool in await client.list_tools()]
        same(names, SMALL, "tools")
        return names

    async def call(self, client):
        given = {"function": "data.get", "arguments": {"collection": "notes", "id": "first"}}
        got = await client.call_tool("call_function", given)
        same(got.structured_content["data"]["document"], {"title": "First"}, "document")
        return got.structured_content["data"]

    async def failure(self, client):
        given = {"function": "data.get", "arguments": {"collection": "notes", "id": "none"}}
        got = await client.call_tool("call_function", given, raise_on_error=False)
        true(got.is_error, "no error")
        return got.content[0].text

    async def resources(self, client):
        uris = [str(one.uri) for one in await client.list_resources()]
        true("angelia://audit" in uris, uris)
        page = await client.read_resource("angelia://docs/data.create")
        true("data.create" in page[0].text, brief(page[0].text))
        return f"{len(uris)} resources"

    async def prompts(self, client):
        return (await client.get_prompt("review", {"note": "first"})).messages[0].content.text

    async def chosen(self, client):
        await client.list_tools()
        one = await client.call_tool("data-get", {"collection": "notes", "id": "first"})
        same(one.structured_content["data"]["document"], {"title": "First"}, "document")
        cut = await client.call_tool("data-get", {"collection": "big", "id": "all"})
        true(cut.structured_content["meta"]["truncated"], "nothing was cut")
        wrong = await client.call_tool("data-get", {"collection": "notes"}, raise_on_error=False)
        true(wrong.is_error, "no error")
        return f"data as {type(one.data).__name__}: {json.dumps(one.structured_content['data'], ensure_ascii=False)}"

    async def elicitation(self, client):
        given = {"function": "data.create", "arguments": {"collection": "notes", "id": self.at, "document": {"title": "Asked"}}}
        got = await client.call_tool("call_function", given)
        true("data.create (write" in self.message, self.message)
        return got.structured_content["data"]


def doors(place):
    """Ways to a server for the official client and for FastMCP's: a name, and what makes each."""

    @contextlib.asynccontextmanager
    async def official(words):
        yield parameters(place, words)

    @contextlib.asynccontextmanager
    async def fast(words):
        program = place.program
        yield StdioTransport(program.binary, ["mcp:serve", *words], env=program.environment, cwd=str(program.home), keep_alive=False)

    @contextlib.asynccontextmanager
    async def http(words):
        with listening(place, words) as url:
            yield url

    yield "stdio", official, fast
    if place.http():
        yield "http", http, http


def run(place, peer):
    async def everything():
        for at, official, fast in doors(place):
            for mode, era in (("legacy", "handshake"), ("auto", "newest")):
                await Official(place, peer, f"sdk-{at}-{era}", official, mode).run()
                await Fast(place, peer, f"fastmcp-{at}-{era}", fast, mode).run()

    asyncio.run(everything())
