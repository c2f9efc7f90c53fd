#!/usr/bin/env python3
"""What `helm lint` said of small charts, most of them broken, is what `vitrine chart lint` says.

    lint.py --cmd build/src/cli/vitrine            compare every case of lint.json
    lint.py --helm /path/to/helm --write           write the answers anew (Helm v4.1.4)

A case has the files of a chart (a path that ends in `/` is an empty folder), which is made in a folder named as the case, the
paths and flags of the call, and the answer. Cases share one folder, which is written $DIR. Standard error is compared as a set of lines: Helm
coalesces values several times, and warns each time.
"""
import argparse, json, pathlib, subprocess, sys, tempfile

CASES = pathlib.Path(__file__).resolve().parent / 'lint.json'


def make(chart, files):
    for name, text in files.items():
        path = chart / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if name.endswith('/'):
            path.mkdir(exist_ok=True)
        else:
            path.write_text(text)


def answer(program, case, folder):
    done = subprocess.run([*program, *case['paths'], *case['args']], cwd=folder, capture_output=True, text=True, stdin=subprocess.DEVNULL,
                          timeout=60, env={'PATH': '/usr/bin:/bin', 'HOME': str(folder), 'TZ': 'UTC'})
    return {'exit': done.returncode, 'stdout': done.stdout.replace(str(folder), '$DIR'),
            'stderr': sorted(set(done.stderr.replace(str(folder), '$DIR').splitlines()))}


def main():
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('--cmd')
    parser.add_argument('--helm')
    parser.add_argument('--write', action='store_true')
    options = parser.parse_args()
    program = [options.helm, 'lint'] if options.write else [str(pathlib.Path(options.cmd).resolve()), 'chart', 'lint']
    cases, failed = json.loads(CASES.read_text()), 0
    with tempfile.TemporaryDirectory() as temporary:
        folder = pathlib.Path(temporary).resolve()
        for case in cases:
            make(folder / case['name'], case['files'])
        for case in cases:
            got = answer(program, case, folder)
            if options.write:
                case.update(got)
            for key in ('exit', 'stdout', 'stderr'):
                if got[key] != case[key]:
                    failed += 1
                    print(f'FAIL {case["name"]} {key}:\n   want {case[key]!r}\n   got  {got[key]!r}')
                    break
    if options.write:
        CASES.write_text(json.dumps(cases, indent=1, ensure_ascii=False) + '\n')
    print(f'{len(cases)} charts linted, {failed} otherwise than by helm')
    return 1 if failed or not cases else 0


if __name__ == '__main__':
    sys.exit(main())
