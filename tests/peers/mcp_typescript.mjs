// Peer: the client of the official TypeScript SDK, over stdio and over HTTP. It compiles every output schema and holds each structured
// answer against it. The argument is JSON: binary, environment, home, settings, peer. It runs in the folder where the SDK is installed.

import { execFileSync, spawn } from "node:child_process";
import { writeFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StdioClientTransport } from "@modelcontextprotocol/sdk/client/stdio.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import {
  ElicitRequestSchema, LoggingMessageNotificationSchema, ResourceUpdatedNotificationSchema,
} from "@modelcontextprotocol/sdk/types.js";

const given = JSON.parse(process.argv[2]);
const environment = { cwd: given.home, env: given.environment };
const PATIENCE = 30_000;

class Failed extends Error {}

const brief = (value) => {
  const text = (typeof value === "string" ? value : JSON.stringify(value) ?? String(value)).replace(/\s+/g, " ");
  return text.length <= 400 ? text : `${text.slice(0, 400)}…`;
};

const yes = (condition, what) => {
  if (!condition) throw new Failed(what);
};

const same = (got, wanted, what) => yes(JSON.stringify(got) === JSON.stringify(wanted), `${what}: got ${brief(got)}, wanted ${brief(wanted)}`);

async function check(what, body) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Failed(`not done after ${PATIENCE} ms`)), PATIENCE);
  });
  try {
    console.log(`peer ${given.peer}/${what}: ok (${brief(await Promise.race([body(), late]))})`);
  } catch (error) {
    const kind = error instanceof Failed ? "" : `${error.constructor.name}: `;
    console.log(`peer ${given.peer}/${what}: FAILED (${kind}${brief(error.message)})`);
  } finally {
    clearTimeout(timer);
  }
}

// ---- doors ----

const stdio = async (words) => {
  const transport = new StdioClientTransport({ command: given.binary, args: ["mcp:serve", ...words], ...environment });
  return { transport, end: () => {} };
};

const http = async (words) => {
  const server = spawn(given.binary, ["mcp:serve", "--http", "127.0.0.1:0", ...words], { ...environment, stdio: ["ignore", "ignore", "pipe"] });
  for await (const line of createInterface({ input: server.stderr })) {
    const url = line.match(/http:\/\/\S+\/mcp/)?.[0];
    if (url) {
      server.stderr.resume();
      return { transport: new StreamableHTTPClientTransport(new URL(url)), end: () => server.kill("SIGTERM") };
    }
  }
  throw new Failed("the server did not say where it listens");
};

/** Runs checks with a connected client; what comes unasked is gathered in `heard`. */
async function connected(what, door, words, options, body) {
  let opened, client;
  await check(`${what}-connect`, async () => {
    opened = await door(words);
    const fresh = new Client({ name: "TypeScript SDK", version: "1" }, options);
    fresh.heard = { updated: [], logs: [] };
    fresh.setNotificationHandler(ResourceUpdatedNotificationSchema, ({ params }) => void fresh.heard.updated.push(params.uri));
    fresh.setNotificationHandler(LoggingMessageNotificationSchema, ({ params }) => void fresh.heard.logs.push(params));
    await fresh.connect(opened.transport);
    client = fresh;
    return `${client.getServerVersion().name} ${client.getServerVersion().version}`;
  });
  if (client) {
    await body(client);
    await client.close();
  }
  opened?.end();
}

// ---- what the checks share ----

const call = (client, name, args, options) => client.callTool({ name, arguments: args }, undefined, options);

const text = (result) => result.content.map((block) => block.text ?? "").join("\n");

const good = (result) => {
  yes(!result.isError, `an error: ${text(result)}`);
  return result.structuredContent;
};

const bad = (result, code) => {
  same([result.isError, result.structuredContent?.error_detail?.code], [true, code], text(result));
  return text(result);
};

const func = (client, name, args, more) => call(client, "call_function", { function: name, arguments: args, ...more });

async function until(what, ready) {
  const deadline = Date.now() + PATIENCE - 5000;
  for (;;) {
    const got = await ready();
    if (got) return got;
    yes(Date.now() < deadline, `${what} did not come`);
    await new Promise((done) => setTimeout(done, 50));
  }
}

async function everyTool(client) {
  const tools = [];
  let cursor;
  do {
    const page = await client.listTools(cursor ? { cursor } : {});
    tools.push(...page.tools);
    cursor = page.nextCursor;
  } while (cursor);
  return tools;
}

// ---- the checks ----

