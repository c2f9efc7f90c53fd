"""The REST answers: GitHub's published schemas, and the rules that no schema writes down."""
import re
import unittest

import forge
import schema

REST = schema.Schema("rest")


class Shapes(forge.ForgeTest):
    """Every answer fits the schema of GitHub's own description."""
    maxDiff = None

    def fits(self, definition, value):
        self.assertEqual(REST.errors(definition, value), [])

    def each_fits(self, definition, values):
        self.assertGreater(len(values), 0)
        for value in values:
            self.fits(definition, value)

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.work.commit_files("workflow", {".github/workflows/ci.yml": "on: [push, workflow_dispatch]\njobs: {a: {steps: [{run: 'true'}]}}\n"})
        cls.work.push("main")
        cls.head = cls.work.branch("feat/one")
        cls.pull = cls.forge.pull("feat/one", body="text")
        cls.forge.post("/issues/1/labels", ["preview"])
        cls.forge.wait()

    def test_people(self):
        self.fits("public-user", self.forge.call("GET", "/user").json)
        self.fits("repository-collaborator-permission", self.forge.get("/collaborators/octo/permission").json)
        self.fits("rate-limit-overview", self.forge.call("GET", "/rate_limit").json)

    def test_repository(self):
        self.fits("full-repository", self.forge.get("").json)
        self.each_fits("branch-short", self.forge.get("/branches").json)
        self.fits("branch-with-protection", self.forge.get("/branches/feat/one").json)

    def test_pull_requests(self):
        self.fits("pull-request", self.pull)
        self.fits("pull-request", self.forge.get("/pulls/1").json)
        self.each_fits("pull-request-simple", self.forge.get("/pulls").json)
        self.each_fits("pull-request-simple", self.forge.get(f"/commits/{self.head}/pulls").json)
        self.each_fits("diff-entry", self.forge.get("/pulls/1/files").json)
        self.each_fits("commit", self.forge.get("/pulls/1/commits").json)
        self.fits("issue", self.forge.get("/issues/1").json)
        self.each_fits("label", self.forge.get("/issues/1/labels").json)
        found = self.forge.call("GET", f"/search/issues?q={self.head}+is:pr+repo:acme/shop").json
        self.assertEqual(found["total_count"], 1)
        self.each_fits("issue-search-result-item", found["items"])

    def test_statuses(self):
        self.fits("status", self.forge.post(f"/statuses/{self.head}", {"state": "success", "target_url": "http://x/"}).json)
        self.each_fits("status", self.forge.get(f"/commits/{self.head}/statuses").json)
        self.fits("combined-commit-status", self.forge.get("/commits/feat/one/status").json)

    def test_comments(self):
        made = self.forge.post("/issues/1/comments", {"body": "hello"}).json
        self.fits("issue-comment", made)
        self.fits("issue-comment", self.forge.call("PATCH", f"/repos/acme/shop/issues/comments/{made['id']}", {"body": "bye"}).json)
        self.each_fits("issue-comment", self.forge.get("/issues/1/comments").json)

    def test_deployments(self):
        made = self.forge.post("/deployments", {"ref": self.head, "auto_merge": False, "required_contexts": [],
                                                "environment": "pr-1", "transient_environment": True}).json
        self.fits("deployment", made)
        self.fits("deployment-status", self.forge.post(f"/deployments/{made['id']}/statuses", {
            "state": "success", "environment_url": "http://pr-1.localhost/", "log_url": "http://x/"}).json)
        self.each_fits("deployment", self.forge.get("/deployments?environment=pr-1").json)
        self.each_fits("deployment-status", self.forge.get(f"/deployments/{made['id']}/statuses").json)

    def test_git_data(self):
        self.fits("commit", self.forge.get("/commits/feat/one").json)
        self.each_fits("commit", self.forge.get("/commits").json)
        self.fits("git-ref", self.forge.get("/git/ref/heads/feat/one").json)
        self.each_fits("git-ref", self.forge.get("/git/matching-refs/heads/").json)
        self.fits("git-ref", self.forge.post("/git/refs", {"ref": "refs/tags/v1", "sha": self.head}).json)
        self.fits("content-file", self.forge.get("/contents/README").json)

    def test_actions(self):
        flows = self.forge.get("/actions/workflows").json
        self.each_fits("workflow", flows["workflows"])
        runs = self.forge.get("/actions/runs").json
        self.each_fits("workflow-run", runs["workflow_runs"])
        self.each_fits("job", self.forge.get(f"/actions/runs/{runs['workflow_runs'][0]['id']}/jobs").json["jobs"])
        sha = runs["workflow_runs"][0]["head_sha"]
        self.each_fits("check-run", self.forge.get(f"/commits/{sha}/check-runs").json["check_runs"])

    def test_hooks(self):
        hook = self.forge.post("/hooks", {"config": {"url": "http://127.0.0.1:9/", "secret": "s", "content_type": "json"},
                                          "events": ["push"]}).json
        self.fits("hook", hook)
        self.assertEqual(hook["config"]["secret"], "********")
        self.forge.wait()
        listed = self.forge.get(f"/hooks/{hook['id']}/deliveries").json
        self.each_fits("hook-delivery-item", listed)
        self.fits("hook-delivery", self.forge.get(f"/hooks/{hook['id']}/deliveries/{listed[0]['id']}").json)
        again = self.forge.call("PATCH", f"/repos/acme/shop/hooks/{hook['id']}",
                                {"config": {"url": "http://127.0.0.1:9/"}, "add_events": ["status"]}).json
        self.assertNotIn("secret", again["config"])
        self.assertEqual(again["events"], ["push", "status"])


