"""Peer: nginx. HTTPS and HTTP/2 with a server that others wrote, certificates that others made, and certificates to refuse.

Arguments: folder, binary.
"""

import pathlib
import subprocess
import sys
import time

from support import Angelia, Failed, Peer, same, true
from tracker import free_port

FOLDER, BINARY = (pathlib.Path(word) for word in sys.argv[1:3])
PORTS = {"h2": free_port(), "h1": free_port(), "wrong-name": free_port(), "expired": free_port()}


def openssl(*words):
    subprocess.run(["openssl", *words], cwd=FOLDER, check=True, capture_output=True)


def certificate(name, host, *dates):
    """A key and a certificate signed by the authority of this run."""
    (FOLDER / f"{name}.ext").write_text(f"subjectAltName=DNS:{host}\nbasicConstraints=CA:FALSE\n")
    openssl("req", "-newkey", "rsa:2048", "-nodes", "-keyout", f"{name}.key", "-out", f"{name}.csr", "-subj", f"/CN={host}")
    signing = ["-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-extfile", f"{name}.ext"]
    openssl("x509", "-req", "-in", f"{name}.csr", "-out", f"{name}.pem", *signing, *(dates or ["-days", "2"]))


def server(name, certificate_name, how):
    return f"""server {{
  listen 127.0.0.1:{PORTS[name]} {how};
  ssl_certificate {FOLDER}/{certificate_name}.pem; ssl_certificate_key {FOLDER}/{certificate_name}.key;
  default_type application/json;
  location / {{ return 200 '{{"protocol":"$server_protocol","token":"$http_x_token"}}'; }}
  location /down {{ return 302 http://localhost:{PORTS[name]}/plain; }}
}}"""


def start():
    openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "ca.key", "-out", "ca.pem", "-days", "2", "-subj", "/CN=test authority")
    certificate("good", "localhost")
    certificate("other", "other.example")
    certificate("old", "localhost", "-days", "-1")
    servers = [server("h2", "good", "ssl http2"), server("h1", "good", "ssl"), server("wrong-name", "other", "ssl"), server("expired", "old", "ssl")]
    settings = f"daemon off; pid {FOLDER}/pid; error_log {FOLDER}/error.log; events {{}}\nhttp {{ access_log off; {' '.join(servers)} }}\n"
    for kind in ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]:
        settings = settings.replace("access_log off;", f"access_log off; {kind}_temp_path {FOLDER}/{kind};", 1)
    (FOLDER / "nginx.conf").write_text(settings)
    child = subprocess.Popen(["nginx", "-e", str(FOLDER / "error.log"), "-c", str(FOLDER / "nginx.conf")])
    for _ in range(100):
        if (FOLDER / "pid").exists():
            return child
        time.sleep(0.05)
    child.kill()
    raise SystemExit(f"nginx did not start: {(FOLDER / 'error.log').read_text()}")


MANIFEST = """id: secure
title: Secure
description: A server behind TLS.
category: test
auth_strategy: api_key
credentials: [{key: token, label: Token, secret: true}]
auth: {type: header, name: X-Token, value: "{token}"}
servers: {default: "https://localhost:1"}
functions:
  - {id: get, title: Get, description: Reads., operation: read, request: "GET /{path}", parameters: {path: {type: string, description: Path.}}, required: [path], examples: [{arguments: {path: x}}]}
"""


def main():
    FOLDER.mkdir(parents=True, exist_ok=True)
    child = start()
    try:
        checks(Peer("tls"))
    finally:
        child.terminate()
        child.wait()


def checks(peer):
    trusted = {"SSL_CERT_FILE": str(FOLDER / "ca.pem"), "ANGELIA_SECURE_TOKEN": "s3cret-token", "ANGELIA_HTTP_RETRIES": "0"}
    angelia = Angelia(BINARY, FOLDER / "home", trusted)
    (FOLDER / "secure.yaml").write_text(MANIFEST)
    angelia.manifest(FOLDER / "secure.yaml")

    def at(name):
        text = f'[integrations.secure]\nenabled = true\nread = "allow"\nallow_private = true\n[integrations.secure.servers]\ndefault = "https://localhost:{PORTS[name]}"\n'
        angelia.settings(text)

    def speaks(name, protocol):
        at(name)
        data = angelia.json("integrations:call", "secure.get", "--path=x")["data"]
        same(data, {"protocol": protocol, "token": "«secret»"}, "what nginx saw, the echoed token masked")
        return protocol

    def refuses(name, word, **how):
        at(name)
        done = angelia.run("integrations:call", "secure.get", "--path=x", "--json", **how)
        document = done.document()
        same([done.code, document["error_detail"]["code"]], [7, "unreachable"], "exit and code")
        true(word in document["error"], f"{word} in {document['error']}")
        return document["error"]

    def stays():
        at("h1")
        document = angelia.run("integrations:call", "secure.get", "--path=down", "--json").document()
        true("from https to http" in (document["error"] or ""), f"the redirect was followed: {document}")
        return document["error"]

    peer.check("http2", speaks, "h2", "HTTP/2.0")
    peer.check("http1", speaks, "h1", "HTTP/1.1")
    peer.check("unknown-authority", lambda: refuses("h1", "UnknownIssuer", environment={"SSL_CERT_FILE": "/etc/ssl/certs/ca-certificates.crt"}))
    peer.check("wrong-name", lambda: refuses("wrong-name", "not valid for"))
    peer.check("expired", lambda: refuses("expired", "xpired"))
    peer.check("no-downgrade", stays)


if __name__ == "__main__":
    try:
        main()
    except Failed as failed:
        raise SystemExit(str(failed)) from failed
