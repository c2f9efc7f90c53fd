#!/usr/bin/env python3
"""The artefact commands and the embedded registry among strangers: Debian's docker-registry and skopeo.

usage: strangers.py SERVE ARTEFACT    (exit 77: skipped, with the reason)
"""
import hashlib
import http.server
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
import unittest
import urllib.error
import urllib.request

SERVE, ARTEFACT = sys.argv[1:3]
INDEX = "application/vnd.oci.image.index.v1+json"
IMAGE = "application/vnd.oci.image.manifest.v1+json"
DEADLINE = 30
HEAD, MERGE, OTHER = "a" * 40, "b" * 40, "c" * 40


def run(*command, env=None):
    return subprocess.run(command, capture_output=True, text=True, timeout=120, env={**os.environ, **(env or {})})


def artefact(*words, env=None):
    return run(ARTEFACT, *words, env=env)


def skopeo(*words):
    result = run("skopeo", "--insecure-policy", *words)
    if result.returncode != 0:
        raise AssertionError(f"skopeo {' '.join(words)}: {result.stderr}")
    return result.stdout


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def wait_for(url):
    end = time.monotonic() + DEADLINE
    while True:
        try:
            return urllib.request.urlopen(url, timeout=5).status
        except urllib.error.HTTPError as e:
            return e.code
        except OSError:
            if time.monotonic() > end:
                raise
            time.sleep(0.02)


