"""Hostile charts: each is refused with a clear error, or rendered rightly, within bounded memory and time; never a crash.

Every row runs `vitrine template` with its address space limited, the stack of a server's thread and a deadline; what it took of memory is looked at
afterwards (sanitizers take more, so there the limits are left out: crashes are what they find).
"""
import gzip
import io
import json
import os
import resource
import socket
import subprocess
import tarfile
import tempfile
import threading

VITRINE = os.environ['VITRINE']
CHART = 'apiVersion: v2\nname: demo\nversion: 1.0.0\n'
SUB = 'apiVersion: v2\nname: s\nversion: 1.0.0\n'
DEADLINE = 300  # seconds of a busy machine; the processor time below is what counts
CPU = 70  # the limit of a render is 60
MEMORY = 2048  # MiB at the peak
ADDRESSES = 4 << 30

ITSELF = '{{ $m := dict }}{{ $_ := set $m "m" $m }}'
TWICE = '{{ $m := dict }}{{ range until 64 }}{{ $m = dict "a" $m "b" $m }}{{ end }}'
LAUGHS = 'a0: &a0 [lol, lol, lol, lol, lol, lol, lol, lol, lol]\n' + ''.join(
    'a%d: &a%d [%s]\n' % (i, i, ', '.join(['*a%d' % (i - 1)] * 9)) for i in range(1, 10))
LARGE, LONG_LIST = 'the text would be larger than', 'a list of more than'
SELF, STEPS = 'holds itself', 'more than 50000000 steps'
ALIASES, DEEP = 'document contains excessive aliasing', 'exceeded max depth'

