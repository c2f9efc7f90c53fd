"""Webhooks: which come, in which order, signed how, and shaped as GitHub's published schemas want them."""
import hashlib
import hmac
import json
import unittest

import forge
import schema

HOOKS = schema.Schema("webhooks")


def definition(event, payload):
    name = f"{event}${payload.get('action', 'event')}"
    return name if name in HOOKS.root["definitions"] else f"{event}$event"


class Webhooks(forge.ForgeTest):
    wants_receiver = True
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.work.commit_files("workflow", {".github/workflows/w.yml": WORKFLOW})
        cls.work.push("main")
        cls.story()

    @classmethod
    def story(cls):
        """One of everything; the tests look at what came."""
        f, w = cls.forge, cls.work
        cls.first = w.branch("feat/x")
        number = cls.number = f.pull("feat/x")["number"]
        w.commit_files("more", {"more": "1"})
        cls.second = w.push("feat/x")
        w.git("commit", "-q", "--amend", "-m", "forced")
        cls.third = w.push("feat/x", "-f")
        f.post(f"/issues/{number}/labels", ["preview"])
        f.call("DELETE", f"/repos/acme/shop/issues/{number}/labels/preview")
        f.call("PATCH", f"/repos/acme/shop/pulls/{number}", {"title": "Another title"})
        f.call("PATCH", f"/repos/acme/shop/pulls/{number}", {"state": "closed"})
        f.call("PATCH", f"/repos/acme/shop/pulls/{number}", {"state": "open"})
        f.post(f"/statuses/{cls.third}", {"state": "success", "target_url": "http://x/", "description": "d"})
        comment = f.post(f"/issues/{number}/comments", {"body": "hi"}).json["id"]
        f.call("PATCH", f"/repos/acme/shop/issues/comments/{comment}", {"body": "ho"})
        f.call("DELETE", f"/repos/acme/shop/issues/comments/{comment}")
        deployment = f.post("/deployments", {"ref": "feat/x", "auto_merge": False, "required_contexts": []}).json["id"]
        for state in ("success", "inactive"):
            f.post(f"/deployments/{deployment}/statuses", {"state": state, "log_url": "http://x/", "environment_url": "http://y/"})
        f.post("/actions/workflows/w.yml/dispatches", {"ref": "main"})
        cls.merge = f.call("PUT", f"/repos/acme/shop/pulls/{number}/merge", {"merge_method": "squash"}).json["sha"]
        w.git("push", "-q", "origin", ":refs/heads/feat/x")
        f.wait()

    def test_shapes(self):
        seen = set()
        for headers, _ in self.receiver.deliveries:
            seen.add(headers["X-GitHub-Event"])
        self.assertEqual(seen, {"pull_request", "push", "status", "issue_comment", "deployment", "deployment_status",
                                "workflow_dispatch", "workflow_run"})
        for event in sorted(seen):
            for payload in self.receiver.events(event):
                name = definition(event, payload)
                self.assertEqual(HOOKS.errors(name, payload), [], name)

    def test_signatures(self):
        for headers, body in self.receiver.deliveries:
            want = "sha256=" + hmac.new(forge.SECRET.encode(), body, hashlib.sha256).hexdigest()
            self.assertEqual(headers["X-Hub-Signature-256"], want)
            self.assertEqual(headers["Content-Type"], "application/json")
        guids = [headers["X-GitHub-Delivery"] for headers, _ in self.receiver.deliveries]
        self.assertEqual(len(set(guids)), len(guids))

    def test_story_of_the_pull_request(self):
        events = self.receiver.events("pull_request")
        self.assertEqual([e["action"] for e in events], ["opened", "synchronize", "synchronize", "labeled", "unlabeled", "edited",
                                                         "closed", "reopened", "closed"])
        self.assertEqual([(e["before"], e["after"]) for e in events[1:3]], [(self.first, self.second), (self.second, self.third)])
        self.assertEqual(events[5]["changes"], {"title": {"from": "feat/x"}})
        self.assertEqual((events[6]["pull_request"]["merged"], events[6]["pull_request"]["merged_at"]), (False, None))
        last = events[8]["pull_request"]
        self.assertEqual((last["merged"], last["merge_commit_sha"], last["head"]["sha"]), (True, self.merge, self.third))

    def test_inactive_deployments_make_no_event(self):
        self.assertEqual([e["deployment_status"]["state"] for e in self.receiver.events("deployment_status")], ["success"])

    def test_story_of_the_pushes(self):
        pushes = self.receiver.events("push")
        self.assertEqual([(p["ref"], p["created"], p["deleted"], p["forced"]) for p in pushes[-5:]], [
            ("refs/heads/feat/x", True, False, False), ("refs/heads/feat/x", False, False, False),
            ("refs/heads/feat/x", False, False, True), ("refs/heads/main", False, False, False),
            ("refs/heads/feat/x", False, True, False)])
        self.assertEqual(pushes[-2]["after"], self.merge)
        self.assertIsInstance(pushes[-1]["repository"]["pushed_at"], int)
        self.assertIsNone(pushes[-1]["head_commit"])

    def test_redelivery(self):
        hook = self.forge.get("/hooks").json[0]["id"]
        old = self.forge.get(f"/hooks/{hook}/deliveries?per_page=1").json[0]
        count = len(self.receiver.deliveries)
        self.assertEqual(self.forge.post(f"/hooks/{hook}/deliveries/{old['id']}/attempts", {}).status, 202)
        self.forge.wait()
        self.assertEqual(len(self.receiver.deliveries), count + 1)
        self.assertEqual(self.receiver.deliveries.pop()[0]["X-GitHub-Delivery"], old["guid"])
        self.assertTrue(self.forge.get(f"/hooks/{hook}/deliveries?per_page=1").json[0]["redelivery"])

    def test_ping_and_form(self):
        receiver = forge.Receiver()
        config = {"url": receiver.url, "content_type": "form", "secret": "s"}
        made = self.forge.post("/hooks", {"config": config, "events": ["status"]}).json
        self.forge.wait()
        headers, body = receiver.deliveries[0]
        self.assertEqual((headers["X-GitHub-Event"], headers["Content-Type"]), ("ping", "application/x-www-form-urlencoded"))
        self.assertTrue(body.startswith(b"payload=%7B"))
        self.forge.call("PATCH", f"/repos/acme/shop/hooks/{made['id']}", {"config": {"url": receiver.url, "content_type": "json"}})
        self.forge.call("POST", f"/repos/acme/shop/hooks/{made['id']}/pings")
        self.forge.wait()
        self.assertEqual(HOOKS.errors("ping$event", json.loads(receiver.deliveries[-1][1])), [])
        self.assertNotIn("X-Hub-Signature-256", receiver.deliveries[-1][0])  # the secret went with the config
        self.forge.call("DELETE", f"/repos/acme/shop/hooks/{made['id']}")
        receiver.close()

    def test_faults(self):
        before = len(self.receiver.deliveries)
        for kind, want in (("drop", 0), ("duplicate", 2)):
            self.forge.call("POST", "/_sandbox/fault", {"kind": kind, "times": 1})
            self.forge.post(f"/statuses/{self.main}", {"state": "success"})
            self.forge.wait()
            self.assertEqual(len(self.receiver.deliveries) - before, want)
        del self.receiver.deliveries[before:]
        self.forge.call("DELETE", "/_sandbox/fault")


WORKFLOW = """
name: w
on: [pull_request, workflow_dispatch]
jobs:
  a:
    runs-on: ubuntu-latest
    steps: [{ run: "true" }]
"""

if __name__ == "__main__":
    unittest.main()