class Ours:
    def __init__(self, folder):
        self.process = subprocess.Popen([SERVE, folder], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.host = f"127.0.0.1:{int(self.process.stdout.readline())}"

    def close(self):
        self.process.stdin.close()
        self.process.stdout.close()
        assert self.process.wait(DEADLINE) == 0


class Debians:
    def __init__(self, folder, auth=""):
        self.host = f"127.0.0.1:{free_port()}"
        config = os.path.join(folder, "config.yml")
        with open(config, "w") as f:
            f.write(f"version: 0.1\nlog: {{level: error}}\nstorage:\n  filesystem: {{rootdirectory: {folder}/data}}\n"
                    f"  delete: {{enabled: true}}\nhttp: {{addr: '{self.host}'}}\n{auth}")
        self.process = subprocess.Popen(["docker-registry", "serve", config], stdout=subprocess.DEVNULL,
                                        stderr=subprocess.DEVNULL)
        wait_for(f"http://{self.host}/v2/")

    def close(self):
        self.process.terminate()
        self.process.wait(DEADLINE)


def digest_of(data):
    return "sha256:" + hashlib.sha256(data).hexdigest()


def layout(folder, text):
    """An OCI layout with an index over two platforms; returns the digest of the index."""
    blobs = os.path.join(folder, "blobs", "sha256")
    os.makedirs(blobs)

    def blob(data):
        if not isinstance(data, bytes):
            data = json.dumps(data).encode()
        with open(os.path.join(blobs, hashlib.sha256(data).hexdigest()), "wb") as f:
            f.write(data)
        return {"digest": digest_of(data), "size": len(data)}

    layer = subprocess.run(["tar", "-cz", "--files-from", "/dev/null"], capture_output=True, check=True).stdout
    diff_id = digest_of(subprocess.run(["gzip", "-dc"], input=layer, capture_output=True, check=True).stdout)
    images = []
    for architecture in ("amd64", "arm64"):
        config = blob({"architecture": architecture, "os": "linux", "config": {"Labels": {"text": text}},
                       "rootfs": {"type": "layers", "diff_ids": [diff_id]}})
        manifest = blob({"schemaVersion": 2, "mediaType": IMAGE,
                         "config": {"mediaType": "application/vnd.oci.image.config.v1+json", **config},
                         "layers": [{"mediaType": "application/vnd.oci.image.layer.v1.tar+gzip", **blob(layer)}]})
        images.append({"mediaType": IMAGE, "platform": {"architecture": architecture, "os": "linux"}, **manifest})
    index = blob({"schemaVersion": 2, "mediaType": INDEX, "manifests": images, "note": text})
    with open(os.path.join(folder, "index.json"), "w") as f:
        json.dump({"schemaVersion": 2, "manifests": [{"mediaType": INDEX, **index}]}, f)
    with open(os.path.join(folder, "oci-layout"), "w") as f:
        json.dump({"imageLayoutVersion": "1.0.0"}, f)
    return index["digest"]


class Forge(http.server.BaseHTTPRequestHandler):
    """A forge that knows the pull requests in `pulls`: sha -> pull object; or answers `status` to everything."""
    pulls, status = {}, 200

    def do_GET(self):
        body = []
        path = self.path.split("?")[0].removeprefix("/api/v3")
        if path.endswith("/pulls"):
            found = self.pulls.get(path.split("/")[-2])
            body = [found] if found else []
        elif path.startswith("/search"):
            body = {"total_count": 0, "incomplete_results": False, "items": []}
        elif path == "/repos/o/r":
            body = {"full_name": "o/r"}
        data = json.dumps(body if self.status == 200 else {"message": "no"}).encode()
        self.send_response(self.status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_):
        pass


def pull(number, head, merge):
    return {"number": number, "title": "t", "state": "closed", "draft": False, "html_url": "http://forge.test/pull",
            "merged_at": "2024-03-24T16:02:22Z", "merge_commit_sha": merge, "updated_at": "2024-03-24T16:02:22Z",
            "user": {"login": "u"}, "labels": [], "author_association": "OWNER",
            "head": {"ref": "branch", "sha": head, "label": "o:branch", "repo": {"full_name": "o/r"}},
            "base": {"ref": "main", "sha": "0" * 40, "repo": {"full_name": "o/r"}}}


class Workflow:
    """The life of an image; each registry runs all of it."""

    def setUp(self):
        self.folder = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, self.folder)
        self.registry = self.open_registry(os.path.join(self.folder))
        self.addCleanup(self.registry.close)
        self.image = f"{self.registry.host}/demo/app"

    def program(self, text):
        path = os.path.join(self.folder, "program")
        with open(path, "w") as f:
            f.write(text)
        os.chmod(path, 0o755)
        return path

    def publish(self, text, sha, pr=7, *more):
        return artefact("publish", self.image, "--binary", self.program(text), "--name", "app", "--port", "8080/tcp",
                        "--sha", sha, "--pr", str(pr), *more)

    def inspect(self, tag):
        return digest_of(skopeo("inspect", "--raw", "--tls-verify=false", f"docker://{self.image}:{tag}").encode())

    def must(self, result):
        self.assertEqual(result.returncode, 0, result.stderr)
        return result.stdout

    def test_publish_twice(self):
        self.assertRegex(self.must(self.publish("one", HEAD)), r"^Published .*: sha-a+ \(new\), pr-7 \(new\) at sha256:")
        first = self.inspect("pr-7")
        self.assertRegex(self.must(self.publish("one", HEAD)), r"^Nothing to do, .*\(unchanged\), pr-7 \(unchanged\)")
        self.assertEqual(self.inspect("pr-7"), first)
        self.assertIn("pr-7 (moved)", self.must(self.publish("two", OTHER)))
        self.assertNotEqual(self.inspect("pr-7"), first)
        self.assertEqual(self.inspect("sha-" + HEAD), first)
        again = self.publish("three", HEAD)
        self.assertEqual(again.returncode, 4)
        self.assertRegex(again.stderr, "^Error: publish .*: sha-a+ is already another image .*--force")
        self.assertEqual(self.inspect("sha-" + HEAD), first)
        self.assertIn("(moved)", self.must(self.publish("three", HEAD, 7, "--force")))
        config = json.loads(skopeo("inspect", "--config", "--tls-verify=false", f"docker://{self.image}:pr-7"))
        self.assertEqual(config["config"]["Entrypoint"], ["/app"])
        self.assertEqual(config["config"]["ExposedPorts"], {"8080/tcp": {}})

    def test_promote_an_index(self):
        made = layout(os.path.join(self.folder, "layout"), "multi")
        self.must(artefact("publish", self.image, "--layout", os.path.join(self.folder, "layout"), "--sha", HEAD,
                           "--pr", "7"))
        told = self.must(artefact("promote", self.image, "--sha", MERGE, "--pr", "7", "--head", HEAD, "--tag", "main"))
        self.assertEqual(len(told.splitlines()), 1)
        self.assertIn(made, told)
        for tag in ("sha-" + MERGE, "main"):
            self.assertEqual(self.inspect(tag), made)
        self.assertIn("Nothing to do", self.must(artefact("promote", self.image, "--sha", MERGE, "--pr", "7", "--head",
                                                          HEAD, "--tag", "main")))
        tags = json.loads(self.must(artefact("tags", self.image, "-o", "json")))
        self.assertEqual({t["tag"]: t["digest"] for t in tags},
                         {t: made for t in ("main", "pr-7", "sha-" + HEAD, "sha-" + MERGE)})

    def test_promote_refusals(self):
        words = ("promote", self.image, "--sha", MERGE, "--pr", "7", "--head", HEAD)
        missing = artefact(*words)
        self.assertEqual(missing.returncode, 5, missing.stderr)
        self.must(self.publish("one", HEAD))
        self.must(self.publish("two", OTHER))  # pr-7 went on, HEAD is not what it names
        differs = artefact(*words)
        self.assertEqual(differs.returncode, 4)
        self.assertRegex(differs.stderr, "^Error: promote .*: pr-7 is sha256:[0-9a-f]+, but the tested sha-a+ is sha256:")
        self.must(self.publish("three", MERGE))
        taken = artefact("promote", self.image, "--sha", MERGE, "--pr", "7", "--head", OTHER)
        self.assertEqual(taken.returncode, 4)

    def test_promote_asks_the_forge(self):
        forge = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Forge)
        threading.Thread(target=forge.serve_forever, daemon=True).start()
        self.addCleanup(forge.server_close)
        self.addCleanup(forge.shutdown)
        words = ("promote", self.image, "--sha", MERGE, "--repo", "o/r", "--api",
                 f"http://127.0.0.1:{forge.server_address[1]}", "--lookup-wait", "0")
        self.must(self.publish("one", HEAD))
        Forge.pulls, Forge.status = {}, 200
        nothing = artefact(*words)
        self.assertEqual(nothing.returncode, 3, nothing.stderr)
        Forge.status = 401
        self.assertEqual(artefact(*words).returncode, 1)  # unknown is not "no pull request"
        Forge.status = 404
        self.assertEqual(artefact(*words).returncode, 1)
        Forge.pulls, Forge.status = {MERGE: pull(7, HEAD, MERGE)}, 200
        self.assertRegex(self.must(artefact(*words)), r"^Promoted .*: pr-7 \(head aaaaaaa, sha256:")
        self.assertEqual(self.inspect("sha-" + MERGE), self.inspect("pr-7"))