# name, template, what is said (None: it is rendered), values.yaml
TEMPLATES = [
    ('include without an end', '{{ define "a" }}{{ include "a" . }}{{ end }}{{ include "a" . }}', 'nested', ''),
    ('template without an end', '{{ define "a" }}{{ template "a" . }}{{ end }}{{ template "a" . }}', 'exceeded maximum template depth', ''),
    ('tpl without an end', '{{ tpl .Values.t . }}', 'tpl is nested more than', 't: "{{ tpl .Values.t . }}"'),
    ('tpl and include in turn', '{{ define "a" }}{{ tpl .Values.t . }}{{ end }}{{ include "a" . }}', 'nested more than', 't: "{{ include `a` . }}"'),
    ('includes that double', '{{ define "a" }}{{ if gt . 0 }}{{ include "a" (sub . 1) }}{{ include "a" (sub . 1) }}{{ end }}{{ end }}{{ include "a" 64 }}', '', ''),
    ('a long argument at every level', '{{ define "a" }}{{ include "a" (print "%s" .) }}{{ end }}{{ include "a" 1 }}' % ('x' * 4000000), '', ''),
    ('aliases in values', '{{ .Values.a9 }}', ALIASES, LAUGHS),
    ('aliases in the output', LAUGHS, ALIASES, ''),
    ('aliases in fromYaml', 'a: {{ fromYaml .Values.t | toJson | quote }}', None, 't: ' + json.dumps(LAUGHS)),
    ('a long line in values', 'a: {{ len .Values.a }}', None, 'a: "%s"' % ('x' * 4900000)),
    ('a long line in a template', 'a: "%s"' % ('x' * 4900000), None, ''),
    ('a long line to fold', '{{ dict "a" (repeat 1000000 "x ") | toYaml }}', None, ''),
    ('deep lists in values', 'a: 1', DEEP, 'a: ' + '[' * 100000 + ']' * 100000),
    ('deep maps in values', 'a: 1', DEEP, 'a: ' + '{a: ' * 100000 + '}' * 100000),
    ('deep blocks in values', 'a: 1', DEEP, '- ' * 100000),
    ('deep lists in the output', 'a: ' + '[' * 100000 + ']' * 100000, DEEP, ''),
    ('deep lists in fromYaml', 'a: {{ fromYaml (print "a: " (repeat 100000 "[")) | toJson | quote }}', None, ''),
    ('deep lists in fromJson', 'a: {{ fromJson (print `{"a":` (repeat 100000 "[")) | toJson | quote }}', None, ''),
    ('deep tables in fromToml', 'a: {{ fromToml (print "a=" (repeat 100000 "[")) | toJson | quote }}', None, ''),
    ('deep parentheses', '{{ %s1%s }}' % ('(' * 100000, ')' * 100000), 'nested too deeply', ''),
    ('deep blocks of a template', '{{ if true }}' * 100000 + '{{ end }}' * 100000, 'nested too deeply', ''),
    ('a long chain of else if', '{{ if false }}' + '{{ else if false }}' * 100000 + '{{ end }}', 'nested too deeply', ''),
    ('a backtracking expression', 'a: {{ regexMatch "^(a|aa)+$" (print (repeat 60 "a") "b") }}', 'regular expression takes too long', ''),
    ('many matches', 'a: {{ regexReplaceAll "a" (repeat 1000000 "a") "b" | len }}', None, ''),
    ('repeat', '{{ repeat 1000000000 "x" }}', LARGE, ''),
    ('until', '{{ until 1000000000 }}', LONG_LIST, ''),
    ('untilStep of nothing', 'a: {{ untilStep 0 10 0 }}', None, ''),
    ('seq', '{{ seq 1000000000 }}', LONG_LIST, ''),
    ('randAlphaNum', '{{ randAlphaNum 1000000000 }}', LARGE, ''),
    ('nindent', '{{ "x" | nindent 1000000000 }}', LARGE, ''),
    ('printf with a width', 'a: {{ printf "%1000000000d" 1 | quote }}', None, ''),
    ('printf with a width as argument', 'a: {{ printf "%*d" 1000000000 1 | quote }}', None, ''),
    ('a text that doubles', '{{ $s := "x" }}{{ range until 64 }}{{ $s = print $s $s }}{{ end }}', LARGE, ''),
    ('a list that doubles', '{{ $l := list 1 }}{{ range until 64 }}{{ $l = concat $l $l }}{{ end }}', LONG_LIST, ''),
    ('a list that grows one by one', '{{ $l := list }}{{ range until 1000000 }}{{ $l = append $l . }}{{ end }}', 'more memory than its limit', ''),
    ('a loop without output', '{{ range 1000000000 }}{{ end }}', STEPS, ''),
    ('a loop with output', '{{ range 1000000000 }}%s{{ end }}' % ('x' * 100), 'the output is larger than', ''),
    ('a map that holds itself', ITSELF + '{{ $m }}', SELF, ''),
    ('its text', ITSELF + '{{ print $m }}', SELF, ''),
    ('its YAML', 'a: ' + ITSELF + '{{ toYaml $m }}', None, ''),
    ('its copy', ITSELF + '{{ deepCopy $m }}', 'nested more than', ''),
    ('its merge', ITSELF + '{{ $n := dict }}{{ $_ := set $n "m" $n }}{{ mergeOverwrite $n $m | len }}', 'nested more than', ''),
    ('values that hold themselves', 'a: {{ $_ := set .Values "v" .Values }}{{ toYaml .Values }}', None, ''),
    ('a map that doubles', TWICE + '{{ toYaml $m }}', LARGE, ''),
    ('its merge', TWICE + '{{ $n := $m }}' + TWICE + '{{ merge $n $m | len }}', '', ''),
    ('comparing many with many', '{{ uniq (until 1000000) }}', STEPS, ''),
    ('a search in a long text, again and again', '{{ $s := repeat 10000000 "x" }}{{ range 10000000 }}{{ $_ := contains "y" $s }}{{ end }}', STEPS, ''),
    ('numbers beyond all', 'a: {{ .Values.a | quote }}\nb: {{ int "1e999999999" }}', None, 'a: 1e999999999\n'),
    ('bytes that are no UTF-8', b'a: {{ "\xff" | quote }}', '', ''),
    ('lookup', 'a: {{ lookup "v1" "Secret" "" "" | toJson }}', None, ''),
]

RECURSIVE = {'$ref': '#/$defs/d0', '$defs': {'d40': {'type': 'object'}}}
for level in range(40):
    RECURSIVE['$defs']['d%d' % level] = {'allOf': [{'$ref': '#/$defs/d%d' % (level + 1)}] * 2}
