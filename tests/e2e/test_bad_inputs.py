"""Wrong inputs: one clear line each, nothing lost."""
import hashlib
import hmac
import io
import json
import os
import tarfile

import world
from world import REPO, SECRET, World


def wrong_manifests(w):
    with open(w.config + '/bad-syntax.yaml', 'w') as f:
        f.write('apiVersion: v1\nkind: Secret\nmetadata:\n  name: x\n   bad: indent\n')
    with open(w.config + '/bad-type.yaml', 'w') as f:
        f.write('apiVersion: argoproj.io/v1alpha1\nkind: ApplicationSet\nmetadata:\n  name: odd\nspec:\n  generators: 5\n  template: {}\n')
    with open(w.config + '/bad-trigger.yaml', 'w') as f:
        f.write("triggers:\n  trigger.on-nothing: |\n    - when: app.status. ==\n      send: [github-commit-status]\n")


def signed(w, body, secret=SECRET, delivery='d-1', event='pull_request'):
    signature = 'sha256=' + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    return world.fetch(w.page + '/api/webhook', 'POST', body,
                       {'X-GitHub-Event': event, 'X-GitHub-Delivery': delivery, 'X-Hub-Signature-256': signature,
                        'Content-Type': 'application/json'})


def configuration_and_webhooks():
    with World(edit_config=wrong_manifests) as w:
        problems = w.get('/api/v1/problems')['items']
        for where, word in (('bad-syntax.yaml', ''), ('bad-type.yaml', 'generators'), ('', 'on-nothing')):
            assert any(where in p['where'] and word in p['text'] for p in problems), (where, word, problems)
        # the good documents work all the same
        pr = w.open_pull('feat/x', message='Fine')
        w.until(lambda: w.answer(pr) == 'Fine', 'the preview answers')
        # forged, unsigned, replayed, malformed
        body = json.dumps({'action': 'closed', 'number': pr, 'pull_request': {'number': pr, 'state': 'closed', 'merged': False},
                           'repository': {'name': 'demo-web', 'full_name': REPO, 'owner': {'login': 'demo'},
                                          'url': 'http://127.0.0.1:%d/api/v3/repos/%s' % (w.forge_port, REPO)}}).encode()
        assert signed(w, body, secret='wrong')[0] == 400
        assert world.fetch(w.page + '/api/webhook', 'POST', body, {'X-GitHub-Event': 'pull_request'})[0] == 401
        assert world.fetch(w.page + '/api/webhook', 'POST', body)[0] == 400
        assert signed(w, b'{"action": ', delivery='d-2')[0] == 400
        assert signed(w, body)[0] == 202  # well signed, but untrue: only a hint
        again = signed(w, body)
        assert again[0] == 202 and b'handled before' in again[2], again
        w.never(lambda: w.answer(pr) != 'Fine', 'a webhook that lies removed the preview', 2)


def missing_images_and_registry():
    with World() as w:
        pr = w.open_pull('feat/x', message='Here')
        w.until(lambda: w.answer(pr) == 'Here', 'the preview answers')
        # an image that does not exist and has nothing to do with the commit: the old pods serve on
        with open(w.copy + '/deploy/values.yaml') as f:
            values = f.read()
        w.write('deploy/values.yaml', values + '  image:\n    repository: 127.0.0.1:1/nobody/nothing\n')
        sha = w.commit('feat/x', message='Gone', pr=pr)
        w.until(lambda: any('127.0.0.1:1' in e['message'] for e in w.events()), 'the unreachable registry is told')
        assert w.answer(pr) == 'Here'
        w.git('checkout', '-q', 'HEAD~1', '--', 'deploy/values.yaml')
        w.commit('feat/x', message='Back', pr=pr)
        w.until(lambda: w.answer(pr) == 'Back', 'the next commit serves')
        assert w.states(sha)[-1] != 'success', w.states(sha)


