"""One world per scenario: a stand-in forge, a server with registry and engine, a working copy - all real processes on loopback.

    with World() as w:
        pr = w.open_pull('feat/x', message='Hello')
        w.until(lambda: w.answer(pr) == 'Hello', 'the preview answers')

Nothing sleeps to let things settle: every wait is for a condition, with a deadline.
"""
import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

ROOT = os.path.realpath(os.path.join(os.path.dirname(__file__), '..', '..'))
BIN = os.path.realpath(os.environ.get('VITRINE', os.path.join(ROOT, 'build-test/src/cli/vitrine')))
TOKEN = 'sandbox-token'
SECRET = 'webhook-secret'
REPO = 'demo/demo-web'
DEADLINE = float(os.environ.get('VITRINE_TEST_DEADLINE', '90'))


def free_port():
    """A port below those that the kernel gives to outgoing connections: it stays free until it is bound."""
    with open('/proc/sys/net/ipv4/ip_local_port_range') as f:
        end = int(f.read().split()[0])
    while True:
        port = random.randrange(max(1024, end - 16384), end)
        with socket.socket() as s:
            try:
                s.bind(('127.0.0.1', port))
                return port
            except OSError:  # taken: another one
                continue


def run(*argv, check=True, env=None, cwd=None, stdin=''):
    """A command to its end; (status, stdout, stderr)."""
    p = subprocess.run(argv, input=stdin, capture_output=True, text=True, env=env, cwd=cwd, timeout=120)
    if check and p.returncode != 0:
        raise AssertionError('%s: exit status %d\n%s%s' % (' '.join(argv), p.returncode, p.stdout, p.stderr))
    return p.returncode, p.stdout, p.stderr


def fetch(url, method='GET', body=None, headers=None, timeout=10):
    """(status, headers, bytes); no proxy, no exception for a status."""
    data = json.dumps(body).encode() if isinstance(body, (dict, list)) else body
    request = urllib.request.Request(url, data=data, method=method, headers=headers or {})
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=timeout) as r:
            return r.status, dict(r.headers), r.read()
    except urllib.error.HTTPError as e:
        return e.code, dict(e.headers), e.read()


