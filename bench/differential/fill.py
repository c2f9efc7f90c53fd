"""Puts dependencies into the charts/ of a copy of a chart, from other charts that lie on this machine: no network is asked."""
import os
import re
import shutil
import tarfile

DEPTH_MAX = 6
TERM = re.compile(r'(\^|~>?|[<>]=?|=|!=)?\s*v?(\d+)(?:\.(\d+|[xX*]))?(?:\.(\d+|[xX*]))?(-[0-9A-Za-z.-]+)?')


def numbers(version):
    found = TERM.search(version)
    return tuple(int(p) if p and p.isdigit() else 0 for p in found.groups()[1:4]) if found else None


def _term_holds(op, have, parts):
    low = tuple(int(p) if p and p.isdigit() else 0 for p in parts)
    given = next((i for i, p in enumerate(parts) if not (p and p.isdigit())), 3)
    if op in ('', '=') or op is None:
        return have[:given] == low[:given]
    if op == '^':
        keep = next((i + 1 for i in range(given) if low[i]), given)
        return have >= low and have[:keep] == low[:keep]
    if op in ('~', '~>'):
        return have >= low and have[:min(2, given)] == low[:min(2, given)]
    return {'<': have < low, '>': have > low, '<=': have <= low, '>=': have >= low, '!=': have != low}[op]


def allows(constraint, version):
    """Masterminds' constraints, without the fine print: good enough to choose a folder. The programs judge for themselves."""
    have = numbers(version)
    if have is None:
        return False
    constraint = re.sub(r'(\S+)\s+-\s+(\S+)', r'>=\1 <=\2', constraint)
    for way in constraint.split('||'):
        terms = TERM.findall(way)
        if (terms or way.strip() in ('', '*', 'x')) and all(_term_holds(t[0], have, t[1:4]) for t in terms):
            return True
    return False


def version_within(constraint):
    """A version that satisfies the first term of a constraint."""
    found = TERM.search(constraint)
    if not found:
        return '1.0.0'
    low = [int(p) if p and p.isdigit() else 0 for p in found.groups()[1:4]]
    if found.group(1) == '>':
        low[2] += 1
    return '.'.join(map(str, low)) + (found.group(5) or '')


def scalar(text, key):
    found = re.search(r'^%s:[ \t]*["\']?([^"\'\s#]+)' % key, text, re.M)
    return found.group(1) if found else ''


def read_text(path):
    """The text of a file; empty when there is none."""
    try:
        with open(path, encoding='utf-8', errors='replace') as f:
            return f.read()
    except OSError:
        return ''


def read_metadata(chart):
    """The text of Chart.yaml of a folder or an archive; empty when there is none."""
    if os.path.isdir(chart):
        return read_text(os.path.join(chart, 'Chart.yaml'))
    try:
        with tarfile.open(chart) as t:
            name = min((m for m in t.getnames() if m.endswith('/Chart.yaml')), key=len)
            return t.extractfile(name).read().decode(errors='replace')
    except (OSError, ValueError, EOFError, tarfile.TarError, AttributeError):
        return ''


class Shelf:
    """The charts that may serve as dependencies of others, by name."""

    def __init__(self, charts):
        self.by_name = {}
        for chart in charts:
            text = read_metadata(chart)
            self.by_name.setdefault(scalar(text, 'name'), []).append((scalar(text, 'version'), chart))

    def find(self, name, constraint):
        """(path, version): the newest version allowed, else the newest there is; None when nobody has the name."""
        candidates = [(numbers(v) or (0, 0, 0), p, v) for v, p in self.by_name.get(name, [])]
        fitting = [c for c in candidates if allows(constraint, c[2])] or candidates
        return max(fitting)[1:] if fitting else None


def _set_version(chart, version):
    path = os.path.join(chart, 'Chart.yaml')
    with open(path, encoding='utf-8') as f:
        text = f.read()
    with open(path, 'w', encoding='utf-8') as f:
        f.write(re.sub(r'^version:.*$', 'version: ' + version, text, count=1, flags=re.M))


class Filler:
    """`list_dependencies(chart)` gives (name, constraint, repository) of every dependency that is missing."""

    def __init__(self, shelf, list_dependencies, stubs):
        self.shelf, self.list, self.stubs = shelf, list_dependencies, stubs

    def _stub(self, into, name, constraint):
        os.makedirs(into)
        with open(os.path.join(into, 'Chart.yaml'), 'w', encoding='utf-8') as f:
            f.write('apiVersion: v2\nname: %s\nversion: %s\n' % (name, version_within(constraint)))

    def _place(self, source, into, constraint, version, depth):
        if os.path.isfile(source):
            shutil.copy(source, into + '.tgz')
            return
        shutil.copytree(source, into, ignore_dangling_symlinks=True)
        if not allows(constraint, version):
            _set_version(into, version_within(constraint))
        self.fill(into, source, depth + 1)

    def fill(self, copy, original, depth=0):
        """Fill `copy`, whose file:// repositories are relative to `original`. False when something is still missing."""
        whole = True
        for name, constraint, repository in self.list(copy) if depth < DEPTH_MAX else []:
            into = os.path.join(copy, 'charts', name)
            if os.path.exists(into):
                continue
            local = os.path.join(original, repository[7:]) if repository.startswith('file://') else ''
            if os.path.isfile(os.path.join(local, 'Chart.yaml')):
                found = local, scalar(read_metadata(local), 'version')
            else:
                found = self.shelf.find(name, constraint)
            if found:
                self._place(found[0], into, constraint, found[1], depth)
            elif self.stubs:
                self._stub(into, name, constraint)
            whole = whole and bool(found)
        return whole
