"""Peer: the Python package `jsonschema`. It judges the schemas that the program prints, and our manifests by our own schema.

Runs with the Python that has `jsonschema` and `yaml`. Arguments: folder, binary, repository.
"""

import json
import pathlib
import re
import sys

import jsonschema
import yaml
from jsonschema_specifications import REGISTRY

from support import Angelia, Peer, same, true

FOLDER, BINARY, ROOT = (pathlib.Path(word) for word in sys.argv[1:4])
DIALECT = "https://json-schema.org/draft/2020-12/schema"
PROVIDERS = ["github", "stripe", "linear"]
PLACEMENT = ["in", "as", "style"]
LISTS_OF_SCHEMAS = ["allOf", "anyOf", "oneOf", "prefixItems"]
SINGLE_SCHEMAS = ["items", "additionalProperties", "not", "if", "then", "else", "contains", "propertyNames"]
MAPS_OF_SCHEMAS = ["properties", "patternProperties", "$defs", "dependentSchemas"]
Validator = jsonschema.Draft202012Validator


class CoreLoader(yaml.SafeLoader):
    """YAML 1.2's core schema: `no` and `on` are text, `010` is ten, there are no dates and no merge keys."""

    yaml_implicit_resolvers = {}


def number(loader, node):
    text = loader.construct_scalar(node)
    return int(text, 0) if text[:2] in ("0o", "0x") else int(text)


for tag, pattern, first in [
    ("bool", r"true|True|TRUE|false|False|FALSE", "tTfF"),
    ("int", r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+", "-+0123456789"),
    ("float", r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)", "-+.0123456789"),
    ("null", r"~|null|Null|NULL|", ["~", "n", "N", ""]),
]:
    CoreLoader.add_implicit_resolver(f"tag:yaml.org,2002:{tag}", re.compile(rf"(?:{pattern})$"), list(first))
CoreLoader.add_constructor("tag:yaml.org,2002:int", number)


def loader():
    """The loader itself, by the examples of YAML 1.2's core schema."""
    text = "[no, on, 'yes', true, 010, 0o10, 0x1F, -3, 1e3, 2.5, ~, null, 2026-01-01, 1_000, '<<', 12:30]"
    wanted = ["no", "on", "yes", True, 10, 8, 31, -3, 1000.0, 2.5, None, None, "2026-01-01", "1_000", "<<", "12:30"]
    same(yaml.load(text, CoreLoader), wanted, "core schema")
    return "YAML 1.2's core schema is read as written"


def places(schema, pointer=""):
    """Every schema in a schema, with where it stands."""
    yield pointer, schema
    for word, value in schema.items() if isinstance(schema, dict) else ():
        if word in MAPS_OF_SCHEMAS:
            for name, inner in value.items():
                yield from places(inner, f"{pointer}/{word}/{name}")
        elif word in LISTS_OF_SCHEMAS:
            for index, inner in enumerate(value):
                yield from places(inner, f"{pointer}/{word}/{index}")
        elif word in SINGLE_SCHEMAS:
            yield from places(value, f"{pointer}/{word}")


def judge(name, schema, examples):
    """One function's schema: the metaschema, nothing of ours left in it, and the examples that we print for it."""
    Validator.check_schema(schema)
    same(schema.get("$schema"), DIALECT, f"$schema of {name}")
    same([schema["type"], schema["additionalProperties"]], ["object", False], f"type and additionalProperties of {name}")
    known = set(Validator.META_SCHEMA["properties"])
    known |= {word for part in Validator.META_SCHEMA["allOf"] for word in vocabulary(part["$ref"])}
    for pointer, inner in places(schema):
        strange = [word for word in inner if word not in known] if isinstance(inner, dict) else []
        same(strange, [], f"words that JSON Schema does not know, in {name} at '{pointer}'")
    validator = Validator(schema, format_checker=Validator.FORMAT_CHECKER)
    for arguments in examples:
        said = [f"{error.json_path}: {error.message}" for error in validator.iter_errors(arguments)]
        same(said, [], f"an example of {name}")
    true(not validator.is_valid({"no_such_parameter_": 1}), f"{name} takes an unknown parameter")


def vocabulary(reference):
    return REGISTRY.contents(f"https://json-schema.org/draft/2020-12/{reference}")["properties"]


def functions(angelia, provider):
    names = [function["function"] for function in angelia.json("integrations:docs", provider)["functions"]]
    examples = angelia.json("integrations:examples", provider)["examples"]
    for name in names:
        done = angelia.run("integrations:schema", name)
        same(done.code, 0, f"exit code of {done.shown()}")
        judge(name, done.document(), [example["arguments"] for example in examples if example["function"] == name])
    true(len(names) > 20, f"only {len(names)} functions")
    return f"{len(names)} schemas and {len(examples)} examples"


def manifests():
    schema = json.loads((ROOT / "schemas/provider.json").read_text())
    Validator.check_schema(schema)
    validator = Validator(schema)
    paths = sorted((ROOT / "providers").glob("*/provider.yaml"))
    said, count = [], 0
    for path in [*paths, ROOT / "tests/peers/roundup.yaml"]:
        provider = yaml.load(path.read_text(), CoreLoader)
        said += [f"{path.parent.name} {error.json_path}: {error.message[:160]}" for error in validator.iter_errors(provider)]
        for function in provider["functions"]:
            for parameter in function.get("parameters", {}).values():
                Validator.check_schema({word: value for word, value in parameter.items() if word not in PLACEMENT})
                count += 1
    same(said, [], "problems")
    return f"{len(paths) + 1} manifests, {count} parameter schemas"


def broken_manifests():
    """The schema refuses what it should: a schema that takes everything would pass the check above."""
    validator = Validator(json.loads((ROOT / "schemas/provider.json").read_text()))
    fine = yaml.load((ROOT / "tests/peers/roundup.yaml").read_text(), CoreLoader)
    function = fine["functions"][0]
    wrong = [
        {**fine, "id": "Round-Up"},
        {**fine, "colour": "blue"},
        {**fine, "auth": {"type": "basic", "username": "{username}"}},
        {**fine, "functions": [{**function, "operation": "change"}]},
        {**fine, "functions": [{**function, "request": "FETCH /issue"}]},
        {**fine, "functions": [{**function, "graphql": "{ viewer }", "native": "data.get"}]},
        {**fine, "functions": [{**function, "pagination": {"style": "cursor", "items": "data"}}]},
        {**fine, "functions": [{word: value for word, value in function.items() if word != "examples"}]},
    ]
    taken = [index for index, manifest in enumerate(wrong) if validator.is_valid(manifest)]
    same(taken, [], "broken manifests that were taken")
    return f"{len(wrong)} broken manifests are refused"


def main():
    peer = Peer("json-schema")
    angelia = Angelia(BINARY, FOLDER / "home")
    peer.check("yaml", loader)
    peer.check("manifests", manifests)
    peer.check("broken-manifests", broken_manifests)
    for provider in PROVIDERS:
        peer.check(provider, functions, angelia, provider)


if __name__ == "__main__":
    main()
