"""Faults: the sick answers that tests of others rely on, and the pages for people."""
import subprocess
import threading
import unittest

import forge


class Faults(forge.ForgeTest):
    def tearDown(self):
        self.assertEqual(self.forge.call("DELETE", "/_sandbox/fault").status, 204)

    def fault(self, **fault):
        self.assertEqual(self.forge.call("POST", "/_sandbox/fault", fault).status, 201)

    def test_answers(self):
        rows = [
            ({"kind": "status", "status": 500}, 500, b"Server Error"),
            ({"kind": "status", "status": 401}, 401, b"Bad credentials"),
            ({"kind": "rate-limit"}, 403, b"API rate limit exceeded"),
            ({"kind": "secondary-limit"}, 403, b"secondary rate limit"),
            ({"kind": "empty-list"}, 200, b"[]"),
            ({"kind": "html"}, 200, b"<!doctype html>"),
            ({"kind": "nothing"}, 200, b""),
        ]
        for fault, status, words in rows:
            self.fault(path="/pulls", times=1, **fault)
            answer = self.forge.get("/pulls")
            self.assertEqual(answer.status, status, fault)
            self.assertIn(words, answer.body)
            self.assertEqual(self.forge.get("/pulls").status, 200)

    def test_limits_say_when(self):
        self.fault(kind="rate-limit", times=1)
        answer = self.forge.get("/pulls")
        self.assertEqual(answer.headers["X-RateLimit-Remaining"], "0")
        self.assertGreater(int(answer.headers["X-RateLimit-Reset"]), 0)

    def test_truncated(self):
        whole = self.forge.get("").body
        self.fault(kind="truncated", times=1)
        self.assertEqual(self.forge.get("").body, whole[:len(whole) // 2])

    def test_truncated_even_when_nothing_changed(self):
        first = self.forge.get("")
        self.fault(kind="truncated", times=1)
        answer = self.forge.get("", headers={"If-None-Match": first.headers["ETag"]})
        self.assertEqual((answer.status, answer.body), (200, first.body[:len(first.body) // 2]))

    def test_only_what_matches(self):
        self.fault(kind="status", status=503, path="/statuses", method="POST")
        self.assertEqual(self.forge.get(f"/commits/{self.main}/statuses").status, 200)
        self.assertEqual(self.forge.post(f"/statuses/{self.main}", {"state": "success"}).status, 503)
        self.assertEqual(self.forge.call("GET", "/_sandbox/fault").json[0]["hits"], 1)

    def test_git_too(self):
        self.fault(kind="status", status=502, path=".git")
        done = subprocess.run(["git", "ls-remote", self.forge.remote()], stderr=subprocess.PIPE, env=forge.environment())
        self.assertNotEqual(done.returncode, 0)

    def test_hang(self):
        self.fault(kind="hang", path="/pulls")
        answers = []
        thread = threading.Thread(target=lambda: answers.append(self.forge.get("/pulls").status))
        thread.start()
        forge.wait_for(lambda: self.forge.call("GET", "/_sandbox/fault").json[0]["hits"] == 1, "the request hangs")
        self.assertEqual(answers, [])
        self.forge.call("DELETE", "/_sandbox/fault")
        thread.join(forge.DEADLINE_S)
        self.assertEqual(answers, [504])

    def test_refused(self):
        answer = self.forge.call("POST", "/_sandbox/fault", {"kind": "earthquake"})
        self.assertEqual(answer.status, 422)
        self.assertIn(b"'earthquake' is not a fault", answer.body)

    def test_pages(self):
        self.work.branch("page")
        number = self.forge.pull("page", title="<script>alert(1)</script>")["number"]
        for path in ("/", "/acme/shop", f"/acme/shop/pull/{number}"):
            answer = self.forge.call("GET", path, base=self.forge.url, headers={"Accept": "text/html"})
            self.assertEqual(answer.status, 200)
            self.assertNotIn(b"<script>", answer.body)

    def test_command_line(self):
        def run(*words):
            command = [forge.VITRINE, "sandbox", *words, "--url", self.forge.url, "--token", forge.TOKEN]
            done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
            return done.returncode, done.stdout.decode(), done.stderr.decode()

        self.assertEqual(run("repo", "create", "acme/other")[0], 0)
        self.assertEqual(run("repo", "create", "acme/other")[0], 1)
        self.work.branch("cli")
        status, out, err = run("pull", "create", "acme/shop", "--head", "cli", "--title", "By hand")
        self.assertEqual((status, err), (0, ""))
        number = out.strip().rsplit("/", 1)[1]
        self.assertIn("By hand", run("pull", "list", "acme/shop")[1])
        self.assertEqual(run("pull", "close", "acme/shop", number)[1], f"#{number} is closed\n")
        self.assertEqual(run("pull", "reopen", "acme/shop", number)[1], f"#{number} is open\n")
        self.assertEqual(run("fault", "add", "status", "--status", "500", "--path", "/pulls/")[0], 0)
        self.assertIn("500", run("pull", "merge", "acme/shop", number)[2])
        self.assertEqual(run("fault", "clear")[0], 0)
        self.assertIn("merged as ", run("pull", "merge", "acme/shop", number, "--method", "squash")[1])
        self.assertEqual(run("wait")[0], 0)
        self.assertEqual(run("dance")[0], 2)


if __name__ == "__main__":
    unittest.main()
