"""The page in a real browser: the card of a preview appears by itself, with its pull request, its state and its link; titles stay text."""
import json
import os
import re
import shutil
import subprocess

import world
from world import World, fetch, free_port


class Browser:
    """Chromium by the WebDriver protocol."""

    def __init__(self, w):
        self.w, self.url = w, 'http://127.0.0.1:%d' % free_port()
        self.driver = subprocess.Popen(['chromedriver', '--port=' + self.url.rsplit(':', 1)[1]], stdout=subprocess.DEVNULL,
                                       stderr=subprocess.DEVNULL)
        flags = ['--headless', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
                 '--disable-component-update', '--disable-sync', '--disable-dev-shm-usage',
                 '--user-data-dir=' + os.path.join(w.dir, 'browser')] + (['--no-sandbox'] if os.getuid() == 0 else [])
        w.until(lambda: json.loads(fetch(self.url + '/status')[2])['value']['ready'], 'the browser driver')
        answer = self.ask('/session', {'capabilities': {'alwaysMatch': {'goog:chromeOptions': {'args': flags}}}})
        self.session = '/session/' + answer['sessionId']

    def ask(self, path, body, method='POST'):
        status, _, text = fetch(self.url + path, method, body, {'Content-Type': 'application/json'}, timeout=60)
        assert status == 200, text
        return json.loads(text)['value']

    def go(self, path):
        self.ask(self.session + '/url', {'url': self.w.page + path})

    def document(self):
        return self.ask(self.session + '/execute/sync', {'script': 'return document.documentElement.outerHTML', 'args': []})

    def __enter__(self):
        return self

    def __exit__(self, *_):
        fetch(self.url + self.session, 'DELETE', timeout=60)
        self.driver.terminate()
        self.driver.wait(30)


def a_preview_has_a_card():
    with World() as w, Browser(w) as b:
        b.go('/')
        w.until(lambda: re.search(r'<p id="empty" class="empty">No previews\.', b.document()), 'an empty page says so')
        pr = w.open_pull('feat/page', title='Say <script>alert(1)</script> & hello', message='Seen')
        w.until(lambda: w.states(w.sha) == ['pending', 'success'], 'the preview is tested')
        find = lambda: re.search(r'<article class="card healthy".*?</article>', b.document(), re.S)
        card = w.until(find, 'the card appears without a reload').group(0)
        for text in ('#%d Say &lt;script&gt;alert(1)&lt;/script&gt; &amp; hello' % pr, 'Synced', 'Healthy', w.sha[:7],
                     'href="http://demo-web-pr-%d.localhost:%d/"' % (pr, w.ingress_port)):
            assert text in card, (text, card)
        w.until(lambda: 'vitrine/preview: success' in b.document() and 'PostSync hooks succeeded' in b.document(), 'events, notifications')
        assert '<script>alert' not in b.document()
        b.go('/applications/demo-web-pr-%d' % pr)
        w.until(lambda: '<title>demo-web-pr-%d · vitrine</title>' % pr in b.document(), 'a page of its own')
        b.go('/')
        w.close(pr)
        w.until(lambda: 'demo-web-pr-%d</a>' % pr not in b.document(), 'the card goes without a reload')


if shutil.which('chromedriver') is None:
    print('SKIP: chromedriver is not installed')
else:
    world.main(a_preview_has_a_card)
