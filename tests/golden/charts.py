#!/usr/bin/env python3
"""Whole charts: what `helm template` printed is what `vitrine template` prints, byte for byte.

    charts.py --cmd build/src/cli/vitrine [CASE]...            compare the cases below chart/
    charts.py --helm /path/to/helm --write [CASE]...           write the answers anew (Helm v4.1.4)

A case is a folder: `args`, one line for each command line (with CHART for the chart's path, which the first line of the file
names, relative to this folder), and `expect-N.txt`, the output of line N. Of an output larger than 100 kB only the size and the
digest are kept, in `expect-N.sha256`. A line `mask REGEX` in `args` hides what the regular expression matches in its groups:
keys and certificates differ in every run. A script `make.py` in the case is run first, in a copy of the case: it writes those
files of the chart that would be too large to keep.
"""
import argparse, concurrent.futures, hashlib, os, pathlib, re, shlex, shutil, subprocess, sys, tempfile

HERE = pathlib.Path(__file__).resolve().parent
KEPT = 100_000


class Case:
    """The folder of a case, or a copy of it in which its script has written the rest of the chart."""

    def __init__(self, folder):
        self.folder, self.name = folder, folder.name
        self.work, self.copy = folder, None
        lines = [line for line in (folder / 'args').read_text().splitlines() if line and not line.startswith('#')]
        self.masks = [re.compile(line[5:].encode()) for line in lines if line.startswith('mask ')]
        self.chart, *self.calls = [line for line in lines if not line.startswith('mask ')]

    def __enter__(self):
        if (self.folder / 'make.py').exists():
            self.copy = tempfile.TemporaryDirectory()
            self.work = pathlib.Path(self.copy.name) / self.name
            shutil.copytree(self.folder, self.work)
            subprocess.run([sys.executable, 'make.py'], cwd=self.work, check=True)
        return self

    def __exit__(self, *_):
        if self.copy:
            self.copy.cleanup()

    def chart_path(self):
        inside = pathlib.Path(self.chart)
        return str(self.work / inside.relative_to(f'chart/{self.name}') if self.copy else HERE / inside)

    def output(self, program, call):
        words = [self.chart_path() if word == 'CHART' else word for word in shlex.split(call)]
        done = subprocess.run([program, 'template', *words], cwd=self.work, capture_output=True, timeout=300,
                              env={'PATH': '/usr/bin:/bin', 'HOME': '/nonexistent', 'TZ': 'UTC'})
        text = done.stdout
        if done.returncode != 0: # what stands before is ours alone: the place of the mistake
            text = b'FAILED\n' + done.stderr[max(done.stderr.find(b'Error: '), 0):].replace(str(self.work).encode(), b'@DIR@')
        for mask in self.masks:
            text = mask.sub(hide_groups, text)
        return text


def hide_groups(found):
    text, start = found[0], found.start()
    for group in range(found.re.groups, 0, -1):
        if found[group] is not None:
            text = text[:found.start(group) - start] + b'@MASKED@' + text[found.end(group) - start:]
    return text


def digest(text):
    return f'{len(text)} {hashlib.sha256(text).hexdigest()}\n'.encode()


def write_answer(case, number, text):
    whole, short = case.folder / f'expect-{number}.txt', case.folder / f'expect-{number}.sha256'
    whole.unlink(missing_ok=True)
    short.unlink(missing_ok=True)
    if len(text) > KEPT:
        short.write_bytes(digest(text))
    else:
        whole.write_bytes(text)


def first_difference(got, want):
    for number, (ours, theirs) in enumerate(zip(got.split(b'\n'), want.split(b'\n')), 1):
        if ours != theirs:
            return f'line {number}\n   want {theirs!r}\n   got  {ours!r}'
    return f'length: want {len(want)} bytes, got {len(got)}'


def compare(case, number, got):
    """None when it is the answer, else the first difference."""
    short = case.folder / f'expect-{number}.sha256'
    if short.exists():
        want = short.read_bytes()
        return None if digest(got) == want else f'want {want.decode().strip()}, got {digest(got).decode().strip()}'
    want = (case.folder / f'expect-{number}.txt').read_bytes()
    return None if got == want else first_difference(got, want)


def check(folder, options):
    """The lines of complaint about one case, and how many outputs it has."""
    with Case(folder) as case:
        complaints = []
        for number, call in enumerate(case.calls, 1):
            if options.write:
                write_answer(case, number, case.output(options.helm, call))
                continue
            why = compare(case, number, case.output(options.cmd, call))
            if why is not None:
                complaints.append(f'FAIL {case.name} {number}: {why}')
        return complaints, len(case.calls)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('--cmd', type=os.path.abspath)
    parser.add_argument('--helm')
    parser.add_argument('--write', action='store_true')
    parser.add_argument('case', nargs='*')
    options = parser.parse_args()
    folders = [f for f in sorted((HERE / 'chart').iterdir())
               if (f / 'args').exists() and (not options.case or f.name in options.case)]
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count() or 2) as pool:
        answers = list(pool.map(lambda folder: check(folder, options), folders))
    failed = [line for complaints, _ in answers for line in complaints]
    total = sum(count for _, count in answers)
    print(*failed, sep='\n', end='\n' if failed else '')
    print(f'{len(folders)} charts, {total} outputs {"written" if options.write else "compared"}, {len(failed)} differ')
    return 1 if failed or total == 0 else 0


if __name__ == '__main__':
    sys.exit(main())
