"""Peers: oidc-provider and Chromium. Sign-in at an authorization server that others wrote, with a browser that others wrote.

Arguments: folder, binary, folder of the npm packages, Node.js.
"""

import html.parser
import http.cookiejar
import json
import os
import pathlib
import pty
import re
import select
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.parse
import urllib.request

from support import Angelia, Failed, Peer, same, true

FOLDER, BINARY, MODULES, NODE = (pathlib.Path(word).absolute() for word in sys.argv[1:5])
HERE = pathlib.Path(__file__).parent

MANIFEST = """id: notes
title: Notes
description: Notes of a person.
category: office
auth_strategy: oauth
credentials:
  - {{key: access_token, label: Access token, secret: true}}
  - {{key: refresh_token, label: Refresh token, secret: true, required: false}}
  - {{key: client_id, label: Client id, secret: false, required: false}}
  - {{key: client_secret, label: Client secret, secret: true, required: false}}
auth: {{type: bearer, value: "{{access_token}}"}}
servers: {{default: "{issuer}/api"}}
verify: get_me
oauth:
  grants: [{grants}]
  authorize_url: "{issuer}/auth"
  token_url: "{issuer}/token"
  device_url: "{issuer}/device/auth"
  revoke_url: "{issuer}/token/revocation"
  client_auth: {client_auth}
  scopes: [{scopes}]
  authorize_parameters: {{prompt: consent}}
functions:
  - {{id: get_me, title: Get, description: Returns the person., operation: read, request: GET /me, examples: [{{arguments: {{}}}}]}}
"""


class Form(html.parser.HTMLParser):
    """The forms of a page, and its links."""

    def __init__(self, page):
        super().__init__()
        self.forms, self.links = [], []
        self.feed(page)

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        if tag == "form":
            self.forms.append({"action": attributes.get("action"), "fields": {}})
        elif tag == "input" and self.forms and attributes.get("name"):
            self.forms[-1]["fields"][attributes["name"]] = attributes.get("value", "")
        elif tag == "button" and self.forms and attributes.get("name"):
            self.forms[-1].setdefault("buttons", {})[attributes["name"]] = attributes.get("value", "")
        elif tag == "a":
            self.links.append(attributes.get("href", ""))


class Browser:
    """A browser without scripts that keeps cookies; it stops where it is told to leave the authorization server."""

    def __init__(self, issuer):
        self.issuer = issuer

        class Stay(urllib.request.HTTPRedirectHandler):
            def redirect_request(self, request, *rest):
                return None

        self.opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar()), Stay)

    def open(self, address, data=None):
        """The page at the end of the redirects, or the address outside."""
        body = urllib.parse.urlencode(data).encode() if data is not None else None
        for _ in range(20):
            try:
                with self.opener.open(address, body, timeout=20) as answer:
                    return address, answer.read().decode()
            except urllib.error.HTTPError as error:
                if error.code not in (301, 302, 303):
                    raise Failed(f"{address} answered {error.code}: {error.read().decode()}") from None
                address, body = urllib.parse.urljoin(address, error.headers["Location"]), None
                if not address.startswith(self.issuer):
                    return address, None
        raise Failed("the redirects do not end")

    def go_on(self, address, page, person="ada", deny=False):
        """Signs in and consents, or refuses; the address outside, or the last page."""
        for _ in range(8):
            if page is None:
                return address, None
            found = Form(page)
            if deny and any(link.endswith("/abort") for link in found.links):
                link = next(link for link in found.links if link.endswith("/abort"))
                address, page = self.open(urllib.parse.urljoin(address, link))
                continue
            if not found.forms:
                return address, page
            form = found.forms[0]
            fields = dict(form["fields"])
            if "login" in fields:
                fields.update(login=person, password="anything")
            address, page = self.open(urllib.parse.urljoin(address, form["action"] or ""), fields)
        raise Failed(f"the forms do not end: {page}")


class SignIn:
    """A command that waits for a person."""

    def __init__(self, angelia, *words):
        words = ["integrations:connect", "notes", "--no-browser", "--json", *words]
        self.process = subprocess.Popen(
            [angelia.binary, *words], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=angelia.environment, text=True
        )
        self.said = ""
        for line in self.process.stderr:
            self.said += line
            found = re.search(r"https?://\S+", line)
            if found:
                self.address = found.group(0)
                self.code = re.search(r"enter ([A-Z0-9-]+)", line)
                return
        raise Failed(f"no address was shown: {self.said} {self.process.stdout.read()}")

    def finish(self):
        out, err = self.process.communicate(timeout=60)
        return self.process.returncode, json.loads(out), self.said + err


