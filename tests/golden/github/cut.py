#!/usr/bin/env python3
"""Cut GitHub's published schemas to the definitions that the tests use.

    npm pack @octokit/openapi@23.0.2 @octokit/webhooks-schemas@7.6.1     # then unpack both
    tests/golden/github/cut.py OPENAPI/generated/api.github.com.json WEBHOOKS/schema.json
"""
import json
import pathlib
import sys

REST = """simple-user pull-request pull-request-simple pull-request-merge-result status combined-commit-status issue-comment
deployment deployment-status workflow workflow-run job hook hook-delivery-item hook-delivery git-ref content-file label commit
issue-search-result-item full-repository rate-limit-overview check-run issue branch-short branch-with-protection diff-entry
public-user repository-collaborator-permission minimal-repository repository""".split()
HOOKS = ["pull_request$" + action for action in "opened synchronize closed reopened labeled unlabeled edited".split()]
HOOKS += """push$event status$event deployment$created deployment_status$created workflow_run$requested
workflow_run$in_progress workflow_run$completed workflow_dispatch$event ping$event issue_comment$created
issue_comment$edited issue_comment$deleted""".split()
DROP = """description example examples title x-github x-multi-segment deprecated default externalDocs
x-github-breaking-changes tsAdditionalProperties $comment readOnly""".split()


def clean(node, named=False):
    """Without prose, and with `nullable` as plain JSON Schema. named: the keys are names, not keywords."""
    if isinstance(node, list):
        return [clean(item) for item in node]
    if not isinstance(node, dict):
        return node
    out = {}
    for key, value in node.items():
        if named or key not in DROP:
            plain = not named and key in ("enum", "required", "const")
            out[key] = value if plain else clean(value, not named and key in ("properties", "definitions"))
    if named or not out.pop("nullable", False):
        return out
    if "enum" in out and None not in out["enum"]:
        out["enum"] = out["enum"] + [None]
    if isinstance(out.get("type"), str):
        out["type"] = [out["type"], "null"]
        return out
    return {"anyOf": [out, {"type": "null"}]}


def references(node):
    if isinstance(node, dict):
        if isinstance(node.get("$ref"), str):
            yield node
        for value in node.values():
            yield from references(value)
    elif isinstance(node, list):
        for value in node:
            yield from references(value)


def cut(definitions, wanted, out):
    kept, todo = {}, list(wanted)
    while todo:
        name = todo.pop()
        if name in kept:
            continue
        kept[name] = clean(definitions[name])
        for holder in references(kept[name]):
            target = holder["$ref"].rsplit("/", 1)[1]
            holder["$ref"] = "#/definitions/" + target
            todo.append(target)
    text = json.dumps({"definitions": dict(sorted(kept.items()))}, separators=(",", ":"))
    (pathlib.Path(__file__).parent / out).write_text(text + "\n")


if __name__ == "__main__":
    cut(json.load(open(sys.argv[1]))["components"]["schemas"], REST, "rest.json")
    cut(json.load(open(sys.argv[2]))["definitions"], HOOKS, "webhooks.json")
