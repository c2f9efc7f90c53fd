#!/usr/bin/env python3
"""bench/charts judges the chart engine, so it is judged here: what it masks, what it finds, and that it sees a difference.

The peer is a script that asks vitrine itself and then spoils what it printed, as the template of the chart says.
"""
import json
import os
import subprocess
import sys
import tempfile
import unittest

ROOT = os.path.realpath(os.path.join(os.path.dirname(os.path.realpath(__file__)), '../..'))
sys.path.insert(0, os.path.join(ROOT, 'bench'))
sys.dont_write_bytecode = True
from differential import fill, find, mask  # noqa: E402

PEER = '''#!/bin/sh
case $1 in dependency) echo NAME; if [ -f "$3/wants" ]; then cat "$3/wants"; fi; exit 0;; esac
%(vitrine)s "$@" > %(work)s/out.$$ 2> %(work)s/err.$$
status=$?
cat %(work)s/err.$$ >&2
sed -e "s/NOISE/$(tr -dc a-z < /dev/urandom | head -c 5)/" -e s/SPOILT/spoilt/ %(work)s/out.$$
if grep -q REFUSED %(work)s/out.$$; then exit 1; fi
exit $status
'''


class Mask(unittest.TestCase):
    def fits(self, answers, got):
        return mask.masked_difference([a.encode() for a in answers], got.encode()) is None

    def test_words_that_change_may_be_anything_of_their_length(self):
        self.assertTrue(self.fits(['a: xyz1\nb: 2', 'a: qrs2\nb: 2'], 'a: jkl3\nb: 2'))
        self.assertFalse(self.fits(['a: xyz1', 'a: qrs2'], 'a: jkl34'))
        self.assertFalse(self.fits(['a: xyz1\nb: 2', 'a: qrs2\nb: 2'], 'a: jkl3\nb: 3'))

    def test_words_that_stay_must_be_equal(self):
        self.assertFalse(self.fits(['name: xyz1-web', 'name: qrs2-web'], 'name: jkl3-job'))

    def test_keys_differ_in_length(self):
        self.assertTrue(self.fits(['k: ' + 'A' * 100, 'k: ' + 'B' * 104], 'k: ' + 'C' * 108))
        pem = '-----BEGIN CERTIFICATE-----\n%s\n-----END CERTIFICATE-----\n'
        self.assertTrue(self.fits([pem % 'x', pem % 'y\nz'], pem % 'abc'))
        self.assertFalse(self.fits([pem % 'x', pem % 'y'], (pem % 'x').replace('CERTIFICATE', 'KEY')))

    def test_separators_inside_random_text(self):
        self.assertTrue(self.fits(['p: "a{b"', 'p: "c;d"'], 'p: "e:]"'))

    def test_lines_too_many_or_too_few(self):
        self.assertFalse(self.fits(['a: x', 'a: y'], 'a: z\nb: 1'))
        self.assertFalse(self.fits(['a: x\nb: 1', 'a: y\nb: 1'], 'a: z'))


class Versions(unittest.TestCase):
    def test_constraints(self):
        for constraint, version, holds in (
                ('2.x.x', '2.31.3', True), ('2.x.x', '3.0.0', False), ('^1.2.0', '1.9.0', True), ('^1.2.0', '1.1.0', False),
                ('^0.2.0', '0.3.0', False), ('~1.2', '1.2.9', True), ('~1.2', '1.3.0', False), ('>= 1.0.0, < 2.0.0', '1.5.0', True),
                ('>= 1.0.0 < 2.0.0', '2.0.0', False), ('1.0.0 || 2.0.0', '2.0.0', True), ('1.2.3', '1.2.4', False), ('*', '9.9.9', True),
                ('1.0.0 - 2.0.0', '1.5.0', True), ('1.0.0 - 2.0.0', '2.5.0', False), ('', '1.0.0', True)):
            self.assertEqual(fill.allows(constraint, version), holds, (constraint, version))

    def test_a_version_within(self):
        for constraint in ('2.x.x', '^1.2.0', '~1.2', '>= 1.0.0, < 2.0.0', '> 1.2.3', '1.2.3', '*'):
            self.assertTrue(fill.allows(constraint, fill.version_within(constraint)), constraint)


