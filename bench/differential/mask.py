"""Compares two texts; where the peer itself prints something else each time, only what stays is compared.

Random names, passwords, certificates, times, and the checksums made of them change from run to run. Three answers of the peer
show where: a line that differs between them is cut into words, and the words that differ may be anything of the same length.
"""
import re

PEM = re.compile(rb'(-----BEGIN [A-Z ]+-----).*?(-----END [A-Z ]+-----)', re.S)
WORD = re.compile(rb'([^A-Za-z0-9+/=$.]+)')
LONG = 64  # keys and certificates: their encodings differ in length by some bytes


def first_difference(want, got):
    """(line number, the line wanted, the line got), or None."""
    if want == got:
        return None
    wanted, gotten = want.split(b'\n'), got.split(b'\n')
    for i in range(max(len(wanted), len(gotten))):
        a = wanted[i] if i < len(wanted) else None
        b = gotten[i] if i < len(gotten) else None
        if a != b:
            return i + 1, a, b
    return None


def _fits(words, got):
    """Whether the word `got` may stand where the peer's runs put `words`."""
    if len(set(words)) == 1:
        return got == words[0]
    lengths = [len(w) for w in words]
    slack = max(8, max(lengths) // 20) if min(lengths) >= LONG else max(lengths) - min(lengths)
    return min(lengths) - slack <= len(got) <= max(lengths) + slack


def _ends(lines):
    """What all lines begin and end with, back to a word's border: for random text that itself holds separators."""
    shortest = min(len(l) for l in lines)
    head = next((i for i in range(shortest) if len({l[i] for l in lines}) > 1), shortest)
    tail = next((i for i in range(shortest - head) if len({l[-1 - i] for l in lines}) > 1), shortest - head)
    start, end = lines[0][:head], lines[0][len(lines[0]) - tail:]
    return re.sub(rb'[^ "\':]*$', b'', start), re.sub(rb'^[^ "\':]*', b'', end)


def line_fits(lines, got):
    if len(set(lines)) == 1:
        return got == lines[0]
    words, ours = [WORD.split(l) for l in lines], WORD.split(got)
    if len({len(w) for w in words} | {len(ours)}) == 1:
        return all(_fits(at, mine) for at, mine in zip(zip(*words), ours))
    start, end = _ends(lines)
    return len(start) + len(end) > 0 and got.startswith(start) and got.endswith(end)


def masked_difference(answers, got):
    """As first_difference, of what the peer's `answers` have in common with `got`."""
    plain = [PEM.sub(rb'\1 \2', a).split(b'\n') for a in answers]
    ours = PEM.sub(rb'\1 \2', got).split(b'\n')
    if len({len(lines) for lines in plain}) > 1:
        return 0, b'(the answers of the peer differ in their number of lines)', b''
    for i, mine in enumerate(ours):
        if i >= len(plain[0]) or not line_fits([lines[i] for lines in plain], mine):
            return i + 1, plain[0][i] if i < len(plain[0]) else None, mine
    return None if len(ours) == len(plain[0]) else (len(ours) + 1, plain[0][len(ours)], None)


def share(answers):
    """How many lines the mask touches, of how many."""
    rows = list(zip(*(PEM.sub(rb'\1 \2', a).split(b'\n') for a in answers)))
    return '%d of %d lines differ from run to run' % (sum(len(set(row)) > 1 for row in rows), len(rows))


def source_above(text, line):
    """The `# Source:` of the document that holds a line."""
    for l in reversed(text.split(b'\n')[:line]):
        if l.startswith(b'# Source: '):
            return l[10:].decode(errors='replace')
    return ''
