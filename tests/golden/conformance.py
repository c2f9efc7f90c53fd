#!/usr/bin/env python3
"""Compares `vitrine template` with the answers of Helm v4.1.4 in tmpl/*.json.

    conformance.py --cmd build/src/cli/vitrine [--topic NAME]... [--case TEXT] [--known FILE] [--strict] [-v]

A case writes a chart into a fresh folder, runs the program there, and compares what it prints. `raw` cases compare the text
of templates/t.yaml as the engine leaves it: a mark ends the template, a second template is no YAML, and --debug prints every
file as it stands. FILE lists the cases that fail today, one `topic/name` a line; it may only shrink: a case that fails and is not
listed, and one that is listed and passes, both fail the run. `--strict` compares whole error texts and warnings too.
"""
import argparse, base64, concurrent.futures, json, os, pathlib, re, shutil, subprocess, sys, tempfile

CHART = 'apiVersion: v2\nname: demo\nversion: 1.2.3\nappVersion: "4.5.6"\n'
END = '\x01END-OF-CASE\x01'
HINT = '\n\nUse --debug flag to render out invalid YAML'


class Wrong(Exception):
    pass


def write(path, data):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data if isinstance(data, bytes) else data.encode())


def lay_out(case, folder, dump):
    """The chart of a case; with `dump`, what makes the program print the raw text."""
    files = {'Chart.yaml': CHART}
    if 'values_yaml' in case:
        files['values.yaml'] = case['values_yaml']
    elif 'values' in case:
        files['values.yaml'] = json.dumps(case['values'], ensure_ascii=False, indent=1) + '\n'
    if 'template' in case:
        files['templates/t.yaml'] = case['template'] + (END if dump else '')
    files.update(case.get('files', {}))
    if dump:
        files['templates/zz-force-dump.yaml'] = 'a: b: c'
    for name, text in files.items():
        if text is not None:
            write(folder / 'chart' / name, text)
    for name, text in case.get('files_b64', {}).items():
        write(folder / 'chart' / name, base64.b64decode(text))
    for name, text in case.get('work_files', {}).items():
        write(folder / name, text)


def run(program, folder, args):
    env = {'PATH': os.environ.get('PATH', '/usr/bin:/bin'), 'HOME': f'{folder}/home', 'TZ': 'UTC', 'LANG': 'C.UTF-8',
           'HELM_CONFIG_HOME': f'{folder}/home/config', 'ASAN_OPTIONS': os.environ.get('ASAN_OPTIONS', '')}
    done = subprocess.run([program, *args], cwd=folder, env=env, stdin=subprocess.DEVNULL, capture_output=True, timeout=120)
    if done.returncode < 0:
        raise Wrong(f'killed by signal {-done.returncode}')
    return done.returncode, done.stdout, done.stderr.decode(errors='replace').replace(str(folder), '@DIR@')


def message(stderr):
    found = re.search(r'^Error: ', stderr, re.M)
    return (stderr[found.end():] if found else stderr).rstrip('\n').removesuffix(HINT)


def wanted(case):
    return base64.b64decode(case['expect_b64']) if 'expect_b64' in case else case['expect'].encode()


def same(got, want):
    if got != want:
        raise Wrong(f'text differs\n   want {want!r}\n   got  {got!r}')


def check_error(program, folder, case, args, strict):
    lay_out(case, folder, False)
    status, out, err = run(program, folder, args)
    if status == 0:
        raise Wrong(f'expected the error {case["error"]!r}, got {out!r}')
    if case['error'] not in err or (strict and case.get('error_full', message(err)) != message(err)):
        raise Wrong(f'error differs\n   want {case.get("error_full", case["error"])!r}\n   got  {message(err)!r}')


def check_raw(program, folder, case, args):
    lay_out(case, folder, True)
    status, out, err = run(program, folder, args + ['--debug'])
    name = re.search(r'^name:\s*(\S+)', case.get('files', {}).get('Chart.yaml') or CHART, re.M).group(1).strip('"')
    head = f'---\n# Source: {name}/templates/t.yaml\n'.encode()
    start, end = out.find(head), out.find(END.encode())
    if start < 0 or end < 0:
        raise Wrong(f'nothing rendered, exit status {status}: {message(err)}')
    same(out[start + len(head):end], wanted(case))
    return err