def home(name, issuer, client, secret=None, grants="authorization_code, device_code", client_auth="basic", scopes="openid, offline_access, notes"):
    """A program that knows the server and this client of it."""
    angelia = Angelia(BINARY, FOLDER / name)
    angelia.settings('[integrations.notes]\nenabled = true\nallow_private = true\nread = "allow"\n[credentials]\nstore = "file"\n')
    (FOLDER / "notes.yaml").write_text(MANIFEST.format(issuer=issuer, grants=grants, client_auth=client_auth, scopes=scopes))
    angelia.manifest(FOLDER / "notes.yaml")
    angelia.json("integrations:configure", "notes", "--set", f"client_id={client}", *(["--set", f"client_secret={secret}"] if secret else []))
    return angelia


def granted(issuer, kind):
    with urllib.request.urlopen(f"{issuer}/granted") as answer:
        return json.load(answer).get(kind, 0)


def signed_in(angelia, issuer, *words, person="ada", wait=0):
    """Signs in; the exit code, the document and the page on loopback."""
    waiting, browser = SignIn(angelia, *words), Browser(issuer)
    back, page = browser.go_on(*browser.open(waiting.address), person=person)
    true(page is None, f"the browser was not sent back: {back} {page}")
    time.sleep(wait)
    try:
        with urllib.request.urlopen(back) as answer:
            shown = answer.read().decode()
    except urllib.error.HTTPError as error:
        shown = error.read().decode()
    return *waiting.finish(), shown


def by_code(issuer):
    got = []
    for client, secret, client_auth in [("mine", "s3cret-of+mine", "basic"), ("posted", "s3cret-of+posted", "body"), ("public", None, "basic")]:
        angelia = home(f"code-{client}", issuer, client, secret, client_auth=client_auth)
        code, document, _, page = signed_in(angelia, issuer)
        same([code, document.get("state")], [0, "connected"], f"{client}: {document}")
        true("Signed in" in page, page)
        same(angelia.call("notes.get_me")["data"], {"login": "ada"}, client)
        got.append(f"{client}: {' '.join(document['scopes'])}")
    return "; ".join(got)


def rotation(issuer):
    angelia = home("rotation", issuer, "mine", "s3cret-of+mine")
    signed_in(angelia, issuer)
    book = angelia.home / "data" / "credentials.json"
    before = granted(issuer, "refresh_token")
    for _ in range(3):
        old = book.read_text()
        time.sleep(4.2)
        angelia.call("notes.get_me")
    same(granted(issuer, "refresh_token") - before, 3, "refreshes")
    # A refresh token that was used already: the server ends the whole grant.
    book.write_text(old)
    time.sleep(0.1)
    detail = angelia.refused(5, "needs_reauth", "notes.get_me")["error_detail"]
    same(detail["hints"], ["angelia integrations:connect notes"], "next command")
    used = granted(issuer, "refresh_token")
    angelia.refused(5, "needs_reauth", "notes.get_me")
    same(granted(issuer, "refresh_token"), used, "refreshes of an ended grant")
    return "3 rotations; a used token ends in needs_reauth, which is remembered"


