"""The reference servers of the Model Context Protocol (npm) as servers of ours: over stdio, streamable HTTP and the older events.

Arguments: a folder for this run, the built program, the folder with the servers' programs.
"""

import json
import os
import pathlib
import socket
import subprocess
import sys
import time

from support import Angelia, Failed, Peer, same, true

folder, binary, bin_folder = (pathlib.Path(word) for word in sys.argv[1:4])
peer = Peer("mcp-servers")
files = folder / "files"
files.mkdir(parents=True, exist_ok=True)
(files / "note.txt").write_text("a note\n")


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def everything(kind):
    """Starts the server that has everything over HTTP; answers its process and port."""
    port = free_port()
    process = subprocess.Popen(
        [bin_folder / "mcp-server-everything", kind],
        env={**os.environ, "PORT": str(port)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    until = time.monotonic() + 20
    while time.monotonic() < until:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return process, port
        time.sleep(0.1)
    raise Failed(f"server-everything {kind} did not listen")


def stdio(name, *words):
    return {"command": str(bin_folder / name), "args": list(words)}


streamable, streamable_port = everything("streamableHttp")
events, events_port = everything("sse")
servers = {
    "everything": stdio("mcp-server-everything"),
    "filesystem": stdio("mcp-server-filesystem", str(files)),
    "memory": {**stdio("mcp-server-memory"), "env": {"MEMORY_FILE_PATH": str(folder / "memory.json")}},
    "streamable": {"url": f"http://127.0.0.1:{streamable_port}/mcp"},
    "events": {"url": f"http://127.0.0.1:{events_port}/sse", "type": "sse"},
    "guessed": {"url": f"http://127.0.0.1:{events_port}/sse"},
}
program = Angelia(binary, folder / "home")
(program.config / "mcp.json").write_text(json.dumps({"mcpServers": servers}))
rules = "".join(f'[integrations."mcp.{name}"]\nread = "allow"\nwrite = "allow"\ndestructive = "allow"\n' for name in servers)
program.settings(rules)


def call(server, tool, arguments=None, **how):
    return program.json("mcp:call", server, tool, json.dumps(arguments or {}), **how)


def tools(server):
    listed = program.json("mcp:tools", server)["servers"][0]
    true(listed["total"] > 5, f"{server} has only {listed['total']} tools")
    names = [tool["name"] for tool in listed["tools"]]
    true("get-sum" in names or server in ("filesystem", "memory"), f"no get-sum in {names}")
    return f"{listed['total']} tools"


def adds(server):
    document = call(server, "get-sum", {"a": 17, "b": 25})
    true("42" in json.dumps(document["data"]), f"17 and 25 is {document['data']}")
    return document["data"]


def reads(server):
    resources = program.json("mcp:resources", server)["data"]["resources"]
    uri = resources[0]["uri"]
    content = program.json("mcp:resource", server, uri)["data"]["contents"][0]
    same(content["uri"], uri, "the resource that was read")
    return uri


def prompts(server):
    listed = program.json("mcp:prompts", server)["data"]["prompts"]
    simple = next(prompt["name"] for prompt in listed if not prompt.get("arguments"))
    messages = program.json("mcp:prompt", server, simple)["data"]["messages"]
    true(messages[0]["content"]["text"], "a prompt without text")
    return f"{len(listed)} prompts, got {simple}"


def structured(server):
    data = call(server, "get-structured-content", {"location": "New York"})["data"]
    true(isinstance(data, dict) and "temperature" in data, f"structured content is {data}")
    return data


def image(server):
    content = call(server, "get-tiny-image")["data"]["content"]
    true(any(block["type"] == "image" for block in content), "no image")
    return f"{len(content)} blocks"


def slow(server):
    begun = time.monotonic()
    done = program.run("mcp:call", server, "trigger-long-running-operation", '{"duration": 30, "steps": 30}', "--timeout=1", "--json")
    code = done.document()["error_detail"]["code"]
    true(code in ("timeout", "outcome_unknown"), f"the code is {code}")
    true(time.monotonic() - begun < 8, "it was waited for")
    return code


def no_environment():
    secret = {"SECRET_OF_OURS": "must not be seen"}
    document = call("everything", "get-env", environment=secret)
    true("must not be seen" not in json.dumps(document), "the server sees our environment")
    return "clean"


def file_text():
    document = call("filesystem", "read_text_file", {"path": str(files / "note.txt")})
    true("a note" in json.dumps(document["data"]), f"the file says {document['data']}")
    call("filesystem", "write_file", {"path": str(files / "new.txt"), "content": "written"})
    same((files / "new.txt").read_text(), "written", "the file that was written")
    outside = program.run("mcp:call", "filesystem", "read_text_file", '{"path": "/etc/passwd"}', "--json").document()
    same(outside["error_detail"]["code"], "provider_error", "the code of a file outside")
    return outside["error"]


def remembers():
    call("memory", "create_entities", {"entities": [{"name": "Ada", "entityType": "person", "observations": ["likes numbers"]}]})
    graph = call("memory", "read_graph")["data"]
    same(graph["entities"][0]["name"], "Ada", "the entity that was kept")
    return graph["entities"][0]


def lua():
    script = "return app.mcp.everything.get_sum{a = 1, b = 2}"
    done = program.run("integrations:lua", "--json", "--eval", script)
    true("3" in json.dumps(done.document()), f"the script says {done.stdout}")
    return "a script called it"


def known_without_start():
    begun = time.monotonic()
    program.json("mcp:tools")
    found = program.json("integrations:search", "knowledge graph entities")["functions"]
    true(any(hit["function"].startswith("mcp.memory.") for hit in found), f"found {[hit['function'] for hit in found]}")
    return f"{(time.monotonic() - begun) * 1000:.0f} ms for both"


try:
    for name in servers:
        peer.check(f"{name}-tools", tools, name)
    for name in ("everything", "streamable", "events", "guessed"):
        peer.check(f"{name}-call", adds, name)
    for name in ("everything", "streamable", "events"):
        for what in (reads, prompts, structured, image, slow):
            peer.check(f"{name}-{what.__name__}", what, name)
    for what in (no_environment, file_text, remembers, lua, known_without_start):
        peer.check(what.__name__.replace("_", "-"), what)
finally:
    for process in (streamable, events):
        process.terminate()