NAMES, folder = {}, ''  # ten names at each of twelve levels
for level in range(12):
    NAMES[folder + 'Chart.yaml'] = 'apiVersion: v2\nname: s%d\nversion: 1.0.0\ndependencies:\n' % level + ''.join(
        '- {name: s%d, version: "*", alias: a%d}\n' % (level + 1, i) for i in range(10))
    folder += 'charts/s%d/' % (level + 1)
NAMES[folder + 'Chart.yaml'] = 'apiVersion: v2\nname: s12\nversion: 1.0.0\n'
# name, files, arguments, what is said
FILES = [
    ('aliases in -f', {'l.yaml': LAUGHS}, ['-f', 'l.yaml'], ALIASES),
    ('aliases in Chart.yaml', {'Chart.yaml': CHART + LAUGHS}, [], ALIASES),
    ('deep JSON in -f', {'l.json': '{"a":' + '[' * 100000 + ']' * 100000 + '}'}, ['-f', 'l.json'], DEEP),
    ('a long path in --set', {}, ['--set', '.'.join('a' * 50000) + '=1'], 'nested level'),
    ('lists in lists in --set', {}, ['--set', 'a' + '[0]' * 40000 + '=1'], 'more than 100 indexes'),
    ('large indexes in --set', {}, ['--set', ','.join('a%d[65536]=1' % i for i in range(5000))], 'elements in one --set text'),
    ('deep JSON in --set-json', {}, ['--set-json', 'a=' + '[' * 60000 + ']' * 60000], 'failed parsing --set-json'),
    ('a device in --set-file', {}, ['--set-file', 'a=/dev/zero'], 'larger than'),
    ('a schema that is itself', {'values.schema.json': '{"$ref":"#"}'}, [], 'reference cycle'),
    ('a schema that doubles', {'values.schema.json': json.dumps(RECURSIVE)}, [], 'too'),
    ('a deep schema', {'values.schema.json': '{"not":' * 50000 + '{}' + '}' * 50000}, [], ''),
    ('a schema elsewhere', {'values.schema.json': '{"$ref":"http://127.0.0.1:9/x.json"}'}, [], 'references to other documents are not followed'),
    ('a schema in a file', {'values.schema.json': '{"$ref":"file:///etc/passwd"}'}, [], 'references to other documents are not followed'),
    ('a backtracking pattern', {'values.yaml': 'a: %sb' % ('a' * 60), 'values.schema.json': '{"properties":{"a":{"pattern":"^(a|aa)+$"}}}'}, [], 'takes too long'),
    ('findings without an end', {'values.yaml': 'a: ' + json.dumps(list(range(10000))), 'values.schema.json': json.dumps(
        {'properties': {'a': {'items': {'enum': ['x%d' % i for i in range(10000)]}}}})}, [], 'too much memory'),
    ('many dependencies', {'Chart.yaml': CHART + 'dependencies:\n' + ''.join('- {name: s%d, version: "*"}\n' % i for i in range(10000))}, [], 'missing in charts/'),
    ('a subchart under many names', {'Chart.yaml': CHART + 'dependencies:\n' + ''.join('- {name: s, version: "*", alias: a%d}\n' % i for i in range(10000)),
                                     'charts/s/Chart.yaml': SUB, 'charts/s/values.yaml': ''.join('k%d: {a: 1}\n' % i for i in range(5000))}, [], 'values of all subcharts'),
    ('names that multiply', NAMES, [], 'aliases'),
    ('a long path to import to', {'Chart.yaml': CHART + 'dependencies:\n- {name: s, version: "*", import-values: [{child: x, parent: "%s"}]}\n' % '.'.join('a' * 100000),
                                  'charts/s/Chart.yaml': SUB, 'charts/s/values.yaml': 'x: {a: 1}\n'}, [], 'a parent of more than 500 names'),
    ('a flood of definitions', {'templates/t.yaml': ''.join('{{ define "d%d" }}{{ end }}' % i for i in range(100000))}, [], None),
    ('a flood of constraints', {'Chart.yaml': CHART + 'kubeVersion: "%s"\n' % ' || '.join(['>=1.20.0 <1.21.0'] * 20000)}, [], 'kubeVersion'),
    ('a pattern of stars', {'templates/t.yaml': 'a: {{ .Files.Glob "%sb" | len }}' % ('*a' * 50), 'a' * 200: 'x'}, [], None),
    ('a file beyond the limit', {'big': bytes(6 << 20)}, [], 'larger than the maximum file size'),
    ('names for a shell', {'templates/$(touch pwned).yaml': 'a: 1', 'templates/`id`;x.yaml': 'a: 1'}, [], None),
]


