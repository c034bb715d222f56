"""A service with an authorization server, for peers that look at where tokens are kept and at who waits for a person. Refresh tokens hold once.

The code of a device is consented to at once, unless the service is told to wait.
"""

import http.server
import json
import threading
import time
import urllib.parse

MANIFEST = """id: club
title: Club
description: Members of a club.
category: office
auth_strategy: oauth
credentials:
  - {{key: access_token, label: Access token, secret: true}}
  - {{key: refresh_token, label: Refresh token, secret: true, required: false}}
  - {{key: client_id, label: Client id, secret: false, required: false}}
  - {{key: client_secret, label: Client secret, secret: true, required: false}}
auth: {{type: bearer, value: "{{access_token}}"}}
servers: {{default: "{url}/api"}}
verify: get_me
oauth:
  grants: [authorization_code, device_code]
  authorize_url: "{url}/authorize"
  token_url: "{url}/token"
  device_url: "{url}/device"
  client_auth: body
functions:
  - {{id: get_me, title: Get, description: Returns the member., operation: read, request: GET /me, examples: [{{arguments: {{}}}}]}}
"""

SETTINGS = '[integrations.club]\nenabled = true\nallow_private = true\nread = "allow"\n'


class Club:
    """The service; what it gave out, and how often."""

    def __init__(self):
        self.waits, self.lasts, self.slow = False, 3600, 0.0
        self.refreshes, self.asked, self.given = 0, 0, []
        self.access = self.refresh = None
        self.lock = threading.Lock()
        club = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"])).decode()
                self.say(*club.posted(self.path, dict(urllib.parse.parse_qsl(body))))

            def do_GET(self):
                known = self.headers.get("Authorization") == f"Bearer {club.access}"
                self.say(*((200, {"login": "ada"}) if known else (401, {"message": "who are you?"})))

            def say(self, status, answer):
                body = json.dumps(answer).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        class Server(http.server.ThreadingHTTPServer):
            request_queue_size = 128

        self.server = Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def posted(self, path, form):
        if path == "/device":
            return 200, {"device_code": "d", "user_code": "ABCD-EFGH", "verification_uri": f"{self.url}/enter", "expires_in": 60, "interval": 1}
        with self.lock:
            self.asked += 1
            if form.get("grant_type") == "refresh_token":
                self.refreshes += 1
                if form.get("refresh_token") != self.refresh:
                    return 400, {"error": "invalid_grant"}
            elif self.waits:
                return 400, {"error": "authorization_pending"}
            count = len(self.given) // 2 + 1
            self.access, self.refresh = f"access-{count}-Hufeisen", f"refresh-{count}-Hufeisen"
            self.given += [self.access, self.refresh]
            answer = {"access_token": self.access, "refresh_token": self.refresh, "token_type": "bearer", "expires_in": self.lasts}
        time.sleep(self.slow)
        return 200, answer

    def set_up(self, program, settings):
        """Makes the service known to a program."""
        program.settings(SETTINGS + settings)
        folder = program.config / "providers"
        folder.mkdir(exist_ok=True)
        (folder / "club.yaml").write_text(MANIFEST.format(url=self.url))

    def __enter__(self):
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
