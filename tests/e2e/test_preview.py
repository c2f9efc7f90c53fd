"""From an opened pull request to a running, tested preview; pushes, failures, mends; merge and close."""
import json

import world
from world import REPO, World


def quick_retries(w):
    """The retries of the ApplicationSet as configured, but with seconds instead of tens of them."""
    path = w.config + '/applicationset.yaml'
    with open(path) as f:
        text = f.read()
    with open(path, 'w') as f:
        f.write(text.replace('duration: 5s', 'duration: 1s'))


def hook_of(app):
    rows = app['status']['operationState']['syncResult']['resources']
    return next((r for r in rows if r['kind'] == 'Job' and r.get('hookType') == 'PostSync'), None)


def the_whole_life():
    with World(edit_config=quick_retries) as w:
        pr = w.open_pull('feat/life', message='First')
        first = w.sha
        w.until(lambda: w.answer(pr) == 'First', 'the preview answers')
        app = w.until(lambda: w.healthy(pr), 'synced, healthy, succeeded')
        assert hook_of(app)['hookPhase'] == 'Succeeded', hook_of(app)
        assert hook_of(app)['name'].startswith('e2e-tests-%s-postsync-' % first[:7]), hook_of(app)
        assert app['status']['operationState']['syncResult']['revision'] == first
        w.until_states(first, ['pending', 'success'], 'pending, then success')
        w.until_states(first, ['success'], "the configuration's own status", 'continuous-integration/argocd')

        # a push: another tag, pr-N moved, another answer
        before = w.digest('pr-%d' % pr)
        second = w.commit('feat/life', message='Second', pr=pr)
        w.until(lambda: w.answer(pr) == 'Second', 'the new answer')
        assert w.digest('pr-%d' % pr) == w.digest('sha-' + second) != before
        w.until_states(second, ['pending', 'success'], 'the second commit succeeds')

        # an image that appears late: nothing is applied before, the old preview serves on
        third = w.commit('feat/life', message='Third', pr=pr, publish=False)
        w.until_states(third, ['pending'], 'the third commit is pending')
        w.never(lambda: w.answer(pr) != 'Second' or w.app(pr)['status']['operationState']['syncResult']['revision'] != second,
                'something was applied before its image was there')
        w.publish(third, pr, 'Third')
        w.until(lambda: w.answer(pr) == 'Third', 'the late image serves')
        w.until_states(third, ['pending', 'success'], 'the third commit succeeds')

        # a chart that does not render
        w.write('deploy/templates/broken.yaml', '{{ required "the database must be named" .Values.database }}\n')
        broken = w.commit('feat/life', message='Fourth', pr=pr)
        w.until_states(broken, ['pending', 'failure'], 'the failure is told')
        assert 'the database must be named' in w.statuses(broken, 'vitrine/preview')[-1]['description']
        assert w.answer(pr) == 'Third'
        w.git('rm', '-q', '-f', 'deploy/templates/broken.yaml')

        # a test that fails: told after the retries that are configured
        path = w.copy + '/deploy/templates/e2e-tests.yaml'
        with open(path) as f:
            text = f.read()
        w.write('deploy/templates/e2e-tests.yaml', text.replace('- message', '- no-such-text'))
        failing = w.commit('feat/life', message='Fifth', pr=pr)
        w.until_states(failing, ['pending', 'failure'], 'the failed test is told')
        state = w.app(pr)['status']['operationState']
        assert state['phase'] == 'Failed' and state['message'].endswith('(retried 2 times).'), state['message']
        w.until_states(failing, ['error'], "the configuration's status says error", 'continuous-integration/argocd')
        w.write('deploy/templates/e2e-tests.yaml', text)
        fixed = w.commit('feat/life', message='Sixth', pr=pr)
        w.until(lambda: w.answer(pr) == 'Sixth', 'the mend serves')
        w.until_states(fixed, ['pending', 'success'], 'the mend succeeds')

        # the command line prints what the workflow's page shows
        out = w.vitrine('app', 'get', 'argocd/demo-web-pr-%d' % pr, '--grpc-web', '--show-params', '--show-operation')[1]
        for line in ('Name:               argocd/demo-web-pr-%d' % pr, 'Sync Status:        Synced to feat/life (%s)' % fixed[:7],
                     'Health Status:      Healthy', 'Sync Revision:      ' + fixed, 'Phase:              Succeeded',
                     'tag   sha-' + fixed, 'name  demo-web-pr-%d' % pr):
            assert line in out, (line, out)

        # merge: the tested image is the promoted one, everything is gone
        tested = w.digest('sha-' + fixed)
        merged = w.merge(pr)
        w.until(lambda: w.gone(pr), 'the environment is gone')
        w.nothing_left(pr)
        out = w.vitrine('artefact', 'promote', w.image, '--sha', merged, '--repo', REPO, '--api',
                        'http://127.0.0.1:%d/api/v3' % w.forge_port)[1]
        assert w.digest('sha-' + merged) == tested, out


