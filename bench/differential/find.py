"""Which charts lie below some folders, and which value files lie beside each."""
import dataclasses
import os
import re

# Folders of a chart that hold no value files; charts/ holds other charts.
NOT_FOR_VALUES = {'charts', 'templates', 'crds', 'files', '.git'}
ALL_ARE_VALUES = {'ci', 'values', 'test-values', 'linter_values'}
YAML = re.compile(r'\.ya?ml$')
CHART_FILES = {'Chart.yaml', 'Chart.lock', 'values.yaml', 'requirements.yaml', 'requirements.lock'}


@dataclasses.dataclass(frozen=True)
class Case:
    name: str  # what reports call it: the chart as found, and the value file
    chart: str
    values: str | None
    checkout: str  # symbolic links of the chart may lead anywhere in there


def charts(roots):
    """Folders with a Chart.yaml and .tgz archives; a chart inside the charts/ of another chart is part of that one."""
    found = []
    for root in roots:
        root = os.path.realpath(root)
        if os.path.isfile(root):
            found.append(root)
        for folder, folders, files in os.walk(root):
            is_chart = 'Chart.yaml' in files
            if is_chart:
                found.append(folder)
            found += [os.path.join(folder, f) for f in files if f.endswith('.tgz')]
            folders[:] = sorted(f for f in folders if f != '.git' and not (is_chart and f in ('charts', 'templates')))
    return sorted(set(found))


def checkout(folder):
    """The git repository around a folder, else the folder."""
    at = folder
    while at != os.path.dirname(at):
        if os.path.exists(os.path.join(at, '.git')):
            return at
        at = os.path.dirname(at)
    return folder


def value_files(chart):
    """ci/*.yaml, values-*.yaml, examples/*values*.yaml and the like; not values.yaml itself, which every render reads."""
    found = []
    if os.path.isfile(chart):
        return found
    for folder, folders, files in os.walk(chart):
        inside = os.path.relpath(folder, chart).split(os.sep)
        folders[:] = sorted(f for f in folders if f not in NOT_FOR_VALUES)
        if folder != chart and 'Chart.yaml' in files:
            folders.clear()
            continue
        for f in sorted(files):
            if YAML.search(f) and f not in CHART_FILES and (ALL_ARE_VALUES.intersection(inside) or 'values' in f):
                found.append(os.path.join(folder, f))
    return found


def cases(chart, shown, patterns, checkout):
    """The chart as it is, and once with each of its value files. `patterns`: only files whose path contains one."""
    yield Case(shown, chart, None, checkout)
    for path in value_files(chart):
        if patterns is None or any(p in path for p in patterns):
            yield Case('%s -f %s' % (shown, os.path.relpath(path, chart)), chart, path, checkout)