class WithOurs(Workflow, unittest.TestCase):
    open_registry = staticmethod(Ours)

    def test_dockerfile(self):
        """With a stand-in for buildah: what it is asked, and that its image arrives."""
        made = layout(os.path.join(self.folder, "layout"), "built")
        programs = os.path.join(self.folder, "bin")
        os.mkdir(programs)
        with open(os.path.join(programs, "buildah"), "w") as f:
            f.write(f'#!/bin/sh\necho "$@" >>"{self.folder}/asked"\n'
                    f'[ "$1" != push ] || cp -r "{self.folder}/layout" "${{3#oci:}}"\n')
        os.chmod(os.path.join(programs, "buildah"), 0o755)
        with open(os.path.join(self.folder, "Dockerfile"), "w") as f:
            f.write("FROM scratch\n")
        words = ("publish", self.image, "--dockerfile", os.path.join(self.folder, "Dockerfile"), "--sha", HEAD)
        self.must(artefact(*words, env={"PATH": f"{programs}:{os.environ['PATH']}"}))
        self.assertEqual(self.inspect("sha-" + HEAD), made)
        with open(os.path.join(self.folder, "asked")) as f:
            bud, push, remove = f.read().splitlines()
        self.assertRegex(bud, f"^bud --timestamp 0 --label org.opencontainers.image.revision={HEAD} --tag "
                              f"localhost/vitrine-build:[a-z0-9]+ --file {self.folder}/Dockerfile {self.folder}$")
        self.assertRegex(push, "^push localhost/vitrine-build:[a-z0-9]+ oci:")
        self.assertRegex(remove, "^rmi localhost/vitrine-build:")

    @unittest.skipUnless(shutil.which("buildah") and os.getuid() == 0, "needs buildah, and root to build without set-up")
    def test_dockerfile_with_buildah(self):
        storage = os.path.join(self.folder, "storage.conf")  # its images stay in the test's folder
        with open(storage, "w") as f:
            f.write(f'[storage]\ndriver = "vfs"\ngraphroot = "{self.folder}/graph"\nrunroot = "{self.folder}/run"\n')
        with open(os.path.join(self.folder, "Dockerfile"), "w") as f:
            f.write('FROM scratch\nCOPY Dockerfile /\nENTRYPOINT ["/app"]\n')
        words = ("publish", self.image, "--dockerfile", os.path.join(self.folder, "Dockerfile"), "--sha", HEAD)
        self.must(artefact(*words, env={"CONTAINERS_STORAGE_CONF": storage}))
        self.assertIn("Nothing to do", self.must(artefact(*words, env={"CONTAINERS_STORAGE_CONF": storage})))
        config = json.loads(skopeo("inspect", "--config", "--tls-verify=false", f"docker://{self.image}:sha-{HEAD}"))
        self.assertEqual(config["config"]["Entrypoint"], ["/app"])

    def test_flags_that_would_be_lost(self):
        for words in (("--layout", "x", "--label", "a=b"), ("--dockerfile", "x", "--env", "A=B"), ("--folder", "x", "--name", "y"),
                      ("--layout", "x", "--context", "y")):
            self.assertEqual(artefact("publish", self.image, "--sha", HEAD, *words).returncode, 2, words)


