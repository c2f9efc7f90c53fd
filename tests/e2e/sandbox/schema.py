"""A JSON Schema validator for the subset that GitHub's schemas use, and the two cut schemas.

Standard library only, so that it runs wherever the tests do. `tests/golden/github/README.md` says where the schemas
come from.
"""
import json
import pathlib
import re

GOLDEN = pathlib.Path(__file__).resolve().parents[2] / "golden" / "github"
DATE_TIME = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$")
URI = re.compile(r"^[A-Za-z][A-Za-z0-9+.-]*:\S+$")
TYPES = {
    "object": lambda v: isinstance(v, dict),
    "array": lambda v: isinstance(v, list),
    "string": lambda v: isinstance(v, str),
    "boolean": lambda v: isinstance(v, bool),
    "null": lambda v: v is None,
    "integer": lambda v: isinstance(v, int) and not isinstance(v, bool),
    "number": lambda v: isinstance(v, (int, float)) and not isinstance(v, bool),
}
KNOWN = {
    "$ref", "$schema", "additionalProperties", "allOf", "anyOf", "const", "definitions", "enum", "format", "items",
    "maxItems", "maxLength", "maximum", "minItems", "minLength", "minimum", "oneOf", "properties", "required", "type",
    "nullable",
}


class Schema:
    def __init__(self, name):
        self.root = json.loads((GOLDEN / (name + ".json")).read_text())

    def errors(self, definition, value):
        """Every place where `value` breaks `#/definitions/DEFINITION`, as texts."""
        return list(self._check(self.root["definitions"][definition], value, definition))

    def _check(self, schema, value, at):
        unknown = set(schema) - KNOWN if isinstance(schema, dict) else set()
        assert not unknown, f"{at}: this validator does not know {unknown}"
        if schema is True or schema == {}:
            return
        if "$ref" in schema:
            yield from self._check(self.root["definitions"][schema["$ref"].rsplit("/", 1)[1]], value, at)
            return
        yield from self._check_type(schema, value, at)
        yield from self._check_combinations(schema, value, at)
        if isinstance(value, dict):
            yield from self._check_object(schema, value, at)
        if isinstance(value, list):
            if len(value) < schema.get("minItems", 0) or len(value) > schema.get("maxItems", len(value)):
                yield f"{at}: {len(value)} items"
            for i, item in enumerate(value):
                yield from self._check(schema.get("items", True), item, f"{at}[{i}]")

    def _check_type(self, schema, value, at):
        types = schema.get("type", [])
        types = [types] if isinstance(types, str) else types
        if types and not any(TYPES[t](value) for t in types):
            yield f"{at}: {value!r:.60} is no {'/'.join(types)}"
        if "enum" in schema and value not in schema["enum"]:
            yield f"{at}: {value!r:.60} is none of {schema['enum']}"
        if "const" in schema and value != schema["const"]:
            yield f"{at}: {value!r:.60} is not {schema['const']!r}"
        if isinstance(value, str):
            yield from self._check_text(schema, value, at)
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            if value < schema.get("minimum", value) or value > schema.get("maximum", value):
                yield f"{at}: {value} is out of range"

    @staticmethod
    def _check_text(schema, value, at):
        kind = schema.get("format")
        if kind == "date-time" and not DATE_TIME.match(value):
            yield f"{at}: {value!r} is no date-time"
        if kind == "uri" and not URI.match(value):
            yield f"{at}: {value!r} is no URI"
        if len(value) < schema.get("minLength", 0) or len(value) > schema.get("maxLength", len(value)):
            yield f"{at}: {len(value)} characters"

    def _check_combinations(self, schema, value, at):
        for part in schema.get("allOf", []):
            yield from self._check(part, value, at)
        for word in ("anyOf", "oneOf"):
            options = schema.get(word)
            if not options:
                continue
            tried = [list(self._check(option, value, at)) for option in options]
            good = sum(not errors for errors in tried)
            if good == 0 or (word == "oneOf" and good > 1):
                yield f"{at}: fits {good} of {word}: {min(tried, key=len)[:3]}"

    def _check_object(self, schema, value, at):
        properties = schema.get("properties", {})
        for key in schema.get("required", []):
            if key not in value:
                yield f"{at}: lacks {key}"
        for key, item in value.items():
            if key in properties:
                yield from self._check(properties[key], item, f"{at}.{key}")
            elif schema.get("additionalProperties", True) is False:
                yield f"{at}: has an unknown {key}"
            elif isinstance(schema.get("additionalProperties"), dict):
                yield from self._check(schema["additionalProperties"], item, f"{at}.{key}")
