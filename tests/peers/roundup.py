"""Peer: a Roundup issue tracker on loopback. State is made, changed, listed, approved and taken away through the program alone.

What the program says is compared with what the tracker itself says when it is asked directly. Arguments: folder, binary, tool folder.
"""

import base64
import json
import pathlib
import random
import re
import sys

import tracker
from support import Angelia, Peer, child, same, true, wait_until
from tracker import PASSWORD

FOLDER, BINARY, TOOLS = (pathlib.Path(word) for word in sys.argv[1:4])
ISSUES = 25
SETTINGS = """
[integrations.roundup]
enabled = true
read = "allow"
write = "{write}"
allow_private = true
"""


class Journey:
    """One check per method, in the order of a working day; each builds on what the ones before left."""

    def __init__(self, angelia, tracker, scratch):
        self.angelia, self.tracker, self.scratch = angelia, tracker, scratch
        self.ids, self.retired = [], None

    def policy(self, write):
        self.angelia.settings(SETTINGS.format(write=write))

    def catalog(self):
        found = json.dumps(self.angelia.json("integrations:search", "file a bug"))
        true("roundup.create_issue" in found, f"the search does not find roundup.create_issue: {found}")
        schema = self.angelia.run("integrations:schema", "roundup.update_issue").document()
        same(sorted(schema["required"]), ["etag", "id"], "required of roundup.update_issue")
        return "the manifest's functions are found and described"

    def create(self):
        statuses = ["unread", "chatting", "need-eg"]
        for number in range(ISSUES):
            arguments = {"title": f'Ärger № {number}: "quoted" & <b>', "status": statuses[number % 3], "priority": "bug"}
            self.ids.append(self.angelia.call("roundup.create_issue", arguments)["data"]["id"])
        same(self.tracker.count(), ISSUES, "issues in the tracker")
        return f"{ISSUES} issues created"

    def read(self):
        envelope = self.angelia.call("roundup.get_issue", {"id": self.ids[3]})
        same(envelope["data"]["title"], 'Ärger № 3: "quoted" & <b>', "title")
        same([envelope["meta"]["operation"], envelope["meta"]["attempts"]], ["read", 1], "meta")
        true(re.fullmatch(r'"[0-9a-f]{32}"', envelope["data"]["etag"]), f"no etag: {envelope['data']}")
        return envelope["data"]["title"]

    def flags(self):
        done = self.angelia.run("integrations:roundup", "list_issues", "--status", "chatting", "--per-page=3", "--sort=-id", "--json")
        data = done.document()["data"]
        same([issue["status"] for issue in data["issues"]], ["chatting"] * 3, "statuses")
        numbers = [int(issue["id"]) for issue in data["issues"]]
        same(numbers, sorted(numbers, reverse=True), "order")
        return f"the shortcut with flags lists 3 of {data['total']}"

    def one_page(self):
        envelope = self.angelia.call("roundup.list_issues", {"per_page": 4})
        meta = envelope["meta"]
        same([meta["items"], meta["complete"], meta["stopped_by"]], [4, False, "one_page"], "meta")
        return "4 items, and said that more follow"

    def pages(self):
        envelope = self.angelia.call("roundup.list_issues", {"per_page": 4}, "--all")
        meta = envelope["meta"]
        same(sorted(issue["id"] for issue in envelope["data"]["issues"]), sorted(self.ids), "ids")
        same([meta["items"], meta["pages"], meta["complete"]], [ISSUES, 7, True], "items, pages, complete")
        true("stopped_by" not in meta, f"stopped_by in {meta}")
        exact = self.angelia.call("roundup.list_issues", {"per_page": 5}, "--all")["meta"]
        same([exact["items"], exact["pages"], exact["complete"]], [ISSUES, 5, True], "with pages of 5: items, pages, complete")
        return f"{ISSUES} issues in 7 pages of 4 and in 5 of 5"

    def links(self):
        envelope = self.angelia.call("roundup.search_issues", {"text": "rger №", "per_page": 6}, "--all")
        meta = envelope["meta"]
        same(sorted(issue["id"] for issue in envelope["data"]["issues"]), sorted(self.ids), "ids")
        same([meta["items"], meta["pages"], meta["complete"]], [ISSUES, 5, True], "items, pages, complete")
        return "the tracker's own next links lead through 5 pages"

    def limits(self):
        envelope = self.angelia.call("roundup.list_issues", {"per_page": 4}, "--max-items", "10")
        meta = envelope["meta"]
        same(len(envelope["data"]["issues"]), 10, "items with --max-items 10")
        same([meta["items"], meta["complete"], meta["stopped_by"]], [10, False, "max_items"], "meta")
        envelope = self.angelia.call("roundup.list_issues", {"per_page": 4}, "--all", "--max-pages=2")
        meta = envelope["meta"]
        same([meta["items"], meta["pages"], meta["complete"], meta["stopped_by"]], [8, 2, False, "max_pages"], "meta of two pages")
        return "10 items, 2 pages, and neither called complete"

    def ndjson(self):
        done = self.angelia.run("integrations:call", "roundup.list_issues", "--per-page=7", "--all", "--ndjson")
        same(done.code, 0, f"exit code (stderr {done.stderr})")
        lines = [json.loads(line) for line in done.stdout.splitlines()]
        same(sorted(line["id"] for line in lines), sorted(self.ids), "ids")
        same(sorted(lines[0]), ["id", "status", "title"], "members of a line")
        envelope = json.loads(done.stderr.splitlines()[-1])
        same([envelope["meta"]["items"], envelope["meta"]["complete"]], [ISSUES, True], "meta on stderr")
        return f"{len(lines)} lines of JSON"

    def select(self):
        program = '[.issues[] | select(.status == "need-eg") | .id] | length'
        envelope = self.angelia.call("roundup.list_issues", {}, "--all", "--select", program)
        same(envelope["data"], 8, "selected")
        return "8 issues selected by a jq program"

    def update(self):
        number = self.ids[0]
        old = self.angelia.call("roundup.get_issue", {"id": number})["data"]["etag"]
        change = {"id": number, "etag": old, "title": "Neu", "status": "resolved", "assignedto": "admin"}
        self.angelia.call("roundup.update_issue", change)
        data = self.angelia.call("roundup.get_issue", {"id": number})["data"]
        same([data["title"], data["status"]["id"], data["assignedto"]["id"]], ["Neu", "8", "1"], "title, status, assignedto")
        self.angelia.call("roundup.update_issue", {"id": number, "etag": data["etag"], "assignedto": ""})
        same(self.tracker.attributes(number)["assignedto"], None, "assignedto after the empty text")
        return "read back as changed; an empty text empties a property"

    def stale(self):
        number = self.ids[1]
        change = {"id": number, "etag": '"00000000000000000000000000000000"', "title": "Lost"}
        envelope = self.angelia.refused(6, "provider_error", "roundup.update_issue", change)
        same(envelope["error_detail"]["http_status"], 412, "status")
        true("If-Match" in envelope["error"], f"the tracker's words are lost: {envelope['error']}")
        true(self.tracker.attributes(number)["title"] != "Lost", "the issue was changed")
        return envelope["error"]

    def delete(self):
        number = self.retired = self.ids.pop()
        etag = self.angelia.call("roundup.get_issue", {"id": number})["data"]["etag"]
        envelope = self.angelia.call("roundup.delete_issue", {"id": number, "etag": etag})
        same([envelope["data"]["status"], envelope["meta"]["operation"]], ["ok", "destructive"], "status, operation")
        issues = self.angelia.call("roundup.list_issues", {}, "--all")["data"]["issues"]
        same(sorted(issue["id"] for issue in issues), sorted(self.ids), "ids that are left")
        return f"{len(issues)} issues are left"

    def gone(self):
        self.angelia.call("roundup.create_keyword", {"name": "lamps"})
        keyword = self.angelia.call("roundup.get_keyword", {"name": "lamps"})["data"]
        self.angelia.call("roundup.delete_keyword", {"id": keyword["id"], "etag": keyword["etag"]})
        envelope = self.angelia.refused(6, "provider_error", "roundup.get_keyword", {"name": "lamps"})
        true("No key" in envelope["error"], f"the tracker's words are lost: {envelope['error']}")
        self.tracker.destroy(self.retired)
        envelope = self.angelia.refused(6, "provider_error", "roundup.get_issue", {"id": self.retired})
        detail = envelope["error_detail"]
        got = [detail["http_status"], detail["retryable"], detail["provider"]["code"]]
        same(got, [404, False, "404"], "status, retryable, the tracker's code")
        same([envelope["meta"]["attempts"], envelope["data"]], [1, None], "attempts, data")
        true(f"no such issue {self.retired}" in envelope["error"], f"the tracker's words are lost: {envelope['error']}")
        return envelope["error"]

    def refusals(self):
        envelope = self.angelia.refused(6, "provider_error", "roundup.create_issue", {"title": "x", "status": "no-such-status"})
        same(envelope["error_detail"]["http_status"], 400, "status")
        before = self.tracker.count()
        envelope = self.angelia.refused(2, "invalid_arguments", "roundup.create_issue", {"titel": "x", "keyword": "y"})
        pointers = sorted(problem["pointer"] for problem in envelope["error_detail"]["problems"])
        same(pointers, ["/keyword", "/titel", "/title"], "pointers")
        same(self.tracker.count(), before, "issues in the tracker")
        return "the tracker's 400 and our own three problems, nothing created"

    def password(self):
        wrong = {"ANGELIA_ROUNDUP_PASSWORD": "falsches-Pferd-94"}
        envelope = self.angelia.refused(6, "provider_error", "roundup.list_issues", {}, environment=wrong)
        true(envelope["error_detail"]["http_status"] in (401, 403), f"status {envelope['error_detail']['http_status']}")
        true("Invalid" in envelope["error"], f"the tracker's words are lost: {envelope['error']}")
        true("falsches" not in json.dumps(envelope), "the password is in the answer")
        return envelope["error"]

    def dry_run(self):
        before = self.tracker.count()
        envelope = self.angelia.call("roundup.create_issue", {"title": "Never"}, "--dry-run")
        request = envelope["meta"]["request"]
        wanted = ["POST", f"{self.tracker.url}rest/data/issue", {"title": "Never"}]
        same([request["method"], request["url"], request["body"]], wanted, "request")
        same([envelope["meta"]["dry_run"], envelope["meta"]["attempts"]], [True, 0], "dry_run, attempts")
        true(PASSWORD not in json.dumps(envelope) and self.tracker.basic.split()[1] not in json.dumps(envelope), "a secret is shown")
        same(self.tracker.count(), before, "issues in the tracker")
        return "the exact request was shown, nothing was created"

    def approval(self):
        self.policy("ask")
        before = self.tracker.count()
        wish = {"title": "Please", "status": "unread"}
        envelope = self.angelia.refused(4, "approval_required", "roundup.create_issue", wish)
        ticket = envelope["meta"]["approval_id"]
        again = self.angelia.refused(4, "approval_required", "roundup.create_issue", wish)
        same(again["meta"]["approval_id"], ticket, "ticket of the same request")
        true(ticket in json.dumps(self.angelia.json("approvals:list")), "approvals:list does not show the ticket")
        true("Please" in json.dumps(self.angelia.json("approvals:show", ticket)), "approvals:show does not show the arguments")
        self.angelia.json("approvals:approve", ticket)
        same(self.tracker.count(), before, "issues after the approval alone")
        self.angelia.refused(4, "approval_required", "roundup.create_issue", {**wish, "title": "Something else"})
        done = self.angelia.call("roundup.create_issue", wish)
        same(self.tracker.count(), before + 1, "issues after the approved call")
        third = self.angelia.refused(4, "approval_required", "roundup.create_issue", wish)
        true(third["meta"]["approval_id"] != ticket, "the spent ticket was offered again")
        same(self.tracker.count(), before + 1, "issues after the third call")
        self.ids.append(done["data"]["id"])
        return f"ticket {ticket} served one call"

    def approve_run(self):
        before = self.tracker.count()
        denied = self.angelia.refused(4, "approval_required", "roundup.create_issue", {"title": "Denied"})["meta"]["approval_id"]
        self.angelia.json("approvals:deny", denied)
        run = self.angelia.refused(4, "approval_required", "roundup.create_issue", {"title": "Run me"})["meta"]["approval_id"]
        self.angelia.json("approvals:approve", run, "--run")
        same(self.tracker.count(), before + 1, "issues after approvals:approve --run")
        done = self.angelia.run("approvals:approve", denied, "--json")
        same([done.code, done.document()["success"]], [4, False], "approving a denied ticket")
        self.policy("deny")
        self.angelia.refused(4, "permission_denied", "roundup.create_issue", {"title": "Run me"})
        forced = self.angelia.call("roundup.create_issue", {"title": "Forced"}, "--force")
        same(forced["meta"]["permission_bypassed"], True, "permission_bypassed")
        same(self.tracker.count(), before + 2, "issues after --force")
        self.policy("allow")
        return "one issue by --run, one by --force, none by the denied ticket"

    def audit(self):
        rows = self.angelia.json("audit:list", "--limit", "500")["calls"]

        def of(**wanted):
            return [row for row in rows if all(row[key] == value for key, value in wanted.items())]

        created = of(function="roundup.create_issue", outcome="succeeded")
        same(len(created), ISSUES + 3, "creations in the audit log")
        true(of(function="roundup.delete_issue", outcome="succeeded", operation="destructive"), "no line of the deletion")
        true(of(function="roundup.get_issue", outcome="failed", code="provider_error", http_status=404), "no line of the 404")
        true(of(outcome="planned", dry_run=True), "no line of the dry run")
        true(of(outcome="refused", code="approval_required"), "no line of the refusals")
        same(len(of(force=True)), 1, "lines of forced calls")
        true(any(row["approval_id"] for row in created), "the approved call does not name its ticket")
        return f"{len(rows)} lines"

    def files(self):
        source, copy = self.scratch / "r.bin", self.scratch / "copy.bin"
        source.write_bytes(random.Random(7).randbytes(150_000))
        words = ["--name=Bild ü.bin", "--type=application/x-thing", f"--content=@{source}"]
        number = self.angelia.json("integrations:call", "roundup.upload_file", *words)["data"]["id"]
        same(self.tracker.get(f"file/{number}")["attributes"]["name"], "Bild ü.bin", "name")
        saved = self.angelia.call("roundup.download_file", {"id": number}, "--output", str(copy))["data"]
        same([saved["size"], saved["content_type"]], [150_000, "application/x-thing"], "size, content type")
        true(source.read_bytes() == copy.read_bytes(), "the download differs from the upload")
        inline = self.angelia.call("roundup.download_file", {"id": number})["data"]["base64"]
        true(base64.b64decode(inline) == source.read_bytes(), "the inline download differs from the upload")
        return "150000 bytes up as a form part and down again, the same"

    def rate_limit(self):
        how = ["--account", "limited"]
        for _ in range(2):
            same(self.angelia.call("roundup.list_issues", {}, *how)["meta"]["attempts"], 1, "attempts within the limit")
        envelope = self.angelia.call("roundup.list_issues", {}, *how)
        same(envelope["meta"]["attempts"], 2, "attempts over the limit")
        true(envelope["duration_ms"] >= 1500, f"the wait that was asked for was not kept: {envelope['duration_ms']} ms")
        envelope = self.angelia.refused(6, "rate_limited", "roundup.create_issue", {"title": "x"}, *how)
        detail = envelope["error_detail"]
        same([detail["http_status"], detail["retryable"], envelope["meta"]["attempts"]], [429, True, 1], "status, retryable, attempts")
        true(1 <= detail["retry_after_ms"] <= 4000, f"retry_after_ms is {detail['retry_after_ms']}")
        return f"a read waited and went through, a write was told to wait {detail['retry_after_ms']} ms"

    def record(self):
        self.tape = self.scratch / "tape"
        self.recorded = self.angelia.call("roundup.list_issues", {"per_page": 9}, "--all", "--record", str(self.tape))["data"]
        return f"{len(list(self.tape.iterdir()))} exchanges written"

    def replay(self):
        true(not self.tracker.answers(), "the tracker still answers")
        envelope = self.angelia.call("roundup.list_issues", {"per_page": 9}, "--all", "--replay", str(self.tape))
        same(envelope["data"], self.recorded, "data")
        same([envelope["meta"]["replayed"], envelope["meta"]["complete"]], [True, True], "replayed, complete")
        envelope = self.angelia.refused(7, "unreachable", "roundup.get_issue", {"id": "1"})
        return f"the same answer without the tracker; without the tape: {envelope['error']}"

    def secrets(self):
        forms = [PASSWORD, self.tracker.basic.split()[1], "falsches-Pferd"]
        paths = [path for path in [*self.angelia.home.rglob("*"), *self.scratch.rglob("*")] if path.is_file()]
        leaks = [path.name for path in paths if any(form.encode() in path.read_bytes() for form in forms)]
        same(leaks, [], "files that hold a password")
        return f"none of {len(paths)} files that were left holds the password"


