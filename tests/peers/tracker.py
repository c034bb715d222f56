"""A Roundup tracker on loopback: installing it, serving it, and asking it directly, without the program that is under test."""

import base64
import json
import os
import re
import socket
import subprocess
import urllib.error
import urllib.request

PASSWORD = "korrekt-Pferd-93"


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def install(tools, folder, url, **web):
    """Installs a tracker of the classic template; it sends no mail."""
    admin = [tools / "roundup-admin", "-i", folder]
    subprocess.run([*admin, "install", "classic", "sqlite"], check=True, stdin=subprocess.DEVNULL, capture_output=True)
    path = folder / "config.ini"
    text = path.read_text()
    mail = {"domain": "tracker.example", "host": "127.0.0.1", "debug": folder / "mail.txt"}
    settings = [("tracker", "web", url), *(("mail", *pair) for pair in mail.items()), *(("web", *pair) for pair in web.items())]
    for section, key, value in settings:
        start = text.index(f"\n[{section}]")
        line = re.search(rf"(?m)^#?{key} = .*$", text[start:])
        text = text[: start + line.start()] + f"{key} = {value}" + text[start + line.end() :]
    path.write_text(text)
    subprocess.run([*admin, "initialise", PASSWORD], check=True, stdin=subprocess.DEVNULL, capture_output=True)


class Tracker:
    """The tracker's own word, without the program."""

    def __init__(self, tools, folder, url):
        self.tools, self.folder, self.url = tools, folder, url
        self.basic = "Basic " + base64.b64encode(f"admin:{PASSWORD}".encode()).decode()

    def get(self, path):
        request = urllib.request.Request(f"{self.url}rest/data/{path}", headers={"Authorization": self.basic})
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=20) as answer:
            return json.load(answer)["data"]

    def answers(self):
        try:
            return "collection" in self.get("issue")
        except (urllib.error.URLError, OSError):
            return False

    def destroy(self, number):
        """The tracker's API only retires what it deletes; its own library destroys it."""
        program = "import sys, roundup.instance as i; db = i.open(sys.argv[1]).open('admin'); db.issue.destroy(sys.argv[2]); db.commit()"
        command = [self.tools / "python", "-I", "-c", program, self.folder, number]
        subprocess.run(command, check=True, stdin=subprocess.DEVNULL, capture_output=True)

    def count(self):
        return self.get("issue")["@total_size"]

    def attributes(self, number):
        return self.get(f"issue/{number}")["attributes"]


def server(tools, port, folders):
    """The words that serve trackers, each under the name of its folder."""
    as_root = [] if os.getuid() else ["-u", "0"]  # it wants to be told that running as root is meant
    return [tools / "roundup-server", "-p", str(port), "-n", "127.0.0.1", *as_root, *(f"{folder.name}={folder}" for folder in folders)]
