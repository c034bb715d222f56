// A server of the official TypeScript SDK with one tool: a document of an in-memory dictionary (document.json beside it). On
// stdin and stdout, or with `--http` on a free port of loopback, which it says on stderr. HTTP answers are plain JSON, which is faster than
// the SDK's default of a stream for each.

import { randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { McpServer } from "@modelcontextprotocol/sdk/server/mcp.js";
import { StdioServerTransport } from "@modelcontextprotocol/sdk/server/stdio.js";
import { StreamableHTTPServerTransport } from "@modelcontextprotocol/sdk/server/streamableHttp.js";
import { isInitializeRequest } from "@modelcontextprotocol/sdk/types.js";
import { z } from "zod";

const documents = new Map([["notes/first", JSON.parse(readFileSync(new URL("document.json", import.meta.url)))]]);

const server = () => {
  const made = new McpServer({ name: "bench", version: "1" });
  const described = {
    title: "Get a document",
    description: "Returns one document of a collection by its id.",
    inputSchema: { collection: z.string(), id: z.string() },
    annotations: { readOnlyHint: true },
  };
  made.registerTool("get", described, async ({ collection, id }) => {
    const document = documents.get(`${collection}/${id}`);
    if (!document) return { content: [{ type: "text", text: `no document '${id}'` }], isError: true };
    const data = { id, document };
    return { content: [{ type: "text", text: JSON.stringify(data) }], structuredContent: data };
  });
  return made;
};

const sessions = new Map();

const opened = async () => {
  const transport = new StreamableHTTPServerTransport({
    sessionIdGenerator: randomUUID,
    enableJsonResponse: true,
    onsessioninitialized: (id) => void sessions.set(id, transport),
  });
  await server().connect(transport);
  return transport;
};

const answer = async (request, response) => {
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  const body = chunks.length ? JSON.parse(Buffer.concat(chunks)) : undefined;
  const known = sessions.get(request.headers["mcp-session-id"]);
  if (!known && !isInitializeRequest(body)) return void response.writeHead(404).end();
  await (known ?? (await opened())).handleRequest(request, response, body);
};

if (process.argv.includes("--http")) {
  const listener = createServer((request, response) => void answer(request, response).catch(() => response.writeHead(500).end()));
  listener.keepAliveTimeout = 0; // a connection that waits for its turn stays open
  listener.listen(0, "127.0.0.1", () => console.error(`http://127.0.0.1:${listener.address().port}/mcp`));
} else {
  await server().connect(new StdioServerTransport());
}
