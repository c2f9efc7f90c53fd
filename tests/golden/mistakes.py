#!/usr/bin/env python3
"""The mistakes people make: what Helm says to each, and what vitrine adds.

    mistakes.py --cmd build/src/cli/vitrine              compare with cases.json, and docs/errors.md with both
    mistakes.py --cmd ... --helm /path/to/helm --write   record both anew (Helm v4.1.4) and write docs/errors.md

A case lays out a chart `demo` and renders it. Helm's message has to stand at the end of ours, byte for byte; before it stand
the place (`place`, written by hand), the line with a mark under the expression, and a hint.
"""
import argparse, json, pathlib, subprocess, sys, tempfile

HERE = pathlib.Path(__file__).resolve().parent
CASES = HERE / 'mistakes' / 'cases.json'
TABLE = HERE.parent.parent / 'docs' / 'errors.md'


def lay_out(document, case, folder):
    files = {name: document[name] for name in ('Chart.yaml', 'values.yaml')} | case['files']
    for name, text in files.items():
        if text is not None:
            path = folder / 'demo' / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)


def words(case):
    name, chart, rest = 'web', 'demo', []
    for word in case.get('args', []):
        if word.startswith('CHART='):
            chart = word.removeprefix('CHART=')
        elif word.startswith('NAME='):
            name = word.removeprefix('NAME=')
        else:
            rest.append(word)
    return ['template', name, chart, *rest]


def complaint(program, document, case):
    """What the program writes to standard error."""
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name).resolve()
        lay_out(document, case, folder)
        done = subprocess.run([program, *words(case)], cwd=folder, capture_output=True, timeout=120,
                              env={'PATH': '/usr/bin:/bin', 'HOME': f'{folder}/home', 'TZ': 'UTC', 'LANG': 'C.UTF-8'})
        text = done.stderr.decode().replace(str(folder), '/home/you')
        if done.returncode <= 0:
            return f'exit status {done.returncode}, no error: {text}'
        return text


def wrong(case, ours):
    """None when the case is right, else why not."""
    if ours != case['ours']:
        return f'it says\n{ours}   where it said\n{case["ours"]}'
    if not ours.endswith(case['helm']):
        return f"Helm's message does not stand at the end:\n{case['helm']}   of\n{ours}"
    first = ours.split('\n')[0]
    if first != case['place'] and case['place']:
        return f'the place is {first}, not {case["place"]}'
    return None


# ---- the table -------------------------------------------------------------------------------

HEAD = '''# Error messages

What `vitrine template` says to {n} common mistakes, beside what Helm v4.1.4 says. Helm's message is always there, byte for byte, and
last; before it stand the file, the line and the column (both from 1), the line itself with the expression marked, what a template
made of it where the output is at fault, and what to do. `vitrine server` shows the same place and hint in the Application's
conditions. This page is written by `tests/golden/mistakes.py` and checked by `make test`.

Columns inside Helm's own messages count from 0 and point behind the first name of an expression.
'''


def cell(text):
    text = text.rstrip('\n').removesuffix('\n\nUse --debug flag to render out invalid YAML')
    for plain, escaped in (('&', '&amp;'), ('<', '&lt;'), ('>', '&gt;'), ('|', '&#124;'), ('{', '&#123;'), ('\t', '    ')):
        text = text.replace(plain, escaped)
    return '<pre>' + '<br>'.join(text.split('\n')) + '</pre>'


def table(document):
    lines = [HEAD.format(n=len(document['cases'])), '| mistake | Helm | vitrine adds |', '| --- | --- | --- |']
    for case in document['cases']:
        added = case['ours'].removesuffix(case['helm'])
        lines.append(f'| {case["title"]} | {cell(case["helm"])} | {cell(added) if added else "(the message says it all)"} |')
    return '\n'.join(lines) + '\n'


def record(document, options):
    for case in document['cases']:
        case['helm'] = complaint(options.helm, document, case)
        case['ours'] = complaint(options.cmd, document, case)
    CASES.write_text(json.dumps(document, indent=1, ensure_ascii=False) + '\n')
    TABLE.write_text(table(document))


def main():
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('--cmd', required=True)
    parser.add_argument('--helm')
    parser.add_argument('--write', action='store_true')
    options = parser.parse_args()
    options.cmd = str(pathlib.Path(options.cmd).resolve())
    document = json.loads(CASES.read_text())
    if options.write:
        record(document, options)
    failed = 0
    for case in document['cases']:
        why = wrong(case, case['ours'] if options.write else complaint(options.cmd, document, case))
        failed += why is not None
        if why is not None:
            print(f'FAIL {case["name"]}: {why}')
    if TABLE.read_text() != table(document):
        failed += 1
        print(f'FAIL {TABLE.name} is not up to date: run mistakes.py --write')
    print(f'{len(document["cases"])} mistakes, {failed} wrong')
    return 1 if failed or not document['cases'] else 0


if __name__ == '__main__':
    sys.exit(main())
