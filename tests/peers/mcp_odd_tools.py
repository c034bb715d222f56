"""An upstream server with tools of odd names and large schemas, so that what our own server makes of them can be looked at. No packages."""

import json
import sys

NAMES = [
    "plain",
    "with.dots/and slashes",
    "Käse-日本",
    "x" * 128,
    "x" * 127 + "y",
    "UPPER",
    "upper",
    "trailing ",
    "-",
    "9",
]
SCHEMA = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "properties": {"tree": {"$ref": "#/$defs/node"}, "when": {"type": "string", "format": "date-time"}},
    "$defs": {"node": {"type": "object", "properties": {"next": {"$ref": "#/$defs/node"}}}},
}
TOOLS = [{"name": name, "description": f"Tool {number}.", "inputSchema": SCHEMA} for number, name in enumerate(NAMES)]
ANSWERS = {
    "initialize": lambda params: {
        "protocolVersion": params["protocolVersion"],
        "capabilities": {"tools": {}},
        "serverInfo": {"name": "odd", "version": "1"},
    },
    "tools/list": lambda _: {"tools": TOOLS},
    "tools/call": lambda params: {"content": [{"type": "text", "text": params["name"]}]},
    "ping": lambda _: {},
}


def serve():
    for line in sys.stdin:
        message = json.loads(line)
        if "id" in message and "method" in message:
            answer = ANSWERS.get(message["method"])
            outcome = {"result": answer(message["params"])} if answer else {"error": {"code": -32601, "message": "no such method"}}
            print(json.dumps({"jsonrpc": "2.0", "id": message["id"], **outcome}), flush=True)


if __name__ == "__main__":
    serve()
