"""Self-heal and prune."""
import world
from world import World


def kinds(w, pr):
    return sorted(r['kind'] for r in w.app(pr)['status'].get('resources', []) if not r.get('hook'))


def heal_and_prune():
    with World() as w:
        pr = w.open_pull('feat/drift', message='Steady')
        name = 'demo-web-pr-%d' % pr
        w.until(lambda: w.healthy(pr), 'the preview runs')
        assert kinds(w, pr) == ['Deployment', 'Ingress', 'Service', 'ServiceAccount'], kinds(w, pr)
        uid = lambda: next((r['live']['metadata']['uid'] for r in w.get('/api/v1/applications/%s/managed-resources' % name)['items']
                            if r['kind'] == 'Service' and r['live']), None)
        old = uid()
        w.vitrine('app', 'delete-resource', name, '--kind', 'Service', '--resource-name', name)
        w.until(lambda: uid() not in (None, old), 'the Service is made anew')
        w.until(lambda: w.healthy(pr) and w.answer(pr) == 'Steady', 'all is well again')
        # what leaves the manifests is pruned
        with open(w.copy + '/deploy/values.yaml') as f:
            values = f.read()
        w.write('deploy/values.yaml', values + '  serviceAccount:\n    create: false\n')
        w.commit('feat/drift', message='Steady on', pr=pr)
        w.until(lambda: w.answer(pr) == 'Steady on', 'the new commit serves')
        w.until(lambda: w.healthy(pr) and 'ServiceAccount' not in kinds(w, pr), 'the ServiceAccount is pruned')


world.main(heal_and_prune)
