#!/usr/bin/env python3
"""Whole charts: what `helm template` printed is what `vitrine template` prints, byte for byte.

    charts.py --cmd build/src/cli/vitrine            compare every case below chart/
    charts.py --helm /path/to/helm --write           write the answers anew (Helm v4.1.4)

A case is a folder: `args`, one line for each command line (with CHART for the chart's path, which the first line of the file
names, relative to this folder), and `expect-N.txt`, the output of line N.
"""
import argparse, pathlib, shlex, subprocess, sys

HERE = pathlib.Path(__file__).resolve().parent


def command_lines(case):
    lines = [line for line in (case / 'args').read_text().splitlines() if line and not line.startswith('#')]
    chart, calls = lines[0], lines[1:]
    return [[str(HERE / chart) if word == 'CHART' else word for word in shlex.split(call)] for call in calls]


def output(program, args, folder):
    done = subprocess.run([program, 'template', *args], cwd=folder, capture_output=True, timeout=120,
                          env={'PATH': '/usr/bin:/bin', 'HOME': '/nonexistent', 'TZ': 'UTC'})
    return done.stdout if done.returncode == 0 else b'FAILED\n' + done.stderr


def first_difference(got, want):
    for number, (ours, theirs) in enumerate(zip(got.split(b'\n'), want.split(b'\n')), 1):
        if ours != theirs:
            return f'line {number}\n   want {theirs!r}\n   got  {ours!r}'
    return f'length: want {len(want)} bytes, got {len(got)}'


def main():
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('--cmd')
    parser.add_argument('--helm')
    parser.add_argument('--write', action='store_true')
    options = parser.parse_args()
    failed = total = 0
    for case in sorted((HERE / 'chart').iterdir()):
        if not (case / 'args').exists():
            continue
        for number, args in enumerate(command_lines(case), 1):
            answer = case / f'expect-{number}.txt'
            if options.write:
                answer.write_bytes(output(options.helm, args, case))
                continue
            total += 1
            got, want = output(str(pathlib.Path(options.cmd).resolve()), args, case), answer.read_bytes()
            if got != want:
                failed += 1
                print(f'FAIL {case.name} {number}: {first_difference(got, want)}')
    print(f'{total} outputs compared, {failed} differ')
    return 1 if failed or (total == 0 and not options.write) else 0


if __name__ == '__main__':
    sys.exit(main())
