"""What the peer checks share: the program in a home of its own, checks that are counted, a tiny server that remembers.

Nothing here knows a peer. Each check prints one line; a check that fails never hides the ones after it.
"""

import contextlib
import http.server
import json
import os
import pathlib
import subprocess
import threading
import time


class Failed(Exception):
    """A check found something else than it should; `length` is how much of the text is worth reading."""

    def __init__(self, text, length=400):
        super().__init__(text)
        self.length = length


def same(got, wanted, what):
    """Fails unless both are the same JSON; 1 and 1.0 are, 1 and true are not."""
    if not same_json(got, wanted):
        raise Failed(f"{what}: got {brief(got)}, wanted {brief(wanted)}")


def same_json(a, b):
    if isinstance(a, bool) or isinstance(b, bool):
        return a is b
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(map(same_json, a, b))
    if isinstance(a, dict) and isinstance(b, dict):
        return a.keys() == b.keys() and all(same_json(a[key], b[key]) for key in a)
    return a == b


def true(condition, what):
    if not condition:
        raise Failed(what)


def brief(value, length=400):
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    text = " ".join(text.split())
    return text if len(text) <= length else text[:length] + "…"


class Peer:
    """Counts nothing itself: the lines are the record."""

    def __init__(self, name):
        self.name = name

    def check(self, what, body, *arguments):
        """Runs one check; `body` answers what it got. Says whether it passed."""
        try:
            got = body(*arguments)
        except Exception as error:  # an accident in a check is a failure of that check
            kind = "" if isinstance(error, Failed) else f"{type(error).__name__}: "
            self.failed(what, kind + brief(str(error), getattr(error, "length", 400)))
            return False
        print(f"peer {self.name}/{what}: ok ({brief(got)})", flush=True)
        return True

    def failed(self, what, why):
        print(f"peer {self.name}/{what}: FAILED ({why})", flush=True)


class Done:
    """What the program did."""

    def __init__(self, words, finished):
        self.words = words
        self.code = finished.returncode
        self.stdout = finished.stdout.decode()
        self.stderr = finished.stderr.decode()

    def document(self):
        """The one JSON document on stdout."""
        try:
            return json.loads(self.stdout)
        except ValueError:
            said = f"{self.stdout!r} (exit {self.code}, stderr {self.stderr!r})"
            raise Failed(f"{self.shown()} printed no JSON document but {said}") from None

    def shown(self):
        return "angelia " + " ".join(self.words)


class Angelia:
    """The built program with a home folder and an environment of its own."""

    def __init__(self, binary, home, environment=None):
        self.binary = str(binary)
        self.home = pathlib.Path(home)
        self.config = self.home / "config"
        self.config.mkdir(parents=True, exist_ok=True)
        self.environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.home),
            "LANG": "C.UTF-8",
            "ANGELIA_HOME": str(self.home),
            **(environment or {}),
        }

    def settings(self, text):
        """Writes the user's settings."""
        (self.config / "config.toml").write_text(text)

    def manifest(self, path):
        """Adds a manifest to the user's catalog."""
        folder = self.config / "providers"
        folder.mkdir(exist_ok=True)
        (folder / pathlib.Path(path).name).write_bytes(pathlib.Path(path).read_bytes())

    def run(self, *words, environment=None, limit=60):
        """Runs a command without a terminal and without input."""
        try:
            finished = subprocess.run(
                [self.binary, *words],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                env={**self.environment, **(environment or {})},
                cwd=self.home,
                timeout=limit,
            )
        except subprocess.TimeoutExpired:
            raise Failed(f"angelia {' '.join(words)} did not end within {limit} s") from None
        return Done(words, finished)

    def json(self, *words, **how):
        """Runs a command with --json that must succeed; answers its document."""
        done = self.run(*words, "--json", **how)
        document = done.document()
        same(done.code, 0, f"exit code of {done.shown()} ({brief(document)})")
        same(document.get("success"), True, f"success of {done.shown()}")
        return document

    def call(self, function, arguments=None, *words, **how):
        """A call that must succeed; answers its envelope."""
        return self.json("integrations:call", function, json.dumps(arguments or {}), *words, **how)

    def refused(self, exit_code, code, function, arguments=None, *words, **how):
        """A call that must fail in exactly this way; answers its envelope."""
        done = self.run("integrations:call", function, json.dumps(arguments or {}), *words, "--json", **how)
        document = done.document()
        detail = document.get("error_detail") or {}
        same([done.code, document["success"], detail.get("code")], [exit_code, False, code], f"{done.shown()}: {brief(document)}")
        return document


def imported(angelia, document, name, *words):
    """Imports a description and answers what became of it; each of its operations has a name of its own or a reason why it has none."""
    done = angelia.run("integrations:import", str(document), "--as", name, "--report", "--json", *words, limit=120)
    answer = done.document()
    if done.code != 0:
        raise Failed(f"{document.name}: {answer.get('error')} {done.stderr}")
    fates = answer["report"]
    unsaid = [fate for fate in fates if ("function" in fate) == ("left_out" in fate)]
    same(unsaid, [], f"{document}: operations that are neither imported nor left out with a reason")
    names = [fate["function"] for fate in fates if "function" in fate]
    same(len(names), len(set(names)), f"{document}: names that are apart")
    same(len(names), answer["functions"], f"{document}: functions")
    return answer


def reply(handler, answer):
    """Answers a request with JSON."""
    body = json.dumps(answer).encode()
    handler.send_response(200)
    handler.send_header("Content-Type", "application/json")
    handler.send_header("Content-Length", str(len(body)))
    handler.end_headers()
    handler.wfile.write(body)


class Listener:
    """An HTTP server on loopback that remembers what it was asked and always answers the same."""

    def __init__(self, answer):
        self.requests = []
        seen = self.requests

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                seen.append((self.path, self.headers))
                reply(self, answer)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def __enter__(self):
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()


@contextlib.contextmanager
def child(words, log, **how):
    """A program in the background, ended when the block is left."""
    with open(log, "wb") as output:
        process = subprocess.Popen(words, stdin=how.pop("stdin", subprocess.DEVNULL), stdout=output, stderr=subprocess.STDOUT, **how)
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def wait_until(ready, what, limit=20):
    """Waits for something that starts."""
    deadline = time.monotonic() + limit
    while not ready():
        true(time.monotonic() < deadline, f"{what} did not come within {limit} s")
        time.sleep(0.05)
