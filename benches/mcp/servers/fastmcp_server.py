"""A server of FastMCP with one tool: a document of an in-memory dictionary (document.json beside it).

On stdin and stdout, or with `--http` on a free port of loopback, which it says on stderr. HTTP answers are plain JSON, which is faster than
FastMCP's default of a stream for each.
"""

import json
import pathlib
import socket
import sys

from fastmcp import FastMCP

DOCUMENTS = {"notes/first": json.loads((pathlib.Path(__file__).parent / "document.json").read_text())}

server = FastMCP("bench")


@server.tool(title="Get a document", annotations={"readOnlyHint": True})
def get(collection: str, id: str) -> dict:
    """Returns one document of a collection by its id."""
    return {"id": id, "document": DOCUMENTS[f"{collection}/{id}"]}


if "--http" in sys.argv:
    listener = socket.create_server(("127.0.0.1", 0))
    port = listener.getsockname()[1]
    listener.close()
    print(f"http://127.0.0.1:{port}/mcp", file=sys.stderr, flush=True)
    waiting = {"timeout_keep_alive": 3600}  # a connection that waits for its turn stays open
    server.run("http", port=port, json_response=True, show_banner=False, log_level="error", uvicorn_config=waiting)
else:
    server.run("stdio", show_banner=False, log_level="error")