def check_stdout(program, folder, case, args):
    lay_out(case, folder, False)
    status, out, err = run(program, folder, args)
    if status != 0:
        raise Wrong(f'exit status {status}: {message(err)}')
    same(out.replace(str(folder).encode(), b'@DIR@'), wanted(case))
    for name, text in case.get('expect_files', {}).items():
        same((folder / name).read_bytes(), text.encode())
    return err


def check_lock(program, folder, case):
    lay_out(case, folder, False)
    status, _, err = run(program, folder, ['dependency', 'update', './chart'])
    if status != 0:
        raise Wrong(f'exit status {status}: {message(err)}')
    got = b''
    for name in ('Chart.lock', 'requirements.lock'):
        path = folder / 'chart' / name
        if path.exists():
            got = re.sub(rb'^generated: .*$', b'generated: "@TIME@"', path.read_bytes(), flags=re.M)
    same(got, wanted(case))
    return err


def check(program, folder, case, strict):
    mode, release = case.get('mode', 'raw'), case.get('release', 'rel')
    args = ['template', *([release] if release else []), './chart', *case.get('args', [])]
    if mode == 'lock':
        args = ['dependency', 'update', './chart']
    if 'error' in case:
        check_error(program, folder, case, args, strict)
        return
    if mode == 'raw':
        err = check_raw(program, folder, case, args)
    else:
        err = check_lock(program, folder, case) if mode == 'lock' else check_stdout(program, folder, case, args)
    missing = [line for line in case.get('stderr', []) if line not in err]
    if strict and missing:
        raise Wrong(f'standard error lacks {missing!r}')


def verdict(program, case, strict):
    """None when the case passes, else why not."""
    folder = pathlib.Path(os.path.realpath(tempfile.mkdtemp(prefix='conformance-')))
    try:
        check(program, folder, case, strict)
        return None
    except (Wrong, subprocess.TimeoutExpired, OSError) as why:
        return str(why)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def read_known(path):
    if path is None:
        return set()
    lines = pathlib.Path(path).read_text().splitlines()
    return {line for line in lines if line and not line.startswith('#')}


def main():
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('--cmd', required=True)
    parser.add_argument('--cases', default=pathlib.Path(__file__).parent / 'tmpl', type=pathlib.Path)
    parser.add_argument('--known')
    parser.add_argument('--topic', action='append')
    parser.add_argument('--case', default='')
    parser.add_argument('--strict', action='store_true')
    parser.add_argument('-v', action='store_true')
    options = parser.parse_args()
    program, known = os.path.abspath(options.cmd), read_known(options.known)
    total, passed, broken, mended = 0, 0, [], []
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count() or 2) as pool:
        for path in sorted(options.cases.glob('*.json')):
            document = json.loads(path.read_text())
            topic = document['topic']
            cases = [c for c in document['cases'] if options.case in c['name']]
            if not cases or (options.topic and topic not in options.topic):
                continue
            verdicts = list(pool.map(lambda c: verdict(program, c, options.strict), cases))
            failed = {f'{topic}/{c["name"]}': why for c, why in zip(cases, verdicts) if why is not None}
            total, passed = total + len(cases), passed + len(cases) - len(failed)
            print(f'{topic:<18} {len(cases) - len(failed):4} / {len(cases):4}')
            for name, why in failed.items():
                if name not in known:
                    broken.append(name)
                if options.v or name not in known:
                    print(f'FAIL {name}: {why}')
            mended += [f'{topic}/{c["name"]}' for c, why in zip(cases, verdicts) if why is None and f'{topic}/{c["name"]}' in known]
    for name in mended:
        print(f'PASSES NOW, take it out of {options.known}: {name}')
    print(f'{"total":<18} {passed:4} / {total:4}')
    print(f'{total} cases, {len(broken)} newly broken, {len(mended)} mended')
    return 1 if broken or mended or total == 0 else 0


if __name__ == '__main__':
    sys.exit(main())
