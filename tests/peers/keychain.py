"""Peer: gnome-keyring behind the Secret Service, each time on a bus of its own: unlocked, locked, silent and absent.

What the program stores is read back by libsecret's own tool. Arguments: folder, binary; the last word says which bus this is.
"""

import contextlib
import json
import os
import pathlib
import socket
import subprocess
import sys
import threading
import time

from club import Club
from support import Angelia, Listener, Peer, child, same, true, wait_until

FOLDER, BINARY = (pathlib.Path(word) for word in sys.argv[1:3])
STAGE = sys.argv[3] if len(sys.argv) > 3 else "start"
FIRST, SECOND = "ghp_first-Hufeisen-0815", "ghp_second-Hufeisen-4711"
PEER = Peer("keychain")
PATIENCE = 15


def angelia(name, store, bus):
    """A home whose secrets shall go to `store`, with the bus at `bus`."""
    environment = {"XDG_RUNTIME_DIR": str(FOLDER / "run")} | ({"DBUS_SESSION_BUS_ADDRESS": bus} if bus else {})
    program = Angelia(BINARY, FOLDER / name, environment)
    program.settings(f'[credentials]\nstore = "{store}"\n')
    return program


def token_source(program, *words):
    fields = program.json("integrations:fields", "github", *words)["fields"]
    return next(field for field in fields if field["key"] == "token")


def outside(account):
    """What libsecret's tool finds, None for nothing."""
    words = ["secret-tool", "lookup", "service", "angelia", "username", f"github/{account}/token"]
    found = subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True, timeout=20)
    return found.stdout.decode() or None


def no_secret_in(program):
    paths = [path for path in program.home.rglob("*") if path.is_file()]
    leaks = [path.name for path in paths if any(secret.encode() in path.read_bytes() for secret in (FIRST, SECOND))]
    same(leaks, [], "files that hold the secret")
    return len(paths)


def configure(program, *words, **how):
    return program.run("integrations:configure", "github", *words, "--json", limit=PATIENCE, **how)


def refusal(program, *words):
    """A configure that must fail in time, say something of the keychain and leave nothing behind."""
    started = time.monotonic()
    done = configure(program, *words, "--set", f"token={FIRST}")
    seconds = time.monotonic() - started
    document = done.document()
    true(done.code not in (0, 70), f"exit code {done.code}: {document}")
    same(document["success"], False, "success")
    true("keychain" in document["error"].lower(), f"the error does not speak of the keychain: {document['error']}")
    true(document["error_detail"]["hints"], "no hint says what to do")
    true(FIRST not in done.stdout + done.stderr, "the secret is in the answer")
    true(token_source(program)["source"] is None, "the field counts as stored")
    no_secret_in(program)
    return f"after {seconds:.1f} s: {document['error']}"