def an_image_that_does_not_come_is_told():
    with World(server_flags=['--image-timeout', '1s']) as w:
        pr = w.open_pull('feat/late', message='Late', publish=False)
        w.until_states(w.sha, ['pending', 'failure'], 'the missing image is told')
        assert w.image + ':sha-' + w.sha in w.statuses(w.sha, 'vitrine/preview')[-1]['description']
        assert 'status' not in w.app(pr) or 'operationState' not in w.app(pr)['status'], w.app(pr)['status']
        w.publish(w.sha, pr, 'Late')
        w.until(lambda: w.answer(pr) == 'Late', 'it is deployed all the same')
        w.until(lambda: w.healthy(pr), 'and well')
        w.until_states(w.sha, ['pending', 'failure'], 'one verdict for one commit')


def closing_promotes_nothing():
    with World() as w:
        pr = w.open_pull('feat/close', message='Soon gone')
        w.until(lambda: w.answer(pr) == 'Soon gone', 'the preview answers')
        tags = json.loads(w.vitrine('artefact', 'tags', w.image, '-o', 'json')[1])
        w.close(pr)
        w.until(lambda: w.gone(pr), 'the environment is gone')
        w.nothing_left(pr)
        assert json.loads(w.vitrine('artefact', 'tags', w.image, '-o', 'json')[1]) == tags
        status = w.vitrine('artefact', 'promote', w.image, '--sha', w.sha, '--repo', REPO, '--api',
                           'http://127.0.0.1:%d/api/v3' % w.forge_port, check=False)[0]
        assert status == 3, status  # no merged pull request brought this commit


def two_requests_do_not_see_each_other():
    def no_retries(w):
        path = w.config + '/applicationset.yaml'
        with open(path) as f:
            text = f.read()
        with open(path, 'w') as f:
            f.write(text.replace('limit: 2', 'limit: 0'))
    with World(edit_config=no_retries) as w:
        one = w.open_pull('feat/one', message='One')
        w.until(lambda: w.healthy(one), 'the first one runs')
        # the second one's test asks the first one's Service
        w.git('checkout', '-q', '-B', 'feat/two', 'main')
        path = w.copy + '/deploy/templates/e2e-tests.yaml'
        with open(path) as f:
            text = f.read()
        w.write('deploy/templates/e2e-tests.yaml', text.replace('{{ .Values.name }}.{{ .Release.Namespace }}', 'demo-web-pr-%d.demo-web-pr-%d' % (one, one)))
        w.message('Two')
        sha = w.push('feat/two', 'Two')
        status, pull = w.api('POST', '/repos/%s/pulls' % REPO, {'title': 'Two', 'head': 'feat/two', 'base': 'main'})
        two = pull['number']
        w.publish(sha, two, 'Two')
        w.until(lambda: w.answer(two) == 'Two', 'the second one runs')
        assert w.answer(one) == 'One'
        w.until_states(sha, ['pending', 'failure'], 'the first one is out of reach')
        w.close(two)
        w.until(lambda: w.gone(two), 'the second one is gone')
        w.nothing_left(two)
        assert w.answer(one) == 'One'


world.main(the_whole_life, an_image_that_does_not_come_is_told, closing_promotes_nothing, two_requests_do_not_see_each_other)