class World:
    """workflows: the forge runs the repository's workflows (they compile); without, tests publish images themselves."""

    def __init__(self, workflows=False, edit_config=None, server_flags=()):
        self.dir = tempfile.mkdtemp(prefix='vitrine-e2e-')
        self.workflows = workflows
        self.server_flags = list(server_flags)
        self.forge_port, self.registry_port, self.ingress_port, self.page_port = (free_port() for _ in range(4))
        self.image = '127.0.0.1:%d/demo/demo-web' % self.registry_port
        self.copy = os.path.join(self.dir, 'copy')
        self.config = os.path.join(self.dir, 'config')
        self.edit_config = edit_config
        self.forge = self.server = None
        self.logs = []

    # -- set-up and tear-down --------------------------------------------------------------------

    def __enter__(self):
        try:
            self._copy(os.path.join(ROOT, 'examples/demo-web'), self.copy)
            shutil.copytree(os.path.join(self.copy, 'argocd'), self.config)
            if self.edit_config:
                self.edit_config(self)
            self.start_forge()
            self.start_server()
            self.git('init', '-q', '-b', 'main')
            self.git('remote', 'add', 'origin', 'http://ada:%s@127.0.0.1:%d/%s.git' % (TOKEN, self.forge_port, REPO))
            self.publish_chart()
            self.build()
            self.trunk = self.push('main', 'The first version')
            if self.workflows:
                self.until(lambda: self.digest('sha-' + self.trunk), 'the first workflow run')
            return self
        except BaseException:
            self.__exit__(*sys.exc_info())
            raise

    def __exit__(self, kind, value, trace):
        if kind is not None:
            self.show_logs()
        for p in (self.server, self.forge):
            if p and p.poll() is None:
                p.send_signal(signal.SIGTERM)
                try:
                    p.wait(60)
                except subprocess.TimeoutExpired:
                    p.kill()
                    p.wait()
                    if kind is None:
                        raise AssertionError('a process did not stop within 60 s of SIGTERM')
        status = [p.returncode for p in (self.server, self.forge) if p]
        reports, left = self.sanitizer_reports(), self.processes()
        shutil.rmtree(self.dir, ignore_errors=True)
        if kind is None and any(s not in (0, None) for s in status):
            raise AssertionError('a process ended with status %s\n%s' % (status, reports))
        if kind is None and reports:
            raise AssertionError('sanitizer reports\n' + reports)
        if kind is None and left:
            raise AssertionError('processes were left behind: %s' % left)
        return False

    def processes(self, word=''):
        """Command lines of the processes that were told of this world's folder and of `word`."""
        found = []
        for pid in filter(str.isdigit, os.listdir('/proc')):
            try:
                with open('/proc/%s/cmdline' % pid) as f:
                    words = f.read().split('\0')
            except OSError:  # it has just ended
                continue
            if any(self.dir in w for w in words) and (not word or word in words):
                found.append(' '.join(words))
        return found

    def sanitizer_reports(self):
        """What server and forge complained about, when they are a sanitized build."""
        found = []
        for name in sorted(os.listdir(self.dir)):
            if name.startswith('sanitizer.'):
                with open(os.path.join(self.dir, name), errors='replace') as f:
                    found.append(f.read())
        return '\n'.join(found)

    def show_logs(self):
        for name in self.logs:
            print('==== ' + name, file=sys.stderr)
            with open(os.path.join(self.dir, name), errors='replace') as f:
                print(''.join(f.readlines()[-60:]), file=sys.stderr)

    def _copy(self, source, target):
        ports = {'127.0.0.1:8081': '127.0.0.1:%d' % self.forge_port, '127.0.0.1:8082': '127.0.0.1:%d' % self.registry_port,
                 'localhost:8088': 'localhost:%d' % self.ingress_port}
        for folder, names, files in os.walk(source):
            names[:] = [n for n in names if n not in ('dist', '.git')]
            to = os.path.join(target, os.path.relpath(folder, source))
            os.makedirs(to, exist_ok=True)
            for name in files:
                with open(os.path.join(folder, name)) as f:
                    text = f.read()
                for old, new in ports.items():
                    text = text.replace(old, new)
                with open(os.path.join(to, name), 'w') as f:
                    f.write(text)

    def _spawn(self, log, *argv):
        self.logs.append(log)
        out = open(os.path.join(self.dir, log), 'a')
        reports = 'log_path=' + os.path.join(self.dir, 'sanitizer')
        env = dict(os.environ, PATH=os.path.dirname(BIN) + ':' + os.environ['PATH'], ASAN_OPTIONS=reports,
                   UBSAN_OPTIONS=reports + ':print_stacktrace=1')
        return subprocess.Popen(argv, stdout=out, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, env=env)

    def start_forge(self):
        flags = [] if self.workflows else ['--no-workflows']
        self.forge = self._spawn('forge.log', BIN, 'sandbox', 'serve', '--data', os.path.join(self.dir, 'forge'), '--port',
                                 str(self.forge_port), '--token', TOKEN, '--login', 'ada', '--webhook', self.page + '/api/webhook',
                                 '--secret', SECRET, '--repo', REPO, *flags)
        self.until(lambda: self.api('GET', '/repos/' + REPO)[0] == 200, 'the forge')

    def start_server(self, wait=True):
        self.server = self._spawn('server.log', BIN, 'server', '--config', self.config, '--data', os.path.join(self.dir, 'data'),
                                  '--port', str(self.page_port), '--ingress-port', str(self.ingress_port), '--registry',
                                  '--registry-port', str(self.registry_port), '--webhook-secret-file', self.secret_file(),
                                  *self.server_flags)
        if wait:
            self.until(self.serves, 'the server')

    def serves(self):
        if self.server.poll() is not None:
            raise AssertionError('the server ended with status %s' % self.server.returncode)
        try:
            return fetch(self.page + '/healthz')[0] == 200 and fetch('http://127.0.0.1:%d/v2/' % self.registry_port)[0] == 200
        except OSError:
            return False

    def secret_file(self):
        path = os.path.join(self.dir, 'webhook-secret')
        with open(path, 'w') as f:
            f.write(SECRET + '\n')
        return path

    def kill_server(self):
        self.server.kill()
        self.server.wait()
        self.server = None

    # -- waiting ---------------------------------------------------------------------------------

    def until(self, condition, what, deadline=None):
        end = time.monotonic() + (deadline or DEADLINE)
        pause = 0.01
        while True:
            try:
                found = condition()
            except (OSError, ValueError):
                found = None
            if found:
                return found
            if time.monotonic() > end:
                raise AssertionError('not within %d s: %s' % (deadline or DEADLINE, what))
            select_pause(pause)
            pause = min(pause * 1.5, 0.25)

    def never(self, condition, what, seconds=3.0):
        """A condition that must not become true while `seconds` pass."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            try:
                found = condition()
            except (OSError, ValueError):
                found = None
            assert not found, what
            select_pause(0.05)

    # -- git and images --------------------------------------------------------------------------

    def git(self, *words):
        env = dict(os.environ, HOME=self.dir, GIT_CONFIG_NOSYSTEM='1', GIT_TERMINAL_PROMPT='0', GIT_AUTHOR_NAME='Ada',
                   GIT_AUTHOR_EMAIL='ada@demo.example', GIT_COMMITTER_NAME='Ada', GIT_COMMITTER_EMAIL='ada@demo.example')
        return run('git', *words, cwd=self.copy, env=env)[1].strip()

    def write(self, path, text):
        path = os.path.join(self.copy, path)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, 'w') as f:
            f.write(text)

    def message(self, text):
        self.write('app/message.h', '#define MESSAGE "%s"\n' % text)

    def build(self):
        """The binaries once; messages differ by environment variable in images without workflows."""
        self.dist = os.path.join(self.dir, 'dist')
        run('make', '-C', os.path.join(self.copy, 'app'))
        shutil.copytree(os.path.join(self.copy, 'app/dist'), self.dist)
        shutil.rmtree(os.path.join(self.copy, 'app/dist'))

    def push(self, branch, title):
        self.git('add', '-A')
        self.git('commit', '-q', '--allow-empty', '-m', title)
        self.git('push', '-q', '-f', 'origin', 'HEAD:refs/heads/' + branch)
        return self.git('rev-parse', 'HEAD')

    def publish(self, sha, pr=None, message='Hello', binary='/demo-web'):
        words = ['--folder', self.dist, '--entrypoint', binary, '--port', '8080/tcp', '--user', '65532', '--env',
                 'MESSAGE=' + message, '--sha', sha] + (['--pr', str(pr)] if pr else [])
        return run(BIN, 'artefact', 'publish', self.image, *words)[1]

    def publish_chart(self):
        dist = os.path.join(self.dir, 'charts')
        os.makedirs(dist, exist_ok=True)
        run(BIN, 'chart', 'package', os.path.join(self.copy, 'chart'), '--destination', dist)
        package = os.path.join(dist, os.listdir(dist)[0])
        with open(package, 'rb') as f:
            status, _, text = fetch('http://127.0.0.1:%d/api/charts' % self.registry_port, 'POST', f.read(),
                                    {'Content-Type': 'application/octet-stream'})
        assert status in (200, 201), (status, text)

    def digest(self, tag):
        accept = 'application/vnd.oci.image.manifest.v1+json, application/vnd.oci.image.index.v1+json'
        name = self.image.split('/', 1)[1]
        status, headers, _ = fetch('http://127.0.0.1:%d/v2/%s/manifests/%s' % (self.registry_port, name, tag), 'HEAD', None,
                                   {'Accept': accept})
        return {k.lower(): v for k, v in headers.items()}.get('docker-content-digest') if status == 200 else None

    # -- the forge -------------------------------------------------------------------------------

    def api(self, method, path, body=None, token=TOKEN):
        headers = {'Authorization': 'Bearer ' + token, 'Accept': 'application/vnd.github+json', 'User-Agent': 'tests',
                   'Content-Type': 'application/json'}
        status, headers, text = fetch('http://127.0.0.1:%d/api/v3%s' % (self.forge_port, path), method, body, headers)
        return status, (json.loads(text) if text.strip() else None)

    def open_pull(self, branch, title='A change', message='Hello', publish=True, base='main'):
        """A branch with one commit, its pull request and, without workflows, its image. -> number; .sha of it in self.sha"""
        self.git('checkout', '-q', '-B', branch, base)
        self.message(message)
        sha = self.push(branch, title)
        status, pull = self.api('POST', '/repos/%s/pulls' % REPO, {'title': title, 'head': branch, 'base': base})
        assert status == 201, (status, pull)
        if publish and not self.workflows:
            self.publish(sha, pull['number'], message)
        self.sha = sha
        return pull['number']

    def commit(self, branch, title='Another change', message='Hello again', pr=None, publish=True):
        self.git('checkout', '-q', branch)
        self.message(message)
        self.sha = self.push(branch, title)
        if publish and not self.workflows:
            self.publish(self.sha, pr, message)
        return self.sha

    def merge(self, number, method='squash'):
        status, answer = self.api('PUT', '/repos/%s/pulls/%d/merge' % (REPO, number), {'merge_method': method})
        assert status == 200, (status, answer)
        return answer['sha']

    def close(self, number):
        status, answer = self.api('PATCH', '/repos/%s/pulls/%d' % (REPO, number), {'state': 'closed'})
        assert status == 200, (status, answer)

    def statuses(self, sha, context=None):
        """States of a commit, oldest first."""
        status, rows = self.api('GET', '/repos/%s/commits/%s/statuses?per_page=100' % (REPO, sha))
        assert status == 200, (status, rows)
        return [r for r in reversed(rows) if context in (None, r['context'])]

    def states(self, sha, context='vitrine/preview'):
        return [r['state'] for r in self.statuses(sha, context)]

    def until_states(self, sha, wanted, what, context='vitrine/preview'):
        """Wait until a commit's states are exactly these; more than that, or others, are a failure at once."""
        def reached():
            states = self.states(sha, context)
            if states != wanted[:len(states)]:
                raise AssertionError('%s: %s, but %s was expected: %s' % (what, states, wanted, self.statuses(sha, context)))
            return states == wanted
        self.until(reached, what)

    def fault(self, **fault):
        """kind=..., path=..., status=..., times=...; no arguments: clear."""
        url = 'http://127.0.0.1:%d/_sandbox/fault' % self.forge_port
        status, _, text = fetch(url, 'POST' if fault else 'DELETE', fault or None,
                                {'Content-Type': 'application/json', 'Authorization': 'Bearer ' + TOKEN})
        assert status in (200, 201, 204), (status, text)

    # -- the server ------------------------------------------------------------------------------

    @property
    def page(self):
        return 'http://127.0.0.1:%d' % self.page_port

    def get(self, path):
        status, _, text = fetch(self.page + path)
        if status != 200:
            raise ValueError('%s: %d %s' % (path, status, text[:200]))
        return json.loads(text)

    def app(self, number):
        try:
            return self.get('/api/v1/applications/demo-web-pr-%d' % number)
        except ValueError:
            return None

    def apps(self):
        return sorted(a['metadata']['name'] for a in self.get('/api/v1/applications')['items'])

    def events(self, app=''):
        return self.get('/api/v1/events?limit=500&app=' + app)['items']

    def answer(self, number):
        """The preview's message, None while there is none."""
        status, _, text = fetch('http://127.0.0.1:%d/' % self.ingress_port, headers={'Host': 'demo-web-pr-%d.localhost' % number})
        return json.loads(text)['message'] if status == 200 else None

    def healthy(self, number):
        app = self.app(number)
        status = (app or {}).get('status', {})
        return (status.get('sync', {}).get('status') == 'Synced' and status.get('health', {}).get('status') == 'Healthy' and
                status.get('operationState', {}).get('phase') == 'Succeeded' and app)

    def gone(self, number):
        return 'demo-web-pr-%d' % number not in self.apps()

    def nothing_left(self, number):
        """Of an environment that is gone: no process, no folder, no answer."""
        name = 'demo-web-pr-%d' % number
        assert not self.processes(name), self.processes(name)
        assert name not in os.listdir(os.path.join(self.dir, 'data/local/env'))
        assert self.answer(number) is None

    def vitrine(self, *words, check=True):
        env = dict(os.environ, VITRINE_SERVER=self.page, GH_TOKEN=TOKEN, TZ='UTC')
        return run(BIN, *words, check=check, env=env)


def select_pause(seconds):
    """The pause between two looks at a condition."""
    import select
    select.select([], [], [], seconds)


def main(*scenarios):
    """Run the scenarios named on the command line, or all; one line each."""
    wanted = sys.argv[1:]
    failed = 0
    for scenario in scenarios:
        if wanted and scenario.__name__ not in wanted:
            continue
        begin = time.monotonic()
        try:
            scenario()
            print('ok      %-40s %6.1f s' % (scenario.__name__, time.monotonic() - begin), flush=True)
        except Exception as e:  # a scenario's failure is told whole, the next one still runs
            import traceback
            failed += 1
            traceback.print_exc()
            print('FAILED  %-40s %s' % (scenario.__name__, e), flush=True)
    sys.exit(1 if failed else 0)