async function small(at, client) {
  await check(`${at}-initialize`, async () => {
    yes(client.getInstructions().includes("search_functions"), "the instructions do not speak of search_functions");
    const { tools, resources, prompts, logging, completions } = client.getServerCapabilities();
    yes(tools?.listChanged && resources?.subscribe && prompts && logging && completions, "a capability is missing");
    await client.ping();
    return "capabilities, instructions, ping";
  });
  await check(`${at}-small-face`, async () => {
    const names = (await everyTool(client)).map((tool) => tool.name);
    same(names, ["search_functions", "read_docs", "call_function", "run_lua", "read_result"], "tools");
    return names.join(" ");
  });
  await check(`${at}-search-and-read`, async () => {
    const found = text(await call(client, "search_functions", { query: "add a document to a collection" }));
    yes(found.includes("data.create (write)"), found);
    const page = text(await call(client, "read_docs", { page: "data.create" }));
    yes(page.includes('"collection"') && page.includes("call_function"), page);
    return found.split("\n")[0];
  });
  await check(`${at}-call`, async () => {
    const id = `${at}-note`;
    const made = good(await func(client, "data.create", { collection: "notes", id, document: { title: "Käse 日本" } }));
    same(made.success, true, "create");
    const listed = good(await func(client, "data.list", { collection: "notes" }));
    yes(listed.data.documents.some((item) => item.id === id && item.document.title === "Käse 日本"), brief(listed));
    return `${listed.data.documents.length} notes`;
  });
  await check(`${at}-lua`, async () => {
    const code = "local one = app.integrations.data.get{collection = 'notes', id = 'first'}\nreturn one.document.title .. ' ' .. args.n";
    const result = await call(client, "run_lua", { code, args: { n: 3 } });
    yes(!result.isError && text(result).includes("First 3"), text(result));
    return text(result);
  });
  await check(`${at}-failures`, async () => {
    bad(await func(client, "data.get", { collection: "notes", id: "none" }), "not_found");
    bad(await func(client, "data.gett", {}), "unknown_function");
    return bad(await func(client, "data.get", { colection: 1 }), "invalid_arguments");
  });
  await check(`${at}-preview`, async () => {
    const cut = good(await func(client, "data.get", { collection: "big", id: "all" }));
    yes(cut.meta.truncated && cut.meta.result_id, brief(cut.meta));
    const read = await call(client, "read_result", { id: cut.meta.result_id, select: ".document.lines | length" });
    yes(!read.isError && text(read).includes("400"), text(read));
    return text(read);
  });
}

async function around(at, client) {
  await check(`${at}-resources`, async () => {
    const { resources } = await client.listResources();
    yes(["angelia://docs/data", "angelia://audit"].every((uri) => resources.some((one) => one.uri === uri)), brief(resources));
    const { resourceTemplates } = await client.listResourceTemplates();
    yes(resourceTemplates.some((one) => one.uriTemplate === "angelia://docs/{page}"), brief(resourceTemplates));
    const { contents } = await client.readResource({ uri: "angelia://docs/data.create" });
    yes(contents[0].text.includes("data.create"), brief(contents));
    const wrong = await client.readResource({ uri: "angelia://docs/none" }).then(() => 0, (error) => error.code);
    same(wrong, -32002, "code of a resource that is not there");
    return `${resources.length} resources, ${resourceTemplates.length} templates`;
  });
  await check(`${at}-subscription`, async () => {
    await client.subscribeResource({ uri: "angelia://audit" });
    good(await func(client, "data.collections", {}));
    await until("the notice", () => client.heard.updated.includes("angelia://audit"));
    await client.unsubscribeResource({ uri: "angelia://audit" });
    const { contents } = await client.readResource({ uri: "angelia://audit" });
    same(JSON.parse(contents[0].text).calls[0].function, "data.collections", "the newest call");
    return "angelia://audit";
  });
  await check(`${at}-prompts`, async () => {
    const { prompts } = await client.listPrompts();
    same([prompts[0].name, prompts[0].arguments[0].required], ["review", true], "prompt");
    const { messages } = await client.getPrompt({ name: "review", arguments: { note: "first" } });
    same(messages[0].content.text, "Review First", "message");
    return messages[0].content.text;
  });
  await check(`${at}-completion`, async () => {
    const page = { ref: { type: "ref/resource", uri: "angelia://docs/{page}" }, argument: { name: "page", value: "data.c" } };
    const pages = (await client.complete(page)).completion.values;
    same(pages, ["data.create", "data.collections"], "pages");
    const note = { ref: { type: "ref/prompt", name: "review" }, argument: { name: "note", value: "f" } };
    same((await client.complete(note)).completion.values, ["first"], "notes");
    return pages.join(" ");
  });
  await check(`${at}-progress`, async () => {
    const steps = [];
    const onprogress = (step) => steps.push(step.progress);
    const all = good(await call(client, "call_function", { function: "depot.list_parts", arguments: {}, all: true }, { onprogress }));
    same(all.meta.items, 6, "items");
    await until("progress", () => steps.length > 0);
    yes(steps.every((step, index) => index === 0 || step > steps[index - 1]), `progress does not grow: ${steps}`);
    return `steps ${steps}`;
  });
  await check(`${at}-logging`, async () => {
    await client.setLoggingLevel("info");
    good(await func(client, "data.collections", {}));
    const log = await until("a log message", () => client.heard.logs[0]);
    return `${log.level} ${brief(log.data)}`;
  });
  await check(`${at}-cancellation`, async () => {
    const stop = new AbortController();
    const slow = func(client, "depot.get_part", { part: `slow-${at}` }).catch(() => {}); // this one is left to end by itself
    const cancelled = call(client, "call_function", { function: "depot.get_part", arguments: { part: "slow" } }, { signal: stop.signal });
    setTimeout(() => stop.abort("changed my mind"), 500);
    yes(await cancelled.then(() => false, () => true), "the call was not cancelled");
    await client.ping();
    const row = await until("the audit row", () => {
      const words = ["audit:list", "--code", "cancelled", "--json"];
      const rows = JSON.parse(execFileSync(given.binary, words, environment)).calls;
      return rows.find((one) => one.function === "depot.get_part");
    });
    await slow;
    return `${row.function} ${row.code}`;
  });
}