class WithDebians(Workflow, unittest.TestCase):
    open_registry = staticmethod(Debians)


class Between(unittest.TestCase):
    """skopeo carries a multi-platform image through every pair of registries, digests kept."""

    def setUp(self):
        self.folder = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, self.folder)
        self.ours, self.theirs = Ours(os.path.join(self.folder, "ours")), Debians(self.folder)
        self.addCleanup(self.ours.close)
        self.addCleanup(self.theirs.close)
        self.made = layout(os.path.join(self.folder, "layout"), "travels")

    def copy(self, source, to):
        skopeo("copy", "--all", "--preserve-digests", "--src-tls-verify=false", "--dest-tls-verify=false", source, to)

    def raw(self, image):
        return digest_of(skopeo("inspect", "--raw", "--tls-verify=false", image).encode())

    def test_round_trip(self):
        stations = [f"docker://{self.ours.host}/a/b:1", f"docker://{self.theirs.host}/a/b:1",
                    f"docker://{self.ours.host}/c:2", f"docker://{self.ours.host}/a/b:3"]
        source = f"oci:{self.folder}/layout"
        for to in stations:
            self.copy(source, to)
            self.assertEqual(self.raw(to), self.made)
            source = to
        tags = json.loads(skopeo("list-tags", "--tls-verify=false", f"docker://{self.ours.host}/a/b"))
        self.assertEqual(tags["Tags"], ["1", "3"])
        skopeo("delete", "--tls-verify=false", f"docker://{self.ours.host}/a/b:1")
        gone = run("skopeo", "inspect", "--raw", "--tls-verify=false", f"docker://{self.ours.host}/a/b:3")
        self.assertNotEqual(gone.returncode, 0)  # skopeo deletes by digest: every name of it goes
        self.assertEqual(self.raw(f"docker://{self.ours.host}/c:2"), self.made)

    def test_docker_types(self):
        """skopeo turns an image into Docker's types on the way; ours keeps those too."""
        to = f"docker://{self.ours.host}/docker/app:1"
        skopeo("copy", "--all", "--format", "v2s2", "--dest-tls-verify=false", f"oci:{self.folder}/layout", to)
        raw = json.loads(skopeo("inspect", "--raw", "--tls-verify=false", to))
        self.assertEqual(raw["mediaType"], "application/vnd.docker.distribution.manifest.list.v2+json")


class Killed(unittest.TestCase):
    """kill -9 while pushes run: what is named is whole, and the same pushes succeed afterwards."""

    ROUNDS = 4

    def setUp(self):
        self.folder = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, self.folder)
        self.data = os.path.join(self.folder, "data")
        self.program = os.path.join(self.folder, "program")
        with open(self.program, "wb") as f:
            f.write(os.urandom(2_000_000))

    def pushes(self, host, n):
        return [subprocess.Popen([ARTEFACT, "publish", f"{host}/app{i}", "--binary", self.program, "--name", "app",
                                  "--sha", HEAD, "--pr", "1", "--label", f"n={i}"], stdout=subprocess.DEVNULL,
                                 stderr=subprocess.DEVNULL) for i in range(n)]

    def check(self):
        """Every blob has its digest; every tag names a manifest whose content is there."""
        blobs = os.path.join(self.data, "blobs", "sha256")
        for folder, _, names in os.walk(blobs):
            for name in names:
                with open(os.path.join(folder, name), "rb") as f:
                    self.assertEqual(hashlib.sha256(f.read()).hexdigest(), name)
        tags = 0
        for folder, _, names in os.walk(os.path.join(self.data, "repos")):
            if os.path.basename(folder) != "_tags":
                continue
            for name in names:
                tags += 1
                with open(os.path.join(folder, name)) as f:
                    hex_ = f.read().removeprefix("sha256:")
                with open(os.path.join(blobs, hex_[:2], hex_)) as f:
                    manifest = json.load(f)
                for d in [manifest["config"], *manifest["layers"]]:
                    hex_ = d["digest"].removeprefix("sha256:")
                    self.assertTrue(os.path.exists(os.path.join(blobs, hex_[:2], hex_)))
        return tags

    def test_kill(self):
        for round_ in range(self.ROUNDS):
            registry = Ours(self.data)
            running = self.pushes(registry.host, 6)
            end = time.monotonic() + DEADLINE
            while self.count_files() < 3 + 5 * round_ and time.monotonic() < end:  # another moment each round
                time.sleep(0.001)
            registry.process.kill()
            registry.process.wait()
            for p in running:
                p.wait(DEADLINE)
            registry.process.stdin.close()
            registry.process.stdout.close()
            self.check()
        registry = Ours(self.data)
        self.addCleanup(registry.close)
        self.assertEqual([p.wait(DEADLINE) for p in self.pushes(registry.host, 6)], [0] * 6)
        self.assertEqual(self.check(), 12)

    def count_files(self):
        return sum(len(names) for _, _, names in os.walk(self.data))


