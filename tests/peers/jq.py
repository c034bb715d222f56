"""Peer: jq. Programs over stored documents give through `--select` what jq itself gives.

`--select` puts out one value: the only output, null for none, a list for several. Arguments: folder, binary.
"""

import json
import os
import pathlib
import subprocess
import sys

from support import Angelia, Failed, Peer, brief, same, same_json, true

FOLDER, BINARY = (pathlib.Path(word) for word in sys.argv[1:3])

DOCUMENTS = {
    "shop": {
        "name": 'Käse & Söhne "Ω"',
        "open": True,
        "owner": None,
        "stars": 4.5,
        "tags": ["cheese", "milk", "cheese", "ähre"],
        "items": [
            {"sku": "a-1", "price": 3.5, "count": 10, "size": {"w": 1, "h": 2}},
            {"sku": "b-2", "price": 12, "count": 0, "size": None},
            {"sku": "a-3", "price": 3.5, "count": 7},
            {"sku": "c-4", "price": -1, "count": 2, "size": {"w": 5, "h": 0.5}},
        ],
        "opened": "2024-02-29T12:30:05Z",
        "log": "2024-01-05 open\n2024-01-06 closed\n\n2024-01-07 open",
        "line": "k1=v1;k2=v=2;;k3=",
    },
    "tree": {
        "items": [],
        "name": "",
        "tags": [],
        "deep": {"a": [{"b": {"c": [1, [2, [3, [4]]]]}}, {"b": {"c": []}}], "z": {"k": "v", "n": 0}},
        "matrix": [[1, 2, 3], [4, 5, 6], [7, 8, 9]],
        "mixed": [None, True, False, 0, -1.5, "x", "", [], [0], {}, {"a": 1}],
        "keys": {"b": 1, "a": 2, "C": 3, "ä": 4, "a b": 5, "1": 6},
    },
    "numbers": {
        "items": [{"price": number, "count": number * 2} for number in range(-3, 9)],
        "name": "numbers",
        "tags": [str(number) for number in range(12)],
        "big": 9007199254740991,
        "small": 0.1,
        "list": [5, 3, 9, 1, 3, 7, 0, -2],
        "text": ["10", "9", "1e2", "abc", "-4.5", " 7"],
    },
}

