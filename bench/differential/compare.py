"""Renders one case with both programs and says whether they agree."""
import dataclasses
import hashlib
import os
import pickle
import re
import time
import zlib

from . import mask
from .runs import Run

RELEASE, NAMESPACE = 'rel', 'bench'
AGREE = ('same', 'masked same', 'both refuse', 'both time out')
OUTCOMES = AGREE + ('differ', 'only helm refuses', 'only we refuse', 'we time out', 'helm times out', 'crash')


@dataclasses.dataclass
class Verdict:
    case: object
    outcome: str
    detail: str = ''  # of a disagreement: where and what; of a refusal: Helm's words; of a mask: how much it hides
    same_words: bool = True  # standard error has all that Helm's has
    ours: Run = None
    theirs: Run = None

    def forget_texts(self):
        self.ours.out = self.ours.err = self.theirs.out = self.theirs.err = b''

    def as_json(self):
        """The costs are those of one run each, beside other work: a hint where to measure."""
        costs = {m: {'ours': getattr(self.ours, m), 'helm': getattr(self.theirs, m)} for m in ('wall', 'cpu', 'peak')}
        return {'case': self.case.name, 'outcome': self.outcome, 'detail': self.detail, 'same_words': self.same_words, 'rough': costs}


def arguments(case, extra):
    return ['template', RELEASE, case.chart, '--namespace', NAMESPACE] + (['-f', case.values] if case.values else []) + extra


def _digest_tree(path):
    digest = hashlib.sha256()
    if os.path.isfile(path):
        with open(path, 'rb') as f:
            digest.update(f.read())
    for folder, folders, files in os.walk(path):
        folders.sort()
        for name in sorted(files):
            full = os.path.join(folder, name)
            digest.update(b'\0' + os.path.relpath(full, path).encode(errors='surrogateescape') + b'\0')
            if os.path.isfile(full):
                with open(full, 'rb') as f:
                    digest.update(f.read())
    return digest.hexdigest()


class Memory:
    """Helm's answers, kept by the digest of all that went in: a second comparison of the same charts asks Helm only where we differ."""

    def __init__(self, folder, helm):
        self.folder, self.helm = folder, '%s %d' % (helm, os.path.getsize(helm))
        self.trees = {}
        if folder:
            os.makedirs(folder, exist_ok=True)

    def _path(self, case, extra):
        if case.chart not in self.trees:
            self.trees[case.chart] = _digest_tree(case.chart)
        values = _digest_tree(case.values) if case.values else ''
        # messages name the chart and the value file, so where they lie counts too
        key = '\0'.join([self.helm, self.trees[case.chart], values, RELEASE, NAMESPACE] + extra)
        return os.path.join(self.folder, hashlib.sha256(key.encode()).hexdigest())

    def answer(self, case, extra, ask):
        if not self.folder:
            return ask()
        path = self._path(case, extra)
        if os.path.exists(path):
            with open(path, 'rb') as f:
                return Run(*pickle.loads(zlib.decompress(f.read())))
        run = ask()
        if not run.timed_out:
            with open('%s.%d' % (path, id(run)), 'wb') as f:
                f.write(zlib.compress(pickle.dumps(dataclasses.astuple(run)), 1))
            os.replace(f.name, path)
        return run


def words(run):
    """The message or the warnings, without what is not about the chart: times, and Helm's hint."""
    text = re.sub(rb'time=\S+ ', b'', run.err)
    return text.replace(b'\n\nUse --debug flag to render out invalid YAML', b'').strip()


def says_all(ours, theirs):
    """Ours may say more, and where. Helm's log lines come in the order of a map, another one each time."""
    log = [line for line in theirs.split(b'\n') if line.startswith(b'level=')]
    rest = b'\n'.join(line for line in theirs.split(b'\n') if line not in log)
    return rest in ours and set(log) <= set(ours.split(b'\n'))


def _show(difference, text, what):
    line, want, got = difference
    shown = [b'(nothing)' if l is None else l[:300] for l in (want, got)]
    return '%s line %d, in %s\n      helm %s\n      ours %s' % (
        what, line, mask.source_above(text, line) or 'no document', *(l.decode(errors='replace') for l in shown))


def _unequal_text(case, ours, theirs, again):
    """Both render and the texts differ: is it Helm that changes from run to run?"""
    time.sleep(1.1)  # a clock of seconds must have moved
    answers = [theirs.out] + [again().out for _ in range(2)]
    if len(set(answers)) == 1:
        return Verdict(case, 'differ', _show(mask.first_difference(theirs.out, ours.out), ours.out, 'text'))
    difference = mask.masked_difference(answers, ours.out)
    if difference is None:
        return Verdict(case, 'masked same', mask.share(answers))
    return Verdict(case, 'differ', _show(difference, ours.out, 'masked text'))


def _judge(case, ours, theirs, again):
    if ours.crashed:
        return Verdict(case, 'crash', ours.err[-2000:].decode(errors='replace'))
    if ours.timed_out or theirs.timed_out:
        both = ours.timed_out and theirs.timed_out
        return Verdict(case, 'both time out' if both else 'we time out' if ours.timed_out else 'helm times out')
    if ours.accepted != theirs.accepted:
        if ours.accepted:
            return Verdict(case, 'only helm refuses', words(theirs)[:600].decode(errors='replace'))
        return Verdict(case, 'only we refuse', words(ours)[:600].decode(errors='replace'))
    if ours.out != theirs.out:
        return _unequal_text(case, ours, theirs, again)
    if ours.accepted:
        return Verdict(case, 'same')
    if ours.status != theirs.status and not theirs.err.startswith(b'panic:'):
        return Verdict(case, 'differ', 'exit status %d, helm %d' % (ours.status, theirs.status))
    return Verdict(case, 'both refuse', words(theirs)[-600:].decode(errors='replace'))


class Comparison:
    def __init__(self, runner, vitrine, helm, extra, memory):
        self.runner, self.vitrine, self.helm, self.extra, self.memory = runner, vitrine, helm, extra, memory

    def ask_helm(self, case):
        return self.runner.run([self.helm] + arguments(case, self.extra))

    def ask_vitrine(self, case):
        """Helm follows links anywhere; vitrine is told how far the check-out reaches."""
        return self.runner.run([self.vitrine] + arguments(case, self.extra) + ['--links-within', case.checkout])

    def verdict(self, case):
        def again():
            return self.ask_helm(case)
        ours = self.ask_vitrine(case)
        theirs = self.memory.answer(case, self.extra, again)
        result = _judge(case, ours, theirs, again)
        result.ours, result.theirs = ours, theirs
        result.same_words = says_all(words(ours), words(theirs))
        return result
