#!/usr/bin/env python3
"""The stand-in forge against validators that others wrote for GitHub's API.

    make validate                       # or: VITRINE=build/src/cli/vitrine tests/e2e/sandbox/validators.py

One story of a pull request goes through Prism, which holds each request and each answer against GitHub's description;
validators.mjs then holds the same answers against the same description with ajv, each webhook against both published sets
of schemas, each signature against @octokit/webhooks-methods, and drives the forge with @octokit/rest. The packages are
kept in $VITRINE_VALIDATORS (default ~/.cache/vitrine/validators). Without npm or its registry: exit 77, which says skipped.
"""
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[1] / "golden" / "github"))

import cut  # noqa: E402
import forge  # noqa: E402

PACKAGES = """@octokit/openapi@23.0.2 @octokit/openapi-webhooks@12.1.0 @octokit/webhooks-schemas@7.6.1
@octokit/webhooks-methods@6.0.0 @octokit/rest@22.0.1 @stoplight/prism-cli@5.14.2 ajv@8.20.0 ajv-formats@3.0.1""".split()
CACHE = pathlib.Path(os.environ.get("VITRINE_VALIDATORS") or pathlib.Path.home() / ".cache/vitrine/validators")
SKIPPED = 77
INSTALL_S = 300
R = "/repos/{owner}/{repo}"
PATHS = ["/", "/meta", "/rate_limit", "/user", "/user/repos", "/users/{username}", "/search/issues"] + [R + path for path in """
/forks /branches /branches/{branch} /collaborators/{username}/permission /pulls /pulls/{pull_number}
/pulls/{pull_number}/files /pulls/{pull_number}/commits /pulls/{pull_number}/merge /commits/{commit_sha}/pulls
/statuses/{sha} /commits/{ref}/statuses /commits/{ref}/status /commits/{ref}/check-runs /commits /commits/{ref}
/compare/{basehead} /git/ref/{ref} /git/matching-refs/{ref} /git/refs /git/refs/{ref} /contents/{path}
/issues/{issue_number} /issues/{issue_number}/comments /issues/comments/{comment_id} /issues/{issue_number}/labels
/issues/{issue_number}/labels/{name} /labels /deployments /deployments/{deployment_id}
/deployments/{deployment_id}/statuses /hooks /hooks/{hook_id} /hooks/{hook_id}/pings /hooks/{hook_id}/deliveries
/hooks/{hook_id}/deliveries/{delivery_id} /hooks/{hook_id}/deliveries/{delivery_id}/attempts /actions/workflows
/actions/workflows/{workflow_id} /actions/workflows/{workflow_id}/dispatches /actions/workflows/{workflow_id}/runs
/actions/runs /actions/runs/{run_id} /actions/runs/{run_id}/jobs /actions/runs/{run_id}/rerun /actions/jobs/{job_id}
""".split()] + [R]
WORKFLOW = """
name: w
on: [pull_request, workflow_dispatch]
jobs:
  a:
    runs-on: ubuntu-latest
    steps: [{ run: "true" }]
"""


def skip(why):
    print("SKIP: " + why)
    sys.exit(SKIPPED)


# ---- packages and descriptions


def install():
    """The packages once; a file of their names and versions says which are there."""
    stamp, want = CACHE / "installed", "\n".join(PACKAGES)
    if not shutil.which("npm") or not shutil.which("node"):
        skip("npm is not installed")
    if stamp.exists() and stamp.read_text() == want:
        return
    CACHE.mkdir(parents=True, exist_ok=True)
    (CACHE / "package.json").write_text('{"private": true}\n')
    command = ["npm", "install", "--no-audit", "--no-fund", "--loglevel=error", *PACKAGES]
    try:
        done = subprocess.run(command, cwd=CACHE, capture_output=True, text=True, timeout=INSTALL_S)
    except subprocess.TimeoutExpired:
        skip(f"npm did not finish within {INSTALL_S} s")
    if done.returncode != 0:
        skip("npm could not install the validators: " + done.stderr.strip()[:300])
    stamp.write_text(want)


def package(path):
    return json.loads((CACHE / "node_modules" / "@octokit" / path).read_text())


def resolve(document, pointer):
    for word in pointer.removeprefix("#/").split("/"):
        document = document[word]
    return document


def description():
    """GitHub's description, cut to PATHS and what they refer to."""
    full = package("openapi/generated/api.github.com.json")
    out = {key: value for key, value in full.items() if key not in ("paths", "components", "x-webhooks", "servers")}
    out["paths"] = {path: full["paths"][path] for path in PATHS}
    out["components"] = {}
    todo = [holder["$ref"] for holder in cut.references(out["paths"])]
    while todo:
        pointer = todo.pop()
        _, _, section, name = pointer.split("/")
        if name not in out["components"].setdefault(section, {}):
            out["components"][section][name] = component = resolve(full, pointer)
            todo += [holder["$ref"] for holder in cut.references(component)]
    return out