class Found(unittest.TestCase):
    def test_charts_and_value_files(self):
        with tempfile.TemporaryDirectory() as work:
            for name in ('a/Chart.yaml', 'a/charts/inner/Chart.yaml', 'a/templates/x-values.yaml', 'a/ci/one.yaml', 'a/values.yaml',
                         'a/values-prod.yaml', 'b/c-1.0.0.tgz', 'a/nested/Chart.yaml', 'a/nested/values-n.yaml'):
                write(os.path.join(work, name), '')
            work = os.path.realpath(work)
            self.assertEqual([os.path.relpath(c, work) for c in find.charts([work])], ['a', 'a/nested', 'b/c-1.0.0.tgz'])
            self.assertEqual([os.path.relpath(v, work) for v in find.value_files(work + '/a')], ['a/values-prod.yaml', 'a/ci/one.yaml'])


def write(path, text, mode=0o644):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, 'w', encoding='utf-8') as f:
        f.write(text)
    os.chmod(path, mode)


class Command(unittest.TestCase):
    """The whole command, against the peer above."""

    def compare(self, work, charts):
        peer = work + '/peer'
        write(peer, PEER % {'vitrine': BUILD + '/src/cli/vitrine', 'work': work}, 0o755)
        for name, files in charts.items():
            for path, text in {'Chart.yaml': 'apiVersion: v2\nname: %s\nversion: 1.0.0\n' % name, **files}.items():
                write('%s/charts-of-ours/%s/%s' % (work, name, path), text)
        report = work + '/report.json'
        done = subprocess.run([ROOT + '/bench/charts', '--helm', peer, '--build', BUILD, '--json', report, '--runs', '1', work + '/charts-of-ours'],
                              capture_output=True, text=True)
        with open(report, encoding='utf-8') as f:
            answer = json.load(f)
        return done.returncode, {v['case']: v['outcome'] for v in answer['verdicts']}, answer

    def test_outcomes(self):
        with tempfile.TemporaryDirectory() as work:
            status, outcomes, answer = self.compare(work, {
                'plain': {'templates/a.yaml': 'a: 1'},
                'noisy': {'templates/a.yaml': 'a: x-NOISE\nb: {{ .Values.b }}', 'values.yaml': 'b: 1', 'values-two.yaml': 'b: 2'},
                'spoilt': {'templates/a.yaml': 'a: SPOILT'},
                'refused': {'templates/a.yaml': 'a: REFUSED'},
                'broken': {'templates/a.yaml': 'a: {{ fail "no" }}'}})
            self.assertEqual(outcomes, {'plain': 'same', 'noisy': 'masked same', 'noisy -f values-two.yaml': 'masked same', 'spoilt': 'differ',
                                        'refused': 'only helm refuses', 'broken': 'both refuse'})
            self.assertEqual(status, 1)
            self.assertEqual({m['case'] for m in answer['measured']}, {'plain', 'noisy', 'noisy -f values-two.yaml'})
            self.assertEqual(set(answer['ratios']), {'wall', 'cpu', 'peak'})

    def test_dependencies_come_from_beside(self):
        with tempfile.TemporaryDirectory() as work:
            dependencies = 'dependencies:\n- {name: lib, version: 1.x.x, repository: "https://charts.invalid"}\n'
            status, outcomes, _ = self.compare(work, {
                'lib': {'templates/_l.tpl': '{{ define "l" }}from lib{{ end }}'},
                'app': {'Chart.yaml': 'apiVersion: v2\nname: app\nversion: 1.0.0\n' + dependencies,
                        'wants': 'lib\t1.x.x\thttps://charts.invalid\tmissing\n', 'templates/a.yaml': 'a: {{ include "l" . }}'}})
            self.assertEqual(outcomes, {'app': 'both refuse', 'app (filled)': 'same', 'lib': 'same'})
            self.assertEqual(status, 0)


if __name__ == '__main__':
    BUILD = os.path.realpath(sys.argv.pop(1))
    unittest.main()
