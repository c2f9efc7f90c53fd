#!/usr/bin/env python3
"""The chart commands with chart repositories over HTTP and with registries: Debian's docker-registry and our own.

usage: charts.py SERVE VITRINE    (the registry tests that need docker-registry are skipped without it)
"""
import base64
import concurrent.futures
import hashlib
import http.server
import io
import json
import os
import pathlib
import shutil
import socket
import subprocess
import sys
import tarfile
import tempfile
import threading
import time
import unittest
import urllib.error
import urllib.request

SERVE, VITRINE = (os.path.abspath(path) for path in sys.argv[1:3])
DEADLINE = 30
# "user" with the password "secret", as htpasswd -B writes it
HTPASSWD = "user:$2y$05$abcdefghijklmnopqrstuuOQiyCxlgf/oeuTqixKmWdcYUh4Hjl0a\n"
CONFIG_MAP = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {name}\n"


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def basic(pair):
    return "Basic " + base64.b64encode(pair.encode()).decode()


class Repository:
    """A folder over HTTP: ETags, an optional password, and every request noted."""

    def __init__(self, folder, auth=None):
        self.folder, self.auth, self.requests = folder, auth, []
        repository = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *words):
                pass

            def answer(self, status, body=b"", **headers):
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name.replace("_", "-"), value)
                if status != 304:
                    self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def do_GET(self):
                sent = self.headers.get("Authorization")
                path = repository.folder / self.path.lstrip("/")
                if repository.auth and sent != basic(repository.auth):
                    return self.note(401, sent, WWW_Authenticate='Basic realm="charts"')
                if not path.is_file():
                    return self.note(404, sent)
                body = path.read_bytes()
                tag = '"' + hashlib.sha256(body).hexdigest()[:20] + '"'
                if self.headers.get("If-None-Match") == tag:
                    return self.note(304, sent, ETag=tag)
                self.note(200, sent, body, ETag=tag)

            def note(self, status, sent, body=b"", **headers):
                repository.requests.append((self.path, status, sent))
                self.answer(status, body, **headers)

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.thread = threading.Thread(target=self.server.serve_forever)
        self.thread.start()
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def take(self):
        """What was asked since the last time: (path, status)."""
        asked, self.requests = [(path, status) for path, status, _ in self.requests], []
        return asked

    def close(self):
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