def packed(entries):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode='w:gz', compresslevel=1) as tar:
        for name, content in entries:
            info = name if isinstance(name, tarfile.TarInfo) else tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return out.getvalue()


def special(name, kind, target=''):
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    return info, b''


def in_packages(levels, width):
    """Packages in packages: `width` of them in each."""
    inner = packed([('s/Chart.yaml', SUB.encode())])
    for _ in range(levels):
        inner = packed([('s/Chart.yaml', SUB.encode())] + [('s/charts/s%d.tgz' % i, inner) for i in range(width)])
    return inner


YAML = ('demo/Chart.yaml', CHART.encode())
ZEROS = bytes(5 << 20)
# name, entries of the package or its bytes, what is said
PACKAGES = [
    ('a bomb of one file', lambda: packed([YAML, ('demo/z', bytes(64 << 20))]), 'larger than the maximum file size'),
    ('a bomb of many', lambda: packed([YAML] + [('demo/f%d' % i, ZEROS) for i in range(25)]), 'larger than the maximum size'),
    ('a bomb of packages', lambda: packed([YAML] + [('demo/charts/s%d.tgz' % i, packed(
        [('s/Chart.yaml', SUB.encode())] + [('s/f%d' % k, ZEROS) for k in range(18)])) for i in range(10)]), 'packages inside of packages'),
    ('only zeros', lambda: gzip.compress(bytes(256 << 20), 1), 'no files in chart archive'),
    ('many entries', lambda: packed([YAML] + [('demo/f%d' % i, b'') for i in range(60000)]), 'more than 50000 files'),
    ('packages in packages', lambda: in_packages(30, 1), 'nested more than 16 deep'),
    ('packages that multiply', lambda: in_packages(8, 10), 'packages inside of packages'),
    ('a way out', lambda: packed([YAML, ('demo/../../x', b'a')]), 'illegally'),
    ('an absolute name', lambda: packed([YAML, ('/etc/x', b'a')]), 'absolute'),
    ('a drive', lambda: packed([YAML, ('demo/C:/x', b'a')]), 'illegally named'),
    ('a way out with backslashes', lambda: packed([YAML, ('demo\\..\\..\\x', b'a')]), 'illegally'),
    ('a link to the outside', lambda: packed([YAML, special('demo/l', tarfile.SYMTYPE, '../../etc/passwd')]), 'link to the outside'),
    ('an absolute link', lambda: packed([YAML, special('demo/l', tarfile.SYMTYPE, '/etc/passwd')]), 'link to the outside'),
    ('a hard link to the outside', lambda: packed([YAML, special('demo/templates/l', tarfile.LNKTYPE, '../../etc/passwd')]), None),
    ('a device', lambda: packed([YAML, special('demo/templates/d', tarfile.CHRTYPE)]), None),
    ('a name of a megabyte', lambda: packed([YAML, ('demo/templates/' + 'a' * 1000000, b'a: 1')]), None),
    ('cut off', lambda: packed([YAML, ('demo/templates/t', os.urandom(100000))])[:-50], 'truncated'),
]


def bind_socket(path):
    at = os.getcwd()
    os.chdir(os.path.dirname(path))  # their names must be short
    socket.socket(socket.AF_UNIX).bind(os.path.basename(path))
    os.chdir(at)


