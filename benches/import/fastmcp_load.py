"""FastMCP makes tools of an OpenAPI description, and counts them. Argument: the description."""

import asyncio
import json
import sys

import httpx
from fastmcp import FastMCP

with open(sys.argv[1], encoding="utf-8") as file:
    description = json.load(file)
client = httpx.AsyncClient(base_url="http://127.0.0.1:9")
server = FastMCP.from_openapi(openapi_spec=description, client=client)
print(len(asyncio.run(server.list_tools())), "tools")
