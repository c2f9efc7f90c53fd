"""Writes three custom resource definitions with deep schemas, some hundred kilobytes each, the same in every run."""
import pathlib

KINDS = {'Ward': 60, 'WardPolicy': 90, 'WardClass': 40}
FORMATS = ['int32', 'int64', 'date-time', 'byte', 'duration']


def prop(lines, indent, seed, depth):
    pad = ' ' * indent
    for i in range(4 if depth else 6):
        name = f'field{seed * 7 % 101}{"abcdef"[i]}'
        lines.append(f'{pad}{name}:')
        lines.append(f'{pad}  description: |-')
        for line in range(1 + (seed + i) % 4):
            lines.append(f'{pad}    The {name} of level {depth}, sentence {line + 1}: it names "what" is wanted, e.g. a: b or `{{{{ x }}}}`.')
        if depth and i % 2 == 0:
            lines.append(f'{pad}  properties:')
            prop(lines, indent + 4, seed * 3 + i + 1, depth - 1)
            lines.append(f'{pad}  type: object')
        elif i % 3 == 1:
            lines += [f'{pad}  items:', f'{pad}    type: string', f'{pad}  maxItems: {seed % 50 + 1}', f'{pad}  type: array']
        else:
            lines += [f'{pad}  format: {FORMATS[(seed + i) % 5]}', f'{pad}  nullable: true', f'{pad}  type: integer']


for kind, size in KINDS.items():
    plural = kind.lower() + 's'
    lines = ['apiVersion: apiextensions.k8s.io/v1', 'kind: CustomResourceDefinition', 'metadata:', f'  name: {plural}.warden.example',
             'spec:', '  group: warden.example', '  names:', f'    kind: {kind}', f'    plural: {plural}', '  scope: Namespaced',
             '  versions:']
    for version in ('v1alpha1', 'v1'):
        lines += [f'  - name: {version}', '    schema:', '      openAPIV3Schema:', '        properties:']
        for i in range(size):
            lines.append(f'          section{i}:')
            lines.append('            properties:')
            prop(lines, 14, i + size, 2)
            lines.append('            type: object')
        lines += ['        type: object', '    served: true', f'    storage: {str(version == "v1").lower()}']
    path = pathlib.Path('chart/crds') / f'{plural}.yaml'
    path.parent.mkdir(exist_ok=True)
    path.write_text('\n'.join(lines) + '\n')
    if kind == 'WardClass':
        templated = pathlib.Path('chart/templates/crd-wardclass.yaml')
        body = '\n'.join(lines[4:]).replace('{{ x }}', '{{ "{{ x }}" }}')
        head = ('{{- if .Values.crds.install }}\napiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata:\n'
                '  name: templated.warden.example\n  annotations:\n    helm.sh/resource-policy: {{ ternary "keep" "drop" .Values.crds.keep }}\n'
                '  {{- with .Values.crds.annotations }}\n  {{- toYaml . | nindent 4 }}\n  {{- end }}\n')
        templated.write_text(head + body + '\n{{- end }}\n')