def at_once(issuer):
    angelia = home("at-once", issuer, "mine", "s3cret-of+mine")
    signed_in(angelia, issuer)
    time.sleep(4.2)
    before, failures = granted(issuer, "refresh_token"), []

    def one():
        done = angelia.run("integrations:call", "notes.get_me", "--json")
        if done.code != 0:
            failures.append(done.stdout)

    threads = [threading.Thread(target=one) for _ in range(30)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    same(failures, [], "failed calls")
    same(granted(issuer, "refresh_token") - before, 1, "refreshes of 30 processes")
    return "30 processes, one refresh"


def denied(issuer):
    angelia = home("denied", issuer, "mine", "s3cret-of+mine")
    waiting, browser = SignIn(angelia), Browser(issuer)
    back, _ = browser.go_on(*browser.open(waiting.address), deny=True)
    try:
        urllib.request.urlopen(back).read()
        raise Failed("the page says that all is well")
    except urllib.error.HTTPError as error:
        true("Not allowed" in error.read().decode(), "the page does not say it")
    code, document, _ = waiting.finish()
    same([code, document["error_detail"]["code"]], [4, "permission_denied"], "refusal")
    return document["error"]


def expired_code(issuer):
    angelia = home("expired", issuer, "hasty")
    code, document, _, page = signed_in(angelia, issuer, wait=2.2)
    same([code, document["error_detail"]["code"]], [5, "needs_reauth"], f"expired code: {document}")
    true("Not signed in" in page, page)
    return document["error"]


def on_a_device(issuer):
    angelia = home("device", issuer, "mine", "s3cret-of+mine")
    waiting, browser = SignIn(angelia, "--device"), Browser(issuer)
    address, page = browser.open(waiting.address)
    form = Form(page).forms[0]
    fields = {**form["fields"], "user_code": waiting.code.group(1)}
    address, page = browser.open(urllib.parse.urljoin(address, form["action"] or ""), fields)
    form = Form(page).forms[0]
    address, page = browser.open(urllib.parse.urljoin(address, form["action"] or ""), {**form["fields"], "confirm": "yes"})
    browser.go_on(address, page)
    code, document, _ = waiting.finish()
    same([code, document.get("grant")], [0, "device_code"], f"device: {document}")
    same(angelia.call("notes.get_me")["data"], {"login": "ada"}, "call")
    return "a code was entered elsewhere"


def by_itself(issuer):
    angelia = home("robot", issuer, "robot", "s3cret-of+robot", grants="client_credentials", scopes="")
    before = granted(issuer, "client_credentials")
    same([angelia.call("notes.get_me")["data"] for _ in range(2)], [{"login": "robot"}] * 2, "calls")
    same(granted(issuer, "client_credentials") - before, 1, "tokens fetched")
    return "fetched when a call needed it, once"


def revoked(issuer):
    angelia = home("revoked", issuer, "mine", "s3cret-of+mine")
    signed_in(angelia, issuer)
    kept = (angelia.home / "data" / "credentials.json").read_text()
    document = angelia.json("integrations:disconnect", "notes")
    same([document["revoked"], document["kept"]], [True, ["client_id", "client_secret"]], f"{document}")
    angelia.refused(5, "missing_credentials", "notes.get_me")
    # Whoever had a copy of the tokens can use them no more.
    (angelia.home / "data" / "credentials.json").write_text(kept)
    angelia.refused(5, "needs_reauth", "notes.get_me")
    return "the tokens hold no more"


def with_a_browser(issuer):
    angelia = home("browser", issuer, "public")
    waiting = SignIn(angelia)
    seen = subprocess.run([NODE, HERE / "signin_browser.mjs", MODULES, waiting.address], capture_output=True, text=True, timeout=60)
    true(seen.returncode == 0, f"the browser failed: {seen.stderr[-600:]}")
    page = json.loads(seen.stdout)
    same([page["title"], page["scripts"]], ["Angelia: Signed in", 0], f"{page}")
    code, document, _ = waiting.finish()
    same([code, document.get("state")], [0, "connected"], f"{document}")
    same(angelia.call("notes.get_me")["data"], {"login": "ada"}, "call")
    return page["text"]


def pasted(issuer):
    """A browser on another machine: its last address is pasted into the terminal."""
    angelia = home("pasted", issuer, "public")
    ours, theirs = pty.openpty()
    words = [angelia.binary, "integrations:connect", "notes", "--no-browser"]
    process = subprocess.Popen(words, stdin=theirs, stdout=theirs, stderr=theirs, env=angelia.environment)
    said, until = "", time.monotonic() + 20

    def hear(what):
        nonlocal said
        while what not in said and time.monotonic() < until:
            if select.select([ours], [], [], 0.2)[0]:
                said += os.read(ours, 4096).decode()
        true(what in said, f"'{what}' was not said: {said}")

    hear("Paste the address")
    browser = Browser(issuer)
    back, _ = browser.go_on(*browser.open(re.search(r"https?://[^\s]+", said.replace("\r\n", "\n")).group(0)))
    os.write(ours, b"http://127.0.0.1/callback?code=x&state=y\n")
    hear("not the address")
    os.write(ours, back.encode() + b"\n")
    hear("signed in")
    same(process.wait(20), 0, "exit code")
    return "pasted into the terminal"


CHECKS = {
    "code-pkce": by_code,
    "rotation": rotation,
    "concurrent-refresh": at_once,
    "denied": denied,
    "expired-code": expired_code,
    "device": on_a_device,
    "client-credentials": by_itself,
    "revocation": revoked,
    "browser": with_a_browser,
    "pasted": pasted,
}

peer = Peer("signin")
FOLDER.mkdir(parents=True, exist_ok=True)
server = subprocess.Popen([NODE, HERE / "signin.mjs", MODULES], stdout=subprocess.PIPE, stderr=open(FOLDER / "server.log", "wb"), text=True)
try:
    line = server.stdout.readline()
    true(line, f"oidc-provider did not start: {(FOLDER / 'server.log').read_text()}")
    where = json.loads(line)["issuer"]
    for name, check in CHECKS.items():
        peer.check(name, check, where)
finally:
    server.kill()
    server.wait()
