"""A running sandbox forge for one test class: the built binary, a working copy, a receiver of webhooks."""
import http.server
import json
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile
import threading
import time
import unittest
import urllib.error
import urllib.request

VITRINE = os.environ.get("VITRINE", "vitrine")
TOKEN = "sesame"
SECRET = "It's a Secret to Everybody"
DEADLINE_S = 60


def wait_for(condition, what):
    """Level, not edge: look until the condition holds; fail at the deadline."""
    deadline = time.monotonic() + DEADLINE_S
    while time.monotonic() < deadline:
        found = condition()
        if found:
            return found
        time.sleep(0.02)
    raise AssertionError(f"{what}: not within {DEADLINE_S} s")


class Answer:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    @property
    def json(self):
        return json.loads(self.body)


class Receiver:
    """Takes webhooks and keeps them."""

    def __init__(self):
        self.deliveries = []
        self.status = 202
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                outer.deliveries.append((dict(self.headers), body))
                self.send_response(outer.status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/hook"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def events(self, name=None):
        return [json.loads(body) for headers, body in list(self.deliveries) if name in (None, headers["X-GitHub-Event"])]

    def close(self):
        self.server.shutdown()
        self.server.server_close()


class Forge:
    def __init__(self, *flags, repo="acme/shop"):
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="sandbox-test-"))
        self.repo, self.flags = repo, flags
        self.socket = self.dir / "s"
        self.process = None
        self.start()

    def start(self):
        command = [VITRINE, "sandbox", "serve", "--data", str(self.dir / "data"), "--token", TOKEN, "--socket",
                   str(self.socket), "--repo", self.repo, "-o", "json", *self.flags]
        self.log = open(self.dir / "log", "ab")
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=self.log)
        text = b""
        for line in self.process.stdout:
            text += line
            if line.rstrip() == b"}":
                break
        if not text:
            raise AssertionError("the sandbox did not start: " + (self.dir / "log").read_text())
        self.url = json.loads(text)["url"]
        self.api = self.url + "/api/v3"

    def stop(self, how=signal.SIGTERM):
        """Ends it; its exit status tells whether the sanitizers were content."""
        self.process.send_signal(how)
        status = self.process.wait(DEADLINE_S)
        self.process.stdout.close()
        self.log.close()
        return status

    def close(self):
        status = self.stop() if self.process.poll() is None else self.process.returncode
        log = (self.dir / "log").read_text()
        shutil.rmtree(self.dir, ignore_errors=True)
        assert status == 0, f"the sandbox ended with {status}: {log}"

    # ---- HTTP

    def call(self, method, path, body=None, token=TOKEN, headers=None, base=None):
        data = body if isinstance(body, bytes) else None if body is None else json.dumps(body).encode()
        request = urllib.request.Request((base or self.api) + path, data=data, method=method, headers=dict(headers or {}))
        if token:
            request.add_header("Authorization", "Bearer " + token)
        try:
            with urllib.request.urlopen(request, timeout=DEADLINE_S) as answer:
                return Answer(answer.status, answer.headers, answer.read())
        except urllib.error.HTTPError as refusal:
            with refusal:
                return Answer(refusal.code, refusal.headers, refusal.read())

    def get(self, path, **more):
        return self.call("GET", f"/repos/{self.repo}{path}", **more)

    def post(self, path, body, **more):
        return self.call("POST", f"/repos/{self.repo}{path}", body, **more)

    def wait(self):
        idle = self.call("GET", f"/_sandbox/idle?wait_ms={DEADLINE_S * 1000}").json["idle"]
        assert idle, "the sandbox is still busy"

    # ---- git

    def remote(self, repo=None, token=TOKEN):
        return self.url.replace("http://", f"http://x-access-token:{token}@" if token else "http://") + f"/{repo or self.repo}.git"

    def work(self, name="work"):
        return Work(self, self.dir / name)

    def pull(self, head, base="main", title=None, **more):
        answer = self.post("/pulls", {"title": title or head, "head": head, "base": base, **more})
        assert answer.status == 201, answer.body
        return answer.json


class Work:
    """A working copy with a first commit on main, pushed."""

    def __init__(self, forge, path):
        self.forge, self.path = forge, path
        subprocess.run(["git", "init", "-q", "-b", "main", str(path)], check=True, env=environment())
        self.git("remote", "add", "origin", forge.remote())

    def git(self, *arguments, **more):
        done = subprocess.run(["git", *arguments], cwd=self.path, check=True, stdout=subprocess.PIPE, env=environment(), **more)
        return done.stdout.decode().strip()

    def write(self, path, text):
        (self.path / path).parent.mkdir(parents=True, exist_ok=True)
        (self.path / path).write_text(text)

    def commit(self, message, **files):
        return self.commit_files(message, {name: text for name, text in files.items()} or {"file": message})

    def commit_files(self, message, files):
        for name, text in files.items():
            self.write(name, text)
        self.git("add", "-A")
        self.git("commit", "-q", "-m", message)
        return self.git("rev-parse", "HEAD")

    def push(self, branch, *flags):
        self.git("push", "-q", *flags, "origin", f"HEAD:refs/heads/{branch}")
        return self.git("rev-parse", "HEAD")

    def branch(self, name, message="change", files=None):
        """A branch off main with one commit, pushed; returns its sha."""
        self.git("checkout", "-q", "-B", name, "main")
        self.commit_files(message, files or {name.replace("/", "-"): message})
        return self.push(name)


def environment():
    clean = {key: value for key, value in os.environ.items() if not key.startswith("GIT_")}
    clean.update(GIT_AUTHOR_NAME="Ada", GIT_AUTHOR_EMAIL="ada@example.invalid", GIT_COMMITTER_NAME="Ada",
                 GIT_COMMITTER_EMAIL="ada@example.invalid", GIT_CONFIG_NOSYSTEM="1", HOME="/nonexistent",
                 GIT_TERMINAL_PROMPT="0")
    return clean


class ForgeTest(unittest.TestCase):
    """One forge per class."""
    flags = ()
    wants_receiver = False

    @classmethod
    def setUpClass(cls):
        cls.receiver = Receiver() if cls.wants_receiver else None
        hook = ("--webhook", cls.receiver.url, "--secret", SECRET) if cls.receiver else ()
        cls.forge = Forge(*hook, *cls.flags)
        cls.work = cls.forge.work()
        cls.main = cls.work.commit("first", README="hello\n")
        cls.work.push("main")

    @classmethod
    def tearDownClass(cls):
        cls.forge.close()
        if cls.receiver:
            cls.receiver.close()


def main():
    unittest.main(verbosity=1)
