"""The workflow's own commands, with the real gh and curl, unchanged but for the host."""
import json
import os
import shutil
import subprocess
import unittest

import forge


def run(command, env):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=env, shell=isinstance(command, str))
    return done.returncode, done.stdout.decode(), done.stderr.decode()


class Seed(forge.ForgeTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.head = cls.work.branch("feat/ephemeral4")
        cls.number = cls.forge.pull("feat/ephemeral4")["number"]
        answer = cls.forge.call("PUT", f"/repos/{cls.forge.repo}/pulls/{cls.number}/merge", {"merge_method": "squash"})
        cls.merged = answer.json["sha"]
        cls.page = f"{cls.forge.url}/{cls.forge.repo}/pull/{cls.number}"
        cls.work.git("checkout", "-q", "-B", "topic-branch", "main")
        cls.work.commit_files("workflow", {".github/workflows/e2e.yml": WORKFLOW})
        cls.work.push("topic-branch")
        cls.work.push("main", "-f")
        cls.env = dict(os.environ, GH_CONFIG_DIR=str(cls.forge.dir / "gh"), GH_TOKEN=forge.TOKEN, GH_PROMPT_DISABLED="1")
        if shutil.which("gh"):
            run(["gh", "config", "set", "http_unix_socket", str(cls.forge.socket)], cls.env)

    def gh(self, line):
        if not shutil.which("gh"):
            self.skipTest("gh is not installed")
        return run(line, dict(self.env, GH_REPO=self.forge.repo))

    def test_find_the_pull_request_of_a_commit(self):
        for sha in (self.merged, self.head, self.merged[:7]):
            line = f"gh pr list --search {sha} --state merged --json url --jq '.[0].url'"
            self.assertEqual(self.gh(line), (0, self.page + "\n", ""))

    def test_find_none(self):
        line = f"gh pr list --search {'0' * 40} --state merged --json url --jq '.[0].url'"
        self.assertEqual(self.gh(line), (0, "\n", ""))

    def test_list_and_view(self):
        status, out, err = self.gh("gh pr list --state all --json number,state,headRefOid,mergeCommit")
        self.assertEqual((status, err), (0, ""))
        self.assertEqual(json.loads(out), [{"headRefOid": self.head, "mergeCommit": {"oid": self.merged},
                                            "number": self.number, "state": "MERGED"}])
        status, out, err = self.gh(f"gh pr view {self.number} --json url,state,labels,statusCheckRollup --jq .state")
        self.assertEqual((status, out, err), (0, "MERGED\n", ""))

    def test_status_with_gh(self):
        line = ("gh api --method POST -H \"Accept: application/vnd.github+json\" -H \"X-GitHub-Api-Version: 2022-11-28\" "
                f"/repos/{self.forge.repo}/statuses/{self.head} -f state='success' -f description='Ephemeral env deployment' "
                "-f\ncontext='continuous-integration/argocd'").replace("\n", " ")
        status, out, err = self.gh(line)
        self.assertEqual((status, err), (0, ""))
        self.assertEqual(json.loads(out)["context"], "continuous-integration/argocd")
        line = ("gh api -H \"Accept: application/vnd.github+json\" -H \"X-GitHub-Api-Version: 2022-11-28\" "
                f"/repos/{self.forge.repo}/commits/{self.head}/statuses")
        status, out, err = self.gh(line)
        self.assertEqual((status, err), (0, ""))
        self.assertEqual(json.loads(out)[0]["description"], "Ephemeral env deployment")

    def test_status_with_curl(self):
        api = self.forge.url
        line = ("curl -sS -L -X POST -H \"Accept: application/vnd.github+json\" -H \"Authorization: Bearer sesame\" "
                f"-H \"X-GitHub-Api-Version: 2022-11-28\" {api}/repos/{self.forge.repo}/statuses/{self.merged} "
                "-d '{\"state\":\"success\",\"description\":\"Ephemeral env deployment\","
                "\"context\":\"continuous-integration/argocd\"}'")
        status, out, _ = run(line, self.env)
        self.assertEqual(status, 0)
        self.assertEqual(json.loads(out)["state"], "success")
        line = ("curl -sS -L -H \"Accept: application/vnd.github+json\" -H \"Authorization: Bearer sesame\" "
                f"-H \"X-GitHub-Api-Version: 2022-11-28\" {api}/repos/{self.forge.repo}/commits/{self.merged}/statuses")
        status, out, _ = run(line, self.env)
        self.assertEqual([one["context"] for one in json.loads(out)], ["continuous-integration/argocd"])

    def test_dispatch_with_curl(self):
        line = ("curl -sS -L -X POST -H \"Accept: application/vnd.github+json\" -H \"Authorization: Bearer sesame\" "
                f"-H \"X-GitHub-Api-Version: 2022-11-28\" {self.forge.url}/repos/{self.forge.repo}/actions/workflows/e2e.yml/dispatches "
                "-d '{\"ref\":\"topic-branch\",\"inputs\":{\"name\":\"Mona the Octocat\",\"home\":\"San Francisco, CA\"}}' "
                "-w '%{http_code}'")
        self.assertEqual(run(line, self.env)[:2], (0, "204"))
        self.forge.wait()
        self.assertIn("Mona the Octocat from San Francisco, CA", self.last_log())

    def test_dispatch_with_gh(self):
        status, _, err = self.gh("gh workflow run e2e.yml --ref topic-branch -f name=Ada -f home=London")
        self.assertEqual((status, err), (0, ""))
        self.forge.wait()
        self.assertIn("Ada from London", self.last_log())
        status, out, _ = self.gh("gh run list --json conclusion,event --jq '.[0]'")
        self.assertEqual(json.loads(out), {"conclusion": "success", "event": "workflow_dispatch"})

    def test_pages_with_gh(self):
        for i in range(33):
            self.forge.post(f"/statuses/{self.main}", {"state": "pending", "context": f"c{i}"})
        status, out, err = self.gh(f"gh api --paginate /repos/{self.forge.repo}/commits/{self.main}/statuses --jq '.[].context'")
        self.assertEqual((status, err, len(out.split())), (0, "", 33))

    def test_refusal_with_gh(self):
        status, out, err = self.gh(f"gh api --method POST /repos/{self.forge.repo}/statuses/{self.head} -f state=sucess")
        self.assertEqual(status, 1)
        self.assertIn("Validation Failed", out)
        self.assertIn("(HTTP 422)", err)

    def test_enterprise_paths_with_gh(self):
        env = dict(self.env, GH_HOST="ghe.example", GH_ENTERPRISE_TOKEN=forge.TOKEN)
        if not shutil.which("gh"):
            self.skipTest("gh is not installed")
        line = ["gh", "pr", "list", "-R", f"ghe.example/{self.forge.repo}", "--state", "merged", "--json", "number", "--jq", ".[0].number"]
        self.assertEqual(run(line, env), (0, f"{self.number}\n", ""))

    def test_the_same_with_vitrine(self):
        env = dict(self.env, GITHUB_API_URL=self.forge.api)
        found = run([forge.VITRINE, "pr", "find", "--sha", self.merged, "--repo", self.forge.repo], env)
        self.assertEqual(found[:2], (0, self.page + "\n"))
        self.assertEqual(run([forge.VITRINE, "pr", "find", "--sha", self.main, "--repo", self.forge.repo], env)[0], 3)
        done = run([forge.VITRINE, "status", "set", self.forge.repo, self.head, "--state", "failure", "--context", "v"], env)
        self.assertEqual(done[0], 0, done[2])
        status, out, _ = run([forge.VITRINE, "status", "list", self.forge.repo, self.head, "-o", "json"], env)
        self.assertEqual((status, json.loads(out)[0]["state"]), (0, "failure"))
        done = run([forge.VITRINE, "workflow", "run", "e2e.yml", "--ref", "main", "-f", "name=V", "--repo", self.forge.repo], env)
        self.assertEqual(done[0], 0, done[2])
        done = run([forge.VITRINE, "workflow", "run", "none.yml", "--repo", self.forge.repo], env)
        self.assertEqual(done[0], 1)
        self.assertIn("404", done[2])

    def last_log(self):
        run_id = self.forge.get("/actions/runs").json["workflow_runs"][0]["id"]
        job = self.forge.get(f"/actions/runs/{run_id}/jobs").json["jobs"][0]["id"]
        return self.forge.get(f"/actions/jobs/{job}/logs").body.decode()


WORKFLOW = """
name: e2e
on:
  workflow_dispatch:
    inputs:
      name: { required: true }
      home: { default: nowhere }
jobs:
  say:
    runs-on: ubuntu-latest
    steps:
      - run: echo "${{ inputs.name }} from ${{ inputs.home }}"
"""

if __name__ == "__main__":
    unittest.main()