def plain_schemas(document):
    """The document's schemas as plain JSON Schema, under the same references."""
    return {"components": {"schemas": {name: cut.clean(s) for name, s in document["components"]["schemas"].items()}}}


# ---- recording


def template_of(path):
    """The description's path that a request's path is an instance of; the one with the most fixed words."""
    path = path.split("?")[0]
    fitting = []
    for template in PATHS:
        # A branch, a file and a pair to compare may have slashes, as the description's x-multi-segment says.
        pattern = re.sub(r"\{(ref|path|branch|basehead)\}", ".+", template)
        if re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", pattern), path):
            fitting.append(template)
    return max(fitting, key=lambda template: len(re.sub(r"\{\w+\}", "", template)))


class Recorder:
    """Sends requests through Prism where Prism can follow them, and keeps every answer."""

    def __init__(self, forge_, prism, spec):
        self.forge, self.prism, self.spec = forge_, prism, spec
        self.checks, self.problems, self.through_prism = [], [], 0
        self.schemas = plain_schemas(spec)
        self.schemas["operations"] = {}

    def call(self, method, path, body=None, want=200, headers=None):
        """path is below the repository, or absolute with a leading //; want is the status the story needs."""
        path = path[1:] if path.startswith("//") else f"/repos/{self.forge.repo}{path}"
        template = template_of(path)
        # Prism's path parameters never hold a slash.
        fits_prism = path.split("?")[0].count("/") == template.count("/")
        headers = {"Content-Type": "application/json", **(headers or {})}
        answer = self.forge.call(method, path, body, base=self.prism if fits_prism else self.forge.url, headers=headers)
        name = f"{method} {path}: {answer.status}"
        if answer.status != want:
            self.problems.append(f"{name}, {want} was expected: {answer.body[:300]!r}")
        if fits_prism:
            self.through_prism += 1
            self.note_violations(name, answer)
        self.note_check(name, method, template, answer)
        return answer.json if answer.body and answer.headers.get_content_type() == "application/json" else None

    def note_violations(self, name, answer):
        for violation in json.loads(answer.headers.get("sl-violations") or "[]"):
            if answer.status >= 400 and "returned status code" in violation["message"]:
                continue  # see note_check
            self.problems.append(f"prism: {name}: {'.'.join(violation['location'])}: {violation['message']}")

    def note_check(self, name, method, template, answer):
        responses = self.spec["paths"][template][method.lower()]["responses"]
        response = responses.get(str(answer.status))
        if response is None:
            if answer.status < 400:  # GitHub refuses in more ways than its description lists
                self.problems.append(f"{name}: the description has no such status")
            return
        response = resolve(self.spec, response["$ref"]) if "$ref" in response else response
        content = response.get("content", {}).get("application/json")
        if content is None or answer.status == 304:
            if answer.body and answer.status < 400:
                self.problems.append(f"{name}: a body where the description has none: {answer.body[:80]!r}")
            return
        key = f"{method} {template} {answer.status}"
        self.schemas["operations"][key] = cut.clean(content["schema"])
        self.checks.append({"root": "rest", "at": ["operations", key], "name": name, "value": answer.json})