def charts_that_break_out():
    def package(*members):
        text = io.BytesIO()
        with tarfile.open(fileobj=text, mode='w:gz') as t:
            for name, content, target in members:
                info = tarfile.TarInfo(name)
                if target:
                    info.type, info.linkname = tarfile.SYMTYPE, target
                    t.addfile(info)
                else:
                    info.size = len(content)
                    t.addfile(info, io.BytesIO(content))
        return text.getvalue()

    chart = ('evil/Chart.yaml', b'apiVersion: v2\nname: evil\nversion: 1.0.0\n', None)
    with World() as w:
        for name, bad in (('dots.tgz', ('evil/../../../../tmp/vitrine-escaped', b'x', None)),
                          ('absolute.tgz', ('/tmp/vitrine-escaped', b'x', None)),
                          ('link.tgz', ('evil/templates/passwd.yaml', b'', '/etc/passwd'))):
            path = os.path.join(w.dir, name)
            with open(path, 'wb') as f:
                f.write(package(chart, bad))
            status, out, err = w.vitrine('template', 'x', path, check=False)
            assert 'root:' not in out and not os.path.exists('/tmp/vitrine-escaped'), (name, out)
            assert status != 0 and err.startswith('Error: ') and err.count('\n') == 1, (name, status, err)


def charts_that_ask_for_everything():
    """A render that runs out of what it may take is a condition of its Application; everything else goes on."""
    rows = [('loop', '{{ range 1000000000 }}{{ end }}', 'more than 50000000 steps'),
            ('memory', '{{ $l := list }}{{ range until 1000000 }}{{ $l = append $l . }}{{ end }}', 'more memory than its limit'),
            ('deep', '{{ define "a" }}{{ include "a" . }}{{ end }}{{ include "a" . }}', 'nested')]
    with World() as w:
        good = w.open_pull('feat/good', message='Good')
        w.until(lambda: w.answer(good) == 'Good', 'the preview answers')
        for name, template, word in rows:
            w.write('deploy/templates/hostile.yaml', template)
            pr = w.open_pull('feat/' + name)
            w.until(lambda: word in json.dumps(w.app(pr) or {}), 'the condition of ' + name)
            w.git('checkout', '-q', 'main')
        assert w.answer(good) == 'Good'
        w.commit('feat/good', message='Better', pr=good)
        w.until(lambda: w.answer(good) == 'Better', 'the next commit serves')


def one_line_each():
    """What a stranger does wrong first: exit code not 0, one line on standard error, with the word that helps."""
    with World() as w:
        other, empty = os.path.join(w.dir, 'other'), os.path.join(w.dir, 'empty')
        open(empty, 'w').close()
        server = ('server', '--config', w.config, '--data', other, '--port', '0', '--ingress-port', '0')
        sha = '0123456789012345678901234567890123456789'
        rows = [
            (('server', '--config', w.dir + '/absent', '--data', other), w.dir + '/absent'),
            (('server', '--data', other), '--config'),
            (server + ('--port', str(w.page_port)), str(w.page_port)),
            (server + ('--data', os.path.join(w.dir, 'data')), 'in use'),
            (server + ('--token-file', w.dir + '/absent'), '--token-file'),
            (server + ('--webhook-secret-file', empty), 'empty'),
            (server + ('--port', 'http'), 'port'),
            (('app', 'get', 'absent'), 'absent'),
            (('app', 'get', 'x', '--server', 'http://127.0.0.1:1'), 'vitrine server'),
            (('template', 'x', w.dir + '/absent'), w.dir + '/absent'),
            (('template', 'x', w.dir, '--links-within', w.dir + '/absent'), '--links-within'),
            (('chart', 'pull', 'absent/chart'), 'repo absent not found'),
            (('chart', 'push', w.dir, 'oci://127.0.0.1:1/x'), 'vitrine chart package'),
            (('chart', 'repo', 'add', 'x', 'absent'), 'must begin with http'),
            (('chart', 'index', w.dir + '/absent'), w.dir + '/absent'),
            (('chart', 'lint', '--unheard-of'), 'vitrine chart lint --help'),
            (('artefact', 'promote', w.image, '--repo', 'demo/absent', '--sha', sha, '--api',
              'http://127.0.0.1:%d/api/v3' % w.forge_port), 'demo/absent'),
            (('sandbox', 'serve', '--data', os.path.join(w.dir, 'forge')), 'in use'),
            (('nonsense',), 'nonsense'),
        ]
        for words, word in rows:
            status, out, err = w.vitrine(*words, check=False)
            assert status != 0 and out == '' and word in err, (words, status, out, err)
            assert err.startswith('Error: ') and err.count('\n') == 1, (words, err)
        env = dict(os.environ, PATH='/nonexistent')
        status, _, err = world.run(world.BIN, 'sandbox', 'serve', '--data', other, check=False, env=env)
        assert status != 0 and 'git' in err and err.count('\n') == 1, err


world.main(configuration_and_webhooks, missing_images_and_registry, charts_that_break_out,
           charts_that_ask_for_everything, one_line_each)