class Unlocked:
    """The ordinary life of a secret, with the login keyring open."""

    def __init__(self, listener):
        self.program = angelia("home", "keychain", os.environ["DBUS_SESSION_BUS_ADDRESS"])
        self.listener = listener

    def carried(self, *words):
        """The Authorization header of a call."""
        self.program.call("github.get_authenticated_user", {}, *words)
        return self.listener.requests[-1][1].get("Authorization")

    def store(self):
        words = ["--enable", "--read=allow", "--allow-private", "--server", f"default={self.listener.url}"]
        done = configure(self.program, "--set", f"token={FIRST}", *words)
        same([done.code, done.document()["success"]], [0, True], done.stdout)
        field = token_source(self.program)
        same(field["source"], "keychain", "source")
        true(FIRST not in done.stdout + done.stderr + json.dumps(field), "the secret is in the answer")
        book = (self.program.home / "data" / "credentials.json").read_text()
        true("keychain" in book, f"credentials.json: {book}")
        return f"source {field['source']}; none of {no_secret_in(self.program)} files holds the secret"

    def found_by_libsecret(self):
        same(outside("default"), FIRST, "secret-tool lookup")
        return "secret-tool reads the same secret"

    def used(self):
        same(self.carried(), f"Bearer {FIRST}", "Authorization")
        return "the call carries it"

    def replaced(self):
        same(configure(self.program, "--set", f"token={SECOND}").code, 0, "exit code")
        same([outside("default"), self.carried()], [SECOND, f"Bearer {SECOND}"], "secret-tool, Authorization")
        return "the new secret is stored and used"

    def accounts(self):
        same(configure(self.program, "--account", "work", "--set", f"token={FIRST}").code, 0, "exit code")
        same(self.carried("--account", "work"), f"Bearer {FIRST}", "Authorization of work")
        self.program.json("integrations:accounts", "github", "--rename", "work", "--to", "job")
        same([outside("work"), outside("job"), outside("default")], [None, FIRST, SECOND], "after the rename: work, job, default")
        same(self.carried("--account", "job"), f"Bearer {FIRST}", "Authorization of job")
        self.program.json("integrations:disconnect", "github", "--account", "job")
        same([outside("job"), outside("default")], [None, SECOND], "after disconnect: job, default")
        return "a second account was stored, renamed and disconnected"

    def silent_call(self):
        with silent_bus() as bus:
            started = time.monotonic()
            words = ["integrations:call", "github.get_authenticated_user", "--json"]
            done = self.program.run(*words, environment={"DBUS_SESSION_BUS_ADDRESS": bus}, limit=PATIENCE)
            seconds = time.monotonic() - started
        document = done.document()
        same([done.code, document["error_detail"]["code"]], [5, "missing_credentials"], "exit code, code")
        true("keychain" in document["error"], f"the error does not speak of the keychain: {document['error']}")
        return f"after {seconds:.1f} s: {document['error']}"

    def removed(self):
        same(configure(self.program, "--unset", "token").code, 0, "exit code")
        same([outside("default"), token_source(self.program)["source"]], [None, None], "secret-tool, source")
        before = len(self.listener.requests)
        self.program.refused(5, "missing_credentials", "github.get_authenticated_user")
        same(len(self.listener.requests), before, "requests")
        return "gone from the keychain, and the call says so"


class SignedIn:
    """An account whose tokens the keychain keeps: each renewal takes the place of what is there."""

    def __init__(self, club):
        self.program = angelia("club", "keychain", os.environ["DBUS_SESSION_BUS_ADDRESS"])
        self.club = club
        club.set_up(self.program, '[credentials]\nstore = "keychain"\n')
        self.program.json("integrations:configure", "club", "--set", "client_id=mine")

    def kept(self):
        """Both tokens as libsecret's tool finds them are those that the service gave last, and no file holds one."""
        same([self.outside("access_token"), self.outside("refresh_token")], [self.club.access, self.club.refresh], "secret-tool")
        paths = [path for path in self.program.home.rglob("*") if path.is_file()]
        same([path.name for path in paths if any(token.encode() in path.read_bytes() for token in self.club.given)], [], "files that hold a token")

    def outside(self, field):
        words = ["secret-tool", "lookup", "service", "angelia", "username", f"club/default/{field}"]
        return subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True, timeout=20).stdout.decode() or None

    def sign_in(self):
        self.club.lasts = 1
        document = self.program.json("integrations:connect", "club", "--device")
        same(document["state"], "connected", "state")
        self.kept()
        return "both tokens stand in the keychain and in no file"

    def rotate(self):
        for count in (1, 2):
            time.sleep(1.1)
            self.program.call("club.get_me")
            same(self.club.refreshes, count, "refreshes")
            self.kept()
        return "2 rotations, each kept"

    def at_once(self):
        time.sleep(1.1)
        self.club.lasts, self.club.slow, before = 3600, 0.3, self.club.refreshes
        words = [self.program.binary, "integrations:call", "club.get_me", "--json"]
        how = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
        running = [subprocess.Popen(words, env=self.program.environment, **how) for _ in range(10)]
        answers = [(process.communicate(timeout=60)[0], process.returncode) for process in running]
        same([code for _, code in answers], [0] * 10, f"exit codes: {[answer for answer, code in answers if code]}")
        same(self.club.refreshes - before, 1, "refreshes of 10 processes")
        self.kept()
        return "10 processes, one refresh"

    def end(self):
        done = self.program.json("integrations:disconnect", "club", "--local")
        same(done["kept"], ["client_id"], "kept")
        same([self.outside("access_token"), self.outside("refresh_token")], [None, None], "secret-tool")
        return "gone from the keychain"