class Prism:
    """Prism as a proxy before the forge. Without --errors: it then reports every violation in a header, not the first."""

    def __init__(self, folder, spec, upstream):
        (folder / "spec.json").write_text(json.dumps(spec))
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            port = s.getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"
        self.log = open(folder / "prism.log", "wb")
        command = ["node", str(CACHE / "node_modules/.bin/prism"), "proxy", "-h", "127.0.0.1", "-p", str(port),
                   str(folder / "spec.json"), upstream]
        self.process = subprocess.Popen(command, stdout=self.log, stderr=self.log)
        forge.wait_for(self.answers, "prism answers")

    def answers(self):
        assert self.process.poll() is None, "prism ended, see its log"
        try:
            urllib.request.urlopen(self.url + "/meta", timeout=10).close()
        except urllib.error.HTTPError as refusal:
            refusal.close()
        except OSError:
            return False
        return True

    def close(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(60)
        self.log.close()


# ---- the story


def read_everything(c, number, sha):
    for path in ("//", "//meta", "//rate_limit", "//user", "//user/repos", "//users/octo", f"//search/issues?q={sha}+is:pr",
                 "", "/branches", "/branches/main", "/collaborators/octo/permission", "/pulls", "/pulls?state=all&per_page=1",
                 f"/pulls/{number}", f"/pulls/{number}/files", f"/pulls/{number}/commits", f"/commits/{sha}/pulls",
                 f"/commits/{sha}/statuses", f"/commits/{sha}/status", f"/commits/{sha}/check-runs", "/commits",
                 f"/commits/{sha}", "/commits/feat/x", "/compare/main...feat/x", "/git/ref/heads/main",
                 f"/git/ref/pull/{number}/head", "/git/matching-refs/heads", "/git/matching-refs/pull/", "/contents/README",
                 "/contents/.github/workflows/w.yml", f"/issues/{number}", f"/issues/{number}/comments",
                 f"/issues/{number}/labels", "/labels", "/deployments", "/hooks", "/actions/workflows",
                 "/actions/workflows/w.yml", "/actions/workflows/w.yml/runs", "/actions/runs"):
        c.call("GET", path)


def comments_and_labels(c, number):
    c.call("POST", f"/issues/{number}/labels", {"labels": ["preview", "other"]})
    c.call("DELETE", f"/issues/{number}/labels/preview")
    c.call("PUT", f"/issues/{number}/labels", {"labels": ["kept"]})
    c.call("POST", "/labels", {"name": "new", "color": "ff0000"}, 201)
    comment = c.call("POST", f"/issues/{number}/comments", {"body": "hi"}, 201)["id"]
    c.call("GET", f"/issues/{number}/comments")
    c.call("GET", f"/issues/comments/{comment}")
    c.call("PATCH", f"/issues/comments/{comment}", {"body": "ho"})
    c.call("DELETE", f"/issues/comments/{comment}", None, 204)
    c.call("PATCH", f"/issues/{number}", {"title": "A title by the issue"})


def statuses_and_deployments(c, sha):
    for state in ("pending", "success", "failure", "error"):
        c.call("POST", f"/statuses/{sha}", {"state": state, "context": "vitrine/" + state, "description": "d" * 140,
                                            "target_url": "http://x.example/"}, 201)
    c.call("POST", f"/statuses/{sha}", {"state": "success", "target_url": None, "description": None}, 201)
    c.call("POST", f"/statuses/{sha}", {"state": "success", "description": "d" * 141}, 422)
    wanted = {"ref": "feat/x", "auto_merge": False, "required_contexts": [], "environment": "pr-1",
              "transient_environment": True, "production_environment": False}
    made = c.call("POST", "/deployments", wanted, 201)["id"]
    c.call("GET", f"/deployments/{made}")
    links = {"environment_url": "http://y.example/", "log_url": "http://z.example/"}  # "", their default, is no "uri" to ajv
    for state in ("queued", "in_progress", "success", "inactive"):
        c.call("POST", f"/deployments/{made}/statuses", {"state": state, **links}, 201)
    c.call("GET", f"/deployments/{made}/statuses")
    c.call("DELETE", f"/deployments/{made}", None, 204)


def references(c, sha):
    c.call("POST", "/git/refs", {"ref": "refs/heads/made/here", "sha": sha}, 201)
    c.call("PATCH", "/git/refs/heads/made/here", {"sha": sha, "force": True})
    c.call("DELETE", "/git/refs/heads/made/here", None, 204)
    c.call("PUT", "/contents/new.txt", {"message": "new", "content": "aGk=", "branch": "feat/x"}, 201)


def hooks(c):
    url = c.forge.url + "/nowhere"  # refused there: a failed delivery
    made = c.call("POST", "/hooks", {"config": {"url": url, "content_type": "json", "secret": "s"}, "events": ["push"]}, 201)["id"]
    c.forge.wait()
    c.call("GET", f"/hooks/{made}")
    c.call("PATCH", f"/hooks/{made}", {"add_events": ["status"], "active": True})
    c.call("POST", f"/hooks/{made}/pings", None, 204)
    c.forge.wait()
    delivery = c.call("GET", f"/hooks/{made}/deliveries")[0]["id"]
    c.call("GET", f"/hooks/{made}/deliveries/{delivery}")
    c.call("POST", f"/hooks/{made}/deliveries/{delivery}/attempts", None, 202)
    c.forge.wait()
    c.call("DELETE", f"/hooks/{made}", None, 204)


def workflows(c):
    c.call("POST", "/actions/workflows/w.yml/dispatches", {"ref": "main"}, 204)
    c.call("POST", "/actions/workflows/w.yml/dispatches", {"ref": "main", "return_run_details": True})
    c.forge.wait()
    run = c.call("GET", "/actions/runs?event=workflow_dispatch")["workflow_runs"][0]["id"]
    c.call("GET", f"/actions/runs/{run}")
    job = c.call("GET", f"/actions/runs/{run}/jobs")["jobs"][0]["id"]
    c.call("GET", f"/actions/jobs/{job}")
    c.call("POST", f"/actions/runs/{run}/rerun", {}, 201)
    c.forge.wait()


def pulls(c, work, number):
    for change in ({"title": "Another title"}, {"state": "closed"}, {"state": "open"}):
        c.call("PATCH", f"/pulls/{number}", change)
    c.call("GET", f"/pulls/{number}/merge", None, 404)
    c.call("PUT", f"/pulls/{number}/merge", {"sha": "0" * 40}, 409)
    c.call("PUT", f"/pulls/{number}/merge", {"merge_method": "squash"})
    c.call("GET", f"/pulls/{number}/merge", None, 204)
    work.git("push", "-q", "origin", ":refs/heads/feat/x")
    read_everything_merged(c, number)


def read_everything_merged(c, number):
    for path in (f"/pulls/{number}", "/pulls?state=closed", "/commits/main/pulls", "/pulls/999"):
        c.call("GET", path, None, 404 if path.endswith("999") else 200)
    c.call("POST", "/forks", {"name": "copy"}, 202)
    c.call("POST", "//user/repos", {"name": "mine"}, 201)


def story(c):
    work = c.forge.work()
    work.commit_files("first", {"README": "hello\n", ".github/workflows/w.yml": WORKFLOW})
    work.push("main")
    work.branch("feat/x")
    number = c.call("POST", "/pulls", {"title": "A change", "head": "feat/x", "base": "main", "body": "why"}, 201)["number"]
    c.call("POST", "/pulls", {"title": "Again", "head": "feat/x", "base": "main"}, 422)
    work.commit_files("more", {"more": "1"})
    sha = work.push("feat/x")
    c.forge.wait()
    comments_and_labels(c, number)
    statuses_and_deployments(c, sha)
    read_everything(c, number, sha)
    references(c, sha)
    hooks(c)
    workflows(c)
    pulls(c, work, number)
    c.forge.wait()
    for i in range(5):  # for the second client's pagination
        work.branch(f"page/{i}")
        c.forge.pull(f"page/{i}")
    c.forge.wait()
    return sha


# ---- webhooks


def webhook_checks(deliveries, schemas, openapi):
    """Two checks for each delivery: the community's schemas and GitHub's own description."""
    for headers, body in deliveries:
        event, payload = headers["X-GitHub-Event"], json.loads(body)
        action = payload.get("action")
        name = f"webhook {event} {action or ''}".rstrip()
        definition = f"{event}${action}" if f"{event}${action}" in schemas["definitions"] else f"{event}$event"
        yield {"root": "webhooks", "at": ["definitions", definition], "name": name, "value": payload}
        key = "-".join(filter(None, (event, action))).replace("_", "-")
        key = key if key in openapi["webhooks"] else event.replace("_", "-")
        content = openapi["webhooks"][key]["post"]["requestBody"]["content"]["application/json"]["schema"]
        yield {"root": "openapi", "at": content["$ref"].removeprefix("#/").split("/"), "name": name, "value": payload}


def write_input(folder, c, deliveries, sha):
    schemas, openapi = package("webhooks-schemas/schema.json"), package("openapi-webhooks/generated/api.github.com.json")
    checks = c.checks + list(webhook_checks(deliveries, schemas, openapi))
    roots = {"rest": c.schemas, "webhooks": schemas, "openapi": plain_schemas(openapi)}
    signed = [{"body": body.decode(), "signature": headers["X-Hub-Signature-256"]} for headers, body in deliveries]
    octokit = {"url": c.forge.url, "token": forge.TOKEN, "repo": c.forge.repo, "sha": sha}
    text = json.dumps({"roots": roots, "checks": checks, "signed": signed, "secret": forge.SECRET, "octokit": octokit})
    (folder / "input.json").write_text(text)


def run_checks(c, receiver, prism):
    sha = story(c)
    write_input(c.forge.dir, c, receiver.deliveries, sha)
    script = CACHE / "validators.mjs"  # beside node_modules, where node looks for packages
    shutil.copy(HERE / "validators.mjs", script)
    done = subprocess.run(["node", str(script), str(c.forge.dir / "input.json")], stdout=subprocess.PIPE, text=True, timeout=300)
    prism.close()
    for problem in c.problems:
        print(problem)
    print(f"prism: {c.through_prism} requests and answers, {sum(p.startswith('prism') for p in c.problems)} violations")
    print(done.stdout, end="")
    return 1 if c.problems or done.returncode != 0 else 0


def main():
    install()
    receiver = forge.Receiver()
    stand_in = forge.Forge("--webhook", receiver.url, "--secret", forge.SECRET)
    try:
        spec = description()
        prism = Prism(stand_in.dir, spec, stand_in.url)
        try:
            return run_checks(Recorder(stand_in, prism.url, spec), receiver, prism)
        finally:
            if prism.process.poll() is None:
                prism.close()
    finally:
        stand_in.close()
        receiver.close()


if __name__ == "__main__":
    sys.exit(main())