STEPS = """catalog create read flags one_page pages links limits ndjson select update stale delete gone refusals password dry_run
approval approve_run audit files rate_limit record"""


def main():
    peer = Peer("roundup")
    scratch = FOLDER / "scratch"
    scratch.mkdir()
    port = tracker.free_port()
    origin = f"http://127.0.0.1:{port}"
    folders = [FOLDER / "tracker", FOLDER / "limited"]
    tracker.install(TOOLS, folders[0], f"{origin}/tracker/")
    tracker.install(TOOLS, folders[1], f"{origin}/limited/", api_calls_per_interval=2, api_interval_in_sec=6)
    environment = {}
    for prefix, name in [("ANGELIA_ROUNDUP_", "tracker"), ("ANGELIA_ROUNDUP__LIMITED__", "limited")]:
        fields = {"USERNAME": "admin", "PASSWORD": PASSWORD, "URL": f"{origin}/{name}", "ORIGIN": origin}
        environment.update({prefix + key: value for key, value in fields.items()})
    angelia = Angelia(BINARY, FOLDER / "home", environment)
    angelia.manifest(pathlib.Path(__file__).parent / "roundup.yaml")
    journey = Journey(angelia, tracker.Tracker(TOOLS, folders[0], f"{origin}/tracker/"), scratch)
    journey.policy("allow")
    with child(tracker.server(TOOLS, port, folders), FOLDER / "server.log"):
        wait_until(journey.tracker.answers, "the tracker's first answer")
        for step in STEPS.split():
            peer.check(step.replace("_", "-"), getattr(journey, step))
    for step in ("replay", "secrets"):
        peer.check(step, getattr(journey, step))


if __name__ == "__main__":
    main()