async function chosen(at, client) {
  await check(`${at}-chosen-tools`, async () => {
    const tools = await everyTool(client);
    const hints = (name) => tools.find((tool) => tool.name === name).annotations;
    same([hints("data-get").readOnlyHint, hints("data-delete").destructiveHint], [true, true], "hints");
    yes(tools.every((tool) => tool.name === "read_result" || (tool.outputSchema && tool.title)), "a tool without a title or an output schema");
    return tools.map((tool) => tool.name).join(" ");
  });
  await check(`${at}-structured-answer`, async () => {
    const made = good(await call(client, "data-create", { collection: "notes", id: `${at}-chosen`, document: { title: "Chosen" } }));
    same(good(await call(client, "data-get", { collection: "notes", id: `${at}-chosen` })).data.document.title, "Chosen", "title");
    same(good(await call(client, "data-delete", { collection: "notes", id: `${at}-chosen` })).success, true, "delete");
    return brief(made.data);
  });
  await check(`${at}-structured-failure`, async () => {
    bad(await call(client, "data-get", { collection: "notes" }), "invalid_arguments");
    return bad(await call(client, "data-get", { collection: "notes", id: "none" }), "not_found");
  });
  await check(`${at}-structured-preview`, async () => {
    const cut = good(await call(client, "data-get", { collection: "big", id: "all" }));
    yes(cut.meta.truncated, brief(cut.meta));
    const list = good(await call(client, "data-list", { collection: "big" }));
    yes(list.meta.truncated, brief(list.meta));
    return `${cut.meta.bytes} bytes`;
  });
  await check(`${at}-list-changed`, async () => {
    writeFileSync(given.settings, given.changed);
    try {
      const names = await until("tools/list_changed", () => client.fresh?.map((tool) => tool.name));
      yes(names.includes("data-get") && !names.includes("data-create"), names.join(" "));
      return names.join(" ");
    } finally {
      writeFileSync(given.settings, given.usual);
    }
  });
}

async function asked(at, client) {
  const answers = [
    ["decline", { action: "decline" }, "permission_denied"],
    ["cancel", { action: "cancel" }, null],
    ["accept", { action: "accept", content: { approve: true } }, null],
  ];
  for (const [what, answer] of answers) {
    await check(`${at}-elicitation-${what}`, async () => {
      const id = `${at}-asked-${what}`;
      let question;
      client.setRequestHandler(ElicitRequestSchema, ({ params }) => {
        question = params;
        return answer;
      });
      const result = await func(client, "data.create", { collection: "notes", id, document: { title: "Asked" } });
      yes(question.message.includes("data.create (write") && question.message.includes(id), question.message);
      yes(question.requestedSchema.properties.approve.type === "boolean", brief(question.requestedSchema));
      same(result.isError ?? false, what !== "accept", text(result));
      const there = await func(client, "data.get", { collection: "notes", id });
      same(there.isError ?? false, what !== "accept", "whether the document is there");
      return brief(text(result));
    });
  }
}

/** Compiles every output schema there is, and reads every page of the list. */
async function everything(client) {
  await check("stdio-every-tool", async () => {
    const tools = await everyTool(client);
    yes(tools.length > 400, `${tools.length} tools`);
    same(new Set(tools.map((tool) => tool.name)).size, tools.length, "different names");
    return `${tools.length} tools, output schemas compiled`;
  });
}

for (const [at, door] of [["stdio", stdio], ["http", http]]) {
  if (at === "http" && !given.http) continue;
  await connected(at, door, ["--write", "allow"], {}, async (client) => {
    await small(at, client);
    await around(at, client);
  });
  let fresh;
  const listChanged = { tools: { onChanged: (_, tools) => void (fresh = tools) } };
  await connected(`${at}-chosen`, door, ["--tools", "data.*", "--write", "allow"], { listChanged }, async (client) => {
    Object.defineProperty(client, "fresh", { get: () => fresh });
    await chosen(at, client);
  });
  await connected(`${at}-ask`, door, ["--write", "ask"], { capabilities: { elicitation: {} } }, (client) => asked(at, client));
}
await connected("stdio-everything", stdio, ["--tools", "*", "--write", "allow"], {}, everything);
process.exit(0);