@contextlib.contextmanager
def silent_bus():
    """A bus that takes every connection and never says a word."""
    path = FOLDER / f"silent-{time.monotonic_ns()}"
    held = []
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))
        server.listen()

        def accept():
            with contextlib.suppress(OSError):
                while True:
                    held.append(server.accept())

        threading.Thread(target=accept, daemon=True).start()
        yield f"unix:path={path}"


def silent(store):
    with silent_bus() as bus:
        return refusal(angelia(f"silent-{store}", store, bus))


def discovery():
    """Looking around asks no keychain."""
    with silent_bus() as bus:
        program = angelia("discovery", "keychain", bus)
        started = time.monotonic()
        for words in (["integrations:list"], ["integrations:status"], ["integrations:fields", "github"], ["integrations:search", "issue"]):
            program.json(*words)
        seconds = time.monotonic() - started
    true(seconds < 4, f"four commands took {seconds:.1f} s")
    return f"four commands in {seconds:.1f} s"


def absent():
    nowhere = f"unix:path={FOLDER}/no-such-bus"
    said = refusal(angelia("absent", "keychain", nowhere))
    for name, bus in [("nowhere", nowhere), ("unset", None)]:
        program = angelia(f"auto-{name}", "auto", bus)
        done = configure(program, "--set", f"token={FIRST}")
        same(done.code, 0, f"exit code of store auto, bus {name} ({done.stdout})")
        same(token_source(program)["source"], "encrypted file", f"source of store auto, bus {name}")
        no_secret_in(program)
    return f"{said}; with store auto the encrypted file is used"


def locked():
    return refusal(angelia("locked", "keychain", os.environ["DBUS_SESSION_BUS_ADDRESS"]))


def keyring(password):
    """The daemon in the foreground; with a password it makes and opens the login keyring."""
    words = ["gnome-keyring-daemon", "--foreground", "--components=secrets", f"--control-directory={FOLDER / 'run'}"]
    read, write = os.pipe()
    if password:
        words.append("--unlock")
        os.write(write, password.encode())
    os.close(write)
    return child(words, FOLDER / f"daemon-{STAGE}.log", stdin=read)


def owned():
    question = ["org.freedesktop.DBus.NameHasOwner", "string:org.freedesktop.secrets"]
    words = ["dbus-send", "--session", "--print-reply", "--dest=org.freedesktop.DBus", "/", *question]
    return b"boolean true" in subprocess.run(words, capture_output=True, timeout=20).stdout


def inside():
    """Runs on a bus of its own."""
    with keyring("Hufeisen" if STAGE == "unlocked" else None), Listener({"login": "octocat", "id": 1}) as listener:
        wait_until(owned, "the Secret Service")
        if STAGE == "locked":
            return PEER.check("locked", locked)
        unlocked = Unlocked(listener)
        for step in ("store", "found_by_libsecret", "used", "replaced", "accounts", "silent_call", "removed"):
            PEER.check(step.replace("_", "-"), getattr(unlocked, step))
        with Club() as club:
            signed_in = SignedIn(club)
            for step in ("sign_in", "rotate", "at_once", "end"):
                PEER.check(f"tokens-{step.replace('_', '-')}", getattr(signed_in, step))


def main():
    (FOLDER / "run").mkdir(mode=0o700)
    for stage in ("unlocked", "locked"):
        home = FOLDER / f"user-{stage}"
        home.mkdir()
        environment = {"PATH": os.environ["PATH"], "HOME": str(home), "XDG_RUNTIME_DIR": str(FOLDER / "run"), "LANG": "C.UTF-8"}
        environment["PYTHONDONTWRITEBYTECODE"] = "1"
        words = ["dbus-run-session", "--", sys.executable, __file__, str(FOLDER), str(BINARY), stage]
        ended = subprocess.run(words, stdin=subprocess.DEVNULL, env=environment)
        if ended.returncode:
            PEER.failed(stage, f"the session ended with exit code {ended.returncode}")
    for store in ("keychain", "auto"):
        PEER.check(f"silent-{store}", silent, store)
    PEER.check("discovery", discovery)
    PEER.check("absent", absent)


if __name__ == "__main__":
    main() if STAGE == "start" else inside()
