"""Peer: bash at a terminal. A person types half a word, presses TAB, and reads what stands on the line.

Arguments: folder, binary. Runs after completions.sh, which made the script and the folder with the program.
"""

import os
import pathlib
import pty
import re
import select
import signal
import sys
import time

from support import Peer, true

FOLDER = pathlib.Path(sys.argv[1])


class Terminal:
    """A bash without start-up files on a terminal of its own."""

    def __init__(self):
        home = str(FOLDER / "home")
        path = f"{FOLDER / 'bin'}:{os.environ['PATH']}"
        shell = {"TERM": "dumb", "PS1": "$ ", "INPUTRC": "/dev/null", "LANG": "C.UTF-8"}
        environment = {"PATH": path, "HOME": home, "ANGELIA_HOME": home, **shell}
        self.pid, self.descriptor = pty.fork()
        if self.pid == 0:
            os.execvpe("bash", ["bash", "--norc", "--noprofile", "-i"], environment)
        self.read(1)
        self.type(f"bind 'set enable-bracketed-paste off'; source {FOLDER / 'angelia.bash'}; echo rea''dy\n", "ready")

    def read(self, quiet, wanted=None, limit=15):
        """What comes until it has been quiet for a while, or until `wanted` came."""
        text, deadline = "", time.monotonic() + limit
        while time.monotonic() < deadline:
            ready, _, _ = select.select([self.descriptor], [], [], quiet)
            if ready:
                text += os.read(self.descriptor, 65536).decode(errors="replace")
                if wanted and wanted in text:
                    break
            elif not wanted:
                break
        return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]|\x07", "", text)

    def type(self, keys, wanted=None, quiet=1.0):
        os.write(self.descriptor, keys.encode())
        return self.read(quiet, wanted)

    def clear(self):
        self.type("\x15", quiet=0.2)

    def end(self):
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)


def becomes(terminal, typed, wanted):
    """One TAB completes the line."""
    shown = terminal.type(typed + "\t", wanted)
    terminal.clear()
    true(wanted in shown, f"'{typed}' and TAB shows {shown!r}, not '{wanted}'")
    return f"'{typed}' becomes '{wanted}'"


def lists(terminal, typed, wanted):
    """Two TABs list what there is."""
    shown = terminal.type(typed + "\t\t", wanted[-1], quiet=1.5) + terminal.read(0.5)
    terminal.clear()
    missing = [word for word in wanted if word not in shown]
    true(not missing, f"'{typed}' and two TABs do not list {missing}: {shown!r}")
    return f"'{typed}' lists {', '.join(wanted)}"


def main():
    peer = Peer("completions")
    terminal = Terminal()
    try:
        peer.check("tab-verb", becomes, terminal, "angelia integrations:sche", "angelia integrations:schema ")
        call = "angelia integrations:call"
        peer.check("tab-function", becomes, terminal, f"{call} plane.create_iss", f"{call} plane.create_issue")
        peer.check("tab-family", becomes, terminal, "angelia integ", "angelia integrations")
        peer.check("tab-list", lists, terminal, f"{call} plane.delete_", ["plane.delete_issue", "plane.delete_project"])
        peer.check("tab-provider", becomes, terminal, "angelia integrations:doctor hackern", "angelia integrations:doctor hackernews ")
    finally:
        terminal.end()


if __name__ == "__main__":
    main()