class Rules(forge.ForgeTest):
    """What GitHub enforces or promises beyond its schema."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.head = cls.work.branch("feat/rules")
        cls.forge.pull("feat/rules")

    def test_bad_statuses(self):
        rows = [
            (self.head, {}, "missing_field"),
            (self.head, {"state": "sucess"}, "state is not included in the list"),
            (self.head, {"state": "success", "description": "x" * 141}, "description is too long (maximum is 140 characters)"),
            (self.head, {"state": "success", "target_url": "ftp://x"}, "target_url must use http(s) scheme"),
            (self.head, {"state": "success", "target_url": 5}, "target_url must be a string"),
            (self.head[:10], {"state": "success"}, "sha must be a 40 character SHA1"),
            ("main", {"state": "success"}, "sha must be a 40 character SHA1"),
            ("f" * 40, {"state": "success"}, "No commit found for SHA: " + "f" * 40),
        ]
        for sha, body, words in rows:
            answer = self.forge.post(f"/statuses/{sha}", body)
            self.assertEqual(answer.status, 422, words)
            self.assertIn(words, answer.body.decode())

    def test_long_descriptions_count_characters(self):
        self.assertEqual(self.forge.post(f"/statuses/{self.head}", {"state": "success", "description": "\u00e9" * 140}).status, 201)

    def test_combined(self):
        sha = self.work.branch("feat/combined")

        def state():
            return self.forge.get(f"/commits/{sha}/status").json["state"]

        self.assertEqual(state(), "pending")  # nothing yet
        for context, put, want in [("A", "success", "success"), ("b", "pending", "pending"), ("c", "error", "failure"),
                                   ("C", "success", "pending"), ("B", "success", "success")]:
            self.forge.post(f"/statuses/{sha}", {"state": put, "context": context})
            self.assertEqual(state(), want)
        listed = self.forge.get(f"/commits/{sha}/statuses").json
        self.assertEqual([one["context"] for one in listed], ["B", "C", "c", "b", "A"])  # newest first, all of them
        self.assertEqual(self.forge.get(f"/commits/{sha}/status").json["total_count"], 3)

    def test_tokens(self):
        self.assertEqual(self.forge.get("/pulls", token="wrong").status, 401)
        self.assertEqual(self.forge.get("/pulls", token=None).status, 200)
        self.assertEqual(self.forge.post(f"/statuses/{self.head}", {"state": "success"}, token=None).status, 401)
        self.assertEqual(self.forge.get("/pulls", token=None, headers={"Authorization": "token sesame"}).status, 200)

    def test_unknown(self):
        for path in ("/pulls/99", "/nothing", "/commits/nope/status", "/git/ref/heads/none", "/contents/none"):
            self.assertEqual(self.forge.get(path).status, 404, path)
        self.assertEqual(self.forge.call("GET", "/repos/acme/none/pulls").status, 404)
        self.assertEqual(self.forge.post("/pulls", b"{bad").status, 400)

    def test_pages_and_etags(self):
        for i in range(5):
            self.forge.post(f"/statuses/{self.main}", {"state": "pending", "context": f"c{i}"})
        first = self.forge.get(f"/commits/{self.main}/statuses?per_page=2")
        link = first.headers["Link"]
        target = re.search(r'<([^>]+)>; rel="next"', link).group(1)
        self.assertTrue(target.startswith(self.forge.api), target)
        self.assertIn('page=3>; rel="last"', link)
        second = self.forge.call("GET", target[len(self.forge.api):])
        self.assertEqual([s["context"] for s in first.json + second.json], ["c4", "c3", "c2", "c1"])
        used = int(self.forge.call("GET", "/rate_limit").json["resources"]["core"]["used"])
        again = self.forge.get(f"/commits/{self.main}/statuses?per_page=2", headers={"If-None-Match": first.headers["ETag"]})
        self.assertEqual((again.status, again.body), (304, b""))
        self.assertEqual(int(self.forge.call("GET", "/rate_limit").json["resources"]["core"]["used"]), used)
        other = self.forge.get(f"/commits/{self.main}/statuses?per_page=2", token=None,
                               headers={"If-None-Match": first.headers["ETag"]})
        self.assertEqual(other.status, 200)  # ETags are per token

    def test_links_follow_the_host(self):
        path = "/repos/acme/shop/pulls?state=all&per_page=1"
        for host in ("forge.localhost:81", "forge.example:81"):  # the second one only with the token
            answer = self.forge.call("GET", path, base=self.forge.url, headers={"Host": host})
            self.assertTrue(answer.json[0]["url"].startswith("http://%s/repos/acme/shop/" % host))
        stranger = self.forge.call("GET", path, base=self.forge.url, token=None, headers={"Host": "forge.example:81"})
        self.assertEqual(stranger.status, 403)  # a public name that was bent to this machine

    def test_merge_methods(self):
        made = {}
        for method in ("merge", "squash", "rebase"):
            self.work.git("fetch", "-q", "origin", "main")
            self.work.git("checkout", "-q", "-B", f"m/{method}", "FETCH_HEAD")
            self.work.commit_files("one", {f"{method}-1": "1"})
            self.work.commit_files("two", {f"{method}-1": "2"})
            self.work.push(f"m/{method}")
            number = self.forge.pull(f"m/{method}", title=method.capitalize())["number"]
            stale = self.forge.call("PUT", f"/repos/acme/shop/pulls/{number}/merge", {"sha": "0" * 40})
            self.assertEqual(stale.status, 409)
            answer = self.forge.call("PUT", f"/repos/acme/shop/pulls/{number}/merge", {"merge_method": method})
            self.assertEqual(answer.status, 200, answer.body)
            made[method] = (number, answer.json["sha"])
            self.work.git("fetch", "-q", "origin", "main")
            log = self.work.git("log", "--format=%s", "-2", "FETCH_HEAD").splitlines()
            parents = self.work.git("log", "-1", "--format=%P", "FETCH_HEAD").split()
            want = {"merge": f"Merge pull request #{number} from acme/m/merge", "squash": f"Squash (#{number})", "rebase": "two"}
            self.assertEqual(log[0], want[method])
            self.assertEqual(len(parents), 2 if method == "merge" else 1)
            self.assertEqual(self.work.git("show", f"FETCH_HEAD:{method}-1"), "2")
        for method, (number, sha) in made.items():
            pull = self.forge.get(f"/pulls/{number}").json
            self.assertEqual((pull["merged"], pull["state"], pull["merge_commit_sha"]), (True, "closed", sha))
            self.assertEqual([p["number"] for p in self.forge.get(f"/commits/{sha}/pulls").json], [number])
        again = self.forge.call("PUT", f"/repos/acme/shop/pulls/{number}/merge", {})
        self.assertEqual(again.status, 405)

    def test_conflict(self):
        self.work.branch("c/one", files={"clash": "one"})
        number = self.forge.pull("c/one")["number"]
        self.work.git("fetch", "-q", "origin", "main")
        self.work.git("checkout", "-q", "-B", "trunk", "FETCH_HEAD")
        self.work.commit_files("other", {"clash": "two"})
        self.work.push("main")
        self.forge.get(f"/pulls/{number}")
        pull = self.forge.get(f"/pulls/{number}").json
        self.assertEqual((pull["mergeable"], pull["mergeable_state"]), (False, "dirty"))
        self.assertEqual(self.forge.call("PUT", f"/repos/acme/shop/pulls/{number}/merge", {}).status, 405)

    def test_deployment_defaults(self):
        sha = self.work.branch("d/green")
        self.forge.post(f"/statuses/{sha}", {"state": "failure"})
        answer = self.forge.post("/deployments", {"ref": sha, "auto_merge": False})
        self.assertEqual(answer.status, 409)
        self.assertEqual(self.forge.post("/deployments", {"ref": "nope"}).status, 422)

    def test_index_lag(self):
        sha = self.work.branch("l/lag")
        number = self.forge.pull("l/lag")["number"]
        self.forge.call("PATCH", "/_sandbox/settings", {"index_lag_ms": 10**9})
        self.forge.call("PUT", f"/repos/acme/shop/pulls/{number}/merge", {"merge_method": "squash"})
        self.assertEqual(self.forge.get(f"/commits/{sha}/pulls").json, [])
        self.forge.call("PATCH", "/_sandbox/settings", {"index_lag_ms": 0})
        self.assertEqual([p["number"] for p in self.forge.get(f"/commits/{sha}/pulls").json], [number])

    def test_forks(self):
        fork = self.forge.post("/forks", {"organization": "mallory"})
        self.assertEqual(fork.status, 202)
        self.work.git("checkout", "-q", "-B", "evil", "main")
        self.work.commit_files("evil", {"evil": "1"})
        self.work.git("push", "-q", self.forge.remote("mallory/shop"), "HEAD:refs/heads/evil")
        pull = self.forge.pull("mallory:evil")
        self.assertEqual(pull["head"]["repo"]["full_name"], "mallory/shop")
        self.assertTrue(pull["head"]["repo"]["fork"])
        self.assertIn(f"refs/pull/{pull['number']}/head", self.work.git("ls-remote", "origin"))
        self.forge.call("DELETE", "/repos/mallory/shop")
        self.assertIsNone(self.forge.get(f"/pulls/{pull['number']}").json["head"]["repo"])

    def test_restart(self):
        before = self.forge.get("/pulls?state=all").body
        url = self.forge.url
        self.assertEqual(self.forge.stop(), 0)
        self.forge.start()
        self.work.git("remote", "set-url", "origin", self.forge.remote())
        self.assertEqual(self.forge.get("/pulls?state=all").body, before.replace(url[7:].encode(), self.forge.url[7:].encode()))


if __name__ == "__main__":
    unittest.main()
