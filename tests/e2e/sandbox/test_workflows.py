"""The workflow runner: what a repository's own files do on pushes, pull requests and by hand."""
import json
import unittest

import forge

HEAD = "name: {name}\non: {on}\njobs:\n"


class Workflows(forge.ForgeTest):
    flags = ("--workflow-secret", "PASSWORD=hunter2secret")

    def start(self, name, on, jobs, branch=None, files=None):
        """A branch whose only workflow is this one; returns its runs when they are over."""
        branch = branch or name
        text = f"name: {name}\non: {on}\njobs:\n{jobs}"
        sha = self.work.branch(branch, files={f".github/workflows/{name}.yml": text, **(files or {})})
        self.forge.wait()
        return sha

    def runs(self, **query):
        asked = "&".join(f"{key}={value}" for key, value in query.items())
        return self.forge.get(f"/actions/runs?{asked}").json["workflow_runs"]

    def jobs(self, run):
        return {job["name"]: job for job in self.forge.get(f"/actions/runs/{run['id']}/jobs").json["jobs"]}

    def log(self, job):
        return self.forge.get(f"/actions/jobs/{job['id']}/logs").body.decode()

    def only(self, sha):
        found = self.runs(head_sha=sha)
        self.assertEqual(len(found), 1)
        return found[0]

    def test_environment(self):
        sha = self.start("env", "push", """
  a:
    runs-on: ubuntu-latest
    env: { B: job, C: job }
    steps:
      - uses: actions/checkout@v4
      - run: |
          test -f README && test "$GITHUB_SHA" = "$(git rev-parse HEAD)" && test "$(git branch --show-current)" = env
          test "$GITHUB_REF_NAME/$GITHUB_EVENT_NAME/$GITHUB_REPOSITORY/$CI" = env/push/acme/shop/true
          test "$GITHUB_WORKSPACE" = "$PWD" && python3 -c "import json,os; json.load(open(os.environ['GITHUB_EVENT_PATH']))['head_commit']"
          echo "D=given on" >> "$GITHUB_ENV"; mkdir bin; echo 'echo tool' > bin/tool; chmod +x bin/tool; echo "$PWD/bin" >> "$GITHUB_PATH"
      - run: echo "$B $C $D $(tool)"
        env: { C: step }
      - run: |
          echo "the password is ${{ secrets.PASSWORD }}, $TOKEN"
          curl -fsS -H "Authorization: Bearer $TOKEN" $GITHUB_API_URL/user | grep -o '"login":"[^"]*"'
        env: { TOKEN: "${{ secrets.GITHUB_TOKEN }}" }
""")
        run = self.only(sha)
        text = self.log(self.jobs(run)["a"])
        self.assertEqual(run["conclusion"], "success", text)
        self.assertIn("job step given on tool", text)
        self.assertIn("the password is ***, ***", text)
        self.assertNotIn("hunter2secret", text)
        self.assertIn('"login":"github-actions[bot]"', text)

    def test_jobs_in_order(self):
        sha = self.start("order", "push", """
  last:
    needs: [first, second]
    runs-on: x
    steps: [{ run: 'echo "${{ needs.first.outputs.word }} ${{ needs.second.result }}"' }]
  first:
    runs-on: x
    outputs: { word: "${{ steps.say.outputs.word }}" }
    steps: [{ id: say, run: 'printf "word<<END\\nhel\\nlo\\nEND\\n" >> $GITHUB_OUTPUT' }]
  second:
    needs: first
    runs-on: x
    steps: [{ run: 'true' }]
""")
        run = self.only(sha)
        jobs = self.jobs(run)
        self.assertEqual(run["conclusion"], "success", self.log(jobs["last"]))
        self.assertIn("hel\nlo success", self.log(jobs["last"]))

    def test_failures(self):
        sha = self.start("fails", "push", """
  bad:
    runs-on: x
    steps:
      - run: exit 3
        continue-on-error: true
        id: soft
      - run: echo "soft was ${{ steps.soft.outcome }}"
      - run: |
          false
          echo not reached
      - run: echo skipped
      - if: failure()
        run: echo after failure
      - if: always()
        run: echo always
  dependent: { needs: bad, runs-on: x, steps: [{ run: 'true' }] }
  anyway: { needs: bad, if: "always() && needs.bad.result == 'failure'", runs-on: x, steps: [{ run: 'true' }] }
""")
        run = self.only(sha)
        jobs = self.jobs(run)
        self.assertEqual((run["status"], run["conclusion"]), ("completed", "failure"))
        self.assertEqual([jobs[name]["conclusion"] for name in ("bad", "dependent", "anyway")], ["failure", "skipped", "success"])
        steps = [step["conclusion"] for step in jobs["bad"]["steps"]]
        self.assertEqual(steps, ["success", "success", "failure", "skipped", "success", "success"])
        text = self.log(jobs["bad"])
        self.assertIn("soft was failure", text)
        self.assertIn("Process completed with exit code 1.", text)
        self.assertNotIn("\nnot reached", text)

    def test_pull_request(self):
        sha = self.start("pulls", "{ pull_request: { branches: [main] } }", """
  a:
    runs-on: x
    steps:
      - uses: actions/checkout@v4
      - run: |
          echo "pr ${{ github.event.number }} of ${{ github.head_ref }} into $GITHUB_BASE_REF at ${{ github.event.pull_request.head.sha }}"
          test "$(git log -1 --format=%P | wc -w)" = 2 # the test merge
      - uses: actions/checkout@v4
        with: { ref: "${{ github.event.pull_request.head.sha }}" }
      - run: test "$(git rev-parse HEAD)" = "${{ github.event.pull_request.head.sha }}"
      - if: contains(github.event.pull_request.labels.*.name, 'preview')
        run: echo labelled
""")
        self.assertEqual(self.runs(head_sha=sha), [])  # a push is no pull request
        number = self.forge.pull("pulls")["number"]
        self.forge.wait()
        run = self.only(sha)
        text = self.log(self.jobs(run)["a"])
        self.assertEqual(run["conclusion"], "success", text)
        self.assertIn(f"pr {number} of pulls into main at {sha}", text)
        self.assertEqual(run["pull_requests"][0]["number"], number)
        self.forge.post(f"/issues/{number}/labels", ["preview"])  # "labeled" is not among the usual types
        self.forge.wait()
        self.only(sha)

    def test_newest_commit_wins(self):
        sha = self.start("slow", "pull_request", "  a:\n    runs-on: x\n    steps: [{ run: 'echo waits; sleep 600' }]\n")
        number = self.forge.pull("slow")["number"]
        first = forge.wait_for(lambda: [r for r in self.runs(head_sha=sha) if r["status"] == "in_progress"], "the run starts")[0]
        self.work.commit_files("quick", {".github/workflows/slow.yml":
                                         "name: slow\non: pull_request\njobs: { a: { runs-on: x, steps: [{ run: 'true' }] } }\n"})
        second = self.work.push("slow")
        self.forge.wait()
        self.assertEqual(self.forge.get(f"/actions/runs/{first['id']}").json["conclusion"], "cancelled")
        self.assertEqual(self.only(second)["conclusion"], "success")
        self.forge.call("PATCH", f"/repos/acme/shop/pulls/{number}", {"state": "closed"})

    def test_time_limit(self):
        limited = forge.Forge("--job-timeout", "1", repo="acme/slow")
        work = limited.work("slow")
        work.commit_files("flow", {".github/workflows/a.yml": "on: push\njobs: { a: { runs-on: x, steps: [{ run: 'sleep 600' }] } }\n"})
        work.push("main")
        limited.wait()
        run = limited.get("/actions/runs").json["workflow_runs"][0]
        self.assertEqual(run["conclusion"], "timed_out")
        job = limited.get(f"/actions/runs/{run['id']}/jobs").json["jobs"][0]["id"]
        self.assertIn("did not end in time", limited.get(f"/actions/jobs/{job}/logs").body.decode())
        limited.close()

    def test_cancel(self):
        sha = self.start("hand", "workflow_dispatch", "  a:\n    runs-on: x\n    steps: [{ run: 'sleep 600 & wait' }]\n")
        self.assertEqual(self.runs(head_sha=sha), [])
        self.assertEqual(self.forge.post("/actions/workflows/hand.yml/dispatches", {"ref": "hand"}).status, 404)  # unknown yet
        self.work.git("checkout", "-q", "main")
        self.work.git("merge", "-q", "--ff-only", "hand")
        self.work.push("main")
        answer = self.forge.post("/actions/workflows/hand.yml/dispatches", {"ref": "hand", "return_run_details": True})
        self.assertEqual(answer.status, 200)
        run = answer.json["workflow_run_id"]
        forge.wait_for(lambda: self.forge.get(f"/actions/runs/{run}").json["status"] == "in_progress", "the run starts")
        self.assertEqual(self.forge.post(f"/actions/runs/{run}/cancel", {}).status, 202)
        self.forge.wait()
        self.assertEqual(self.forge.get(f"/actions/runs/{run}").json["conclusion"], "cancelled")
        self.assertEqual(self.forge.post(f"/actions/runs/{run}/cancel", {}).status, 409)

    def test_what_it_does_not_know(self):
        rows = [
            ("uses", "  a: { runs-on: x, steps: [{ uses: docker/build-push-action@v5 }] }\n", "it does not know docker/build-push-action@v5"),
            ("matrix", "  a: { runs-on: x, strategy: { matrix: { v: [1] } }, steps: [{ run: 'true' }] }\n", "the sandbox does not know `strategy`"),
            ("shell", "  a: { runs-on: x, steps: [{ run: 'true', shell: pwsh }] }\n", "no shell 'pwsh'"),
            ("expr", "  a: { runs-on: x, steps: [{ run: 'echo ${{ nope( }}' }] }\n", "expression: "),
            ("cycle", "  a: { needs: b, runs-on: x, steps: [{ run: 'true' }] }\n  b: { needs: a, runs-on: x, steps: [{ run: 'true' }] }\n",
             "needs one that is not there, or needs itself"),
        ]
        for name, jobs, words in rows:
            run = self.only(self.start("not-" + name, "push", jobs))
            self.assertEqual(run["conclusion"], "failure", name)
            self.assertIn(words, "".join(self.log(job) for job in self.jobs(run).values()))

    def test_broken_file_fails_loudly(self):
        sha = self.work.branch("broken", files={".github/workflows/broken.yml": "on: push\njobs: [\n"})
        self.forge.wait()
        run = self.only(sha)
        self.assertEqual(run["conclusion"], "failure")
        self.assertIn("broken.yml", self.log(self.jobs(run)["workflow"]))

    def test_filters(self):
        sha = self.start("filters", "{ push: { branches: ['feat/**', '!feat/no'], paths: ['src/**'] } }",
                         "  a: { runs-on: x, steps: [{ run: 'true' }] }\n")
        self.assertEqual(self.runs(head_sha=sha), [])
        files = {".github/workflows/f.yml": "on: { push: { branches: ['feat/**', '!feat/no'], paths: ['src/**'] } }\n"
                 "jobs: { a: { runs-on: x, steps: [{ run: 'true' }] } }\n"}
        for branch, more, want in [("feat/yes/deep", {"src/a": "1"}, 1), ("feat/no", {"src/b": "1"}, 0), ("feat/docs", {"docs/a": "1"}, 0)]:
            self.work.git("checkout", "-q", "-B", branch, "main")
            self.work.commit_files("flow", files)
            self.work.push(branch)
            self.work.commit_files("change", more)
            sha = self.work.push(branch)
            self.forge.wait()
            self.assertEqual(len(self.runs(head_sha=sha)), want, branch)

    def test_restart_cuts_runs_off(self):
        sha = self.start("long", "pull_request", "  a: { runs-on: x, steps: [{ run: 'sleep 600' }] }\n")
        self.forge.pull("long")
        forge.wait_for(lambda: [r for r in self.runs(head_sha=sha) if r["status"] == "in_progress"], "the run starts")
        self.assertEqual(self.forge.stop(), 0)
        self.forge.start()
        self.work.git("remote", "set-url", "origin", self.forge.remote())
        self.assertEqual(self.only(sha)["conclusion"], "cancelled")


if __name__ == "__main__":
    unittest.main()
