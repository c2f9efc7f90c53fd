"""kill -9 of the server at different moments: it converges, and no status is lost or doubled."""
import world
from world import World


def killed(w, pr, message):
    w.kill_server()
    w.start_server()
    w.until(lambda: w.answer(pr) == message, 'the preview answers after the restart')
    w.until(lambda: w.healthy(pr), 'synced and healthy after the restart')
    w.until(lambda: w.states(w.sha) == ['pending', 'success'], 'pending and success, once each')
    w.until(lambda: w.states(w.sha, 'continuous-integration/argocd') == ['success'], "the configuration's status, once")
    w.never(lambda: w.states(w.sha) != ['pending', 'success'] or
            w.states(w.sha, 'continuous-integration/argocd') != ['success'], 'a status was doubled', 2)


def while_waiting_for_the_image():
    with World() as w:
        pr = w.open_pull('feat/a', message='A', publish=False)
        w.until(lambda: w.states(w.sha) == ['pending'], 'pending')
        w.kill_server()
        w.start_server()
        w.publish(w.sha, pr, 'A')
        killed(w, pr, 'A')


def in_the_middle_of_a_sync():
    with World() as w:
        pr = w.open_pull('feat/b', message='B')
        w.until(lambda: (w.app(pr) or {}).get('status', {}).get('operationState', {}).get('phase') == 'Running', 'a sync runs')
        killed(w, pr, 'B')


def with_statuses_waiting():
    with World() as w:
        w.fault(kind='status', path='/statuses/', status=503)
        pr = w.open_pull('feat/c', message='C')
        w.until(lambda: w.healthy(pr), 'the preview runs')
        waiting = lambda: [n for n in w.get('/api/v1/notifications')['items'] if n['state'] == 'pending']
        w.until(lambda: len(waiting()) >= 2, 'statuses wait')
        w.kill_server()
        w.fault()
        w.start_server()
        w.until(lambda: w.states(w.sha)[-1:] == ['success'], 'the verdict arrives')
        w.until(lambda: w.states(w.sha, 'continuous-integration/argocd') == ['success'], "the configuration's status arrives")
        w.never(lambda: w.states(w.sha).count('success') != 1, 'the verdict was doubled', 2)


def stop(server):
    server.terminate()
    assert server.wait(60) == 0


def environments_survive_when_asked_to():
    with World(server_flags=['--keep-running']) as w:
        pr = w.open_pull('feat/d', message='D')
        w.until(lambda: w.healthy(pr), 'the preview runs')
        for end in (w.kill_server, lambda: stop(w.server)):
            end()
            assert w.processes('__holder'), 'the environment ended with the server'
            w.start_server()
            w.until(lambda: w.answer(pr) == 'D', 'it still answers')
            w.until(lambda: w.healthy(pr), 'and is healthy')
        assert not [e for e in w.events() if e['reason'] in ('CrashLoopBackOff', 'Failed')], w.events()
        w.close(pr)
        w.until(lambda: w.gone(pr), 'closing it still removes it')


world.main(while_waiting_for_the_image, in_the_middle_of_a_sync, with_statuses_waiting, environments_survive_when_asked_to)
