"""Peer: a terminal. A person is asked and presses Ctrl-C instead: what is typed is shown again afterwards, nothing is half stored, and the
program says what is left. Arguments: folder, binary. Python's pty is the terminal.
"""

import os
import pathlib
import pty
import re
import select
import sys
import termios
import time

from club import Club
from support import Angelia, Peer, same, true

FOLDER, BINARY = pathlib.Path(sys.argv[1]).absolute(), pathlib.Path(sys.argv[2]).absolute()
SECRET = "s3cret-Hufeisen-typed"


def echoes(descriptor):
    return bool(termios.tcgetattr(descriptor)[3] & termios.ECHO)


class Asked:
    """A command on a terminal of its own."""

    def __init__(self, program, *words):
        self.pid, self.ours = pty.fork()
        if self.pid == 0:
            os.execve(program.binary, [program.binary, *words], program.environment)
        self.said = ""

    def hear(self, what, limit=20):
        """Reads until it was said."""
        until = time.monotonic() + limit
        while what not in self.said:
            true(time.monotonic() < until, f"'{what}' was not said: {self.said}")
            if select.select([self.ours], [], [], 0.2)[0]:
                self.said += os.read(self.ours, 4096).decode()

    def until_silent(self, wanted):
        """Waits until the terminal shows what is typed, or does not."""
        until = time.monotonic() + 10
        while echoes(self.ours) != wanted:
            true(time.monotonic() < until, f"echo is {not wanted}")
            time.sleep(0.02)

    def type(self, text):
        os.write(self.ours, text.encode())

    def end(self):
        """The exit code; what was still said is heard."""
        until = time.monotonic() + 20
        while True:
            # The terminal lives as long as our end is open: its state can be read after the program.
            ended, status = os.waitpid(self.pid, os.WNOHANG)
            while select.select([self.ours], [], [], 0.1)[0]:
                try:
                    self.said += os.read(self.ours, 4096).decode()
                except OSError:
                    break
            if ended:
                return os.waitstatus_to_exitcode(status)
            true(time.monotonic() < until, f"it did not end: {self.said}")


def made(club, name):
    program = Angelia(BINARY, FOLDER / name)
    club.set_up(program, '[credentials]\nstore = "file"\n')
    return program


def stored(program):
    """The fields that have a value, and whether a secret stands anywhere."""
    files = [path for path in program.home.rglob("*") if path.is_file()]
    true(not any(SECRET.encode() in path.read_bytes() for path in files), "a file holds what was typed")
    fields = program.json("integrations:fields", "club")["fields"]
    return sorted(field["key"] for field in fields if field["configured"])


def interrupted(asked, *says):
    """Ctrl-C: exit code 130, words for the person, and a terminal that shows what is typed."""
    asked.type("\x03")
    code = asked.end()
    same(code, 130, f"exit code: {asked.said}")
    true(echoes(asked.ours), "the terminal shows nothing of what is typed")
    for text in says:
        true(text in asked.said, f"'{text}' was not said: {asked.said}")
    os.close(asked.ours)


def at_a_hidden_question(club):
    program = made(club, "hidden")
    asked = Asked(program, "integrations:connect", "club", "--client-id", "mine")
    asked.hear("Client secret: ")
    asked.until_silent(False)
    asked.type(SECRET)
    interrupted(asked, "Interrupted; nothing was stored")
    true(SECRET not in asked.said, "what was typed is shown")
    same(stored(program), [], "stored fields")
    return "nothing stored, echo restored"


def at_a_later_question(club):
    """Questions of one round: the first were answered, another is given up; whether it shows what is typed or not."""
    for name, last in (("round", "Client id"), ("later", "Client secret")):
        program = made(club, name)
        asked = Asked(program, "integrations:configure", "club")
        asked.hear("Access token")
        asked.until_silent(False)
        asked.type(SECRET + "\n")
        asked.hear("Client id")
        asked.until_silent(True)
        if last == "Client secret":
            asked.type("mine\n")
            asked.hear(last)
            asked.until_silent(False)
        interrupted(asked, "Interrupted; nothing was stored")
        same(stored(program), [], "stored fields")
    return "nothing stored of what was answered before"


def while_a_code_is_entered(club):
    program, club.waits = made(club, "device"), True
    asked = Asked(program, "integrations:connect", "club", "--device", "--client-id", "mine")
    asked.hear("Client secret: ")
    asked.until_silent(False)
    asked.type("\n")
    asked.hear("ABCD-EFGH")
    before = club.asked
    while club.asked == before:
        time.sleep(0.05)
    interrupted(asked, "no tokens were kept", "The client that you named is stored: angelia integrations:connect club")
    club.waits = False
    same(stored(program), ["client_id"], "stored fields")
    return "no tokens; the client stays, and that is said"


def while_a_browser_is_away(club):
    program = made(club, "browser")
    program.json("integrations:configure", "club", "--set", "client_id=mine")
    asked = Asked(program, "integrations:connect", "club", "--no-browser")
    asked.hear("Paste the address")
    asked.type("half an addr")
    interrupted(asked, "no tokens were kept", "angelia integrations:connect club")
    same(stored(program), ["client_id"], "stored fields")
    return "no tokens"


def answered(club):
    """The way without Ctrl-C goes on."""
    program = made(club, "answered")
    asked = Asked(program, "integrations:connect", "club", "--device", "--client-id", "mine")
    asked.hear("Client secret: ")
    asked.until_silent(False)
    asked.type(SECRET + "\n")
    asked.hear("signed in")
    same(asked.end(), 0, f"exit code: {asked.said}")
    true(SECRET not in asked.said and echoes(asked.ours), "what was typed is shown, or the echo is gone")
    true(re.search(r"account default: signed in", asked.said), asked.said)
    same(stored(program), ["access_token", "client_id", "client_secret", "refresh_token"], "stored fields")
    return "signed in; what was typed was not shown"


peer = Peer("prompts")
FOLDER.mkdir(parents=True, exist_ok=True)
with Club() as service:
    for check in (at_a_hidden_question, at_a_later_question, while_a_code_is_entered, while_a_browser_is_away, answered):
        peer.check(check.__name__.replace("_", "-"), check, service)
