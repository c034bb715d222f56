"""Peer: the official conformance suite of the Model Context Protocol, for our server and our client, once for each revision.

The suite drives a program made of the same code (tests/peers/conformance/). What a revision requires must pass whole; of the rest exactly
what `expected-failures.yaml` lists fails. Arguments: folder, the program, folder of npm's packages.
"""

import os
import pathlib
import re
import subprocess
import sys

from support import Failed, Peer, child, same, true, wait_until

FOLDER, PROGRAM, PACKAGES = (pathlib.Path(word) for word in sys.argv[1:4])
EXPECTED = pathlib.Path(__file__).parent / "conformance" / "expected-failures.yaml"
# How many scenarios a revision requires, by the side that is judged.
REQUIRED = {
    ("server", "2025-11-25"): 30,
    ("server", "2026-07-28"): 37,
    ("client", "2025-11-25"): 18,
    ("client", "2026-07-28"): 32,
}


def expected(side):
    """Scenarios of a side that are known to fail."""
    section, found = None, set()
    for line in EXPECTED.read_text().splitlines():
        if re.match(r"\w+:$", line):
            section = line[:-1]
        elif line.startswith("  - ") and section == side:
            found.add(line[4:].split(" #")[0].strip())
    return found


def suite(side, revision, *words):
    """Runs what a revision asks of a side; answers the scenarios that passed and failed, and those that do not count."""
    node, script = PACKAGES / "node/bin/node", PACKAGES / "@modelcontextprotocol/conformance/dist/index.js"
    command = [str(node), str(script), side, *words, "--requirements", revision]
    try:
        done = subprocess.run(command, cwd=FOLDER, stdin=subprocess.DEVNULL, capture_output=True, timeout=60, env=environment())
    except subprocess.TimeoutExpired:
        raise Failed("the suite did not end within 60 s") from None
    said = (done.stdout + done.stderr).decode()
    (FOLDER / f"{side}-{revision}.txt").write_text(said)
    summary, _, unscored = said.rpartition("=== SUMMARY ===")[2].partition("Not scored for")
    ended = {name: mark == "✓" for mark, name in re.findall(r"^([✓✗]) (\S+): \d+ passed", summary, re.MULTILINE)}
    aside = set(re.findall(r"^\s+[✓✗] (\S+) \(", unscored, re.MULTILINE))
    true(ended, f"the suite told no results: {said[-400:]}")
    return done.returncode, ended, aside


def environment():
    return {"PATH": os.environ["PATH"], "HOME": str(FOLDER), "LANG": "C.UTF-8"}


def judged(side, revision, *words):
    code, ended, aside = suite(side, revision, *words)
    counted = {name: passed for name, passed in ended.items() if name not in aside}
    lost = sorted(name for name, passed in counted.items() if not passed)
    same(lost, [], "required scenarios that fail")
    same([len(counted), code], [REQUIRED[side, revision], 0], "required scenarios and exit code of the suite")
    failing = sorted(name for name in aside if not ended[name])
    same(failing, sorted(expected(side) & set(ended)), "other scenarios that fail")
    return f"{len(counted)} of {len(counted)} required scenarios pass; of {len(aside)} others {len(aside) - len(failing)}"


def server(peer):
    log = FOLDER / "server.log"
    with child([PROGRAM, "server"], log, env={**environment(), "ANGELIA_HOME": str(FOLDER / "server")}):
        wait_until(lambda: log.read_text().startswith("http://"), "the server says where it listens")
        url = log.read_text().split()[0]
        for side, revision in REQUIRED:
            if side == "server":
                peer.check(f"{side}-{revision}", judged, side, revision, "--url", url)


def client(peer):
    homes = FOLDER / "homes"
    homes.mkdir()
    # The suite hands the words to a shell: each scenario gets a home of its own there.
    command = f"ANGELIA_HOME=$(mktemp -d -p {homes}) {PROGRAM} client"
    for side, revision in REQUIRED:
        if side == "client":
            peer.check(f"{side}-{revision}", judged, side, revision, "--command", command)


def main():
    peer = Peer("conformance")
    if peer.check("starts", lambda: f"{PROGRAM.stat().st_size >> 20} MB of program"):
        server(peer)
        client(peer)


if __name__ == "__main__":
    main()