# Every program runs over every document; where jq itself fails, the program must fail too.
PROGRAMS = [
    ".",
    ".document.items",
    ".document.items[].price",
    "[.document.items[] | select(.count > 2) | .sku // .price]",
    ".document.items | map(.price) | add",
    '.document.items | map({(.sku // "none"): .count}) | add',
    ".document.items | group_by(.price) | map({price: .[0].price, n: length})",
    ".document.items | sort_by(.price, -.count)",
    ".document.items | min_by(.count), max_by(.count)",
    ".document.items | unique_by(.price) | length",
    ".document.items[1:3]",
    '.document.items | (first, last) // "none"',
    "[limit(3; .document.items[])]",
    "reduce .document.items[] as $item (0; . + $item.count * $item.price)",
    "[foreach .document.items[] as $item (0; . + $item.count; [., $item.price])]",
    ".document.items[] as {price: $p, count: $c} | $p * $c",
    '.document | to_entries | map(select(.value | type == "string") | .key)',
    ".document | with_entries(.value |= type)",
    ".document | keys, (keys_unsorted | sort | length)",
    '[.document | paths(type == "number")] | length',
    "[.. | strings]",
    "[.. | numbers] | sort",
    '.document | walk(if type == "array" then reverse else . end)',
    ".document.items |= map(.price += 1 | del(.size))",
    ".document | del(.items, .tags[0:2])",
    '.document | getpath(["deep", "a", 0, "b", "c"])',
    '.document.tags | unique, (map(length) | add), index("cheese"), (. - ["cheese"])',
    '.document.tags | to_entries | map("\\(.key):\\(.value)") | join(", ")',
    ".document.name | length, utf8bytelength, ascii_downcase, explode",
    ".document.name | @html, @uri, @base64, @json, (@base64 | @base64d)",
    '.document.name | [match("[a-zäö]+"; "g") | [.offset, .length, .string]]',
    '.document.name | gsub("(?<v>[aeiouä])"; "<\\(.v)>")',
    '.document.log | split("\\n") | map(select(. != "") | capture("(?<day>\\\\S+) (?<state>\\\\w+)"))',
    '.document.line | split(";") | map(split("=") | {k: .[0], v: (.[1:] | join("="))})',
    '.document.opened | fromdate, (fromdate | todate), (fromdate | strftime("%A %d %B %Y, week %V"))',
    '.document.opened | sub("(?<y>[0-9]{4})-(?<m>[0-9]{2})"; "\\(.m)/\\(.y)")',
    ".document.matrix | transpose, flatten, (map(add) | add), [combinations | add]",
    '.document.mixed | sort, map(type), map(length? // "none"), [.[] | arrays, objects]',
    '.document.keys // {} | (to_entries | sort_by(.key) | from_entries), tojson, (tojson | fromjson | ."a b")',
    ".document.keys | map_values(select(. > 2)), (add / length | floor)",
    '.document.deep | [recurse | scalars], [.a[].b.c | flatten], (.z * {"n": {"m": 1}})',
    ".document.list | sort, min, max, (add / length), (map(select(. % 2 == 1)) | length), indices(3)",
    ".document.list | [range(0; length; 3)] as $at | [.[$at[]]]",
    '[.document.list[] | if . > 4 then "big" elif . > 0 then "small" else . end]',
    "[.document.list[] | sqrt? , (. / 2 | floor), pow(.; 2)] | map(if isnan then null else . end)",
    "first(.document.list[] | select(. > 6)), isempty(.document.list[] | select(. > 60))",
    "[.document.list | label $out | foreach .[] as $n (0; . + $n; if . > 15 then ., break $out else . end)]",
    'def total($f): map(.[$f]) | add; .document.items | total("count"), total("price")',
    "def fib: if . < 2 then . else (. - 1 | fib) + (. - 2 | fib) end; [range(15) | fib]",
    '[.document.text[] | tonumber? // "no"]',
    ".document.big, .document.big - 1, (.document.small + 0.2 | . * 100 | round), (.document.big | tostring)",
    '[splits("a")?], (.document.name | [splits(", *")], ltrimstr("K"), rtrimstr("s"), startswith("n"))',
    ".document.mixed // [] | map(numbers, strings), any, all, map(not)",
    '.document.name | test("K\\\\S+"), [scan("[a-z]+")]',
    '.document.tags | @sh, (map(@sh) | join(" "))',
    "[range(5)] | until(length > 8; . + [0]), (. as [$a, $b] | $a - $b), .[-2:]",
    "empty",
    ".document.name.first",
    ".document.nothing[].more",
    'error("stop")',
]


# Definitions of jq's own library.
DEFINITIONS = [
    '[.document | leaf_paths | map(tostring) | join("/")]',
    ".document | [tostream] | fromstream(.[])",
    "[.document | 1 | truncate_stream([[0], 1], [[1, 0], 2], [[1, 0]], [[1]])]",
    '.document.tags | .[0] | IN("cheese", "1")',
    "INDEX(.document.items[]; .count) | keys",
    ".document.items | INDEX(.price) | map_values(.count)",
    ".document.tags | @csv, @tsv",
    ".document.items[] | [.sku, .price, null, true] | @csv",
    '@tsv "row: \\([.document.name, .document.log])"',
    '.document | [.[] | ltrimstr("K") | rtrimstr("s")] | length',
    '"" | tonumber',
]

# What is deleted and set where several places, or absent ones, are meant.
PLACES = [
    ".document | del(.tags[0, 1])",
    ".document.tags | del(.[0], .[2])",
    ".document.tags | delpaths([[0], [1]])",
    '.document | delpaths([["items"], ["deep", "a", 0]])',
    ".document | del(.nothing.more, .nothing[0])",
    '.document | setpath(["new", 2, "x"]; true) | .new',
    '.document | getpath(["nothing", 0, "x"])',
]

# Numbers that JSON has no word for.
NOT_FINITE = ["nan", "[nan, 1]", "infinite", "[-infinite]", "[.document.items[] | .price] | map(if . > 4 then nan else . end)"]

# Where the engine is not jq, with how: `error` is loud, `other` gives another value. One that agrees must leave this list.
KNOWN = {
    ".document | .new.x = 1": "error",
    ".document.tags[20] = 1": "error",
    "[1, 2, 3] | .[1.7]": "error",
    "$__loc__.line": "error",
    ". as [$a] ?// $b | 1": "error",
    '"ähre" | test("^\\\\w+$")': "other",
    '"ÄHRE" | test("ähre"; "i")': "other",
    "null | inside([])": "other",
}