# name, what is done to the folder, what is said
IRREGULAR = 'cannot load irregular file'
FOLDERS = [
    ('a pipe', lambda d: os.mkfifo(d + '/templates/f'), IRREGULAR),
    ('a pipe for values', lambda d: os.mkfifo(d + '/values.yaml'), IRREGULAR),
    ('a pipe for rules', lambda d: os.mkfifo(d + '/.helmignore'), IRREGULAR),
    ('a socket', lambda d: bind_socket(d + '/s'), IRREGULAR),
    ('itself, through a link', lambda d: os.symlink('..', d + '/templates/loop'), 'folders more than 32 deep'),
    ('itself, as a subchart', lambda d: (os.mkdir(d + '/charts'), os.symlink('..', d + '/charts/demo')), 'folders more than 32 deep'),
    ('itself, twice', lambda d: (os.mkdir(d + '/x'), os.symlink('.', d + '/x/a'), os.symlink('.', d + '/x/b')), 'folders'),
    ('links in a circle', lambda d: (os.symlink('b', d + '/a'), os.symlink('a', d + '/b')), 'Too many levels'),
    ('a link to the outside', lambda d: os.symlink('/etc/passwd', d + '/templates/p'), 'leads outside'),
    ('a link to a device', lambda d: os.symlink('/dev/zero', d + '/templates/p'), 'leads outside'),
    ('folders in folders', lambda d: os.makedirs(d + '/a' * 200), 'folders more than 32 deep'),
    ('a hole of ten gigabytes', lambda d: os.truncate(os.open(d + '/big', os.O_CREAT | os.O_RDWR), 10 << 30), 'larger than the maximum file size'),
]

failures = []


def has_sanitizer():
    with open(VITRINE, 'rb') as f:
        return b'__asan_init' in f.read()


def run(path, args, cwd):
    """Status, what it wrote to standard error, peak memory in MiB, seconds of processor time."""
    limit = [] if has_sanitizer() else ['/bin/sh', '-c', 'ulimit -s 1024; ulimit -v %d; exec "$@"' % (ADDRESSES >> 10), 'sh']
    with open(cwd + '/stderr', 'wb') as err:
        child = subprocess.Popen(limit + [VITRINE, 'template', 'x', path] + args, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=err, cwd=cwd)
    timer = threading.Timer(DEADLINE, child.kill)
    timer.start()
    _, status, used = os.wait4(child.pid, 0)
    timer.cancel()
    with open(cwd + '/stderr', errors='replace') as f:
        return status, f.read(), used.ru_maxrss >> 10, used.ru_utime + used.ru_stime


def check(name, path, args, cwd, says):
    status, text, memory, cpu = run(path, args, cwd)
    code = os.WEXITSTATUS(status) if os.WIFEXITED(status) else -os.WTERMSIG(status)
    problems = []
    if code not in (0, 1) or (says is None and code != 0) or (says and (code != 1 or says not in text)):
        problems.append('status %d' % code)
    if code == 1 and 'Error: ' not in text:
        problems.append('no clear error')
    if not has_sanitizer() and (memory > MEMORY or cpu > CPU):
        problems.append('took too much')
    print('%-42s %3d %5d MiB %6.2f s' % (name, code, memory, cpu), *problems)
    if problems:
        failures.append('%s: %s: %s' % (name, ', '.join(problems), text[:500]))


def write_chart(folder, files):
    for name, content in files.items():
        path = os.path.join(folder, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, 'wb') as f:
            f.write(content if isinstance(content, bytes) else content.encode())


def with_chart(name, files, args, says, change=None):
    with tempfile.TemporaryDirectory() as d:
        write_chart(d + '/demo', {'Chart.yaml': CHART, 'templates/t.yaml': 'a: 1\n', **files})
        if change is not None:
            change(d + '/demo')
        for name_of in ('l.yaml', 'l.json'):  # value files stand beside the chart
            if os.path.exists(d + '/demo/' + name_of):
                os.rename(d + '/demo/' + name_of, d + '/' + name_of)
        check(name, d + '/demo', args, d, says)
        if os.path.exists(d + '/pwned'):
            failures.append(name + ': a shell ran')


def main():
    for name, template, says, values in TEMPLATES:
        with_chart(name, {'templates/t.yaml': template, **({'values.yaml': values} if values else {})}, [], says)
    for name, files, args, says in FILES:
        with_chart(name, files, args, says)
    for name, change, says in FOLDERS:
        with_chart(name, {}, [], says, change)
    for name, make, says in PACKAGES:
        with tempfile.TemporaryDirectory() as d:
            with open(d + '/c.tgz', 'wb') as f:
                f.write(make())
            check(name, d + '/c.tgz', [], d, says)
    assert not failures, '\n'.join(failures)


if __name__ == '__main__':
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    main()
