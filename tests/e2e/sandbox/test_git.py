"""git over smart HTTP, with the real git."""
import pathlib
import subprocess
import unittest

import forge


class Git(forge.ForgeTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.old = cls.work.branch("feat/x")
        cls.number = cls.forge.pull("feat/x")["number"]
        cls.work.git("commit", "-q", "--amend", "-m", "rewritten")
        cls.new = cls.work.push("feat/x", "-f")

    def fetch(self, what, *flags, token=None, version=2):
        into = pathlib.Path(self.forge.dir) / f"fetch-{len(list(self.forge.dir.iterdir()))}"
        subprocess.run(["git", "init", "-q", "--bare", str(into)], check=True, env=forge.environment())
        done = subprocess.run(["git", "-C", str(into), "-c", f"protocol.version={version}", "fetch", "-q", *flags,
                               self.forge.remote(token=token), what], stderr=subprocess.PIPE, env=forge.environment())
        if done.returncode != 0:
            return None
        return subprocess.run(["git", "-C", str(into), "rev-parse", "FETCH_HEAD"], check=True, stdout=subprocess.PIPE,
                              env=forge.environment()).stdout.decode().strip()

    def test_fetch(self):
        for version in (0, 2):
            self.assertEqual(self.fetch("main", version=version), self.main)
            self.assertEqual(self.fetch(self.main, version=version), self.main)
            self.assertEqual(self.fetch(f"refs/pull/{self.number}/head", "--depth", "1", version=version), self.new)
            self.assertEqual(self.fetch(self.old, "--depth", "1", version=version), self.old)  # an orphan, by its sha

    def test_pull_refs(self):
        refs = dict(reversed(line.split("\t")) for line in self.work.git("ls-remote", "origin").splitlines())
        self.assertEqual(refs[f"refs/pull/{self.number}/head"], self.new)
        merge = self.forge.get(f"/pulls/{self.number}").json["merge_commit_sha"]
        self.assertEqual(refs[f"refs/pull/{self.number}/merge"], merge)
        with self.assertRaises(subprocess.CalledProcessError):
            self.work.git("push", "-q", "origin", f"HEAD:refs/pull/{self.number}/head", stderr=subprocess.DEVNULL)

    def test_tokens(self):
        self.assertEqual(self.fetch("main", token=forge.TOKEN), self.main)  # git shows a token only when it is asked for one
        for token in ("wrong", None):
            with self.assertRaises(subprocess.CalledProcessError):
                self.work.git("push", "-q", self.forge.remote(token=token), "HEAD:refs/heads/no", stderr=subprocess.DEVNULL)

    def test_unknown_repository(self):
        done = subprocess.run(["git", "ls-remote", self.forge.remote("acme/none", token=None)], stderr=subprocess.PIPE,
                              env=forge.environment())
        self.assertNotEqual(done.returncode, 0)
        self.assertIn(b"not found", done.stderr)

    def test_large_push_is_chunked(self):
        self.work.git("checkout", "-q", "-B", "large", "main")
        (self.work.path / "blob").write_bytes(bytes((i * i >> 3) & 255 for i in range(3 << 20)))
        self.work.git("add", "-A")
        self.work.git("commit", "-q", "-m", "large")
        self.work.git("-c", "core.compression=0", "push", "-q", "origin", "HEAD:refs/heads/large")
        self.assertEqual(self.fetch("large"), self.work.git("rev-parse", "HEAD"))

    def test_real_addresses(self):
        url = f"url.{self.forge.url}/.insteadOf=https://github.com/"
        out = self.work.git("-c", url, "ls-remote", "https://github.com/acme/shop.git", "refs/heads/main")
        self.assertEqual(out.split()[0], self.main)
        out = self.work.git("-c", url, "ls-remote", "https://github.com/Acme/Shop", "refs/heads/main")
        self.assertEqual(out.split()[0], self.main)

    def test_deleted_head_closes(self):
        self.work.branch("gone")
        number = self.forge.pull("gone")["number"]
        self.work.git("push", "-q", "origin", ":refs/heads/gone")
        self.assertEqual(self.forge.get(f"/pulls/{number}").json["state"], "closed")

    def test_pushed_merge_closes_as_merged(self):
        sha = self.work.branch("direct")
        number = self.forge.pull("direct", base="trunk" if self.trunk() else "main")["number"]
        self.work.git("push", "-q", "origin", f"{sha}:refs/heads/trunk")
        pull = self.forge.get(f"/pulls/{number}").json
        self.assertEqual((pull["state"], pull["merged"], pull["merge_commit_sha"]), ("closed", True, sha))

    def trunk(self):
        self.work.git("push", "-q", "origin", f"{self.main}:refs/heads/trunk")
        return True


if __name__ == "__main__":
    unittest.main()