class OwnRegistry:
    def __init__(self, folder):
        self.process = subprocess.Popen([SERVE, str(folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.host = f"127.0.0.1:{int(self.process.stdout.readline())}"

    def close(self):
        self.process.stdin.close()
        self.process.stdout.close()
        assert self.process.wait(DEADLINE) == 0


class DebianRegistry:
    def __init__(self, folder, auth=""):
        self.host = f"127.0.0.1:{free_port()}"
        folder.mkdir()
        config = folder / "config.yml"
        config.write_text(f"version: 0.1\nlog: {{level: error}}\nstorage:\n  filesystem: {{rootdirectory: {folder}/data}}\n"
                          f"http: {{addr: '{self.host}'}}\n{auth}")
        self.process = subprocess.Popen(["docker-registry", "serve", str(config)], stdout=subprocess.DEVNULL,
                                        stderr=subprocess.DEVNULL)
        end = time.monotonic() + DEADLINE
        while True:
            try:
                urllib.request.urlopen(f"http://{self.host}/v2/", timeout=5)
                return
            except urllib.error.HTTPError:
                return
            except OSError:
                if time.monotonic() > end:
                    raise
                time.sleep(0.02)

    def close(self):
        self.process.terminate()
        self.process.wait(DEADLINE)


class Charts(unittest.TestCase):
    def setUp(self):
        self.root = pathlib.Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.root)
        self.env = {"PATH": os.environ["PATH"], "HOME": str(self.root / "home"), "TMPDIR": str(self.root / "tmp"), "TZ": "UTC"}
        for name in ("home", "tmp", "repo"):
            (self.root / name).mkdir()

    def run_vitrine(self, *words, ok=True, stdin="", env=None):
        done = subprocess.run([VITRINE, *map(str, words)], cwd=self.root, capture_output=True, text=True, input=stdin, timeout=120,
                              env={**self.env, **(env or {})})
        if ok is not None:
            self.assertEqual(done.returncode == 0, ok, f"{words}: {done.stdout}{done.stderr}")
        return done

    def chart(self, name, version="1.0.0", dependencies=(), folder=None):
        folder = folder or self.root / name
        (folder / "templates").mkdir(parents=True, exist_ok=True)
        text = f"apiVersion: v2\nname: {name}\nversion: {version}\n"
        if dependencies:
            text += "dependencies:\n" + "".join(f"- {json.dumps(d)}\n" for d in dependencies)
        (folder / "Chart.yaml").write_text(text)
        (folder / "templates/a.yaml").write_text(CONFIG_MAP.format(name=name))
        return folder

    def publish(self, *versions, name="sub"):
        for version in versions:
            folder = self.chart(name, version, folder=self.root / "source" / version)
            self.run_vitrine("chart", "package", folder, "-d", "repo")
        self.run_vitrine("chart", "index", "repo")

    def repository(self, auth=None):
        repository = Repository(self.root / "repo", auth)
        self.addCleanup(repository.close)
        return repository

    def packages(self, chart):
        folder = chart / "charts"
        return sorted(p.name for p in folder.iterdir()) if folder.exists() else []

    # ---- repositories over HTTP

    def test_index_is_asked_for_by_its_etag_and_packages_once(self):
        self.publish("1.0.0", "1.2.0", "2.0.0")
        repository = self.repository()
        demo = self.chart("demo", dependencies=[{"name": "sub", "version": "^1.0", "repository": repository.url}])
        self.run_vitrine("chart", "dependency", "update", "demo")
        self.assertEqual(self.packages(demo), ["sub-1.2.0.tgz"])
        self.assertEqual(repository.take(), [("/index.yaml", 200), ("/sub-1.2.0.tgz", 200)])
        shutil.rmtree(demo / "charts")
        self.run_vitrine("chart", "dependency", "build", "demo")
        self.assertEqual(repository.take(), [("/index.yaml", 304)])
        self.publish("1.3.0")
        self.run_vitrine("chart", "dep", "up", "demo")
        self.assertEqual(repository.take(), [("/index.yaml", 200), ("/sub-1.3.0.tgz", 200)])
        self.assertEqual(self.packages(demo), ["sub-1.3.0.tgz"])
        self.run_vitrine("chart", "dep", "up", "demo", "--skip-refresh")
        self.assertEqual(repository.take(), [])

    def test_a_damaged_cache_heals_itself(self):
        self.publish("1.0.0")
        repository = self.repository()
        self.chart("demo", dependencies=[{"name": "sub", "version": "1", "repository": repository.url}])
        self.run_vitrine("chart", "dependency", "update", "demo")
        repository.take()
        for blob in (self.root / "home/.cache/vitrine/charts/blobs").iterdir():
            blob.write_bytes(b"damaged")
        self.run_vitrine("chart", "dependency", "update", "demo")
        self.assertEqual(repository.take(), [("/index.yaml", 200), ("/sub-1.0.0.tgz", 200)])

    def test_a_good_cache_serves_without_the_repository(self):
        self.publish("1.0.0")
        repository = self.repository()
        demo = self.chart("demo", dependencies=[{"name": "sub", "version": "1", "repository": repository.url}])
        self.run_vitrine("chart", "dependency", "update", "demo")
        shutil.rmtree(demo / "charts")
        repository.server.shutdown()
        repository.server.server_close()
        done = self.run_vitrine("chart", "dependency", "build", "demo")
        self.assertIn("using its index of", done.stderr)
        self.assertEqual(self.packages(demo), ["sub-1.0.0.tgz"])

    def test_a_package_of_another_digest_changes_nothing(self):
        self.publish("1.0.0")
        repository = self.repository()
        demo = self.chart("demo", dependencies=[{"name": "sub", "version": "*", "repository": repository.url}])
        self.run_vitrine("chart", "dependency", "update", "demo")
        lock = (demo / "Chart.lock").read_text()
        self.publish("2.0.0")
        with (self.root / "repo/sub-2.0.0.tgz").open("ab") as f:
            f.write(b"x")
        done = self.run_vitrine("chart", "dependency", "update", "demo", ok=False)
        self.assertIn("but the repository's index states sha256:", done.stderr)
        self.assertEqual(done.stderr.count("\n"), 1)
        self.assertEqual(self.packages(demo), ["sub-1.0.0.tgz"])
        self.assertEqual((demo / "Chart.lock").read_text(), lock)

    def test_stale_packages_go_and_a_lock_out_of_sync_is_refused(self):
        self.publish("1.0.0", "2.0.0")
        repository = self.repository()
        demo = self.chart("demo", dependencies=[{"name": "sub", "version": "1", "repository": repository.url}])
        self.run_vitrine("chart", "dependency", "build", "demo")
        self.chart("demo", dependencies=[{"name": "sub", "version": "2", "repository": repository.url}])
        done = self.run_vitrine("chart", "dependency", "build", "demo", ok=False)
        self.assertEqual(done.stderr, "Error: the lock file (Chart.lock) is out of sync with the dependencies file (Chart.yaml). "
                                      "Please update the dependencies\n")
        self.assertEqual(self.packages(demo), ["sub-1.0.0.tgz"])
        self.run_vitrine("chart", "dependency", "update", "demo")
        self.assertEqual(self.packages(demo), ["sub-2.0.0.tgz"])

    # ---- credentials

    def test_credentials_by_flag(self):
        self.publish("1.0.0")
        repository = self.repository("user:secret")
        demo = self.chart("demo", dependencies=[{"name": "sub", "version": "1", "repository": repository.url}])
        done = self.run_vitrine("chart", "dependency", "update", "demo", ok=False)
        self.assertIn("status 401", done.stderr)
        self.assertNotIn("secret", done.stderr)
        self.assertEqual(self.packages(demo), [])
        self.run_vitrine("chart", "dependency", "update", "demo", "--username", "user", "--password-stdin", stdin="secret\n")
        self.assertEqual(self.packages(demo), ["sub-1.0.0.tgz"])

    def test_named_repositories(self):
        self.publish("1.0.0", "1.1.0")
        repository = self.repository("user:secret")
        self.run_vitrine("chart", "repo", "add", "private", repository.url, ok=False)
        self.run_vitrine("chart", "repo", "add", "private", repository.url, "--username", "user", "--password", "secret")
        file = self.root / "home/.config/helm/repositories.yaml"
        self.assertEqual(file.stat().st_mode & 0o777, 0o600)
        self.assertEqual(self.run_vitrine("chart", "repo", "list", "--no-headers").stdout, f"private  {repository.url}\n")
        demo = self.chart("demo", dependencies=[{"name": "sub", "version": "1.0", "repository": "@private"},
                                                {"name": "sub", "alias": "two", "version": "1.1", "repository": "alias:private"}])
        self.run_vitrine("chart", "dependency", "update", "demo")
        self.assertEqual(self.packages(demo), ["sub-1.0.0.tgz", "sub-1.1.0.tgz"])
        self.assertIn(f"repository: {repository.url}", (demo / "Chart.lock").read_text())
        self.assertIn("name: sub", self.run_vitrine("template", "private/sub", "--version", "1.0").stdout)
        self.run_vitrine("chart", "repo", "remove", "private")
        done = self.run_vitrine("chart", "dependency", "update", "demo", ok=False)
        self.assertEqual(done.stderr, "hint: 'vitrine chart repo add NAME URL' adds a repository\n"
                                      "Error: no repository definition for @private, alias:private. Please add them via 'helm repo add'\n")

    def test_credentials_stay_with_their_host(self):
        self.publish("1.0.0")
        other = self.repository()
        self.run_vitrine("chart", "index", "repo", "--url", other.url)
        shutil.copytree(self.root / "repo", self.root / "first")
        first = Repository(self.root / "first", "user:secret")
        self.addCleanup(first.close)
        access = ["--repo", first.url, "--username", "user", "--password", "secret"]
        self.run_vitrine("chart", "pull", "sub", *access, "-d", "pulled")
        self.assertEqual([sent for _, _, sent in first.requests], [basic("user:secret")])
        self.assertEqual([sent for _, _, sent in other.requests], [None])
        other.take()
        shutil.rmtree(self.root / "home/.cache")
        self.run_vitrine("chart", "pull", "sub", *access, "--pass-credentials", "-d", "pulled")
        self.assertEqual([sent for _, _, sent in other.requests], [basic("user:secret")])

    def test_repositories_added_at_once_all_stay(self):
        self.publish("1.0.0")
        repository = self.repository()
        names = [f"r{i}" for i in range(6)]
        with concurrent.futures.ThreadPoolExecutor(len(names)) as at_once:
            for added in [at_once.submit(self.run_vitrine, "chart", "repo", "add", n, repository.url) for n in names]:
                added.result()
        listed = self.run_vitrine("chart", "repo", "list", "--no-headers").stdout
        self.assertEqual(sorted(line.split()[0] for line in listed.splitlines()), names)

    def test_a_password_is_read_once_for_all_charts(self):
        self.publish("1.0.0")
        repository = self.repository("user:secret")
        wanted = [{"name": "sub", "version": "1", "repository": repository.url}]
        for name in ("one", "two"):
            self.chart(name, dependencies=wanted)
        self.run_vitrine("chart", "package", "one", "two", "-u", "-d", "out", "--username", "user", "--password-stdin",
                         stdin="secret\n")
        self.assertEqual(len(list((self.root / "out").iterdir())), 2)

    def test_half_of_who_one_is_is_refused(self):
        done = self.run_vitrine("chart", "repo", "add", "r", "http://r.test", "--username", "user", ok=False)
        self.assertEqual(done.stderr, "Error: --username needs --password or --password-stdin\n")
        done = self.run_vitrine("chart", "pull", "r/x", "--password", "secret", ok=False)
        self.assertEqual(done.stderr, "Error: a password needs --username\n")

    def test_flags_for_two_hosts_are_refused(self):
        demo = [{"name": n, "version": "1", "repository": f"http://{n}.test"} for n in ("a", "b")]
        self.chart("demo", dependencies=demo)
        done = self.run_vitrine("chart", "dependency", "update", "demo", "--username", "u", "--password", "p", ok=False)
        self.assertIn("come from a.test and from b.test", done.stderr)

    # ---- charts that lie elsewhere

    def test_template_and_show_of_a_repository(self):
        self.publish("1.0.0", "2.0.0-rc.1")
        repository = self.repository()
        where = ["sub", "--repo", repository.url]
        self.assertIn("# Source: sub/templates/a.yaml", self.run_vitrine("template", *where).stdout)
        self.assertIn("version: 1.0.0\n", self.run_vitrine("chart", "show", "chart", *where).stdout)
        self.assertIn("version: 2.0.0-rc.1\n", self.run_vitrine("chart", "show", "chart", *where, "--devel").stdout)
        done = self.run_vitrine("template", "release", *where, "--version", "^9", ok=False)
        self.assertIn(f'chart "sub" version "^9" not found in {repository.url} repository', done.stderr)
        self.assertEqual(list((self.root / "tmp").iterdir()), [])

    def test_a_full_disk_is_a_failure(self):
        chart = self.chart("demo")
        for command in (("chart", "show", "all", chart), ("template", chart), ("version",)):
            with open("/dev/full", "w") as full:
                done = subprocess.run([VITRINE, *command], stdout=full, stderr=subprocess.PIPE, text=True, env=self.env, timeout=120)
            self.assertEqual(done.returncode, 1, command)
            self.assertIn("standard output", done.stderr)

    def test_pull_unpacks(self):
        self.publish("1.0.0")
        repository = self.repository()
        self.run_vitrine("chart", "pull", "sub", "--repo", repository.url, "--untar", "-d", "out")
        self.assertEqual(sorted(p.name for p in (self.root / "out").iterdir()), ["sub"])
        done = self.run_vitrine("chart", "pull", "sub", "--repo", repository.url, "--untar", "-d", "out", ok=False)
        self.assertIn("exists already", done.stderr)

    def test_a_chart_that_cannot_be_unpacked_leaves_nothing(self):
        with tarfile.open(self.root / "repo/bad-1.0.0.tgz", "w:gz") as tar:
            for name, text in (("Chart.yaml", b"apiVersion: v2\nname: bad\nversion: 1.0.0\n"), ("a", b"file"), ("a/b", b"folder")):
                member = tarfile.TarInfo(f"bad/{name}")
                member.size = len(text)
                tar.addfile(member, io.BytesIO(text))
        repository = self.repository()
        done = self.run_vitrine("chart", "pull", f"{repository.url}/bad-1.0.0.tgz", "--untar", "-d", "out", ok=False)
        self.assertIn("a file is in the way", done.stderr)
        self.assertEqual(list((self.root / "out").iterdir()), [])
        self.assertEqual(list((self.root / "tmp").iterdir()), [])

    def test_wrong_flags_name_the_whole_command(self):
        for command in (("chart", "lint"), ("chart", "repo", "add"), ("chart", "dependency", "build"), ("app",)):
            done = self.run_vitrine(*command, "--bogus", ok=False)
            self.assertEqual(done.returncode, 2)
            self.assertIn(f"(see 'vitrine {' '.join(command)} --help')", done.stderr)

    def test_package_with_another_version(self):
        self.chart("demo", "0.1.0")
        self.run_vitrine("chart", "package", "demo", "--version", "1.2.3+x", "--app-version", "7", "-d", "out")
        with tarfile.open(self.root / "out/demo-1.2.3+x.tgz") as tar:
            self.assertEqual(tar.getnames(), ["demo/Chart.yaml", "demo/templates/a.yaml"])
            self.assertEqual(tar.extractfile("demo/Chart.yaml").read().decode(),
                             'apiVersion: v2\nappVersion: "7"\nname: demo\nversion: 1.2.3+x\n')
        self.run_vitrine("chart", "package", "demo", "--version", "one", ok=False)

    # ---- registries

    def through_registry(self, host, *access, env=None, stdin=""):
        """Push, list, depend, render."""
        for version in ("1.0.0", "1.1.0+build.1", "2.0.0"):
            folder = self.chart("sub", version, folder=self.root / "source" / version)
            self.run_vitrine("chart", "package", folder, "-d", "packed")
            done = self.run_vitrine("chart", "push", f"packed/sub-{version}.tgz", f"oci://{host}/charts", *access, env=env, stdin=stdin)
            self.assertIn(f"Pushed: {host}/charts/sub:{version.replace('+', '_')}\n", done.stdout)
        demo = self.chart("demo", dependencies=[{"name": "sub", "version": "^1", "repository": f"oci://{host}/charts"}])
        self.run_vitrine("chart", "dependency", "update", "demo", *access, env=env, stdin=stdin)
        self.assertEqual(self.packages(demo), ["sub-1.1.0+build.1.tgz"])
        packed = self.root / "packed/sub-1.1.0+build.1.tgz"
        self.assertEqual((demo / "charts/sub-1.1.0+build.1.tgz").read_bytes(), packed.read_bytes())
        self.run_vitrine("chart", "dependency", "build", "demo", *access, env=env, stdin=stdin)
        done = self.run_vitrine("template", "r", f"oci://{host}/charts/sub", "--version", "1.0.0", *access, env=env, stdin=stdin)
        self.assertIn("# Source: sub/templates/a.yaml", done.stdout)
        done = self.run_vitrine("chart", "pull", f"oci://{host}/charts/sub", "--version", "^7", *access, ok=False, env=env, stdin=stdin)
        self.assertIn("none of its 3 versions satisfies ^7", done.stderr)

    def test_own_registry(self):
        (self.root / "registry").mkdir()
        registry = OwnRegistry(self.root / "registry")
        self.addCleanup(registry.close)
        self.through_registry(registry.host)

    @unittest.skipUnless(shutil.which("docker-registry"), "docker-registry is not installed")
    def test_docker_registry(self):
        registry = DebianRegistry(self.root / "registry")
        self.addCleanup(registry.close)
        self.through_registry(registry.host)

    @unittest.skipUnless(shutil.which("docker-registry"), "docker-registry is not installed")
    def test_docker_registry_with_a_password(self):
        (self.root / "htpasswd").write_text(HTPASSWD)
        registry = DebianRegistry(self.root / "registry", f"auth:\n  htpasswd: {{realm: charts, path: {self.root}/htpasswd}}\n")
        self.addCleanup(registry.close)
        self.chart("demo", dependencies=[{"name": "sub", "version": "1", "repository": f"oci://{registry.host}/charts"}])
        done = self.run_vitrine("chart", "dependency", "update", "demo", ok=False)
        self.assertIn("wants a user and a password", done.stderr)
        self.through_registry(registry.host, "--username", "user", "--password-stdin", stdin="secret\n")
        config = self.root / "home/.config/helm/registry/config.json"
        config.parent.mkdir(parents=True)
        auth = base64.b64encode(b"user:secret").decode()
        config.write_text(json.dumps({"auths": {registry.host: {"auth": auth}}}))
        self.through_registry(registry.host)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1], verbosity=2)
