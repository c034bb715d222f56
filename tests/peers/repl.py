"""Peer: a terminal. A person types at `integrations:lua --repl`, presses Tab, Ctrl-C and Ctrl-D, and comes back another day.

Arguments: folder, binary. Python's pty is the terminal.
"""

import os
import pathlib
import pty
import re
import select
import signal
import stat
import sys
import time

from support import Peer, same, true

FOLDER, BINARY = pathlib.Path(sys.argv[1]), sys.argv[2]
TAB, INTERRUPT, END, UP = "\t", "\x03", "\x04", "\x1b[A"


class Session:
    """The program on a terminal of its own; what it answers goes to a file where `answers` names one."""

    def __init__(self, *words, answers=None):
        environment = {"PATH": os.environ["PATH"], "HOME": str(FOLDER), "ANGELIA_HOME": str(FOLDER / "home"), "TERM": "xterm", "LANG": "C.UTF-8"}
        self.pid, self.descriptor = pty.fork()
        if self.pid == 0:
            if answers:
                os.dup2(os.open(answers, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), 1)
            os.execve(BINARY, [BINARY, "integrations:lua", "--repl", *words], environment)
        self.code = None
        self.shown = self.until("> ")

    def read(self, quiet):
        """What comes next; empty when nothing came for a while or the terminal is closed."""
        ready, _, _ = select.select([self.descriptor], [], [], quiet)
        try:
            return os.read(self.descriptor, 65536).decode(errors="replace") if ready else ""
        except OSError:
            return ""

    def until(self, *wanted, limit=15):
        """Reads until all of it was shown, without control sequences."""
        raw, deadline = "", time.monotonic() + limit
        while True:
            text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]|\x07|\r", "", raw)
            if all(part in text for part in wanted):
                return text
            true(time.monotonic() < deadline, f"{wanted} was not shown within {limit} s but {text!r}")
            raw += self.read(0.2)

    def settle(self):
        """Reads until nothing comes any more."""
        while self.read(0.4):
            pass

    def type(self, keys, *wanted):
        """Types, and reads until it was answered."""
        self.settle()
        os.write(self.descriptor, keys.encode())
        return self.until(*wanted)

    def clear(self):
        """Empties the line."""
        os.write(self.descriptor, b"\x15")
        self.settle()

    def ended(self, limit=10):
        """The exit code, once it ended."""
        deadline = time.monotonic() + limit
        while self.code is None:
            self.read(0.05)
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.code = os.waitstatus_to_exitcode(status)
            true(time.monotonic() < deadline, f"it did not end within {limit} s")
        return self.code

    def kill(self):
        if self.code is None:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
        os.close(self.descriptor)


def starts(session):
    true(":help" in session.shown, f"no banner: {session.shown!r}")
    return session.shown.strip().splitlines()[0]


def evaluates(session):
    session.type("x = 6\r", "> ")
    return session.type("x * 7\r", "\n42\n") and "x * 7 is 42"


def goes_on(session):
    session.type("function f(a)\r", ". ")
    session.type("return a + 1\r", ". ")
    session.type("end\r", "> ")
    session.type("f(x)\r", "\n7\n")
    return "three lines are one statement"


def completes(session, typed, *wanted):
    session.type(typed + TAB, *wanted)
    session.clear()
    return f"'{typed}' and TAB shows {', '.join(wanted)}"


def completes_below(session):
    session.type("app.integrations.data.create{\r", ". ")
    session.type("coll" + TAB, "collection = ")
    session.clear()
    session.type(INTERRUPT, "> ")
    session.type("x\r", "\n6\n")
    return "x is still 6"


def gives_up(session):
    session.type("if true then\r", ". ")
    session.type(INTERRUPT, "> ")
    session.type("x\r", "\n6\n")
    return "x is still 6"


def interrupts(session, line):
    os.write(session.descriptor, (line + "\r").encode())
    time.sleep(1)
    session.settle()
    session.type(INTERRUPT, "error: Interrupted", "> ")
    session.type("x + 1\r", "\n7\n")
    return "the line ended, the session went on"


def asks(session):
    """A question that Ctrl-C withdraws leaves the keys to the next line."""
    session.type("app.integrations.data.create{collection = 'c', document = {n = 1}}\r", "[y/N]")
    session.type(INTERRUPT, "error: Interrupted", "> ")
    session.type("x + 2\r", "\n8\n")
    session.type("app.integrations.data.create{collection = 'c', document = {n = 2}}\r", "[y/N]")
    session.type("y\r", "n", "> ")
    session.type(":calls\r", "succeeded")
    return "withdrawn, asked again, approved"


def ends(session):
    session.type(" secret = 1\r", "> ")
    os.write(session.descriptor, END.encode())
    same(session.ended(), 0, "exit code")
    return "exit code 0"


def remembers(session):
    session.settle()
    os.write(session.descriptor, UP.encode())
    session.until(":calls")
    session.clear()
    path = FOLDER / "home/data/repl_history"
    same(stat.S_IMODE(path.stat().st_mode), 0o600, "mode of the history")
    kept = path.read_text()
    true("secret" not in kept, "a line that begins with a space was kept")
    true("function f(a)\\nreturn a + 1\\nend\n" in kept, f"a statement of several lines is not one entry: {kept!r}")
    return "the last line, without the secret one"


def answers_only(path):
    session = Session(answers=path)
    try:
        session.type("'to the ' .. 'file'\r", "> ")
        session.settle()
        session.type(":quit\r")
        same(session.ended(), 0, "exit code")
    finally:
        session.kill()
    same(path.read_text(), "to the file\n", "stdout")
    return "stdout has the answer and nothing else"


def main():
    peer = Peer("repl")
    config = FOLDER / "home/config"
    config.mkdir(parents=True)
    (config / "config.toml").write_text('[integrations.data]\nwrite = "ask"\n[credentials]\nstore = "file"\n')
    session = Session()
    try:
        peer.check("banner", starts, session)
        peer.check("value", evaluates, session)
        peer.check("several-lines", goes_on, session)
        peer.check("tab-provider", completes, session, "app.integrations.hackern", "hackernews")
        peer.check("tab-functions", completes, session, "app.integrations.data.", "collections", "create")
        peer.check("tab-parameter", completes, session, "app.integrations.data.create{coll", "collection = ")
        peer.check("tab-parameter-below", completes_below, session)
        peer.check("tab-member", completes, session, "docs.", "list", "read", "search")
        peer.check("tab-command", completes, session, ":lim", ":limits")
        peer.check("ctrl-c-statement", gives_up, session)
        peer.check("ctrl-c-loop", interrupts, session, "while true do end")
        peer.check("ctrl-c-sleep", interrupts, session, "time.sleep(60)")
        peer.check("ctrl-c-question", asks, session)
        peer.check("ctrl-d", ends, session)
    finally:
        session.kill()
    session = Session()
    try:
        peer.check("history", remembers, session)
    finally:
        session.kill()
    peer.check("stdout", answers_only, FOLDER / "answers")


if __name__ == "__main__":
    main()
