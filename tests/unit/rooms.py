"""Includes point left only: the order of the rooms is docs/architecture.md's."""
import os
import re
import sys

LAYERS = [['base'], ['data'], ['store', 'net', 'template', 'expr'], ['chart', 'git', 'oci', 'forge'], ['cluster'],
          ['gitops'], ['notify', 'artefact'], ['server', 'sandbox'], ['cli']]
RANK = {room: i for i, layer in enumerate(LAYERS) for room in layer}

src = sys.argv[1]
wrong = []
for folder, _, files in os.walk(src):
    for name in files:
        if not name.endswith(('.c', '.h')):
            continue
        path = os.path.join(folder, name)
        room = os.path.relpath(path, src).split(os.sep)[0]
        with open(path, encoding='utf-8') as f:
            for number, line in enumerate(f, 1):
                found = re.match(r'#include "([a-z]+)/', line)
                other = found.group(1) if found else room
                if other == room:
                    continue
                if other not in RANK or RANK[other] >= RANK[room]:
                    wrong.append('%s:%d: %s may not include %s' % (path, number, room, other))
print('\n'.join(wrong) or 'all includes point left')
sys.exit(1 if wrong else 0)
