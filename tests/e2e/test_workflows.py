"""The repository's own workflows: publish on pull requests, promote on the trunk, dispatch by hand and from a notification."""
import world
from world import REPO, World


def runs(w, workflow):
    status, answer = w.api('GET', '/repos/%s/actions/runs?per_page=100' % REPO)
    assert status == 200, answer
    return [r for r in answer['workflow_runs'] if r['path'].endswith(workflow)]


def dispatching_notification(w):
    """A successful sync dispatches smoke.yaml with the preview's address."""
    with open(w.config + '/dispatch.yaml', 'w') as f:
        f.write('''triggers:
  trigger.on-smoke: |
    - oncePer: app.status.operationState.syncResult.revision
      when: app.status.operationState.phase == 'Succeeded' and app.status.health.status == 'Healthy'
      send: [dispatch-smoke]
templates:
  template.dispatch-smoke: |
    webhook:
      github:
        method: POST
        path: /repos/{{call .repo.FullNameByRepoURL .app.spec.source.repoURL}}/actions/workflows/smoke.yaml/dispatches
        body: |
          {"ref": "main", "inputs": {"url": "{{ (index .app.spec.info 0).value }}", "text": "From CI"}}
''')
    path = w.config + '/applicationset.yaml'
    with open(path) as f:
        text = f.read()
    with open(path, 'w') as f:
        f.write(text.replace('      annotations:\n', '      annotations:\n        notifications.argoproj.io/subscribe.on-smoke.github: ""\n', 1))


def publish_test_promote_dispatch():
    with World(workflows=True, edit_config=dispatching_notification) as w:
        pr = w.open_pull('feat/ci', message='From CI')
        w.until(lambda: w.answer(pr) == 'From CI', 'what the workflow built is served')
        w.until_states(w.sha, ['pending', 'success'], 'success')
        w.until(lambda: [r['conclusion'] for r in runs(w, 'smoke.yaml')] == ['success'], 'the notification dispatched the workflow')
        # by hand, as the workflow's documentation has it
        w.vitrine('workflow', 'run', 'smoke.yaml', '--repo', REPO, '--api', 'http://127.0.0.1:%d/api/v3' % w.forge_port, '--ref', 'main',
                  '-f', 'url=http://demo-web-pr-%d.localhost:%d/' % (pr, w.ingress_port))
        w.until(lambda: [r['conclusion'] for r in runs(w, 'smoke.yaml')] == ['success', 'success'], 'dispatched by hand')
        tested = w.digest('sha-' + w.sha)
        merged = w.merge(pr)
        w.until(lambda: w.digest('sha-' + merged) == tested, 'the tested image is promoted')
        w.until(lambda: w.gone(pr), 'the environment is gone')
        w.nothing_left(pr)


world.main(publish_test_promote_dispatch)
