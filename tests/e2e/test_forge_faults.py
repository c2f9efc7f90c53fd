"""Whatever a forge answers, an error is never taken for "no pull requests"."""
import world
from world import World

# kind of fault, further fields, a word that tells it apart in the condition
FAULTS = [
    ('status', {'status': 500}, '500'),
    ('status', {'status': 502}, '502'),
    ('status', {'status': 401}, '401'),
    ('status', {'status': 404}, '404'),
    ('rate-limit', {}, 'rate limit'),
    ('empty-list', {}, ''),
    ('truncated', {}, ''),
    ('html', {}, ''),
    ('nothing', {}, ''),
]


def condition(w):
    sets = w.get('/api/v1/applicationsets')['items']
    rows = [c for s in sets for c in s.get('status', {}).get('conditions', [])]
    return next((c['message'] for c in rows if c['type'] == 'ErrorOccurred' and c['status'] == 'True'), None)


def refresh(w):
    world.fetch(w.page + '/api/v1/applicationsets/refresh', 'POST')


def nothing_is_deleted():
    with World() as w:
        prs = [w.open_pull('feat/%d' % i, message='Preview %d' % i) for i in range(2)]
        for i, pr in enumerate(prs):
            w.until(lambda: w.answer(pr) == 'Preview %d' % i, 'preview %d answers' % i)
        apps, messages = w.apps(), {}
        for kind, fields, word in FAULTS:
            w.fault(kind=kind, path='/pulls', **fields)
            refresh(w)
            if kind != 'empty-list':  # a list that is empty is no error: only the requests' own answers prove that they are closed
                message = w.until(lambda: condition(w), '%s %s becomes a condition' % (kind, fields))
                assert word.lower() in message.lower(), (kind, message)
                messages[(kind, str(fields))] = message
            w.never(lambda: w.apps() != apps, '%s deleted something' % kind, 1.5)
            for i, pr in enumerate(prs):
                assert w.answer(pr) == 'Preview %d' % i, kind
            w.fault()
            w.until(lambda: refresh(w) or condition(w) is None, 'the condition goes after %s' % kind)
        assert len(set(messages.values())) >= 6, messages

    # a forge that is not there at all
    with World() as w:
        pr = w.open_pull('feat/x', message='Still here')
        w.until(lambda: w.answer(pr) == 'Still here', 'the preview answers')
        w.forge.kill()
        w.forge.wait()
        refresh(w)
        w.until(lambda: condition(w), 'an unreachable forge becomes a condition')
        w.never(lambda: w.answer(pr) != 'Still here' or w.apps() != ['demo-web-pr-%d' % pr], 'it was deleted', 1.5)
        w.start_forge()
        w.until(lambda: refresh(w) or condition(w) is None, 'the condition goes')
        w.close(pr)
        w.until(lambda: w.gone(pr), 'closing works again')


def an_idle_poll_costs_nothing():
    with World() as w:
        pr = w.open_pull('feat/x', message='Hello')
        w.until(lambda: w.answer(pr) == 'Hello', 'the preview answers')
        refresh(w)
        counted = lambda: int(next(l for l in world.fetch(w.page + '/metrics')[2].decode().splitlines()
                                   if l.startswith('vitrine_forge_requests_counted_total ')).split()[1])
        same = lambda: int(next(l for l in world.fetch(w.page + '/metrics')[2].decode().splitlines()
                                if l.startswith('vitrine_forge_not_modified_total ')).split()[1])
        w.until(lambda: refresh(w) or same() > 0, 'a poll is answered with 304')
        w.until(lambda: w.states(w.sha) == ['pending', 'success'], 'all statuses are there')
        base, before = counted(), same()
        w.until(lambda: refresh(w) or same() >= before + 5, 'five more polls')
        assert counted() == base, (counted(), base)


world.main(nothing_is_deleted, an_idle_poll_costs_nothing)
