"""Peer: OpenSSL, by Python's ssl. The MCP door with TLS, with a certificate that others made, seen by a client that others wrote.

Arguments: folder, binary.
"""

import http.client
import json
import pathlib
import socket
import ssl
import subprocess
import sys

from support import Angelia, Failed, Peer, same, true

FOLDER, BINARY = (pathlib.Path(word) for word in sys.argv[1:3])
INITIALIZE = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "initialize",
    "params": {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "peer", "version": "1"}},
}


def certificate():
    words = "req -x509 -newkey rsa:2048 -nodes -keyout key.pem -out cert.pem -days 2 -subj /CN=localhost -addext subjectAltName=DNS:localhost"
    subprocess.run(["openssl", *words.split()], cwd=FOLDER, check=True, capture_output=True)
    subprocess.run(["openssl", "genrsa", "-out", "other.pem", "2048"], cwd=FOLDER, check=True, capture_output=True)


def trusting():
    return ssl.create_default_context(cafile=str(FOLDER / "cert.pem"))


def ask(port, method, path, body=None, **headers):
    connection = http.client.HTTPSConnection("localhost", port, context=trusting(), timeout=10)
    kind = {"Content-Type": "application/json", "Accept": "application/json, text/event-stream"}
    connection.request(method, path, body and json.dumps(body), {**kind, **headers})
    answer = connection.getresponse()
    return answer.status, answer.read().decode(), connection.sock and connection.sock.version()


def checks(peer, port, secret):
    def speaks():
        status, body, version = ask(port, "POST", "/mcp", INITIALIZE, Authorization=f"Bearer {secret}")
        same([status, json.loads(body)["result"]["serverInfo"]["name"]], [200, "angelia"], "status and name")
        return version or "closed"

    def wants_a_key():
        status, body, _ = ask(port, "POST", "/mcp", INITIALIZE)
        same([status, json.loads(body)["error"]["code"]], [401, -32000], "status and code")
        return status

    def old_versions():
        context = trusting()
        context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_2
        with socket.create_connection(("localhost", port)) as plain, context.wrap_socket(plain, server_hostname="localhost") as stream:
            return stream.version()

    def plain_text():
        with socket.create_connection(("localhost", port), timeout=10) as stream:
            stream.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
            answer = stream.recv(100)
        true(b"200" not in answer, f"plain HTTP was answered: {answer!r}")
        return "refused"

    peer.check("tls", speaks)
    peer.check("tls-1.2", old_versions)
    peer.check("no-key", wants_a_key)
    peer.check("plain-http", plain_text)


def main():
    FOLDER.mkdir(parents=True, exist_ok=True)
    certificate()
    angelia, peer = Angelia(BINARY, FOLDER / "home"), Peer("mcp-tls")
    secret = angelia.json("mcp:key:create", "peer")["secret"]
    files = ["--tls-cert", str(FOLDER / "cert.pem"), "--tls-key"]

    def misfit():
        done = angelia.run("mcp:serve", "--http=0", *files, str(FOLDER / "other.pem"))
        same(done.code, 2, f"exit code ({done.stderr})")
        return done.stderr

    peer.check("key-of-another", misfit)
    words = [str(BINARY), "mcp:serve", "--http=0.0.0.0:0", *files, str(FOLDER / "key.pem")]
    server = subprocess.Popen(words, env=angelia.environment, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    try:
        said = server.stderr.readline()
        true(said.startswith("serving MCP on https://0.0.0.0:"), f"it said {said!r}")
        checks(peer, int(said.rsplit(":", 1)[1].split("/")[0]), secret)
    finally:
        server.terminate()
        server.wait(10)


if __name__ == "__main__":
    try:
        main()
    except Failed as failed:
        raise SystemExit(str(failed)) from failed
