"""The page in a real browser: the card of a preview appears by itself, with its pull request, its state and its link; titles stay text."""
import os
import re
import shutil
import subprocess

import world
from world import World

BROWSER = shutil.which('chromium') or shutil.which('chromium-browser')


def look(w, path='/'):
    """The page's document at some moment after it was loaded: look again until it shows what it should."""
    flags = ['--headless', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
             '--disable-component-update', '--disable-sync', '--disable-dev-shm-usage', '--user-data-dir=' + os.path.join(w.dir, 'browser'),
             '--timeout=2500', '--dump-dom']
    if os.getuid() == 0:
        flags.append('--no-sandbox')
    p = subprocess.run([BROWSER] + flags + [w.page + path], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, timeout=60)
    return p.stdout


def a_preview_has_a_card():
    with World() as w:
        assert 'No previews.' in look(w)
        pr = w.open_pull('feat/page', title='Say <script>alert(1)</script> & hello', message='Seen')
        w.until(lambda: w.states(w.sha) == ['pending', 'success'], 'the preview is tested')
        document = w.until(lambda: (lambda d: d if 'demo-web-pr-%d' % pr in d else None)(look(w)), 'the card')
        card = re.search(r'<article class="card healthy".*?</article>', document, re.S)
        assert card, document[:3000]
        for text in ('#%d Say &lt;script&gt;alert(1)&lt;/script&gt; &amp; hello' % pr, 'Synced', 'Healthy', w.sha[:7],
                     'href="http://demo-web-pr-%d.localhost:%d/"' % (pr, w.ingress_port)):
            assert text in card.group(0), (text, card.group(0))
        assert 'vitrine/preview: success' in document and '>sent<' in document  # notifications
        assert 'PostSync hooks succeeded' in document  # events
        assert '<script>alert' not in document
        w.until(lambda: '<title>demo-web-pr-%d · vitrine</title>' % pr in look(w, '/applications/demo-web-pr-%d' % pr), 'a page of its own')


if BROWSER is None:
    print('SKIP: chromium is not installed')
else:
    world.main(a_preview_has_a_card)
