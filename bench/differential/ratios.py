"""What both programs cost, and how the ratios are spread."""
import math
import statistics

MEASURES = (('wall', 'wall time', 1e3, 'ms'), ('cpu', 'CPU', 1e3, 'ms'), ('peak', 'peak memory', 1 / 1024, 'MiB'))


def measure(comparison, case, runs):
    """{measure: (ours, helm)}, medians of `runs` pairs, one program after the other."""
    pairs = [(comparison.ask_vitrine(case), comparison.ask_helm(case)) for _ in range(runs)]
    return {name: tuple(statistics.median(getattr(run, name) for run in side) for side in zip(*pairs)) for name, *_ in MEASURES}


def ratio(pair):
    return pair[1] / max(pair[0], 1e-6)


def summary(rows, name):
    """rows: [(case name, {measure: pair})]. How many times less we need: geometric mean, median, and the five worst."""
    ratios = sorted((ratio(costs[name]), case, costs[name]) for case, costs in rows)
    logs = [math.log(r) for r, _, _ in ratios]
    return {'geomean': math.exp(statistics.fmean(logs)), 'median': statistics.median(r for r, _, _ in ratios),
            'worst': [{'ratio': r, 'case': case, 'ours': pair[0], 'helm': pair[1]} for r, case, pair in ratios[:5]]}


def print_summary(rows):
    for name, title, factor, unit in MEASURES:
        s = summary(rows, name)
        print('%-12s 1/%.1f geometric mean, 1/%.1f median, 1/%.1f worst' % (title, s['geomean'], s['median'], s['worst'][0]['ratio']))
        for w in s['worst']:
            print('    1/%-6.1f %9.2f %s, helm %9.2f %s   %s' % (w['ratio'], w['ours'] * factor, unit, w['helm'] * factor, unit, w['case']))
