"""Writes the files of web/ as C arrays: embed.py OUT FILE..."""
import os
import sys

TYPES = {'.html': 'text/html; charset=utf-8', '.js': 'text/javascript; charset=utf-8', '.css': 'text/css; charset=utf-8',
         '.svg': 'image/svg+xml'}

with open(sys.argv[1], 'w', encoding='utf-8') as out:
    out.write('#include "server/internal.h"\n\n')
    rows = []
    for i, path in enumerate(sys.argv[2:]):
        with open(path, 'rb') as f:
            data = f.read()
        out.write('static const unsigned char file_%d[] = {%s};\n' % (i, ','.join(map(str, data))))
        name = os.path.basename(path)
        rows.append('    { "/%s", "%s", file_%d, sizeof file_%d },\n' % (name, TYPES[os.path.splitext(name)[1]], i, i))
    out.write('\nconst struct asset assets[] = {\n%s    { NULL, NULL, NULL, 0 },\n};\n' % ''.join(rows))