def by_jq(program, document):
    """What jq puts out as one value; None where it fails."""
    environment = {"PATH": os.environ["PATH"], "TZ": "UTC", "LC_ALL": "C.UTF-8"}
    done = subprocess.run(["jq", "-c", program], input=json.dumps(document).encode(), capture_output=True, timeout=30, env=environment)
    if done.returncode not in (0, 5):
        raise Failed(f"jq does not take {program}: {done.stderr.decode().strip()}")
    if done.returncode:
        return None
    outputs = [json.loads(line) for line in done.stdout.decode().splitlines()]
    return {"value": outputs[0] if len(outputs) == 1 else outputs or None}


def by_angelia(angelia, program, name):
    words = ["integrations:call", "data.get", "--collection=peers", f"--id={name}", "--select", program, "--json"]
    done = angelia.run(*words, environment={"TZ": "UTC"})
    envelope = done.document()
    true(done.code in (0, 2), f"exit code {done.code}: {envelope['error']}")
    return {"value": envelope["data"]} if envelope["success"] else None


def compare(angelia, programs, whole):
    different, failures = {}, 0
    for program in programs:
        for name, document in whole.items():
            wanted, got = by_jq(program, document), by_angelia(angelia, program, name)
            failures += wanted is None
            if not same_json(got, wanted):
                different[program] = f"over {name} it gives {shown(got)}, jq gives {shown(wanted)}"
    if different:
        first = next(iter(different.items()))
        raise Failed(f"{len(different)} of {len(programs)} programs differ: {' ¦ '.join(different)} -- {first[0]} {first[1]}", 2000)
    return f"{len(programs)} programs over {len(whole)} documents; {failures} of the {len(programs) * len(whole)} runs fail in both"


def shown(outcome):
    return brief(outcome["value"], 80) if outcome else "an error"


def known(angelia, whole):
    """The list of differences is true."""
    document = whole["shop"]
    for program, how in KNOWN.items():
        wanted, got = by_jq(program, document), by_angelia(angelia, program, "shop")
        true(not same_json(got, wanted), f"{program} agrees with jq now; take it off the list")
        same("other" if got else "error", how, f"how {program} differs")
    return f"{len(KNOWN)} known differences of the engine, {sum(how == 'other' for how in KNOWN.values())} of them silent"


def syntax(angelia):
    """What jq does not take, the program does not take either, and says so before it calls."""
    wrong = [".a |", "{a: }", "map(", ".[", "no_such_function(1)", "1 as x | x", "reduce . as $x", '"\\("', "$nothing", "if . then 1 else"]
    for program in wrong:
        done = subprocess.run(["jq", "-c", program], input=b"{}", capture_output=True, timeout=30)
        same(done.returncode, 3, f"exit code of jq for {program}")
        envelope = angelia.refused(2, "usage", "data.get", {"collection": "peers", "id": "shop"}, "--select", program)
        true("--select" in envelope["error"], f"the error does not name --select: {envelope['error']}")
    return f"{len(wrong)} broken programs are refused by both"


def outside(angelia):
    """A program cannot look outside, where jq's can."""
    imports = ['import "x" as x; 1', 'include "x"; 1']
    for program in ["env.HOME", "$ENV.HOME", "input", "[inputs]", "halt_error", "input_filename", *imports]:
        done = angelia.run("integrations:call", "data.get", "--collection=peers", "--id=shop", "--select", program, "--json")
        document = done.document()
        true(str(angelia.home) not in json.dumps(document["data"]), f"{program} reads the environment")
        true(done.code in (0, 2), f"{program}: exit code {done.code}")
    return "environment, inputs, files and exit status are out of reach"


def main():
    peer = Peer("jq")
    angelia = Angelia(BINARY, FOLDER / "home")
    whole = {}

    def store():
        for name, document in DOCUMENTS.items():
            angelia.call("data.create", {"collection": "peers", "id": name, "document": document})
            whole[name] = angelia.call("data.get", {"collection": "peers", "id": name})["data"]
            same(whole[name]["document"], document, f"document {name}")
        return f"{len(whole)} documents stored and read back"

    if peer.check("documents", store):
        for name, programs in [("programs", PROGRAMS), ("definitions", DEFINITIONS), ("places", PLACES), ("not-finite", NOT_FINITE)]:
            peer.check(name, compare, angelia, programs, whole)
        peer.check("known-differences", known, angelia, whole)
        peer.check("syntax", syntax, angelia)
        peer.check("outside", outside, angelia)


if __name__ == "__main__":
    main()