HELM = os.environ.get("HELM") or shutil.which("helm")


@unittest.skipUnless(HELM, "helm is not installed (nor named by $HELM)")
class WithHelm(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, self.folder)
        self.registry = Ours(os.path.join(self.folder, "data"))
        self.addCleanup(self.registry.close)
        self.env = {f"HELM_{what}_HOME": os.path.join(self.folder, what) for what in ("CACHE", "CONFIG", "DATA")}
        self.helm("create", "demo")
        self.helm("package", "demo")
        with open(os.path.join(self.folder, "demo-0.1.0.tgz"), "rb") as f:
            self.package = f.read()

    def helm(self, *words):
        result = subprocess.run([HELM, *words], capture_output=True, text=True, timeout=120, cwd=self.folder,
                                env={**os.environ, **self.env})
        self.assertEqual(result.returncode, 0, result.stderr)
        return result.stdout

    def pulled(self, *words):
        to = tempfile.mkdtemp(dir=self.folder)
        self.helm("pull", *words, "-d", to)
        with open(os.path.join(to, "demo-0.1.0.tgz"), "rb") as f:
            return f.read()

    def test_repository(self):
        request = urllib.request.Request(f"http://{self.registry.host}/api/charts", self.package, method="POST")
        self.assertEqual(urllib.request.urlopen(request).status, 201)
        self.helm("repo", "add", "ours", f"http://{self.registry.host}/charts")
        self.assertIn("ours/demo\t0.1.0", self.helm("search", "repo", "ours").replace(" ", ""))
        self.assertEqual(self.pulled("ours/demo", "--version", "0.1.0"), self.package)

    def test_oci(self):
        self.helm("push", "demo-0.1.0.tgz", f"oci://{self.registry.host}/charts-of", "--plain-http")
        self.assertEqual(self.pulled(f"oci://{self.registry.host}/charts-of/demo", "--version", "0.1.0",
                                     "--plain-http"), self.package)


class WithPassword(unittest.TestCase):
    def test_basic(self):
        try:
            import crypt
            secret = crypt.crypt("secret", crypt.mksalt(crypt.METHOD_BLOWFISH))
        except (ImportError, AttributeError):
            self.skipTest("this Python has no crypt module to make a password file with")
        folder = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, folder)
        with open(f"{folder}/htpasswd", "w") as f:
            f.write(f"bob:{secret}\n")
        registry = Debians(folder, f"auth: {{htpasswd: {{realm: test, path: {folder}/htpasswd}}}}\n")
        self.addCleanup(registry.close)
        words = ("publish", f"{registry.host}/demo/app", "--binary", "/bin/true", "--sha", HEAD)
        clean = {"HOME": folder, "DOCKER_CONFIG": "", "REGISTRY_AUTH_FILE": "", "XDG_RUNTIME_DIR": ""}
        refused = artefact(*words, env=clean)
        self.assertEqual(refused.returncode, 1)
        self.assertIn(f"wants a user and a password; log in with `docker login {registry.host}`", refused.stderr)
        wrong = artefact(*words, "--username", "bob", "--password-env", "PW", env={**clean, "PW": "wrong"})
        self.assertEqual(wrong.returncode, 1)
        self.assertNotIn("wrong", wrong.stderr)
        right = artefact(*words, "--username", "bob", "--password-env", "PW", env={**clean, "PW": "secret"})
        self.assertEqual(right.returncode, 0, right.stderr)
        os.mkdir(f"{folder}/.docker")
        with open(f"{folder}/.docker/config.json", "w") as f:
            json.dump({"auths": {registry.host: {"auth": "Ym9iOnNlY3JldA=="}}}, f)
        known = artefact(*words, env=clean)
        self.assertEqual(known.returncode, 0, known.stderr)


if __name__ == "__main__":
    for program in ("skopeo", "docker-registry"):
        if shutil.which(program) is None:
            print(f"skipped: {program} is not installed (apt-get install {program})")
            sys.exit(77)
    unittest.main(argv=sys.argv[:1], verbosity=2)
